"""Leading: one engine leads at a time. It holds a lease row, which it must renew."""

from __future__ import annotations

from dataclasses import replace

from ulid import ULID

from ..domain.leases import ENGINE, Lease
from ..ports import Clock, Host, Store, Transaction
from ..services.installation import expiry, leads

RENEW_EVERY_S = 10.0
LOST_AFTER_S = 30.0


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

    def keep(self) -> bool:
        """Take the lease if no other engine leads, and renew it when it is time. Tell whether this engine leads.

        Call it often: it is cheap.
        """
        now = self._clock.monotonic()
        if self.lease and now < self._renew_at:
            return True
        if self.lease:
            self.lease = self._renewed(self.lease, now)
        self.lease = self.lease or self._taken(now)
        if self.lease:
            self._renew_at = now + RENEW_EVERY_S
        return self.lease is not None

    def is_certain(self) -> bool:
        """Tell whether no other engine can lead yet, also if this process has just been asleep."""
        return self.lease is not None and self._clock.monotonic() < self.lease.expires

    def doubt(self) -> None:
        """Ask the store at the next `keep`: a write was refused, perhaps because another engine leads."""
        self._renew_at = 0.0

    def give_up(self) -> None:
        """Release the lease, so that the next engine need not wait until it runs out."""
        if self.lease:
            with self._store.begin() as tx:
                tx.leases.release(self.lease)
            self.lease = None

    def _renewed(self, lease: Lease, now: float) -> Lease | None:
        with self._store.begin() as tx:
            expires_at = expiry(tx, self._clock, after_s=LOST_AFTER_S)
            later = replace(lease, expires=now + LOST_AFTER_S, expires_at=expires_at)
            return later if tx.leases.renew(later) else None

    def _taken(self, now: float) -> Lease | None:
        with self._store.read() as tx:
            # Engines that stand by ask all the time, and must not take the write lock for it.
            if self._is_led(tx):
                return None
        with self._store.begin() as tx:
            if self._is_led(tx):
                return None
            old = tx.leases.get(ENGINE)
            lease = Lease(
                name=ENGINE,
                holder=self._holder,
                token=old.token + 1 if old else 1,
                since=self._clock.now(),
                expires=now + LOST_AFTER_S,
                process=self._host.identity(),
                slots=self._slots,
                host=self._host.name(),
                expires_at=expiry(tx, self._clock, after_s=LOST_AFTER_S),
            )
            return lease if tx.leases.take(lease, instead_of=old) else None

    def _is_led(self, tx: Transaction) -> bool:
        lease = tx.leases.get(ENGINE)
        return lease is not None and leads(tx, lease, self._clock, self._host)
