"""The comparison of a run with the last one that succeeded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..domain.comparisons import (
    MAX_INPUTS,
    Cell,
    Comparison,
    DifferenceKind,
    RunFacts,
    SettingChange,
    compare,
    read_cells,
)
from ..domain.events import Event, Subject, SubjectKind, run_subject
from ..domain.inputs import Inputs
from ..domain.jobs import JobKind
from ..domain.runs import Run, RunState, TriggerKind
from ..domain.secrets import Secret, environment_scope
from ..domain.variables import Variable
from ..domain.versions import Manifest, Version
from ..errors import Conflict, DataOpsError
from ..ports import RunFilter, Transaction
from ..runner.masking import Masking
from . import runs
from .context import Services
from .failures import find_failing_cell
from .masking import mask_for, mask_parameters
from .row_counts import count_rows

MAX_CANDIDATES = 200
"""How many successes are looked through for one of the same preset."""
MAX_CHANGES = 20
MAX_EVENTS = 200


def of_run(ctx: Services, run_id: str) -> Comparison:
    """Compare a run that has ended with the last success of its job in its environment before it.

    A run of a preset is compared with one of the same preset, a step or item with the same step or item. Values of
    secrets never appear. Conflict while the run has not ended.
    """
    view = runs.get(ctx, run_id)
    run = view.run
    if not run.state.is_terminal:
        raise Conflict(f"Run {run.id} has not ended; it is {run.state}. Compare it then.", code="not_finished")
    with ctx.store.read() as tx:
        good = _find_good(tx, run)
        if good is None:
            return Comparison(run, None)
        versions = tx.versions.get_many([(each.job_id, each.version_digest) for each in (good, run)])
        changes = _changes_between(tx, good, run)
        moving = _moving(tx, run)
        facts = [_facts(tx, each, versions[each.job_id, each.version_digest]) for each in (good, run)]
    mask = mask_for(ctx, run.environment)
    old, new = (_complete(ctx, each, other, mask) for each, other in zip(facts, reversed(facts), strict=True))
    cell = find_failing_cell(ctx, view)
    return compare(old, new, changes, failing_cell=cell.number if cell else None, moving=moving)


def _find_good(tx: Transaction, run: Run) -> Run | None:
    where = RunFilter(
        states=(RunState.SUCCEEDED,), job_id=run.job_id, environment=run.environment, created_before=run.created_at
    )
    series = _series(tx, [run]).get(run.id)
    cursor, seen = None, 0
    while seen < MAX_CANDIDATES:
        page = tx.runs.page(where, limit=50, cursor=cursor)
        found = tx.runs.get_many([each.id for each in page.items])
        candidates = [found[each.id] for each in page.items if each.id in found and each.id != run.id]
        of_series = _series(tx, candidates)
        for each in candidates:
            is_copy = each.trigger.kind in (TriggerKind.TAKEN_OVER, TriggerKind.TRIAL)
            is_same_part = each.parent_key == run.parent_key and each.kind is run.kind
            if not is_copy and is_same_part and (series is None or of_series.get(each.id) == series):
                return each
        seen, cursor = seen + len(page.items), page.next
        if cursor is None:
            break
    return None


def _series(tx: Transaction, found: Sequence[Run]) -> Mapping[str, tuple[str, str]]:
    """Return schedule and preset of the runs that have a preset, by run."""
    ticks = tx.ticks.get_many([run.tick_id for run in found if run.tick_id])
    named = {run.id: ticks[run.tick_id] for run in found if run.tick_id and run.tick_id in ticks}
    return {run_id: (tick.schedule_id, tick.preset) for run_id, tick in named.items() if tick.preset}


def _moving(tx: Transaction, run: Run) -> frozenset[str]:
    """Return the parameters that follow the nominal time: they differ each time."""
    for tick in tx.ticks.get_many([run.tick_id] if run.tick_id else []).values():
        for schedule in tx.schedules.get_many([tick.schedule_id]).values():
            return frozenset((*schedule.settings.dates_of(tick.preset), *tick.payload))
    return frozenset()


# --- settings -------------------------------------------------------------------------------------

_KINDS = {
    "variable.set": (DifferenceKind.VARIABLE, "the variable {} was set"),
    "variable.removed": (DifferenceKind.VARIABLE, "the variable {} was removed"),
    "secret.set": (DifferenceKind.VARIABLE, "the secret {} was set"),
    "secret.removed": (DifferenceKind.VARIABLE, "the secret {} was removed"),
    "environment.changed": (DifferenceKind.ENVIRONMENT, "the settings of {} changed"),
}


def _changes_between(tx: Transaction, good: Run, run: Run) -> list[SettingChange]:
    """Return what was changed in the environment between the starts of both runs, the last change of each name."""
    after = _last_start(tx, good)
    if after is None:
        return _changes_by_time(tx, good, run)
    # A run that never started can have failed of all that came before its end.
    end = _last_start(tx, run) or tx.events.last_seq()
    found: dict[Subject, SettingChange] = {}
    while events := tx.events.list_after(after, limit=MAX_EVENTS, kinds=_KINDS):
        for event in events:
            after = event.seq
            if event.seq > end:
                return list(found.values())[-MAX_CHANGES:]
            name = _name_in(event, run.environment)
            if name is not None:
                kind, text = _KINDS[event.kind]
                found.pop(event.subject, None)
                found[event.subject] = SettingChange(kind, text.format(name), event.at, event.actor, name)
    return list(found.values())[-MAX_CHANGES:]


def _last_start(tx: Transaction, run: Run) -> int | None:
    """Return the number of the event of its last start; None when events of it are not kept any more."""
    events = tx.events.list_after(0, subject=run_subject(run.id), kinds=("run.active",))
    return events[-1].seq if events else None


def _name_in(event: Event, environment: str) -> str | None:
    """Return the name of what changed, where it belongs to the environment."""
    subject = event.subject
    if subject.kind is SubjectKind.ENVIRONMENT:
        return environment if subject.id == environment else None
    scope = environment_scope(environment) if subject.kind is SubjectKind.SECRET else environment
    return subject.id.removeprefix(f"{scope}/") if subject.id.startswith(f"{scope}/") else None


def _changes_by_time(tx: Transaction, good: Run, run: Run) -> list[SettingChange]:
    """Return what the settings themselves tell of their last change, where the events are gone."""
    since, until = good.started_at or good.created_at, run.started_at or run.finished_at or run.created_at
    settings: list[tuple[str, Variable | Secret]] = [
        *(("variable.set", each) for each in tx.variables.list_for_environment(run.environment)),
        *(("secret.set", each) for each in tx.secrets.list_in_scope(environment_scope(run.environment))),
    ]
    return [
        SettingChange(_KINDS[kind][0], _KINDS[kind][1].format(each.name), each.changed_at, each.changed_by, each.name)
        for kind, each in settings
        if since < each.changed_at <= until
    ][:MAX_CHANGES]


# --- facts ----------------------------------------------------------------------------------------


def _facts(tx: Transaction, run: Run, version: Version) -> RunFacts:
    attempts = tx.attempts.list_for_run(run.id)
    image = tx.images.find(run.image.name) if run.image else None
    probe = image.probe if image and run.image and image.pinned.id == run.image.id else None
    last = attempts[-1] if attempts else None
    return RunFacts(
        run,
        version,
        inputs=tx.inputs.get(run.inputs_digest),
        packages=probe.packages if probe else None,
        host=str(last.backend) if last else "",
        boot=last.started_boot if last else None,
    )


def _complete(ctx: Services, facts: RunFacts, other: RunFacts, mask: Masking) -> RunFacts:
    """Add what takes time to read, where the other run differs."""
    manifest = facts.version.manifest
    parameters = manifest.parameters.complete(facts.run.parameters)
    is_other_source = manifest.source_digest != other.version.manifest.source_digest
    return replace(
        facts,
        parameters=mask_parameters(mask, parameters),
        cells=_cells(ctx, manifest) if is_other_source else (),
        rows=_rows(ctx, facts.inputs, other.inputs),
    )


def _cells(ctx: Services, manifest: Manifest) -> tuple[Cell, ...]:
    if manifest.kind is not JobKind.NOTEBOOK or manifest.source_digest is None:
        return ()
    try:
        notebook: Any = json.loads(ctx.blobs.read(manifest.source_digest))
    except (DataOpsError, ValueError):
        return ()  # The comparison of the rest must not fail on it.
    return read_cells(notebook) if isinstance(notebook, dict) else ()


def _rows(ctx: Services, own: Inputs, other: Inputs) -> dict[str, int]:
    others = {file.path: file.digest for file in other.files}
    changed = [file for file in own.files if others.get(file.path, file.digest) != file.digest]
    counts = {
        file.path: count_rows(ctx.blobs, file.path, file.digest, file.size)
        for file in sorted(changed, key=lambda file: file.path)[:MAX_INPUTS]
    }
    return {path: count for path, count in counts.items() if count is not None}
