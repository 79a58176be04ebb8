"""Imports of schedules from jupyter-scheduler: what becomes of each, and then the same, done.

No notebook runs twice: a schedule that is imported starts nothing as long as its old one does.
"""

from __future__ import annotations

import ast
import hashlib
import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ulid import ULID

from ..domain.actors import Actor
from ..domain.cron import normalize_cron
from ..domain.environments import SANDBOX
from ..domain.jobs import DEFAULT_PROJECT
from ..domain.parameters import ParameterSchema
from ..domain.runs import Submission
from ..domain.schedules import MAX_NAME_LENGTH, Schedule, Settings
from ..domain.timetables import Cron, zone_of
from ..errors import DataOpsError, InvalidParameters, InvalidSchedule, NotFound
from ..ports.old_schedules import FoundFiles, OldDefinition
from ..ports.pipelines import ImportNote, NoteKind
from . import schedules
from .context import Services
from .schedules import ScheduleWish

STILL_ACTIVE = "It was imported from jupyter-scheduler, which still runs it."
PAUSED_BEFORE = "It was imported from jupyter-scheduler, where it was paused."

_KEPT_FORMATS = frozenset({"ipynb", "html"})


class Fate(StrEnum):
    """The fate of an old schedule. Before the import it is a plan, afterwards it is what happened."""

    NEW = "new"
    IMPORTED = "imported"
    """There is its schedule: from this import, or from an earlier one."""
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True)
class ImportWish:
    """`folder` is where the notebooks are looked for, and where copies of those that are not there go.

    `ids` None: all. `working_files`: a notebook that has changed since is taken as it is now, and not as it was stored.
    """

    folder: str
    url: str | None = None
    environment: str = SANDBOX
    ids: frozenset[str] | None = None
    working_files: bool = False
    pause_old: bool = False


@dataclass(frozen=True)
class PlannedSchedule:
    """An old schedule, and what becomes of it. `path` is that of its notebook; None for a copy that is not made yet."""

    old: OldDefinition
    fate: Fate
    name: str
    notes: Sequence[ImportNote] = ()
    path: str | None = None
    schedule: Schedule | None = None
    wish: ScheduleWish | None = field(default=None, repr=False)

    @property
    def waits(self) -> bool:
        """Tell whether its schedule is paused until the old one is."""
        pause = self.schedule.pause if self.schedule else None
        return pause is not None and pause.why == STILL_ACTIVE


@dataclass(frozen=True)
class ScheduleImport:
    """The database as people name it, and its schedules, the oldest first."""

    source: str
    items: Sequence[PlannedSchedule]


def preview(ctx: Services, wish: ImportWish, *, by: Actor) -> ScheduleImport:
    """Tell what an import would do. It changes nothing."""
    database = ctx.require_old_schedules().read(wish.url)
    wanted = [each for each in database.definitions if wish.ids is None or each.id in wish.ids]
    if wish.ids is not None and (unknown := wish.ids - {each.id for each in wanted}):
        raise NotFound(f"{database.url} has no definition {min(unknown)}. Look at the preview again.")
    found = ctx.require_old_schedules().find_files(wish.folder, wanted)
    with ctx.store.read() as tx:
        imported = tx.schedules.get_many([_id_of(old) for old in wanted])
        taken = {old.name for old in wanted if tx.schedules.find_by_name(DEFAULT_PROJECT, _clean(old.name))}
    names = {_clean(name) for name in taken}
    items = []
    for old in wanted:
        known = imported.get(_id_of(old))
        planned = _known(old, known) if known else _plan(ctx, old, found[old.id], wish, names, by=by)
        names.add(planned.name)
        items.append(planned)
    return ScheduleImport(database.url, items)


def run(ctx: Services, wish: ImportWish, *, by: Actor) -> ScheduleImport:
    """Import what the preview calls new. With `pause_old` pause the old ones, and then start those that replace them.

    Safe to repeat, also after a crash in between: it goes on where it stopped.
    """
    plan = preview(ctx, wish, by=by)
    items = [_add(ctx, item, wish, by=by) if item.fate is Fate.NEW else item for item in plan.items]
    if wish.pause_old:
        items = _take_over(ctx, items, wish, by=by)
    return replace(plan, items=items)


