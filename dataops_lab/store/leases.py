from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from ..domain.leases import Lease, ProcessIdentity
from . import tables as t
from .rows import insert_if_absent


class SqlLeases:
    """The leases. A released lease keeps its row, without holder, so that tokens never start again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def now(self) -> dt.datetime | None:
        if self._connection.dialect.name != "postgresql":
            return None
        now: dt.datetime = self._connection.scalars(_NOW).one()
        return now

    def get(self, name: str) -> Lease | None:
        row = self._connection.execute(_BY_NAME, {"name": name}).one_or_none()
        if row is None:
            return None
        values = dict(row._mapping)
        return Lease(**{**values, "holder": values["holder"] or "", "process": ProcessIdentity(**values["process"])})

    def acquire(self, lease: Lease, *, instead_of: Lease | None) -> bool:
        if instead_of is None:
            return insert_if_absent(self._connection, t.leases, _columns(lease))
        return self._update(lease, _columns(lease), token=instead_of.token)

    def renew(self, lease: Lease) -> bool:
        return self._update(lease, {"expires": lease.expires, "expires_at": lease.expires_at}, token=lease.token)

    def release(self, lease: Lease) -> None:
        self._update(lease, {"holder": None, "expires": 0.0, "expires_at": None}, token=lease.token)

    def _update(self, lease: Lease, values: dict[str, Any], *, token: int) -> bool:
        c = t.leases.c
        statement = update(t.leases).where(c.name == lease.name, c.token == token)
        return self._connection.execute(statement, values).rowcount == 1


_NOW = select(func.clock_timestamp())
_BY_NAME = select(t.leases).where(t.leases.c.name == bindparam("name"))


def _columns(lease: Lease) -> dict[str, Any]:
    return {**vars(lease), "process": asdict(lease.process)}
