"""Subscriptions, what people said about messages to them, and messages that wait, as the store keeps them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from ..domain.actors import Actor
from ..domain.addresses import PersonSettings
from ..domain.delivery_times import Count, HeldMessage
from ..domain.notifications import Recipient
from ..domain.subscriptions import ObjectRef, Subscription


class Subscriptions(Protocol):
    def find(self, person: str, ref: ObjectRef) -> Subscription | None: ...
    def list_of(self, person: str) -> Sequence[Subscription]:
        """Return the subscriptions of a person, sorted by object."""
        ...

    def list_to(self, refs: Collection[ObjectRef]) -> Sequence[Subscription]:
        """Return everybody's subscriptions to these objects."""
        ...

    def put(self, subscription: Subscription, *, at: dt.datetime, by: Actor) -> Subscription:
        """Add it, or replace the one of this person to this object. Return it with its new revision."""
        ...

    def remove(self, person: str, ref: ObjectRef, *, at: dt.datetime, by: Actor) -> bool:
        """Remove it. Return False when there is none."""
        ...

    def remove_to(self, ref: ObjectRef) -> None:
        """Remove everybody's subscriptions to an object that is gone."""
        ...


class People(Protocol):
    """The settings of people. Nobody but them and the engine reads these."""

    def get(self, person: str) -> PersonSettings:
        """Return the settings; those of a person who has said nothing have the revision 0.

        In a transaction that writes, no other one changes them until the end.
        """
        ...

    def get_many(self, people: Collection[str]) -> Mapping[str, PersonSettings]:
        """Return the settings of those who have said something, by person."""
        ...

    def put(self, settings: PersonSettings, *, what: str, at: dt.datetime, by: Actor) -> PersonSettings:
        """Write them, with an event `person.<what>` that holds no address. Return them with their new revision."""
        ...


class HeldMessages(Protocol):
    """Messages that recipients get later, and the counts by which some of them are held."""

    def add(self, *held: HeldMessage) -> None: ...
    def take_due(self, now: dt.datetime, *, limit: int) -> Sequence[HeldMessage]:
        """Remove messages that are due, and return them, oldest first."""
        ...

    def next_at(self) -> dt.datetime | None: ...
    def list_for(self, person: str) -> Sequence[HeldMessage]:
        """Return what a person gets later, the next first."""
        ...

    def count(self, recipient: Recipient, job_id: str, now: dt.datetime) -> Count:
        """Count one more message about the job to the recipient, and return the count with it."""
        ...

    def delete_counts(self, *, before: dt.datetime) -> int:
        """Remove the counts whose window began before. Return how many."""
        ...
