"""Messages and their deliveries, as the store keeps them; and the senders that bring them to people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..domain.actors import Actor
from ..domain.notifications import ChannelKind, Content, Delivery, DeliveryState, Destination, Message
from ..domain.targets import Target
from .pages import Page


class Sender(Protocol):
    """A way by which messages reach people outside of JupyterLab. It is called from several threads at once."""

    def check(self, address: str) -> None:
        """Raise InvalidRequest when nothing could be sent to such an address. It asks nobody."""
        ...

    def send(self, content: Content, to: Destination, *, id: str) -> None:
        """Send it, within a time that the sender limits itself.

        It may be called again with the same `id`, also after it has succeeded: an engine may die before it notes that.
        So the id goes with the message, and a receiver can tell the repetition from a second message.

        DeliveryFailed when it is not known that the receiver has taken it.
        """
        ...


@dataclass(frozen=True)
class DeliveryFilter:
    """All given conditions hold."""

    channel: ChannelKind | None = None
    to: str | None = None
    message_id: str | None = None
    states: tuple[DeliveryState, ...] = ()


class Outbox(Protocol):
    def add(self, *messages: Message) -> None: ...
    def get(self, message_id: str) -> Message: ...
    def take_due(self, now: dt.datetime, *, until: dt.datetime, limit: int) -> Sequence[Message]:
        """Return messages that may be delivered now, oldest first. Nobody else gets them before `until`."""
        ...

    def find_open(self, group: str) -> Message | None:
        """Return the message of that group that is still to be planned, and hold it in a transaction that writes."""
        ...

    def knows(self, group: str) -> bool:
        """Tell whether there is a message of that group, delivered ones included."""
        ...

    def change(self, message: Message) -> None:
        """Write kind, payload and time of a message that is still to be planned."""
        ...

    def mark_delivered(self, message_id: str, *, at: dt.datetime) -> None: ...
    def mark_failed(self, message_id: str, error: str, *, not_before: dt.datetime) -> None: ...
    def give_up_all(self, *, at: dt.datetime) -> None:
        """Let no message that waits be delivered any more."""
        ...

    def next_at(self) -> dt.datetime | None:
        """Return the instant from which the next message may be delivered."""
        ...

    def list_newest(self, *, limit: int) -> Sequence[Message]: ...
    def delete_delivered(self, *, before: dt.datetime) -> int:
        """Remove messages from before that nobody waits for, some thousands at a time. Return how many."""
        ...


class Targets(Protocol):
    def find(self, name: str) -> Target | None: ...
    def all(self) -> Sequence[Target]:
        """Return all targets, sorted by name."""
        ...

    def lock(self, name: str) -> Target | None:
        """Find it, and let no other transaction change it until the end of this one."""
        ...

    def put(self, target: Target, *, at: dt.datetime, by: Actor) -> Target:
        """Add it, or replace the one of that name. Return it as it is stored, with its new revision."""
        ...

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None: ...


class Deliveries(Protocol):
    def add(self, *deliveries: Delivery) -> None:
        """Add them, except for those of a message to a recipient that there are already."""
        ...

    def take_due(
        self, now: dt.datetime, *, until: dt.datetime, limit: int, without: Collection[str] = ()
    ) -> Sequence[Delivery]:
        """Return deliveries that may be tried now, the longest due first, except for those of the lanes `without`.

        Each counts one more attempt. Nobody else gets them before `until`.
        """
        ...

    def mark_sent(self, delivery: Delivery, *, at: dt.datetime) -> None:
        """Note that the receiver has taken it, unless it has ended already."""
        ...

    def mark_failed(self, delivery: Delivery, error: str, *, at: dt.datetime, not_before: dt.datetime | None) -> None:
        """Note why this try failed, unless there was another one since. `not_before` None: it is not tried again."""
        ...

    def give_up_all(self, error: str, *, at: dt.datetime) -> int:
        """Let no delivery that waits be tried again, and return how many there were."""
        ...

    def next_at(self, *, without: Collection[str] = ()) -> dt.datetime | None:
        """Return the instant from which the next delivery may be tried, except for those of the lanes `without`."""
        ...

    def page(self, where: DeliveryFilter, *, limit: int, cursor: str | None = None) -> Page[Delivery]:
        """List them, newest first."""
        ...

    def delete_ended(self, *, before: dt.datetime) -> int:
        """Remove those from before that have ended, some thousands at a time. Return how many."""
        ...
