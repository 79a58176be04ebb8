from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from sqlalchemy import Connection, select

from ..domain.actors import SYSTEM, Actor, ActorKind
from . import tables as t
from .fitting import fitting

NOTE_AFTER = dt.timedelta(hours=1)
"""The precision of `last_seen_at`, so that not every act of a person costs a write."""


@dataclass
class Known:
    """The memory that a process has of actors, for all its transactions.

    When another process changes a name, this process shows the old name until it ends.
    """

    actors: dict[str, Actor] = field(default_factory=lambda: dict(SYSTEM))
    noted: dict[str, tuple[Actor, dt.datetime]] = field(default_factory=dict)


class SqlActors:
    def __init__(self, connection: Connection, known: Known) -> None:
        self._connection = connection
        self._known = known

    def get(self, actor_id: str) -> Actor:
        """Return the actor with this id. An id that was never noted becomes a person of that name."""
        if actor_id not in self._known.actors:
            rows = self._connection.execute(select(t.actors.c.id, t.actors.c.name, t.actors.c.kind)).all()
            self._known.actors |= {row.id: Actor(row.id, row.name, ActorKind(row.kind)) for row in rows}
        return self._known.actors.setdefault(actor_id, Actor(actor_id, actor_id))

    def find(self, actor_id: str | None) -> Actor | None:
        return None if actor_id is None else self.get(actor_id)

    def of(self, actor_ids: Collection[str]) -> Mapping[str, Actor]:
        return {actor_id: self.get(actor_id) for actor_id in actor_ids}

    def note(self, seen: Mapping[Actor, dt.datetime]) -> Mapping[str, tuple[Actor, dt.datetime]]:
        """Write down the actors that did something, with their current names. Return those that were written."""
        new = {actor.id: (actor, at) for actor, at in seen.items() if not self._is_noted(actor, at)}
        for actor_id, (actor, at) in sorted(new.items()):
            row = {"id": actor_id, "name": actor.name, "kind": actor.kind, "first_seen_at": at, "last_seen_at": at}
            # Both dialects have the same words for it. Only the dialect in use is imported.
            dialect = import_module(f"sqlalchemy.dialects.{self._connection.dialect.name}")
            changed = {name: row[name] for name in ("name", "kind", "last_seen_at")}
            statement = dialect.insert(t.actors).values(**fitting(t.actors, row))
            self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))
        return new

    def keep(self, written: Mapping[str, tuple[Actor, dt.datetime]]) -> None:
        """Remember the actors that `note` returned. Call it once they are committed."""
        self._known.noted |= written
        self._known.actors |= {actor_id: actor for actor_id, (actor, _) in written.items()}

    def _is_noted(self, actor: Actor, at: dt.datetime) -> bool:
        before, then = self._known.noted.get(actor.id, (None, at))
        return before == actor and at - then < NOTE_AFTER
