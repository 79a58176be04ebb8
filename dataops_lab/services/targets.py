"""Targets: places to which messages go. Administrators set them."""

from __future__ import annotations

from ..domain.notifications import ChannelKind, Destination, Recipient
from ..errors import DeliveryFailed
from ..ports import Sender
from .context import Services


def destination_of(ctx: Services, to: Recipient) -> Destination:  # noqa: ARG001
    """Return the address of a recipient, with what opens it. DeliveryFailed when there is none."""
    if to.is_target:
        raise DeliveryFailed(f"There is no target {to.to!r}. An administrator has removed it.", again=False)
    return Destination(to.channel, to.to, to.to)


def sender_of(ctx: Services, to: Destination) -> Sender:
    if sender := ctx.senders.get(to.channel):
        return sender
    if to.channel is ChannelKind.MAIL:
        raise DeliveryFailed("No mail server is set. An administrator sets it.", again=False, code="no_mail_server")
    raise DeliveryFailed(f"Nothing is sent by {to.channel} here.", again=False)
