"""Reproducing a run: its files, parameters and variables in a folder, and a kernel that starts there as the run did.

Nothing of it is stored: the folder is a working copy that belongs to the person who asked for it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Literal, TypeAlias

from ..domain.actors import Actor
from ..domain.events import run_subject
from ..domain.inputs import Inputs, RunFiles
from ..domain.jobs import JobKind
from ..domain.pipelines import Item, Pipeline, Reference, Step, StepState, StepStatus, parent_key
from ..domain.policy import ObjectKind, Verb
from ..domain.reproductions import MARKER_FOLDER, MissingInput, reproduction_name
from ..domain.runs import Run
from ..domain.secrets import environment_scope
from ..domain.snapshots import KernelChoice
from ..domain.sweeps import SWEEP_STEP
from ..domain.versions import Manifest
from ..errors import Conflict, NotFound, Refused, UnknownEnvironment
from ..ports import Container, Transaction
from ..rundir.parameters import parameter_variables
from ..rundir.protocol import PARAMETERS_VARIABLE, VALUES_VARIABLE
from .authoring import offered_kernels
from .context import Services
from .parameters import inject_parameters
from .permissions import allows, require
from .pipeline_progress import part_of
from .pipeline_values import StepValues
from .pipelines import find_step, stored_pipeline
from .placement import NO_OVERRIDE, check_image_exists, container_of, kernel_here, place_rerun
from .reproduction_folders import (
    HELPERS_FOLDER,
    PARAMETERS_FILE,
    VALUES_FILE,
    Content,
    FilledFolder,
    fill,
    fill_below,
)
from .secrets import decrypt_all
from .slow_expressions import TakesLong, answers

KernelPlace: TypeAlias = Literal["image", "local"]
"""The place of a kernel: the image in which the run ran, or this machine."""


@dataclass(frozen=True)
class Wanted:
    """A run, or of a pipeline run a `step` and, of a fan-out, the `item` with this key."""

    run_id: str
    step: str | None = None
    item: str | None = None


@dataclass(frozen=True)
class Variables:
    """The environment variables of a run: those that people set for it, and those that `base` has from this machine.

    `secrets` are names. `left_out` are names of variables and secrets that this person may not have.
    """

    base: Mapping[str, str]
    given: Mapping[str, str]
    secrets: Sequence[str]
    left_out: Sequence[str]


@dataclass(frozen=True)
class Reproduction:
    """A folder with all that a run found. `path` is the file to open in it; None for a command.

    `cell` is the cell that failed, from 0. `command` is for a shell. `created` is False for a folder that was there,
    and that nobody has changed.
    """

    run: Run
    folder: Path
    path: str | None
    cell: int | None
    created: bool
    size: int
    variables: Variables
    missing: Sequence[MissingInput]
    command: str


@dataclass(frozen=True)
class ReproductionKernel:
    """A kernel that starts as that of a run, in the `folder` of its reproduction. `name` is that of a kernelspec.

    `cwd` is below the folder. With a `container` it starts in the image of the run, with the folder as its workspace.
    """

    wanted: Wanted
    run: Run
    folder: Path
    path: str
    name: str
    variables: Variables
    by: Actor
    container: Container | None = None

    @property
    def kernel(self) -> KernelChoice:
        assert self.run.kernel is not None
        return self.run.kernel

    @property
    def cwd(self) -> PurePosixPath:
        return PurePosixPath(self.path).parent


def reproduce(ctx: Services, wanted: Wanted, *, below: Path, folder: Path | None = None, by: Actor) -> Reproduction:
    """Fill a folder with the files, parameters and variables of the run, without secrets. Nothing is executed.

    It is `folder`, or a new one in `dataops-reproduce` of the folder `below`. The second call returns the same folder
    as long as nobody has changed it.
    """
    source = _find_source(ctx, wanted, by=by)
    content = _content(ctx, source)
    if folder is None:
        filled = fill_below(ctx.blobs, content, below, reproduction_name(source.name, source.run.id))
    else:
        filled = fill(ctx.blobs, content, folder)
    manifest = source.manifest
    return Reproduction(
        run=source.run,
        folder=filled.path,
        path=None if manifest.kind is JobKind.COMMAND else manifest.path,
        cell=_failing_cell(source.run),
        created=filled.created,
        size=content.size,
        variables=source.variables,
        missing=(*source.missing, *filled.missing),
        command=_command(source, filled),
    )


def find_kernel(ctx: Services, wanted: Wanted, folder: Path, *, place: KernelPlace, by: Actor) -> ReproductionKernel:
    """Return the kernel to start in the `folder` of a reproduction.

    Refused, with the reason, when there is none like it, or when the image of the run is not there any more.
    """
    source = _find_source(ctx, wanted, by=by)
    run, manifest = source.run, source.manifest
    if run.kind is not JobKind.NOTEBOOK or run.kernel is None:
        raise Conflict(
            f"{manifest.path} is a {run.kind} and has no kernel. Run the command of its reproduction.",
            code="no_notebook",
            kind=run.kind,
        )
    name, container = run.kernel.name, None
    if place == "image":
        name, container = _image_kernel(ctx, run, by=by)
    else:
        kernel_here(ctx, run.kind, run.kernel)
    return ReproductionKernel(wanted, run, folder, manifest.path, name, source.variables, by, container)


def environment_of(ctx: Services, kernel: ReproductionKernel, *, root: PurePath | None = None) -> dict[str, str]:
    """Return the environment variables with which the kernel starts. The caller hands them on and keeps none.

    `root` is the place of the folder for the kernel; None: the same as here. An event says who got secrets.
    """
    run, variables = kernel.run, kernel.variables
    secrets: Mapping[str, str] = {}
    if variables.secrets:
        secrets = decrypt_all(ctx, environment_scope(run.environment))
        with ctx.store.begin() as tx:
            data = {"secrets": sorted(secrets), "step": run.parent_key}
            tx.events.add(run_subject(run.id), "run.reproduced", at=ctx.clock.now(), actor=kernel.by, data=data)
    # A container has the variables of its image. Those of this machine would name things that are not in there.
    set_for_run = {**({} if kernel.container else variables.base), **variables.given, **secrets}
    return {**set_for_run, **_paths(root or kernel.folder, set_for_run)}


# --- the run ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """The run that is reproduced. One that has not started is as the engine would make it now."""

    run: Run
    name: str
    manifest: Manifest
    inputs: Inputs
    variables: Variables
    missing: Sequence[MissingInput] = ()


def _find_source(ctx: Services, wanted: Wanted, *, by: Actor) -> _Source:
    require(ctx, by, Verb.REPRODUCE, ObjectKind.RUN)
    while True:
        values: list[StepValues] = []
        try:
            with ctx.store.read() as tx:
                return _read_source(ctx, tx, wanted, values, by=by)
        except TakesLong:
            # The thread of slow expressions evaluates them, outside of the transaction.
            answers.look_for(ctx, values[0].questions, lambda: None)
            answers.wait()


def _read_source(ctx: Services, tx: Transaction, wanted: Wanted, values: list[StepValues], *, by: Actor) -> _Source:
    run = tx.runs.get(wanted.run_id)
    job = tx.jobs.get(run.job_id)
    wanted_step = SWEEP_STEP if run.kind is JobKind.SWEEP else wanted.step
    if wanted_step is None:
        if run.kind.has_steps:
            raise Refused(
                f"Run {run.id} is one of a {run.kind}. Name one of its steps with `--step`: "
                f"{', '.join(step.id for step in stored_pipeline(ctx, tx, run).steps if step.approval is None)}.",
                code="step_needed",
            )
        return _source_of_run(ctx, tx, run, job.name, by=by)
    step = find_step(ctx, tx, run, wanted_step)
    name = f"{job.name}-{step.id}"
    if part := _part(tx, run, step, wanted.item):
        return _source_of_run(ctx, tx, part, name, by=by)
    return _source_of_step(ctx, tx, run, step, wanted.item, name, values, by=by)


def _part(tx: Transaction, run: Run, step: Step, item: str | None) -> Run | None:
    return tx.runs.find_part(run.id, parent_key(step.id, item))


def _source_of_run(ctx: Services, tx: Transaction, run: Run, name: str, *, by: Actor) -> _Source:
    return _Source(
        run=run,
        name=name,
        manifest=tx.versions.get(run.job_id, run.version_digest).manifest,
        inputs=tx.inputs.get(run.inputs_digest),
        variables=_variables(ctx, tx, run, by=by),
    )


def _source_of_step(
    ctx: Services,
    tx: Transaction,
    run: Run,
    step: Step,
    item_key: str | None,
    name: str,
    values: list[StepValues],
    *,
    by: Actor,
) -> _Source:
    """Return the run that a step without a run would get now. Its inputs must be there."""
    if step.approval is not None:
        raise Refused(
            f"`{step.id}` asks people, and runs nothing. Name a notebook, a script or a command.", code="step_needed"
        )
    pipeline = stored_pipeline(ctx, tx, run)
    statuses = tx.pipelines.get_progress(run.id).statuses
    planned = tx.pipelines.get_plan(run.id, [step.id]).get(step.id)
    if planned is None:
        raise Conflict(f"`{step.id}` is not part of run {run.id}. Run the pipeline again.", code="step_not_planned")
    missing = _check_givers(pipeline, step, statuses)
    manifest = tx.versions.get(planned.job_id, planned.version_digest).manifest
    folder = tx.versions.get(run.job_id, run.version_digest).manifest.folder
    at = ctx.moment()
    # A pipeline run that still waits has not started, and expressions may ask when it did.
    started = run if run.started_at else replace(run, started_at=at.wall_time)
    finder = StepValues(ctx, tx, started, pipeline, statuses, folder=folder)
    values.append(finder)
    item = _item(finder, step, item_key)
    part = replace(
        part_of(run, step, planned, at),
        id=run.id,
        parent_key=parent_key(step.id, item.key if item else None),
        parameters=finder.parameters(step, manifest, [item])[0],
        variables=finder.variables(step, [item])[0],
    )
    inputs = finder.find_inputs(step, planned, manifest)
    return _Source(part, name, manifest, inputs, _variables(ctx, tx, part, by=by), missing)


def _item(values: StepValues, step: Step, key: str | None) -> Item | None:
    if step.for_each is None:
        if key is not None:
            raise Refused(f"`{step.id}` has no items. Leave `--item` out.", code="step_needed")
        return None
    items = {item.key: item for item in values.items(step)}
    if key is None or key not in items:
        known = ", ".join(list(items)[:20]) or "none"
        raise Refused(
            f"`{step.id}` runs once for each item. Name one of them with `--item`: {known}.", code="step_needed"
        )
    return items[key]


def _check_givers(pipeline: Pipeline, step: Step, statuses: Mapping[str, StepStatus]) -> list[MissingInput]:
    """Raise Conflict when a step that gives files or values has not ended. Return those that ended otherwise."""
    givers = sorted(set(_givers(pipeline, step)))
    if waiting := [giver for giver in givers if not statuses[giver].state.has_ended]:
        raise Conflict(
            f"The inputs of `{step.id}` are not there yet: `{waiting[0]}` is {statuses[waiting[0]].state}. Wait for "
            "its end.",
            code="inputs_not_there",
            steps=waiting,
        )
    return [
        MissingInput(giver, f"{_end_of(statuses[giver].state)}, and may have left less than it should.")
        for giver in givers
        if statuses[giver].state is not StepState.SUCCEEDED
    ]


def _end_of(state: StepState) -> str:
    words = {StepState.FAILED: "It failed", StepState.TIMED_OUT: "It timed out", StepState.EXPIRED: "It expired"}
    return words.get(state, "It is disabled" if state is StepState.DISABLED else f"It was {state}")


def _givers(pipeline: Pipeline, step: Step) -> Iterator[str]:
    yield from (files.step for files in step.files)
    given: list[Any] = [*step.parameters.values(), *step.variables.values()]
    if step.for_each is not None:
        given.append(step.for_each.inputs)
    for value in given:
        if isinstance(value, Reference):
            yield from (name for name in re.findall(r"\bsteps\.(\w+)", value.cel) if name in pipeline.by_id)


# --- its content ------------------------------------------------------------------------------------


def _content(ctx: Services, source: _Source) -> Content:
    run, manifest, inputs, variables = source.run, source.manifest, source.inputs, source.variables
    files, written = RunFiles(manifest.files, inputs).all_files, {}
    if manifest.kind is JobKind.NOTEBOOK:
        written[manifest.path] = inject_parameters(ctx, manifest, run.parameters)
    elif manifest.source_digest is not None:
        written[manifest.path] = ctx.blobs.read(manifest.source_digest)
    parameters = manifest.parameters.complete(run.parameters)
    description = {
        "run": {
            "id": run.id,
            "step": run.parent_key,
            "version": run.version_digest,
            "inputs": inputs.digest,
            "parameters": parameters,
            "environment": run.environment,
            "variables": dict(variables.given),
            "secrets": list(variables.secrets),
            "left_out": list(variables.left_out),
            "kernel": run.kernel.name if run.kernel else None,
            "image": run.image.digest if run.image else None,
        }
    }
    folders = (manifest.folder, *manifest.folders, *inputs.folders)
    return Content(files, [each for each in folders if each], written, description, parameters)


def _variables(ctx: Services, tx: Transaction, run: Run, *, by: Actor) -> Variables:
    base = ctx.inherited
    # An image of a run has its own; those of this machine are for a kernel of this machine.
    if run.kernel is not None and run.kernel.inherited and run.image is None:
        base = run.kernel.inherited
    try:
        environment = tx.environments.get(run.environment)
    except (NotFound, UnknownEnvironment):
        return Variables(base, dict(run.variables), (), ())
    given = {variable.name: variable.value for variable in tx.variables.list_for_environment(environment.name)}
    secrets = [secret.name for secret in tx.secrets.list_in_scope(environment_scope(environment.name)) if secret.is_set]
    kind = ObjectKind.GUARDED_ENVIRONMENT if environment.guarded else ObjectKind.ENVIRONMENT
    if not allows(ctx, by, Verb.RUN, kind):
        return Variables(base, dict(run.variables), (), sorted({*given, *secrets} - set(run.variables)))
    return Variables(base, {**given, **run.variables}, secrets, ())


def _failing_cell(run: Run) -> int | None:
    cell = run.reason.detail.get("cell") if run.reason else None
    return cell if isinstance(cell, int) and not isinstance(cell, bool) else None


def _command(source: _Source, filled: FilledFolder) -> str:
    """Return lines for a shell that do what the run did, or open its notebook. Secrets are named in a comment."""
    run, manifest, variables = source.run, source.manifest, source.variables
    exports = dict(variables.given)
    if manifest.kind is JobKind.NOTEBOOK:
        argv = ["jupyter", "lab", PurePosixPath(manifest.path).name]
    else:
        assert run.kernel is not None
        argv = manifest.program_argv(run.kernel.argv)
        exports |= {**run.kernel.env, **parameter_variables(manifest.parameters.complete(run.parameters))}
        exports[PARAMETERS_VARIABLE] = str(filled.path / MARKER_FOLDER / PARAMETERS_FILE)
        exports |= _paths(filled.path, exports)
    lines = [f"cd {shlex.quote(str(filled.path / manifest.folder))}"]
    if to_set := [*variables.secrets, *variables.left_out]:
        lines.append(f"# Set these yourself: {' '.join(to_set)}")
    lines += [f"export {name}={shlex.quote(text)}" for name, text in exports.items()]
    return "\n".join([*lines, shlex.join(argv)])


def _paths(folder: PurePath, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which code finds `record`, and the file to which it appends values."""
    marker = folder / MARKER_FOLDER
    paths = [path for path in (variables.get("PYTHONPATH"), str(marker / HELPERS_FOLDER)) if path]
    return {"PYTHONPATH": ":".join(paths), VALUES_VARIABLE: str(marker / VALUES_FILE)}


# --- its kernel -------------------------------------------------------------------------------------


def _image_kernel(ctx: Services, run: Run, *, by: Actor) -> tuple[str, Container]:
    """Return the kernelspec by which Jupyter starts kernels of the run's image, and the container of the run."""
    if run.image is None or run.kernel is None:
        raise Refused(
            f"Run {run.id} did not run in an image. Reproduce it with a kernel of this machine.",
            code="reproduction_without_image",
        )
    with ctx.store.read() as tx:
        placed = place_rerun(ctx, tx, run, NO_OVERRIDE, by=by)
        container = container_of(tx, run)
    if host := placed.environment.docker.host:
        raise Refused(
            f"{run.environment} works on the Docker host {host}, where this folder is not. Reproduce the run with a "
            "kernel of this machine.",
            code="workspace_out_of_reach",
        )
    check_image_exists(ctx, placed)
    assert container is not None
    for offered in offered_kernels(ctx, by=by):
        if (offered.image.name, offered.kernel.name) == (run.image.name, run.kernel.name):
            return offered.name, container
    raise Refused(
        f"Kernels of the image {run.image.name} are not offered here: no environment for trying things out allows it. "
        "Reproduce the run with a kernel of this machine.",
        code="kernel_not_offered",
    )
