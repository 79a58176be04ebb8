"""Imports of schedules from jupyter-scheduler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from ..ports.pipelines import NoteKind
from ..services.schedule_imports import Fate, ImportWish, PlannedSchedule, ScheduleImport
from .base import ContentsPath, Instant, Model


class ScheduleImportRequest(Model):
    """An import of schedules from jupyter-scheduler, from the database in Jupyter's data folder.

    `folder` is where the notebooks are looked for, and where copies of those that are not there go. `ids` chooses some
    definitions; null: all. `working_files`: a notebook that has changed since is taken as it is now. `pause_old` pauses
    the definitions, and starts the schedules that replace them.
    """

    folder: ContentsPath = ""
    environment: str = "sandbox"
    ids: list[str] | None = Field(default=None, max_length=2_000)
    working_files: bool = False
    pause_old: bool = False

    def to_wish(self, folder: str, *, url: str | None = None) -> ImportWish:
        """Return the wish; `folder` is the local path of the request's."""
        ids = None if self.ids is None else frozenset(self.ids)
        return ImportWish(folder, url, self.environment, ids, self.working_files, self.pause_old)


class ScheduleImportNoteModel(Model):
    kind: NoteKind
    message: str


class PlannedScheduleModel(Model):
    """A definition of jupyter-scheduler, and what becomes of it.

    `path` is the notebook that will run; null for a copy that is not made yet. `is_active`: jupyter-scheduler still
    runs it. `schedule_id` is the schedule that replaces it, where there is one; `waits`: that one is paused until the
    old one is.
    """

    id: str
    old_name: str
    fate: Fate
    name: str
    file_name: str
    path: str | None
    cron: str | None
    timezone: str | None
    parameters: dict[str, Any]
    is_active: bool
    created_at: Instant
    past_runs: int
    notes: list[ScheduleImportNoteModel]
    schedule_id: str | None
    is_paused: bool | None
    waits: bool

    @classmethod
    def from_domain(cls, item: PlannedSchedule, to_contents: Callable[[str], str]) -> PlannedScheduleModel:
        old, schedule = item.old, item.schedule
        return cls(
            id=old.id,
            old_name=old.name,
            fate=item.fate,
            name=item.name,
            file_name=old.file_name,
            path=to_contents(item.path) if item.path else None,
            cron=old.schedule,
            timezone=old.timezone,
            parameters=dict(old.parameters),
            is_active=old.is_active,
            created_at=old.created_at,
            past_runs=old.past_runs,
            notes=[ScheduleImportNoteModel(kind=note.kind, message=note.message) for note in item.notes],
            schedule_id=schedule.id if schedule else None,
            is_paused=schedule.pause is not None if schedule else None,
            waits=item.waits,
        )


class ScheduleImportModel(Model):
    """The database, and its definitions, the oldest first."""

    source: str
    items: list[PlannedScheduleModel]

    @classmethod
    def from_domain(cls, found: ScheduleImport, to_contents: Callable[[str], str] = str) -> ScheduleImportModel:
        items = [PlannedScheduleModel.from_domain(item, to_contents) for item in found.items]
        return cls(source=found.source, items=items)
