from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from ..domain.actors import Actor
from ..domain.audit import changes
from ..domain.events import Subject, SubjectKind
from ..domain.images import (
    Deprecation,
    EarlierPin,
    Image,
    ImageTask,
    ImageTaskState,
    ImageTrial,
    PinnedImage,
    Probe,
    RunImage,
)
from ..domain.leases import ProcessIdentity
from ..domain.snapshots import KernelChoice
from ..errors import NotFound, UnknownImage
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .locks import advisory_lock
from .rows import check_lengths

_COLUMNS = ("name", "revision")
"""The fields of an image that are columns; its definition holds the others."""


class SqlImages:
    def __init__(self, connection: Connection, actors: SqlActors, events: SqlEvents) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def get(self, name: str) -> Image:
        image = self.find(name)
        if image is None:
            names = list(self._connection.scalars(select(t.images.c.name).order_by(t.images.c.name)))
            hint = f"There is: {', '.join(names)}." if names else "It is empty: `jupyter dataops image add` fills it."
            raise UnknownImage(f"The catalogue has no image {name!r}. {hint}", images=names)
        return image

    def find(self, name: str) -> Image | None:
        advisory_lock(self._connection, "image", name)
        row = self._connection.execute(select(t.images).where(t.images.c.name == name)).one_or_none()
        return _image(row, self._actors) if row else None

    def all(self) -> Sequence[Image]:
        return [
            _image(row, self._actors) for row in self._connection.execute(select(t.images).order_by(t.images.c.name))
        ]

    def put(self, image: Image, *, at: dt.datetime, by: Actor) -> Image:
        definition = _definition(image)
        row = {"definition": definition, "changed_at": at, "changed_by": by}
        advisory_lock(self._connection, "image", image.name)
        c = t.images.c
        before = self._connection.scalar(select(c.definition).where(c.name == image.name))
        changed = self._connection.execute(
            update(t.images).where(c.name == image.name).values(**row, revision=c.revision + 1)
        )
        if changed.rowcount == 0:
            added = {**row, "name": image.name, "revision": 1}
            self._connection.execute(insert(t.images), check_lengths(t.images, added))
        stored = self.get(image.name)
        kind = "image.added" if stored.revision == 1 else "image.changed"
        data = changes(before, definition)
        self._events.add(_subject(stored.name), kind, at=at, actor=by, revision=stored.revision, data=data)
        return stored

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None:
        self._connection.execute(delete(t.images).where(t.images.c.name == name))
        self._events.add(_subject(name), "image.removed", at=at, actor=by)

    # --- tasks ----------------------------------------------------------------------------------

    def add_task(self, task: ImageTask) -> None:
        row = {**vars(task), "process": asdict(task.process), "log": ""}
        self._connection.execute(insert(t.image_tasks), check_lengths(t.image_tasks, row))
        event_data = {"task": task.id, "kind": task.kind}
        self._events.add(
            _subject(task.image), "image.task_started", at=task.created_at, actor=task.created_by, data=event_data
        )

    def get_task(self, task_id: str) -> ImageTask:
        row = self._connection.execute(
            select(*_TASK).where(t.image_tasks.c.id == task_id),
        ).one_or_none()
        if row is None:
            raise NotFound(f"There is no image task {task_id!r}. `jupyter dataops image tasks` shows those there are.")
        return _task(row, self._actors)

    def list_tasks(self, *, limit: int, image: str | None = None) -> Sequence[ImageTask]:
        query = select(*_TASK).order_by(t.image_tasks.c.id.desc()).limit(limit)
        if image is not None:
            query = query.where(t.image_tasks.c.image == image)
        return [_task(row, self._actors) for row in self._connection.execute(query)]

    def read_log(self, task_id: str) -> str:
        return self._connection.scalar(select(t.image_tasks.c.log).where(t.image_tasks.c.id == task_id)) or ""

    def append_log(self, task_id: str, text: str) -> None:
        c = t.image_tasks.c
        self._connection.execute(update(t.image_tasks).where(c.id == task_id).values(log=c.log + text))

    def finish_task(
        self, task_id: str, state: ImageTaskState, *, at: dt.datetime, error: dict[str, Any] | None = None
    ) -> None:
        values = {"state": state, "finished_at": at, "error": error}
        self._connection.execute(update(t.image_tasks).where(t.image_tasks.c.id == task_id), values)

    # --- trials ---------------------------------------------------------------------------------

    def add_trial(self, trial: ImageTrial) -> None:
        row = {**vars(trial), "image": asdict(trial.image), "runs": list(trial.runs), "refused": list(trial.refused)}
        self._connection.execute(insert(t.image_trials), check_lengths(t.image_trials, row))

    def get_trial(self, trial_id: str) -> ImageTrial:
        row = self._connection.execute(select(t.image_trials).where(t.image_trials.c.id == trial_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no trial {trial_id!r}. `jupyter dataops image trial-run` starts one.")
        return _trial(row, self._actors)

    def list_trials(self, limit: int) -> Sequence[ImageTrial]:
        query = select(t.image_trials).order_by(t.image_trials.c.id.desc()).limit(limit)
        return [_trial(row, self._actors) for row in self._connection.execute(query)]


def _subject(name: str) -> Subject:
    return Subject(SubjectKind.IMAGE, name)


_TASK = [column for column in t.image_tasks.c if column.name != "log"]


def _definition(image: Image) -> dict[str, Any]:
    definition = {key: value for key, value in asdict(image).items() if key not in _COLUMNS}
    definition |= {"added_at": image.added_at.isoformat(), "added_by": image.added_by.id}
    if image.probe:
        definition["probe"]["probed_at"] = image.probe.probed_at.isoformat()
    if image.deprecated:
        definition["deprecated"]["on"] = image.deprecated.on.isoformat()
    for pin in definition["earlier"]:
        pin |= {"until": pin["until"].isoformat(), "by": pin["by"]["id"]}
    return definition


def _image(row: Row[Any], actors: SqlActors) -> Image:
    definition = row.definition
    return Image(
        **{
            **definition,
            "name": row.name,
            "revision": row.revision,
            "pinned": PinnedImage(**definition["pinned"]),
            "added_at": dt.datetime.fromisoformat(definition["added_at"]),
            "added_by": actors.get(definition["added_by"]),
            "tags": tuple(definition["tags"]),
            "deprecated": _deprecation(definition["deprecated"]) if definition["deprecated"] else None,
            "probe": _probe(definition["probe"]) if definition["probe"] else None,
            "earlier": tuple(_earlier_pin(pin, actors) for pin in definition["earlier"]),
        }
    )


def _deprecation(deprecation: dict[str, Any]) -> Deprecation:
    return Deprecation(**{**deprecation, "on": dt.date.fromisoformat(deprecation["on"])})


def _earlier_pin(pin: dict[str, Any], actors: SqlActors) -> EarlierPin:
    until = dt.datetime.fromisoformat(pin["until"])
    return EarlierPin(**{**pin, "pinned": PinnedImage(**pin["pinned"]), "until": until, "by": actors.get(pin["by"])})


def _probe(probe: dict[str, Any]) -> Probe:
    kernels = tuple(KernelChoice(**{**kernel, "argv": tuple(kernel["argv"])}) for kernel in probe["kernels"])
    probed_at = dt.datetime.fromisoformat(probe["probed_at"])
    return Probe(**{**probe, "probed_at": probed_at, "kernels": kernels, "problems": tuple(probe["problems"])})


def _task(row: Row[Any], actors: SqlActors) -> ImageTask:
    columns = row._mapping
    creator, process = actors.get(columns["created_by"]), ProcessIdentity(**columns["process"])
    return ImageTask(
        **{**columns, "state": ImageTaskState(columns["state"]), "created_by": creator, "process": process}
    )


def _trial(row: Row[Any], actors: SqlActors) -> ImageTrial:
    columns = row._mapping
    pairs = {name: tuple((first, second) for first, second in columns[name]) for name in ("runs", "refused")}
    creator = actors.get(columns["created_by"])
    return ImageTrial(**{**columns, "created_by": creator, "image": RunImage(**columns["image"]), **pairs})
