"""The queue now: the reason why each run in it waits."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ..domain.queue import Blocker, FairQueue
from ..domain.runs import Reason, Run, RunSummary
from ..ports import Store, Transaction
from .context import Services
from .installation import leader

CACHE_ABOVE_RUNS = 50
"""For more waiting runs than this, the reasons are computed once in a second, not for each caller."""


class WaitingReasons:
    """The reasons why queued runs wait, computed once for a whole list."""

    def __init__(self, ctx: Services, tx: Transaction, *, just_queued: bool = False) -> None:
        """Compute the reasons.

        With `just_queued` the run comes last, so in a burst of submits one look a second is enough.
        """
        self._tx = tx
        self._names: dict[str, str] = {}
        lease = leader(ctx, tx)
        self._forecast = _forecast_queue(ctx, tx, lease.slots, just_queued=just_queued) if lease else None

    def reason(self, run: Run | RunSummary) -> Reason:
        if self._forecast is None:
            return Reason(
                "no_engine",
                "No engine is running. JupyterLab starts one; on the command line: `jupyter dataops engine run`.",
            )
        blocker = self._forecast.blockers.get(run.id, self._forecast.last)
        if blocker is None:
            return Reason("starting", "It is about to start.")
        in_use, limit, ahead, behind = blocker[1:]
        match blocker.kind:
            case "job":
                return _limit_reached("waiting_for_job", "Its job", in_use, limit)
            case "project":
                return _limit_reached("waiting_for_project", f"The project {run.project}", in_use, limit)
            case "environment":
                return _limit_reached("waiting_for_environment", f"The environment {run.environment}", in_use, limit)
        order = "it is the next one"
        if behind is not None:
            actor_name = self._name_of(behind.created_by)
            order = f"{ahead} {'run is' if ahead == 1 else 'runs are'} ahead, the last of them {actor_name}'s"
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
class _QueueForecast:
    """The `blockers` by run, as they were `at`; `last` is for a run that was submitted since then."""

    at: float
    blockers: dict[str, Blocker | None]
    last: Blocker | None


def _forecast_queue(ctx: Services, tx: Transaction, slots: int, *, just_queued: bool) -> _QueueForecast:
    known, now = _forecasts.get(ctx.store), ctx.clock.monotonic()
    # Thousands of runs change all the time, and each change reaches every open screen.
    if known and now - known.at < 1.0 and (len(known.blockers) > CACHE_ABOVE_RUNS or (just_queued and known.last)):
        return known
    queue = tx.queue
    scheduler = FairQueue(queue.concurrency_limits(slots), queue.list_queued())
    decisions = scheduler.schedule(queue.list_active(), queue.last_starts(), now=ctx.clock.now())
    blockers = {decision.run.id: decision.blocker for decision in decisions}
    slot_blockers = [blocker for blocker in blockers.values() if blocker and blocker.kind == "slot"]
    last = slot_blockers[-1]._replace(runs_ahead=len(slot_blockers)) if slot_blockers else None
    _forecasts[ctx.store] = forecast = _QueueForecast(now, blockers, last)
    return forecast


_forecasts: WeakKeyDictionary[Store, _QueueForecast] = WeakKeyDictionary()


def _limit_reached(code: str, what: str, in_use: int, limit: int) -> Reason:
    message = f"{what} has {in_use} active {'run' if in_use == 1 else 'runs'}, and may have {limit} at once."
    return Reason(code, message, {"in_use": in_use, "limit": limit})
