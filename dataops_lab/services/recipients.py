"""The people and places that get a message."""

from __future__ import annotations

from ..domain.notifications import Message, Recipient, in_lab
from ..ports import Transaction


def recipients_of(tx: Transaction, message: Message) -> tuple[Recipient, ...]:  # noqa: ARG001
    """Return the recipients of a message, in the transaction that plans its deliveries.

    The owner of the schedule hears of it in JupyterLab.
    """
    return (in_lab(message.payload.get("owner")),)
