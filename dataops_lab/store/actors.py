from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from sqlalchemy import Connection, select

from ..domain.actors import SYSTEM, Actor, ActorKind
from . import tables as t
from .rows import check_lengths

LAST_SEEN_PRECISION = dt.timedelta(hours=1)
"""The precision of `last_seen_at`, so that not every act of a person costs a write."""


@dataclass
class ActorCache:
    """The memory that a process has of actors, for all its transactions.

    When another process changes a name, this process shows the old name until it ends.
    """

    actors: dict[str, Actor] = field(default_factory=lambda: dict(SYSTEM))
    upserted: dict[str, tuple[Actor, dt.datetime]] = field(default_factory=dict)


class SqlActors:
    def __init__(self, connection: Connection, cache: ActorCache) -> None:
        self._connection = connection
        self._cache = cache

    def get(self, actor_id: str) -> Actor:
        """Return the actor with this id. An id that was never noted becomes a person of that name."""
        if actor_id not in self._cache.actors:
            rows = self._connection.execute(select(t.actors.c.id, t.actors.c.name, t.actors.c.kind)).all()
            self._cache.actors |= {row.id: Actor(row.id, row.name, ActorKind(row.kind)) for row in rows}
        return self._cache.actors.setdefault(actor_id, Actor(actor_id, actor_id))

    def find(self, actor_id: str | None) -> Actor | None:
        return None if actor_id is None else self.get(actor_id)

    def get_many(self, actor_ids: Collection[str]) -> Mapping[str, Actor]:
        return {actor_id: self.get(actor_id) for actor_id in actor_ids}

    def upsert(self, seen: Mapping[Actor, dt.datetime]) -> Mapping[str, tuple[Actor, dt.datetime]]:
        """Write down the actors that did something, with their current names. Return those that were written."""
        new = {actor.id: (actor, at) for actor, at in seen.items() if not self._is_recent(actor, at)}
        for actor_id, (actor, at) in sorted(new.items()):
            row = {"id": actor_id, "name": actor.name, "kind": actor.kind, "first_seen_at": at, "last_seen_at": at}
            # Both dialects have the same words for it. Only the dialect in use is imported.
            dialect = import_module(f"sqlalchemy.dialects.{self._connection.dialect.name}")
            changed = {name: row[name] for name in ("name", "kind", "last_seen_at")}
            statement = dialect.insert(t.actors).values(**check_lengths(t.actors, row))
            self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))
        return new

    def remember(self, written: Mapping[str, tuple[Actor, dt.datetime]]) -> None:
        """Remember the actors that `upsert` returned. Call it once they are committed."""
        self._cache.upserted |= written
        self._cache.actors |= {actor_id: actor for actor_id, (actor, _) in written.items()}

    def _is_recent(self, actor: Actor, at: dt.datetime) -> bool:
        actor_before, upserted_at = self._cache.upserted.get(actor.id, (None, at))
        return actor_before == actor and at - upserted_at < LAST_SEEN_PRECISION