def _take_over(
    ctx: Services, items: Sequence[PlannedSchedule], wish: ImportWish, *, by: Actor
) -> list[PlannedSchedule]:
    """Pause the old ones first: a moment in which nothing runs does less harm than one in which both do."""
    ctx.require_old_schedules().pause(wish.url, [item.old.id for item in items if item.schedule and item.old.is_active])
    resumed = {
        item.old.id: schedules.resume(ctx, item.schedule.id, by=by).schedule
        for item in items
        if item.schedule and item.waits
    }
    return [
        replace(item, schedule=resumed.get(item.old.id, item.schedule), old=replace(item.old, is_active=False))
        if item.schedule
        else item
        for item in items
    ]


def _add(ctx: Services, item: PlannedSchedule, wish: ImportWish, *, by: Actor) -> PlannedSchedule:
    assert item.wish is not None, "A new one has a wish."
    try:
        path = item.path or ctx.require_old_schedules().copy_stored(item.old, wish.folder)
        submission = replace(item.wish.submission, path=path, root=None)
        added = schedules.add(ctx, replace(item.wish, submission=submission), by=by)
    except DataOpsError as error:
        return replace(item, fate=Fate.IMPOSSIBLE, notes=[*item.notes, _not(error.message)], wish=None)
    return replace(item, fate=Fate.IMPORTED, path=path, schedule=added.schedule)


def _known(old: OldDefinition, schedule: Schedule) -> PlannedSchedule:
    notes = [_kept("An earlier import made it.")]
    rule = schedule.settings.rule
    if old.schedule and isinstance(rule, Cron) and rule.expression != _five_fields(old.schedule, or_none=True):
        notes.append(_changed(f"It starts at `{rule.expression}` here, and at `{old.schedule}` there."))
    return PlannedSchedule(old, Fate.IMPORTED, schedule.name, notes, schedule=schedule)


def _plan(
    ctx: Services, old: OldDefinition, found: FoundFiles, wish: ImportWish, names: set[str], *, by: Actor
) -> PlannedSchedule:
    name = _free_name(_clean(old.name), names)
    notes = list(_notes(old))
    try:
        path, about_path = _choose_file(old, found, wish)
        submission = Submission(
            path=path or old.stored or "",
            root=None if path else posixpath.dirname(old.stored or ""),
            environment=wish.environment,
        )
        schema = schedules.parameter_schema(ctx, submission, by=by)
        values, about_values = _parameters(old.parameters, schema)
        settings = Settings(Cron(_five_fields(old.schedule or "")), _zone(old), parameters=values)
        why = STILL_ACTIVE if old.is_active else PAUSED_BEFORE
        wanted = ScheduleWish(submission, settings, name, pause=why, id=_id_of(old))
        schedules.check(ctx, wanted, by=by)
    except DataOpsError as error:
        return PlannedSchedule(old, Fate.IMPOSSIBLE, name, [_not(error.message)])
    if name != _clean(old.name):
        notes.append(_changed(f"There is a schedule {_clean(old.name)} already. This one is {name}."))
    if not old.timezone:
        notes.append(_changed("It had no time zone. jupyter-scheduler took UTC, and so does the new one."))
    return PlannedSchedule(old, Fate.NEW, name, [about_path, *about_values, *notes], path, wish=wanted)


def _choose_file(old: OldDefinition, found: FoundFiles, wish: ImportWish) -> tuple[str | None, ImportNote]:
    """Return the notebook to schedule, None for a copy of the stored one; and a note about it."""
    if old.problem:
        raise InvalidSchedule(f"{old.problem} Make it anew.")
    if not old.schedule:
        raise InvalidSchedule("It has no schedule, and so nothing to carry over.")
    if found.same:
        more = f" {len(found.same) - 1} more files are the same." if len(found.same) > 1 else ""
        return found.same[0], _kept(f"The notebook is {found.same[0]}.{more}")
    if found.other and (wish.working_files or old.stored is None):
        if len(found.other) > 1:
            names = ", ".join(found.other[:5])
            raise InvalidSchedule(
                f"Several files could be its notebook: {names}. Search a folder that has one of them."
            )
        return found.other[0], _changed(f"{found.other[0]} runs as it is now. It may differ from the stored copy.")
    if old.stored is None:
        raise InvalidSchedule(
            f"jupyter-scheduler has no copy of {old.file_name} any more, and {wish.folder} has no such file."
        )
    differs = f" {found.other[0]} has changed since." if found.other else ""
    files = "notebook, with the files of its folder," if old.packages_folder else "notebook"
    return None, _changed(f"The stored {files} is copied to a folder of its own.{differs}")


