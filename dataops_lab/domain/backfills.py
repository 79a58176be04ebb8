"""Backfills: ticks of the past that run now, with their nominal times."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from ..errors import InvalidSchedule

MAX_TICKS = 1_000
MAX_CONCURRENCY = 100
_MARK = "backfill"
_TELLS = "tells"


class BackfillScope(StrEnum):
    """The ticks of the span that run."""

    MISSING = "missing"
    """Those that never had a run."""
    MISSING_AND_FAILED = "missing_and_failed"
    FAILED = "failed"
    """Those alone that ran and did not succeed."""
    ALL = "all"


class BackfillState(StrEnum):
    """The state of a tick of the grid, over all runs that it ever had."""

    MISSING = "missing"
    RUNNING = "running"
    FAILED = "failed"
    DONE = "done"

    def is_wanted(self, scope: BackfillScope) -> bool:
        if self is BackfillState.RUNNING:
            return False
        if scope in (BackfillScope.MISSING, BackfillScope.FAILED):
            return self == scope.value
        return scope is BackfillScope.ALL or self is not BackfillState.DONE


@dataclass(frozen=True)
class Backfill:
    """`first` and `last` both count. `concurrency`: how many of its runs may be unfinished at once.

    `tells`: people hear of the runs that fail.
    """

    first: dt.datetime
    last: dt.datetime
    scope: BackfillScope = BackfillScope.MISSING
    concurrency: int = 1
    newest_first: bool = False
    tells: bool = False

    def check(self) -> None:
        if self.last < self.first:
            raise InvalidSchedule("A backfill begins before it ends. Correct one of the times.")
        if not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise InvalidSchedule(f"A backfill runs 1 to {MAX_CONCURRENCY} ticks at once.")


@dataclass(frozen=True)
class BackfillCell:
    """A tick of the grid. `runs`: the backfill starts it."""

    nominal: dt.datetime
    preset: str
    state: BackfillState
    runs: bool


@dataclass(frozen=True)
class BackfillCounts:
    """A backfill, and how far it is. `first` and `last` are the nominal times of its ticks."""

    id: str
    first: dt.datetime
    last: dt.datetime
    concurrency: int
    tells: bool
    waiting: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    """Those that were cancelled before they began."""


def cause_of(backfill_id: str, concurrency: int, *, tells: bool = False) -> str:
    """Return the cause of the ticks of a backfill. It says how many may run at once, for whoever goes on with them."""
    return f"{_MARK}/{backfill_id}/{concurrency}{f'/{_TELLS}' if tells else ''}"


def id_of(cause: str) -> str:
    return cause.split("/")[1]


def concurrency_of(cause: str) -> int:
    return int(cause.split("/")[2])


def tells(cause: str) -> bool:
    return cause.endswith(f"/{_TELLS}")


def too_many(count: int, *, at_least: bool = False) -> InvalidSchedule:
    number = f"{count:,} ticks or more" if at_least else f"{count:,} ticks"
    return InvalidSchedule(
        f"The backfill has {number}; {MAX_TICKS:,} are allowed. Take a shorter span, and repeat it.",
        code="too_many_ticks",
    )
