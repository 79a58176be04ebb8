from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, or_, select, update

from ..domain.actors import Actor
from ..domain.events import run_subject
from ..domain.publications import Publication, PublicationState, PublishedFile
from ..domain.versions import digest_of
from ..errors import StaleWrite
from . import reasons
from . import tables as t
from .events import SqlEvents
from .locks import advisory_lock
from .rows import insert_if_absent


class SqlPublications:
    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def add(self, publications: Sequence[Publication], *, at: dt.datetime, by: Actor | None = None) -> None:
        for each in publications:
            row = _columns(each)
            if not insert_if_absent(self._connection, t.publications, row):
                self._connection.execute(_AT, {**row, "of_run": row["run_id"], "of_key": row["path_key"]})
        for run_id in dict.fromkeys(each.run_id for each in publications):
            self._events.add(run_subject(run_id), "run.publication_planned", at=at, actor=by)

    def list_for_run(self, run_id: str) -> Sequence[Publication]:
        return self.list_for_runs([run_id])[run_id]

    def list_for_runs(self, run_ids: Collection[str]) -> Mapping[str, Sequence[Publication]]:
        found: dict[str, list[Publication]] = {run_id: [] for run_id in run_ids}
        for row in self._connection.execute(_OF_RUNS, {"ids": list(run_ids)}):
            found[row.run_id].append(_publication(row))
        return found

    def list_pending(self) -> Sequence[Publication]:
        return [_publication(row) for row in self._connection.execute(_PENDING)]

    def change(self, publications: Sequence[Publication], *, at: dt.datetime) -> None:
        c = t.publications.c
        pending = str(PublicationState.PENDING)
        for each in publications:
            row = _columns(each)
            query = update(t.publications).where(c.run_id == row["run_id"], c.path_key == row["path_key"])
            if self._connection.execute(query.where(c.state == pending), row).rowcount != 1:
                raise StaleWrite("Somebody else has published it or given it up.", run=each.run_id, path=each.path)
        for run_id, state in dict.fromkeys((each.run_id, each.state) for each in publications):
            self._events.add(run_subject(run_id), f"run.publication_{state}", at=at)

    def lock_place(self, folder: str, path: str) -> PublishedFile | None:
        place = _place(folder, path)
        advisory_lock(self._connection, "published file", place)
        row = self._connection.execute(select(t.published_files).where(_F.place == place)).one_or_none()
        return _published_file(row) if row else None

    def put_file(self, file: PublishedFile) -> None:
        row = {**vars(file), "place": _place(file.folder, file.path), "folder_key": digest_of(_bytes(file.folder))}
        if not insert_if_absent(self._connection, t.published_files, row):
            self._connection.execute(update(t.published_files).where(_F.place == row["place"]), row)

    def knows(self, folder: str, path: str, digest: str) -> bool:
        c = t.publications.c
        is_published = exists().where(_F.place == _place(folder, path), _F.digest == digest)
        was_planned = exists().where(
            c.path_key == digest_of(_bytes(path)), c.path == path, c.folder == folder, c.digest == digest,
            c.published_at.is_not(None) | (c.state == str(PublicationState.PENDING)),
        )  # fmt: skip
        return bool(self._connection.scalar(select(or_(is_published, was_planned))))

    def list_files(self, folders: Collection[str]) -> Sequence[PublishedFile]:
        keys = {"keys": [digest_of(_bytes(folder)) for folder in folders]}
        return [_published_file(row) for row in self._connection.execute(_IN_FOLDERS, keys)]


_C, _F = t.publications.c, t.published_files.c
_AT = update(t.publications).where(_C.run_id == bindparam("of_run"), _C.path_key == bindparam("of_key"))
_OF_RUNS = select(t.publications).where(_C.run_id.in_(bindparam("ids", expanding=True))).order_by(_C.run_id, _C.path)
_PENDING = select(t.publications).where(_C.state == str(PublicationState.PENDING)).order_by(_C.run_id, _C.path)
_IN_FOLDERS = (
    select(t.published_files)
    .where(_F.folder_key.in_(bindparam("keys", expanding=True)), _F.published_at.is_not(None))
    .order_by(_F.folder, _F.path)
)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _place(folder: str, path: str) -> str:
    return digest_of(_bytes(f"{folder}\0{path}"))


def _columns(publication: Publication) -> dict[str, Any]:
    return {
        **vars(publication),
        "path_key": digest_of(_bytes(publication.path)),
        "state": str(publication.state),
        "reason": reasons.to_json(publication.reason),
    }


def _publication(row: Row[Any]) -> Publication:
    values = dict(row._mapping)
    del values["path_key"]
    values["reason"] = reasons.from_json(values["reason"])
    return Publication(**{**values, "state": PublicationState(values["state"])})


def _published_file(row: Row[Any]) -> PublishedFile:
    values = dict(row._mapping)
    del values["place"], values["folder_key"]
    return PublishedFile(**values)