def _parameters(given: Mapping[str, Any], schema: ParameterSchema) -> tuple[dict[str, Any], list[ImportNote]]:
    """Read the values. jupyter-scheduler writes them into the notebook as code, so a text is a literal of Python."""
    values = {}
    for name, value in given.items():
        read = _literal(name, value) if isinstance(value, str) else value
        parameter = schema.get(name)
        if parameter is not None and parameter.find_problem(read) and not isinstance(read, str):
            read = parameter.parse(str(read))
        values[name] = read
    listed = ", ".join(f"{name} = {value!r}" for name, value in values.items())
    return values, [_kept(f"The parameters are {listed}.")] if values else []


def _literal(name: str, text: str) -> Any:
    """Read a literal of Python that JSON has too. InvalidParameters for code and for all other values."""
    try:
        return json.loads(json.dumps(ast.literal_eval(text.strip()), allow_nan=False))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise InvalidParameters(
            f"The parameter {name} is code: `{text[:100]}`. Replace it by a value there, or schedule the notebook here "
            "with a date that moves along."
        ) from None


def _notes(old: OldDefinition) -> Sequence[ImportNote]:
    notes = []
    formats = [name for name in old.output_formats if name in _KEPT_FORMATS]
    others = sorted(set(old.output_formats) - _KEPT_FORMATS)
    if formats:
        notes.append(_kept("Each run has a record with the executed notebook and an HTML report."))
    if others:
        notes.append(_not(f"Outputs as {', '.join(others)} are not made."))
    if old.packages_folder:
        notes.append(_changed("Data files are taken anew for each run, and not as they were when it was scheduled."))
    if old.environment:
        notes.append(_changed(f"It ran in the environment {old.environment}. Here the kernel of the notebook runs it."))
    if old.mails:
        notes.append(_not(f"Mails to {', '.join(old.mails)} are not sent."))
    if old.tags:
        notes.append(_not(f"The tags {', '.join(old.tags)} are left out."))
    if old.past_runs:
        number = "one past run" if old.past_runs == 1 else f"{old.past_runs} past runs"
        notes.append(_not(f"The results of {number} stay with jupyter-scheduler; the newest is {old.last_status}."))
    if not old.is_active:
        notes.append(_kept("It is paused, as it was there."))
    return notes


def _five_fields(expression: str, *, or_none: bool = False) -> str:
    """Return the expression as ours. In six fields croniter, which reads it there, has the seconds last."""
    fields = expression.split()
    if len(fields) == 6 and "?" not in fields:
        if fields[5] not in ("0", "00"):
            if or_none:
                return ""
            raise InvalidSchedule(f"`{expression}` starts at seconds of a minute. Write it with five fields there.")
        expression = " ".join(fields[:5])
    try:
        return normalize_cron(expression)
    except InvalidSchedule:
        if or_none:
            return ""
        raise


def _zone(old: OldDefinition) -> str:
    name = old.timezone or "UTC"
    zone_of(name)
    return name


def _id_of(old: OldDefinition) -> str:
    """Return the id of its schedule: the same in each import, and as old as the definition."""
    seed = hashlib.sha256(f"jupyter-scheduler {old.id}".encode()).digest()
    milliseconds = max(0, int(old.created_at.timestamp() * 1000)) & (2**48 - 1)
    return str(ULID(milliseconds.to_bytes(6, "big") + seed[:10]))


def _clean(name: str) -> str:
    printable = "".join(character for character in name if character.isprintable()).strip()
    return printable[: MAX_NAME_LENGTH - 10] or "imported"


def _free_name(name: str, names: set[str]) -> str:
    number, free = 2, name
    while free in names:
        free, number = f"{name} ({number})", number + 1
    return free


def _kept(message: str) -> ImportNote:
    return ImportNote(NoteKind.CARRIED_OVER, message)


def _changed(message: str) -> ImportNote:
    return ImportNote(NoteKind.CHANGED, message)


def _not(message: str) -> ImportNote:
    return ImportNote(NoteKind.NOT_CARRIED_OVER, message)
