"""Files of pipelines before they run: what is wrong with one, what it can be given, and a first one of old files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from ..domain.actors import Actor
from ..domain.environments import SANDBOX, ExecutorKind, Resources
from ..domain.expressions import scope_of
from ..domain.jobs import PIPELINE_SUFFIX, JobKind, kind_of_path, without_pipeline_suffix
from ..domain.outcomes import first_statuses
from ..domain.parameters import ParameterSchema
from ..domain.pipeline_checks import nearest, upstream
from ..domain.pipelines import MAX_STEPS, Pipeline, Reference, Step, StepKind, StepStatus
from ..domain.runs import Submission
from ..domain.snapshots import Finding, Inspection, Severity
from ..domain.versions import Origin
from ..errors import DataOpsError, InvalidPipeline, InvalidRequest, KernelUnavailable, PathOutsideRoot
from ..ports.pipelines import FileProblem, Guess, Reading, StepFile
from .context import Services
from .placement import authoring_image, options, target_runtime

PROBLEMS_IN_MESSAGE = 5
MAX_FINDINGS = 50
SCHEMA_FILE = "pipeline.schema.json"
"""The JSON Schema of a pipeline's file, where editors find it beside the pipelines of a folder."""


@dataclass(frozen=True)
class Validation:
    """The result of the check of a pipeline's file. Without problems it can run.

    `statuses` says which steps are disabled for a run; it is empty where there is no pipeline to show.
    """

    reading: Reading
    problems: Sequence[FileProblem]
    statuses: Mapping[str, StepStatus] = field(default_factory=dict)


@dataclass(frozen=True)
class NewFile:
    """A new pipeline's file, to be saved as `name` in `folder`. Guesses name steps by their ids."""

    folder: str
    name: str
    content: str
    guesses: Sequence[Guess]


def validate(
    ctx: Services,
    path: str,
    *,
    root: str | None,
    by: Actor,
    content: str | None = None,
    environment: str = SANDBOX,
) -> Validation:
    """Find everything that is wrong with the pipeline's file at the local `path`. It runs and stores nothing.

    `content` is checked in place of the file's own, as an editor has it that did not save it yet.
    """
    data = ctx.notebooks.read_pipeline_file(path, root=root) if content is None else content.encode(errors="replace")
    reading = ctx.pipelines.read(data)
    pipeline = reading.pipeline
    if pipeline is None:
        return Validation(reading, reading.problems)
    found = list(reading.problems)
    schemas: dict[str, ParameterSchema] = {}
    for step in pipeline.steps[:MAX_STEPS]:
        if step.path is not None:
            try:
                schemas[step.id] = _read_parameters(ctx, step, posixpath.dirname(path), root=root)
            except DataOpsError as error:
                found.append(reading.problem(error.message, step.id, str(step.kind)))
    if not reading.problems:
        # Else a step may name others that are not there, and expressions mean nothing.
        found.extend(find_value_problems(ctx, reading, schemas))
    images = list(_find_image_problems(ctx, reading, environment, by=by))
    found.extend(images)
    if not images:
        found.extend(_find_kernel_problems(ctx, reading, list(schemas), path, environment, root=root))
    found.sort(key=lambda problem: (problem.line, problem.column))
    return Validation(reading, found, {} if reading.problems else first_statuses(pipeline))


def find_value_problems(
    ctx: Services, reading: Reading, schemas: Mapping[str, ParameterSchema]
) -> Iterator[FileProblem]:
    """Yield what is wrong with the values that steps give to the parameters of their notebooks and scripts.

    `schemas` has the parameters by the id of the step. The reading has no problems.
    """
    pipeline = reading.pipeline
    assert pipeline is not None
    before = upstream(pipeline)
    for step in pipeline.steps:
        if step.id in schemas:
            yield from _find_problems_of_values(ctx, reading, pipeline, step, schemas[step.id], before[step.id])


def read_parameters(ctx: Services, submission: Submission) -> ParameterSchema:
    """Return the parameters that the file declares; none where it cannot be read, which `take_pipeline` then says."""
    reading = ctx.pipelines.read(ctx.notebooks.read_pipeline_file(submission.path, root=submission.root))
    return reading.pipeline.parameters if reading.pipeline else ParameterSchema()


