"""Declared outputs: checked before the start, and demanded at the end."""

from __future__ import annotations

import datetime as dt
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..domain.actors import Actor
from ..domain.environments import Environment
from ..domain.jobs import JobKind
from ..domain.outputs import (
    MADE,
    Output,
    RunOutput,
    artifact_path,
    find_collision,
    find_missing,
    find_problems,
    resolve,
)
from ..domain.pipelines import Pipeline
from ..domain.policy import ObjectKind, Verb
from ..domain.publications import missing_reason, publishes
from ..domain.records import Record, RecordFileKind
from ..domain.runs import Reason, Run, RunState, TriggerKind
from ..domain.versions import Manifest
from ..domain.workspaces import parent_folders
from ..errors import Forbidden, InvalidOutputs
from ..ports import Part, Transaction
from .context import Services
from .permissions import allows

# --- before the start -----------------------------------------------------------------------------


def check_declared(outputs: Sequence[Output], manifest: Manifest, path: str) -> None:
    """Raise InvalidOutputs, with all problems, when the outputs make no sense. `path` is that of the job."""
    problems = find_problems(outputs, manifest.parameters, kind=manifest.kind, folder=posixpath.dirname(path))
    if messages := list(dict.fromkeys(message for _, message in problems)):
        raise InvalidOutputs(" ".join(messages), problems=messages)


def check_pipeline(pipeline: Pipeline, path: str) -> None:
    """Raise InvalidOutputs when the outputs of a pipeline leave the workspace. `path` is that of its file there."""
    found = find_problems(
        pipeline.outputs,
        pipeline.parameters,
        kind=JobKind.PIPELINE,
        folder=posixpath.dirname(path),
        fans_out=pipeline.fan_outs,
    )
    if messages := list(dict.fromkeys(message for _, message in found)):
        raise InvalidOutputs(" ".join(messages), problems=messages)


def check_pipeline_paths(pipeline: Pipeline, values: Mapping[str, Any], *, at: dt.datetime) -> None:
    """Raise InvalidOutputs when the parameters of a pipeline run make no path, or two of its outputs have the same."""
    resolve(pipeline.outputs, pipeline.parameters, values, nominal=at, run_id="run", item="item")


def check_paths(manifest: Manifest, rows: Sequence[tuple[str, Mapping[str, Any]]], *, at: dt.datetime) -> None:
    """Raise InvalidOutputs when the parameters of a run make no path, or those of two runs make the same.

    `rows` has a name for each run, and its parameters.
    """
    if not manifest.outputs:
        return
    schema = manifest.parameters
    found = [
        (name, output)
        for name, values in rows
        for output in resolve(manifest.outputs, schema, values, nominal=at, run_id=f"run {name}".strip())
    ]
    if len(rows) > 1 and (problem := find_collision(found)):
        raise InvalidOutputs(f"{problem} Nothing was started.")


def list_published_paths(ctx: Services, path: str) -> list[str]:
    """Return the absolute paths of files that runs published to the folders that hold this notebook."""
    folders = parent_folders(str(Path(path).resolve()))
    with ctx.store.read() as tx:
        return [f"{file.folder}/{file.path}" for file in tx.publications.list_files(folders)]


def decides_to_publish(
    ctx: Services,
    trigger: TriggerKind,
    asked: bool | None,
    environment: Environment,
    *,
    sweep: bool = False,
    by: Actor,
) -> bool:
    """Tell whether a new run publishes. Forbidden when somebody asks for it who may not."""
    kind = ObjectKind.GUARDED_ENVIRONMENT if environment.guarded else ObjectKind.ENVIRONMENT
    if asked and not allows(ctx, by, Verb.PUBLISH, kind):
        raise Forbidden(
            f"Only administrators publish from {environment.name}. Leave `publish` out, or ask one of them.",
            code="environment_guarded",
            verb=str(Verb.PUBLISH),
            object=str(kind),
            environment=environment.name,
        )
    return publishes(trigger, asked, sweep=sweep)


