from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, case, delete, insert, select, update

from ..domain.workspaces import Workspace, WorkspaceRoot
from . import tables as t
from .actors import SqlActors
from .locks import advisory_lock
from .paths import check_path, is_below
from .rows import check_lengths

ANY_HOST = ""
"""The host of roots that were stored before machines were told apart."""


class SqlWorkspaces:
    """The workspaces, with their roots on the machine `host`.

    A root that only other machines know counts here too: they may share the folder, or the machine had another name.
    """

    def __init__(self, connection: Connection, host: str, actors: SqlActors) -> None:
        self._connection = connection
        self._actors = actors
        self._host = host

    def lock_project(self, project: str) -> None:
        advisory_lock(self._connection, "workspaces", project)

    def get_many(self, ids: Collection[str]) -> dict[str, Workspace]:
        rows = self._connection.execute(_BY_IDS, {"ids": sorted(ids)})
        return {row.id: self._workspace(row) for row in rows}

    def find_by_remote(self, project: str, remote: str) -> Sequence[Workspace]:
        rows = self._connection.execute(_BY_REMOTE, {"project": project, "remote": remote})
        return [self._workspace(row) for row in rows]

    def find_by_roots(self, project: str, folders: Sequence[str]) -> Sequence[tuple[Workspace, str]]:
        rows = self._connection.execute(_HOLDING, {"project": project, "folders": folders, "host": self._host})
        found = {row.root: self._workspace(row) for row in reversed(rows.all())}
        return [(found[folder], folder) for folder in folders if folder in found]

    def list_roots(self, ids: Collection[str]) -> Sequence[WorkspaceRoot]:
        rows = self._connection.execute(_ROOTS, {"ids": sorted(ids), "host": self._host})
        return [WorkspaceRoot(**row._mapping) for row in rows]

    def list_local_roots(self, ids: Collection[str]) -> Sequence[WorkspaceRoot]:
        return [root for root in self.list_roots(ids) if root.host in ("", self._host)]

    def add(self, workspace: Workspace) -> None:
        self._connection.execute(insert(t.workspaces), check_lengths(t.workspaces, vars(workspace)))

    def change(self, workspace: Workspace) -> Workspace:
        after = replace(workspace, revision=workspace.revision + 1)
        query = update(t.workspaces).where(t.workspaces.c.id == workspace.id)
        self._connection.execute(query, check_lengths(t.workspaces, vars(after)))
        return after

    def record_root(self, workspace_id: str, root: str, *, at: dt.datetime) -> None:
        check_path(root)
        row = {"workspace_id": workspace_id, "host": self._host, "root": root, "seen_at": at}
        if not self._connection.execute(_SEE, {"of_host": self._host, "of_root": root, **row}).rowcount:
            self._connection.execute(insert(t.workspace_roots), check_lengths(t.workspace_roots, row))

    def find_split_jobs(self) -> Sequence[tuple[str, str]]:
        return [(row.older, row.newer) for row in self._connection.execute(_PARTED)]

    def list_roots_below(self, folder: str) -> Sequence[WorkspaceRoot]:
        rows = self._connection.execute(_ALL_ROOTS.where(is_below(_roots.root, folder), self._here()))
        return [WorkspaceRoot(**row._mapping) for row in rows]

    def move_roots(self, folder: str, to: str, *, at: dt.datetime) -> Sequence[str]:
        moved_roots = self.list_roots_below(folder)
        self._connection.execute(delete(t.workspace_roots).where(is_below(_roots.root, folder), self._here()))
        for root in moved_roots:
            self.record_root(root.workspace_id, to + root.root.removeprefix(folder), at=at)
        return sorted({root.workspace_id for root in moved_roots})

    def _workspace(self, row: Row[Any]) -> Workspace:
        values = {column.name: row._mapping[column] for column in _WORKSPACE}
        return Workspace(**{**values, "created_by": self._actors.get(values["created_by"])})

    def _here(self) -> ColumnElement[bool]:
        return _roots.host.in_((self._host, ANY_HOST))


_roots = t.workspace_roots.c
_ALL_ROOTS = select(t.workspace_roots)
_WORKSPACE = tuple(t.workspaces.c)
_BY_IDS = select(t.workspaces).where(t.workspaces.c.id.in_(bindparam("ids", expanding=True)))
_BY_REMOTE = (
    select(t.workspaces)
    .where(t.workspaces.c.project == bindparam("project"), t.workspaces.c.remote == bindparam("remote"))
    .order_by(t.workspaces.c.id)
)
_here_first = case((_roots.host == bindparam("host"), 0), else_=1)
_HOLDING = (
    select(*_WORKSPACE, _roots.root)
    .join(t.workspace_roots)
    .where(
        t.workspaces.c.project == bindparam("project"),
        _roots.root.in_(bindparam("folders", expanding=True)),
    )
    .order_by(_here_first, _roots.seen_at.desc(), _roots.host)
)
_ROOTS = _ALL_ROOTS.where(_roots.workspace_id.in_(bindparam("ids", expanding=True))).order_by(
    _here_first, _roots.seen_at.desc(), _roots.root
)
_older, _newer = t.jobs.alias(), t.jobs.alias()
_first, _second = t.workspaces.alias(), t.workspaces.alias()
_PARTED = (
    select(_older.c.id.label("older"), _newer.c.id.label("newer"))
    .join(_first, _first.c.id == _older.c.workspace_id)
    .join(_second, and_(_second.c.project == _first.c.project, _second.c.remote == _first.c.remote))
    .join(_newer, and_(_newer.c.workspace_id == _second.c.id, _newer.c.path == _older.c.path))
    .where(_older.c.id < _newer.c.id, _older.c.kind == _newer.c.kind)
    .order_by(_older.c.id, _newer.c.id)
)
_SEE = (
    update(t.workspace_roots)
    .where(_roots.host == bindparam("of_host"), _roots.root == bindparam("of_root"))
    .values(workspace_id=bindparam("workspace_id"), seen_at=bindparam("seen_at"))
)
