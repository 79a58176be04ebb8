"""The state of the whole installation: the leader, and the numbers of waiting and running runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from ..domain.jobs import JobKind
from ..domain.leases import ENGINE, EngineLifetime, Lease, lifetime_of
from ..domain.runs import RunState
from ..ports import Clock, Host, Transaction
from .context import Services


@dataclass(frozen=True)
class Overview:
    """`leader` is None while no engine leads. Pipelines are not counted: their steps wait and run."""

    leader: Lease | None
    queued: int
    running: int
    lifetime: EngineLifetime | None = None
    """The end of the engine that leads."""


def overview(ctx: Services) -> Overview:
    with ctx.store.read() as tx:
        counts = tx.runs.count_by_state(without=[kind for kind in JobKind if kind.has_steps])
        leading = leader(ctx, tx)
    waiting = sum(counts.get(state, 0) for state in (RunState.QUEUED, RunState.RETRY_WAIT))
    lifetime = lifetime_of(ctx.host.command_of(leading.process)) if leading else None
    return Overview(leading, waiting, counts.get(RunState.ACTIVE, 0), lifetime)


def is_culled(environment: Mapping[str, str]) -> bool:
    """Tell whether this server may be ended while nobody works on it: JupyterHub says so to those that it starts."""
    return "JUPYTERHUB_API_URL" in environment


def leader(ctx: Services, tx: Transaction) -> Lease | None:
    lease = tx.leases.get(ENGINE)
    return lease if lease and is_leading(tx, lease, ctx.clock, ctx.host) else None


MAX_CLOCK_SKEW_S = 60.0
"""The largest difference between the wall clocks of two hosts that share a folder, in seconds.

Up to this difference neither host takes the lease of the other.
"""


def is_leading(tx: Transaction, lease: Lease, clock: Clock, host: Host) -> bool:
    boot = host.identity().boot
    if lease.is_of_another_host(host=host.name(), boot=boot):
        now = tx.leases.now() or clock.now() - dt.timedelta(seconds=MAX_CLOCK_SKEW_S)
        return lease.is_held_elsewhere(now)
    # A killed engine holds its lease for a while; a host that can prove its death need not wait.
    return lease.is_held(boot=boot, monotonic=clock.monotonic()) and not host.is_dead(lease.process)


def lease_expiry(tx: Transaction, clock: Clock, *, after_s: float) -> dt.datetime:
    """Return the time after which other hosts treat a lease as over."""
    return (tx.leases.now() or clock.now()) + dt.timedelta(seconds=after_s)
