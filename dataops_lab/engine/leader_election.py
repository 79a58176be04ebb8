"""Leader election: one engine leads at a time. It holds a lease row, which it must renew."""

from __future__ import annotations

from dataclasses import replace

from ulid import ULID

from ..domain.leases import ENGINE, Lease
from ..ports import Clock, Host, Store, Transaction
from ..services.installation import is_leading, lease_expiry

RENEW_INTERVAL_S = 10.0
LEASE_DURATION_S = 30.0


class Leadership:
    """The leadership of this engine. `lease` is None while this engine does not lead."""

    def __init__(self, store: Store, clock: Clock, host: Host, *, slots: int) -> None:
        self._store, self._clock, self._host, self._slots = store, clock, host, slots
        self._holder = str(ULID())
        self._renew_at = 0.0
        self.lease: Lease | None = None

    @property
    def fence(self) -> int:
        """The token that goes with every write of the leading engine. Such a write fails once another engine leads."""
        assert self.lease is not None
        return self.lease.token

    def acquire_or_renew(self) -> bool:
        """Take the lease if no other engine leads, and renew it when it is time. Tell whether this engine leads.

        Call it often: it is cheap.
        """
        now = self._clock.monotonic()
        if self.lease and now < self._renew_at:
            return True
        if self.lease:
            self.lease = self._renew(self.lease, now)
        self.lease = self.lease or self._acquire(now)
        if self.lease:
            self._renew_at = now + RENEW_INTERVAL_S
        return self.lease is not None

    def is_certain(self) -> bool:
        """Tell whether no other engine can lead yet, also if this process has just been asleep."""
        return self.lease is not None and self._clock.monotonic() < self.lease.expires

    def renew_soon(self) -> None:
        """Ask the store at the next `acquire_or_renew`: a write was refused, perhaps because another engine leads."""
        self._renew_at = 0.0

    def release(self) -> None:
        """Release the lease, so that the next engine need not wait until it runs out."""
        if self.lease:
            with self._store.begin() as tx:
                tx.leases.release(self.lease)
            self.lease = None

    def _renew(self, lease: Lease, now: float) -> Lease | None:
        with self._store.begin() as tx:
            expires_at = lease_expiry(tx, self._clock, after_s=LEASE_DURATION_S)
            renewed = replace(lease, expires=now + LEASE_DURATION_S, expires_at=expires_at)
            return renewed if tx.leases.renew(renewed) else None

    def _acquire(self, now: float) -> Lease | None:
        with self._store.read() as tx:
            # Engines that stand by ask all the time, and must not take the write lock for it.
            if self._has_live_leader(tx):
                return None
        with self._store.begin() as tx:
            if self._has_live_leader(tx):
                return None
            previous = tx.leases.get(ENGINE)
            lease = Lease(
                name=ENGINE,
                holder=self._holder,
                token=previous.token + 1 if previous else 1,
                since=self._clock.now(),
                expires=now + LEASE_DURATION_S,
                process=self._host.identity(),
                slots=self._slots,
                host=self._host.name(),
                expires_at=lease_expiry(tx, self._clock, after_s=LEASE_DURATION_S),
            )
            return lease if tx.leases.acquire(lease, instead_of=previous) else None

    def _has_live_leader(self, tx: Transaction) -> bool:
        lease = tx.leases.get(ENGINE)
        return lease is not None and is_leading(tx, lease, self._clock, self._host)
