"""Backfills: ticks of the past that run now, with their nominal times."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from ..errors import InvalidSchedule

MAX_TICKS = 1_000
MAX_CONCURRENCY = 100
_MARK = "backfill"


class BackfillScope(StrEnum):
    """The ticks of the span that run."""

    MISSING = "missing"
    """Those that never had a run."""
    MISSING_AND_FAILED = "missing_and_failed"
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
        if scope is BackfillScope.MISSING:
            return self is BackfillState.MISSING
        return scope is BackfillScope.ALL or self is not BackfillState.DONE


@dataclass(frozen=True)
class Backfill:
    """`first` and `last` both count. `concurrency`: how many of its runs may be unfinished at once."""

    first: dt.datetime
    last: dt.datetime
    scope: BackfillScope = BackfillScope.MISSING
    concurrency: int = 1
    newest_first: bool = False

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


def cause_of(backfill_id: str, concurrency: int) -> str:
    """Return the cause of the ticks of a backfill. It says how many may run at once, for whoever goes on with them."""
    return f"{_MARK}/{backfill_id}/{concurrency}"


def concurrency_of(cause: str) -> int:
    return int(cause.rpartition("/")[2])


def too_many(count: int) -> InvalidSchedule:
    return InvalidSchedule(
        f"The backfill has {count} ticks or more; {MAX_TICKS} are allowed. Take a shorter span, and repeat it.",
        code="too_many_ticks",
    )