def require_valid(reading: Reading, name: str, more: Sequence[FileProblem] = ()) -> Pipeline:
    """Return the pipeline that was read. InvalidPipeline names the problems, those of the reading and `more`."""
    problems = sorted((*reading.problems, *more), key=lambda problem: (problem.line, problem.column))
    if reading.pipeline is not None and not problems:
        return reading.pipeline
    said = " ".join(f"Line {each.line}: {each.message}" for each in problems[:PROBLEMS_IN_MESSAGE])
    rest = len(problems) - PROBLEMS_IN_MESSAGE
    raise InvalidPipeline(
        f"{name} cannot run. {said}{f' {rest} more problems.' if rest > 0 else ''}",
        problems=[vars(problem) for problem in problems],
    )


def check_request(submission: Submission) -> None:
    """Refuse what a submission of a notebook may ask for and a pipeline decides for each of its steps."""
    if submission.kernel is not None or submission.resources != Resources() or submission.pinned is not None:
        raise InvalidRequest(
            "A pipeline has no kernel, resources or pinned files of its own. Give them to its steps, or in `defaults`."
        )


def inspect(ctx: Services, path: str, *, root: str | None, by: Actor, environment: str = SANDBOX) -> Inspection:
    """Return the parameters of a pipeline, with its problems as findings. It stores nothing."""
    found = validate(ctx, path, root=root, by=by, environment=environment)
    location = ctx.notebooks.locate(path)
    pipeline = found.reading.pipeline
    return Inspection(
        name=without_pipeline_suffix(posixpath.basename(path)),
        location=location,
        root=location.root,
        notebook_path=location.path,
        parameters=pipeline.parameters if pipeline else ParameterSchema(),
        kernel=None,
        kernel_problem=None,
        kernels=(),
        files=(),
        origin=Origin(),
        findings=tuple(
            Finding(
                "pipeline_problem",
                Severity.WARNING,
                f"Line {problem.line}, column {problem.column}: {problem.message}",
                "It cannot run before this is corrected.",
            )
            for problem in found.problems[:MAX_FINDINGS]
        ),
        code_cells=0,
        kind=JobKind.PIPELINE,
        outputs=pipeline.outputs if pipeline else (),
    )


def suggest(
    ctx: Services, paths: Sequence[str], *, root: str | None, folder: str | None = None, name: str | None = None
) -> NewFile:
    """Write the text of a pipeline with a step for each of the notebooks and scripts at the local `paths`.

    An edge is guessed where one writes a path that another one reads. Without paths it is a pipeline to start from.
    `folder` is that of the new file; by default the deepest that holds all of them. The text names the JSON Schema
    when that lies there. Nothing is written here.
    """
    if len(paths) > MAX_STEPS:
        raise InvalidRequest(f"A pipeline has at most {MAX_STEPS} steps, and these are {len(paths)} files.")
    if len(set(paths)) < len(paths):
        raise InvalidRequest("A file is named twice. Name each once, and copy the step in the pipeline's file.")
    folder = folder or _common_folder(paths)
    files = []
    for path in paths:
        kind = kind_of_path(path)
        if kind is JobKind.PIPELINE:
            raise InvalidRequest(f"{path} is a pipeline, which cannot be a step. Name notebooks and scripts.")
        if kind is JobKind.NOTEBOOK and not path.endswith(".ipynb"):
            raise InvalidRequest(
                f"{path} is neither a notebook nor a script. Name files that end in .ipynb, .py, .sh or .R."
            )
        relative = posixpath.relpath(path, folder)
        used = ctx.notebooks.find_used_paths(path, root=root, limits=ctx.limits)
        files.append(StepFile(relative, StepKind(kind), used.reads, used.writes))
    name = name or f"{_name_of(folder)}{PIPELINE_SUFFIX}"
    suggestion = ctx.pipelines.suggest(files)
    has_schema = not ctx.notebooks.find_missing([posixpath.join(folder, SCHEMA_FILE)])
    named = f"# yaml-language-server: $schema={SCHEMA_FILE}\n" if has_schema else ""
    return NewFile(folder, name, named + suggestion.text, suggestion.guesses)


# --- what a step names ----------------------------------------------------------------------------


