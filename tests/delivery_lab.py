"""Deliveries without a whole engine: a test sets the clock, and says who the recipients are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from dataops_lab.domain.events import Subject, SubjectKind
from dataops_lab.domain.leases import ENGINE, Lease, ProcessIdentity
from dataops_lab.domain.notifications import (
    ChannelKind,
    Delivery,
    Message,
    MessageKind,
    Recipient,
)
from dataops_lab.engine.deliveries import DeliveryClock
from dataops_lab.engine.wake import WakeSignal
from dataops_lab.ports import DeliveryFilter, Sender
from dataops_lab.services import Services, notifications
from dataops_lab.testing import FakeClock, FakeSender

ANN, BOB = "ann@example.org", "bob@example.org"


def mail(address: str, person: str | None = "somebody", **other) -> Recipient:
    return Recipient(ChannelKind.MAIL, address, person, **other)


class DeliveryLab:
    """One leading engine that only delivers, and a sender for each channel."""

    def __init__(
        self,
        ctx: Services,
        clock: FakeClock,
        monkeypatch: pytest.MonkeyPatch,
        senders: Mapping[ChannelKind, Sender] | None = None,
    ) -> None:
        self.sender = FakeSender()
        self.ctx = replace(ctx, senders=senders or dict.fromkeys(ChannelKind, self.sender))
        self.clock = clock
        self.recipients: Sequence[Recipient] = (mail(ANN),)
        self.asked = 0
        monkeypatch.setattr(notifications, "recipients_of", self._recipients_of)
        self.engine = DeliveryClock(self.ctx, WakeSignal(ctx.store))
        self.lead(1)

    def _recipients_of(self, _tx, _message, **_at) -> Sequence[Recipient]:
        self.asked += 1
        return tuple(self.recipients)

    def lead(self, token: int) -> None:
        now = self.clock.now()
        lease = Lease(ENGINE, f"engine {token}", token, now, 1e9, ProcessIdentity(token, 1.0, "boot"), slots=2)
        with self.ctx.store.begin() as tx:
            tx.leases.acquire(lease, instead_of=tx.leases.get(ENGINE))
        self.fence = token

    def tell(self, message_id: str = "m1") -> None:
        message = Message(
            message_id,
            MessageKind.FAILURE,
            Subject(SubjectKind.SCHEDULE, "s1"),
            {"schedule": {"name": "weekly"}, "owner": "ann", "run": "r1"},
            self.clock.now(),
            self.clock.now(),
        )
        with self.ctx.store.begin() as tx:
            tx.outbox.add(message)
        self.engine.note_change()

    def look(self) -> None:
        self.engine.look(fence=self.fence)

    def settle(self) -> None:
        for _ in range(3):
            self.look()
            self.engine.wait_for_threads()
        self.look()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.settle()

    def deliveries(self) -> dict[str, Delivery]:
        with self.ctx.store.read() as tx:
            return {each.recipient.to: each for each in tx.deliveries.page(DeliveryFilter(), limit=50).items}

    def shown(self) -> list[str]:
        with self.ctx.store.read() as tx:
            return [each.kind for each in tx.events.list_after(0) if each.kind.startswith("notification.")]
