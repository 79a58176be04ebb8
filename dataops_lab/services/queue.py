"""The queue as it stands: who starts, and why the others wait."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import takewhile
from weakref import WeakKeyDictionary

from ..domain.queue import Hindrance, Place, turns
from ..domain.runs import Reason, Run
from ..ports import Store, Transaction
from .context import Services
from .installation import leader

MANY = 50
"""Why more runs than these wait is looked up once in a second, not for each who asks."""


def starting(tx: Transaction, slots: int, *, now: dt.datetime) -> list[Place]:
    """Those that get the free slots now, in their order."""
    active = tx.queue.active()
    free = slots - len(active)
    if free <= 0:
        return []
    room = tx.queue.room(slots)
    # Thousands may wait. Where nothing but the slots is limited, only the first ones of each person can be next.
    waiting = tx.queue.waiting(first=None if room.has_limits else free)
    if not waiting:
        return []
    in_order = turns(waiting, active, room, tx.queue.last_starts(), now=now)
    next_ones = takewhile(lambda turn: not (turn.hindrance and turn.hindrance.kind == "slot"), in_order)
    return [turn.place for turn in next_ones if turn.hindrance is None]


class Waiting:
    """Why queued runs wait, asked once for a whole list."""

    def __init__(self, ctx: Services, tx: Transaction) -> None:
        self._tx = tx
        lease = leader(ctx, tx)
        self._outlook = _outlook(ctx, tx, lease.slots) if lease else None

    def reason(self, run: Run) -> Reason:
        if self._outlook is None:
            return Reason(
                "no_engine",
                "No engine is running. JupyterLab starts one; on the command line: `jupyter dataops engine run`.",
            )
        hindrance = self._outlook.hindrances.get(run.id, self._outlook.last)
        if hindrance is None:
            return Reason("starting", "It is about to start.")
        in_use, limit, ahead, behind = hindrance[1:]
        match hindrance.kind:
            case "job":
                return _full("waiting_for_job", "Its job", in_use, limit)
            case "project":
                return _full("waiting_for_project", f"The project {run.project}", in_use, limit)
            case "environment":
                return _full("waiting_for_environment", f"The environment {run.environment}", in_use, limit)
        order = "it is the next one"
        if behind is not None:
            whose = self._tx.actors.get(behind.created_by).name
            order = f"{ahead} {'run is' if ahead == 1 else 'runs are'} ahead, the last of them {whose}'s"
        return Reason(
            "waiting_for_slot",
            f"{in_use} of {limit} slots are in use; {order}.",
            {"slots": limit, "in_use": in_use, "ahead": ahead, "behind": behind.id if behind else None},
        )


@dataclass(frozen=True)
class _Outlook:
    """`hindrances` by run, as they were `at`; `last` is for one that was submitted since then."""

    at: float
    hindrances: dict[str, Hindrance | None]
    last: Hindrance | None


def _outlook(ctx: Services, tx: Transaction, slots: int) -> _Outlook:
    known, now = _outlooks.get(ctx.store), ctx.clock.monotonic()
    # Thousands of runs change all the time, and each change is told to everybody who looks.
    if known and len(known.hindrances) > MANY and now - known.at < 1.0:
        return known
    queue = tx.queue
    in_order = turns(queue.waiting(), queue.active(), queue.room(slots), queue.last_starts(), now=ctx.clock.now())
    found = {turn.place.id: turn.hindrance for turn in in_order}
    in_line = [it for it in found.values() if it and it.kind == "slot"]
    last = in_line[-1]._replace(ahead=len(in_line)) if in_line else None
    _outlooks[ctx.store] = outlook = _Outlook(now, found, last)
    return outlook


_outlooks: WeakKeyDictionary[Store, _Outlook] = WeakKeyDictionary()


def _full(code: str, what: str, in_use: int, limit: int) -> Reason:
    message = f"{what} has {in_use} active {'run' if in_use == 1 else 'runs'}, and may have {limit} at once."
    return Reason(code, message, {"in_use": in_use, "limit": limit})