def _read_parameters(ctx: Services, step: Step, folder: str, *, root: str | None) -> ParameterSchema:
    assert step.path is not None
    path = posixpath.normpath(posixpath.join(folder, step.path))
    if kind_of_path(path) is JobKind.NOTEBOOK and step.kind is StepKind.SCRIPT:
        raise InvalidPipeline(f"{step.path} is not a script. Name a file that ends in .py, .sh or .R.")
    if kind_of_path(path) is not JobKind.NOTEBOOK and step.kind is StepKind.NOTEBOOK:
        raise InvalidPipeline(f"{step.path} is not a notebook. Write `script: {step.path}`.")
    if ctx.notebooks.find_missing([path]):
        raise InvalidPipeline(f"There is no file {step.path}. Paths count from the folder of the pipeline's file.")
    try:
        return ctx.notebooks.read_parameters(path, root=root, limits=ctx.limits)
    except PathOutsideRoot:
        raise InvalidPipeline(f"{step.path} lies outside the folder that Jupyter shows. Move it there.") from None


def _find_problems_of_values(
    ctx: Services,
    reading: Reading,
    pipeline: Pipeline,
    step: Step,
    schema: ParameterSchema,
    before: frozenset[str],
) -> Iterator[FileProblem]:
    names = [parameter.name for parameter in schema.parameters]
    for name, given in step.parameters.items():
        parameter = schema.get(name)
        if parameter is None:
            known = nearest(name, names) or " It has none."
            yield reading.problem(f"`{name}` is not a parameter of {step.path}.{known}", step.id, "with", name)
        elif isinstance(given, Reference):
            scope = scope_of(pipeline, step, before=before, with_item=True)
            expression = ctx.pipelines.check(given.cel, scope)
            if not expression.problems and not expression.can_be(parameter.type):
                message = f"`{name}` needs {parameter.expectation}, and this expression gives another type."
                yield reading.problem(message, step.id, "with", name)
        elif problem := parameter.find_problem(given):
            yield reading.problem(f"`{name}` {problem}.", step.id, "with", name)
    for parameter in schema.parameters:
        if parameter.required and parameter.name not in step.parameters:
            message = f"{step.path} needs the parameter `{parameter.name}`: give it in `with`."
            yield reading.problem(message, step.id, "with")


def _find_image_problems(ctx: Services, reading: Reading, environment: str, *, by: Actor) -> Iterator[FileProblem]:
    """Yield the images that are named and cannot be chosen in the environment."""
    assert reading.pipeline is not None
    named = [step for step in reading.pipeline.steps if step.image is not None and step.kind is not StepKind.APPROVAL]
    if not named:
        return
    found: dict[JobKind, dict[str, tuple[str, ...]]] = {}
    for kind in {JobKind(step.kind) for step in named}:
        option = next((each for each in options(ctx, by=by, kind=kind) if each.environment.name == environment), None)
        if option is None or option.environment.executor is not ExecutorKind.DOCKER:
            return  # The submission says what is wrong with the environment.
        found[kind] = {each.image.name: each.problems for each in option.images}
    for step in named:
        problems = found[JobKind(step.kind)]
        if step.image not in problems:
            known = nearest(step.image or "", list(problems))
            yield reading.problem(f"There is no image `{step.image}` in the catalogue.{known}", step.id, "image")
        else:
            yield from (reading.problem(problem, step.id, "image") for problem in problems[step.image])


def _find_kernel_problems(
    ctx: Services, reading: Reading, readable: Sequence[str], path: str, environment: str, *, root: str | None
) -> Iterator[FileProblem]:
    """Yield what has no kernel or interpreter where it would run, among the steps with these ids."""
    assert reading.pipeline is not None
    folder = posixpath.dirname(path)
    runtime = cache(lambda image: target_runtime(ctx, environment, image))

    @cache
    def find_problem(file: str, kernel: str | None, image: str | None) -> str | None:
        where = runtime(image or authoring_image(ctx, file, environment, root=root))
        try:
            ctx.notebooks.check_kernel(file, kernel=kernel, root=root, limits=ctx.limits, where=where)
        except KernelUnavailable as error:
            return error.message
        return None

    for step_id in readable:
        step = reading.pipeline.by_id[step_id]
        file = posixpath.normpath(posixpath.join(folder, step.path or ""))
        if problem := find_problem(file, step.kernel, step.image):
            yield reading.problem(problem, step_id, "kernel" if step.kernel else str(step.kind))


def _common_folder(paths: Sequence[str]) -> str:
    if not paths:
        raise InvalidRequest("Name the folder of the new pipeline, or the notebooks and scripts that it is made of.")
    return posixpath.commonpath([posixpath.dirname(path) or "." for path in paths])


def _name_of(folder: str) -> str:
    return re.sub(r"[^\w.-]+", "-", posixpath.basename(folder.rstrip("/"))).strip("-.") or "new"
