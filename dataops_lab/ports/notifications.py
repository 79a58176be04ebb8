from __future__ import annotations

from typing import Protocol

from ..domain.notifications import Message


class Channel(Protocol):
    """A way by which messages reach people outside of JupyterLab."""

    def deliver(self, message: Message) -> None:
        """Deliver the message. When it raises, the message is tried again later, also through the other channels.

        Its id stays the same, so that a receiver can tell the second delivery from a second message.
        """
        ...
