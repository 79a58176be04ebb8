"""The state of the whole: who leads, what waits, what runs."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.leases import ENGINE, Lease
from ..domain.runs import RunState
from ..ports import Clock, Host, Transaction
from .context import Services


@dataclass(frozen=True)
class Overview:
    """`leader` is None while no engine leads."""

    leader: Lease | None
    queued: int
    running: int


def overview(ctx: Services) -> Overview:
    with ctx.store.read() as tx:
        counts = tx.runs.counts()
        leading = leader(ctx, tx)
    waiting = sum(counts.get(state, 0) for state in (RunState.QUEUED, RunState.RETRY_WAIT))
    return Overview(leading, waiting, counts.get(RunState.ACTIVE, 0))


def leader(ctx: Services, tx: Transaction) -> Lease | None:
    lease = tx.leases.get(ENGINE)
    return lease if lease and leads(lease, ctx.clock, ctx.host) else None


def leads(lease: Lease, clock: Clock, host: Host) -> bool:
    if not lease.is_held(boot=host.identity().boot, monotonic=clock.monotonic()):
        return False
    # A killed engine holds its lease for a while yet; whoever can prove its death need not wait.
    return not host.is_dead(lease.process)