# --- at the end of a run --------------------------------------------------------------------------


def of_run(manifest: Manifest, run: Run) -> tuple[RunOutput, ...]:
    """Return the outputs of a run of this version. InvalidOutputs when its values make no paths."""
    return resolve(manifest.outputs, manifest.parameters, run.parameters, nominal=_nominal(run), run_id=run.id)


def _nominal(run: Run) -> dt.datetime:
    return run.nominal_at or run.created_at


def find_shortfall(ctx: Services, run: Run, record: Record) -> Reason | None:
    """Say why a run that ended well has failed all the same: it did not leave a declared output."""
    manifest = _manifest_with_outputs(ctx, run)
    if manifest is None:
        return None
    try:
        outputs = of_run(manifest, run)
    except InvalidOutputs as error:
        return Reason(error.precise_code, error.message)
    paths = {file.path for file in record.artifacts}
    has_notebook = record.find_file(RecordFileKind.NOTEBOOK) is not None
    missing = find_missing(outputs, paths, folder=manifest.folder, has_notebook=has_notebook)
    return missing_reason(missing) if missing else None


def _manifest_with_outputs(ctx: Services, run: Run) -> Manifest | None:
    """Return the manifest of a version that declares outputs; None for the others.

    Most declare none, and the end of a run must not read that each time: versions never change.
    """
    if run.version_digest in _without_outputs():
        return None
    with ctx.store.read() as tx:
        manifest = tx.versions.get(run.job_id, run.version_digest).manifest
    if not manifest.outputs:
        known = _without_outputs()
        if len(known) >= MAX_KNOWN:
            known.clear()
        known.add(run.version_digest)
        return None
    return manifest


MAX_KNOWN = 10_000


@lru_cache(1)
def _without_outputs() -> set[str]:
    return set()


def find_pipeline_shortfall(tx: Transaction, run: Run, pipeline: Pipeline, manifest: Manifest) -> Reason | None:
    """Say why a pipeline whose steps went well has failed all the same; None when it left what it declares."""
    if not pipeline.outputs:
        return None
    try:
        left = list(outputs_of_steps(tx, run, pipeline))
    except InvalidOutputs as error:
        return Reason(error.precise_code, error.message)
    missing = [
        f"{output.source} of {output.step}"
        for output, record in left
        if not output.optional and (record is None or not is_left(record, output, manifest.folder))
    ]
    return missing_reason(missing) if missing else None


def is_left(record: Record, output: RunOutput, folder: str) -> bool:
    """Tell whether the run of this record left the output. `folder` is the one of the job, from the root."""
    if output.source in MADE:
        return record.find_file(RecordFileKind.NOTEBOOK) is not None
    return any(file.path == artifact_path(output, folder) for file in record.artifacts)


def outputs_of_steps(tx: Transaction, run: Run, pipeline: Pipeline) -> Iterator[tuple[RunOutput, Record | None]]:
    """Yield the outputs of a pipeline run, those of a fan-out for each item, with the records of their runs."""
    steps = [output.step for output in pipeline.outputs if output.step is not None]
    parts = tx.pipelines.list_parts(run.id, list(dict.fromkeys(steps)))
    found = tx.records.find_for_runs([part.id for of_step in parts.values() for part in of_step])
    for output in pipeline.outputs:
        step = pipeline.by_id[output.step or ""]
        of_step = parts.get(step.id, ())
        runs: list[Part | None] = [*of_step] if of_step or step.for_each else [None]
        for part in runs:
            item = part.item_key if part is not None else None
            (resolved,) = resolve(
                [output],
                pipeline.parameters,
                run.parameters,
                nominal=_nominal(run),
                run_id=run.id,
                item=item,
            )
            done = part is not None and part.state is RunState.SUCCEEDED
            yield resolved, found.get(part.id) if part is not None and done else None
