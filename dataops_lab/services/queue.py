"""The queue now: the reason why each run in it waits."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ..domain.queue import Hindrance, Lines
from ..domain.runs import Reason, Run, RunSummary
from ..ports import Store, Transaction
from .context import Services
from .installation import leader

MANY = 50
"""For more waiting runs than this, the reasons are computed once in a second, not for each caller."""


class Waiting:
    """The reasons why queued runs wait, computed once for a whole list."""

    def __init__(self, ctx: Services, tx: Transaction, *, just_queued: bool = False) -> None:
        """Compute the reasons.

        With `just_queued` the run comes last, so in a burst of submits one look a second is enough.
        """
        self._tx = tx
        self._names: dict[str, str] = {}
        lease = leader(ctx, tx)
        self._outlook = _outlook(ctx, tx, lease.slots, just_queued=just_queued) if lease else None

    def reason(self, run: Run | RunSummary) -> Reason:
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
            whose = self._name_of(behind.created_by)
            order = f"{ahead} {'run is' if ahead == 1 else 'runs are'} ahead, the last of them {whose}'s"
        return Reason(
            "waiting_for_slot",
            f"{in_use} of {limit} slots are in use; {order}.",
            {"slots": limit, "in_use": in_use, "ahead": ahead, "behind": behind.id if behind else None},
        )

    def _name_of(self, actor: str) -> str:
        if actor not in self._names:
            self._names[actor] = self._tx.actors.get(actor).name
        return self._names[actor]


@dataclass(frozen=True)
class _Outlook:
    """`hindrances` by run, as they were `at`; `last` is for a run that was submitted since then."""

    at: float
    hindrances: dict[str, Hindrance | None]
    last: Hindrance | None


def _outlook(ctx: Services, tx: Transaction, slots: int, *, just_queued: bool) -> _Outlook:
    known, now = _outlooks.get(ctx.store), ctx.clock.monotonic()
    # Thousands of runs change all the time, and each change reaches every open screen.
    if known and now - known.at < 1.0 and (len(known.hindrances) > MANY or (just_queued and known.last)):
        return known
    queue = tx.queue
    lines = Lines(queue.room(slots), queue.waiting())
    in_order = lines.turns(queue.active(), queue.last_starts(), now=ctx.clock.now())
    found = {turn.place.id: turn.hindrance for turn in in_order}
    in_line = [it for it in found.values() if it and it.kind == "slot"]
    last = in_line[-1]._replace(ahead=len(in_line)) if in_line else None
    _outlooks[ctx.store] = outlook = _Outlook(now, found, last)
    return outlook


_outlooks: WeakKeyDictionary[Store, _Outlook] = WeakKeyDictionary()


def _full(code: str, what: str, in_use: int, limit: int) -> Reason:
    message = f"{what} has {in_use} active {'run' if in_use == 1 else 'runs'}, and may have {limit} at once."
    return Reason(code, message, {"in_use": in_use, "limit": limit})
