"""The queue as it stands: who starts, and why the others wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import takewhile

from ..domain.queue import Hindrance, Place, Turn, turns
from ..domain.runs import Reason, Run
from ..ports import Transaction
from .context import Services
from .installation import leader


def starting(tx: Transaction, slots: int, *, now: dt.datetime) -> list[Place]:
    """Those that get the free slots now, in their order."""
    free = slots - len(tx.queue.active())
    if free <= 0 or not tx.queue.length():
        return []
    in_order = takewhile(lambda turn: not (turn.hindrance and turn.hindrance.kind == "slot"), _turns(tx, slots, now))
    return [turn.place for turn in in_order if turn.hindrance is None]


class Waiting:
    """Why queued runs wait, asked once for a whole list."""

    def __init__(self, ctx: Services, tx: Transaction) -> None:
        lease = leader(ctx, tx)
        self._hindrances: dict[str, Hindrance | None] | None = None
        if lease is not None:
            self._hindrances = {turn.place.id: turn.hindrance for turn in _turns(tx, lease.slots, ctx.clock.now())}

    def reason(self, run: Run) -> Reason:
        if self._hindrances is None:
            return Reason(
                "no_engine",
                "No engine is running. JupyterLab starts one; on the command line: `jupyter dataops engine run`.",
            )
        hindrance = self._hindrances.get(run.id)
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
            order = f"{ahead} {'run is' if ahead == 1 else 'runs are'} ahead, the last of them {behind.created_by}'s"
        return Reason(
            "waiting_for_slot",
            f"{in_use} of {limit} slots are in use; {order}.",
            {"slots": limit, "in_use": in_use, "ahead": ahead, "behind": behind.id if behind else None},
        )


def _turns(tx: Transaction, slots: int, now: dt.datetime) -> Iterator[Turn]:
    queue = tx.queue
    return turns(queue.waiting(), queue.active(), queue.room(slots), queue.last_starts(), now=now)


def _full(code: str, what: str, in_use: int, limit: int) -> Reason:
    message = f"{what} has {in_use} active {'run' if in_use == 1 else 'runs'}, and may have {limit} at once."
    return Reason(code, message, {"in_use": in_use, "limit": limit})
