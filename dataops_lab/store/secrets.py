from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.secrets import Sealed, Secret
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .locks import advisory_lock
from .rows import check_lengths


class SqlSecrets:
    def __init__(self, connection: Connection, actors: SqlActors, events: SqlEvents) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def list_in_scope(self, scope: str) -> Sequence[Secret]:
        return [_secret(row, self._actors) for row in self._connection.execute(_OF_SCOPE, {"scope": scope})]

    def find(self, scope: str, name: str) -> Secret | None:
        self._lock_secrets()
        query = select(t.secrets).where(t.secrets.c.scope == scope, t.secrets.c.name == name)
        row = self._connection.execute(query).one_or_none()
        return _secret(row, self._actors) if row else None

    def all(self) -> Sequence[Secret]:
        self._lock_secrets()
        return [_secret(row, self._actors) for row in self._connection.execute(_ALL)]

    def put(self, secret: Secret) -> None:
        revision = self._put(secret)
        kind = "secret.set" if secret.is_set else "secret.expected"
        subject, at, by = _subject(secret.scope, secret.name), secret.changed_at, secret.changed_by
        self._events.add(subject, kind, at=at, actor=by, revision=revision)

    def rewrap(self, secret: Secret) -> None:
        self._put(secret)

    def _put(self, secret: Secret) -> int:
        """Store a secret, and return its new revision."""
        self._lock_secrets()
        sealed = secret.sealed
        row = {
            "scope": secret.scope,
            "name": secret.name,
            "version": secret.version,
            "key_id": sealed.key_id if sealed else None,
            "wrapped": sealed.wrapped if sealed else None,
            "data": sealed.data if sealed else None,
            "changed_at": secret.changed_at,
            "changed_by": secret.changed_by,
        }
        c = t.secrets.c
        existing_row = update(t.secrets).where(c.scope == secret.scope, c.name == secret.name)
        statement = existing_row.values(**check_lengths(t.secrets, row), revision=c.revision + 1).returning(c.revision)
        revision: int = self._connection.scalar(statement) or 1
        if revision == 1:
            self._connection.execute(insert(t.secrets), row)
        return revision

    def remove(self, scope: str, name: str, *, at: dt.datetime, by: Actor) -> None:
        self._lock_secrets()
        self._connection.execute(delete(t.secrets).where(t.secrets.c.scope == scope, t.secrets.c.name == name))
        self._events.add(_subject(scope, name), "secret.removed", at=at, actor=by)

    def _lock_secrets(self) -> None:
        # One lock for all secrets: while keys are rotated, nobody may add a secret that an old key seals.
        advisory_lock(self._connection, "secrets")


def _subject(scope: str, name: str) -> Subject:
    return Subject(SubjectKind.SECRET, f"{scope}/{name}")


_ALL = select(t.secrets).order_by(t.secrets.c.scope, t.secrets.c.name)
_OF_SCOPE = _ALL.where(t.secrets.c.scope == bindparam("scope"))


def _secret(row: Row[Any], actors: SqlActors) -> Secret:
    sealed = Sealed(row.key_id, bytes(row.wrapped), bytes(row.data)) if row.data is not None else None
    return Secret(row.scope, row.name, row.version, row.changed_at, actors.get(row.changed_by), sealed, row.revision)
