"""The static checks of a pipeline: everything that can be known of its graph before a run.

Expressions and files are checked by those who can read them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from ..errors import Refused
from .environments import Resources
from .fan_outs import checked_items, keyed
from .pipelines import MAX_STEP_ID, MAX_STEPS, STEP_ID, Pipeline, Problem, Reference, RunIf, Step, StepKind
from .settings import MAX_CONCURRENCY, MAX_TIMEOUT_S
from .step_files import collision, is_literal, landing
from .variables import check_name, check_value

ROOTS_OF_EXPRESSIONS = ("params", "steps", "run")
"""Names that every expression sees. No item of a fan-out may hide one."""

MAX_QUESTION = 2_000

_WITHOUT_NEEDS = (RunIf.ALL_SUCCESS, RunIf.ALL_DONE, RunIf.ALWAYS)


def problems_of(pipeline: Pipeline) -> list[Problem]:
    """Return everything that is wrong with the graph and its steps; none means that a run can be planned."""
    steps = pipeline.steps
    if not steps:
        return [Problem("A pipeline needs one step or more.", member="steps")]
    found: list[Problem] = []
    if len(steps) > MAX_STEPS:
        found.append(Problem(f"A pipeline has at most {MAX_STEPS} steps, and this one has {len(steps)}."))
    for step_id, count in Counter(step.id for step in steps).items():
        if count > 1:
            found.append(Problem(f"{count} steps have the id `{step_id}`. Give each its own.", step_id))
    if pipeline.concurrency is not None and not 1 <= pipeline.concurrency <= MAX_CONCURRENCY:
        found.append(Problem(f"A concurrency is a number from 1 to {MAX_CONCURRENCY:,}.", member="concurrency"))
    found.extend(Problem(message) for message in _refusals(pipeline.settings.check))
    cycles = list(_cycles(pipeline))
    found.extend(cycles)
    # Which steps come before which one makes no sense in a circle.
    before = {} if cycles else upstream(pipeline)
    for step in steps:
        found.extend(_of_step(step, pipeline, before))
    return found


def upstream(pipeline: Pipeline) -> dict[str, frozenset[str]]:
    """Return for each step the steps that it needs, and those that they need. The graph has no cycle.

    Needs that do not exist are left out.
    """
    needs = _edges(pipeline)
    before: dict[str, frozenset[str]] = {}
    for step_id in TopologicalSorter(needs).static_order():
        before[step_id] = frozenset(needs[step_id]).union(*(before[need] for need in needs[step_id]))
    return before


def nearest(name: str, known: Collection[str]) -> str:
    """Return the end of a message about an unknown name: the known name that it may mean, or all of them."""
    if close := get_close_matches(name, known, n=1):
        return f" Do you mean `{close[0]}`?"
    return f" There are: {', '.join(f'`{each}`' for each in known)}." if known else ""


def _of_step(step: Step, pipeline: Pipeline, before: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    if not STEP_ID.fullmatch(step.id) or len(step.id) > MAX_STEP_ID:
        yield Problem(
            f"{step.id[:80]!r} is not an id of a step. Use small letters, digits and underscores, no digit first, at "
            f"most {MAX_STEP_ID} characters; `title` is free.",
            step.id,
            "id",
        )
    yield from _of_kind(step)
    yield from _of_include(step)
    yield from _of_needs(step, pipeline)
    yield from _of_files(step, pipeline, before.get(step.id))
    yield from _of_fan_out(step)
    if step.kind is StepKind.APPROVAL:
        yield from _of_approval(step, pipeline, before.get(step.id))
    yield from (Problem(message, step.id, "settings") for message in _refusals(step.settings.check))
    for name, value in step.variables.items():
        refusals = _refusals(check_name, name)
        if not isinstance(value, Reference):
            refusals += _refusals(check_value, name, value)
        yield from (Problem(message, step.id, "env") for message in refusals)


def _of_kind(step: Step) -> Iterator[Problem]:
    if step.kind in (StepKind.NOTEBOOK, StepKind.SCRIPT):
        path = step.path or ""
        if not path.strip() or PurePosixPath(path).is_absolute() or not path.isprintable():
            message = f"A {step.kind} needs the path of its file, from the folder of the pipeline's file."
            yield Problem(message, step.id, str(step.kind))
    elif step.kind is StepKind.COMMAND:
        if not step.command or not step.command[0].strip() or any("\0" in word for word in step.command):
            yield Problem("A command is a list of words, such as [python, -m, tool].", step.id, "command")
    elif step.approval is None or not step.approval.ask.strip() or len(step.approval.ask) > MAX_QUESTION:
        message = f"An approval needs `ask`, a question of at most {MAX_QUESTION:,} characters."
        yield Problem(message, step.id, "approve")


def _of_include(step: Step) -> Iterator[Problem]:
    if step.include and step.kind is not StepKind.COMMAND:
        message = (
            "`include` is for commands: a notebook or script takes its folder along. Name other files in its code."
        )
        yield Problem(message, step.id, "include")
    for pattern in step.include:
        if not pattern.strip("/. ") or not pattern.isprintable() or PurePosixPath(pattern).is_absolute():
            message = (
                f"{pattern[:80]!r} is not a path from the folder of the pipeline's file. Write one such as tools/*.py."
            )
            yield Problem(message, step.id, "include")


def _of_needs(step: Step, pipeline: Pipeline) -> Iterator[Problem]:
    for need, count in Counter(step.needs).items():
        if need == step.id:
            yield Problem(f"`{step.id}` needs itself. Take it out of its `needs`.", step.id, "needs")
        elif pipeline.step(need) is None:
            yield _unknown(need, step, pipeline, "needs")
        elif count > 1:
            yield Problem(f"`{need}` is named twice. Name it once.", step.id, "needs")
    if not step.needs and step.run_if not in _WITHOUT_NEEDS:
        message = f"`{step.run_if}` asks how other steps ended, and `{step.id}` needs none. Give it `needs`."
        yield Problem(message, step.id, "run_if")


def _of_files(step: Step, pipeline: Pipeline, before: Collection[str] | None) -> Iterator[Problem]:
    for files in step.files:
        giver = pipeline.step(files.step)
        if giver is None:
            yield _unknown(files.step, step, pipeline, "files")
        elif giver.kind is StepKind.APPROVAL:
            yield Problem(f"`{files.step}` is an approval, which leaves no files.", step.id, "files")
        elif before is not None and files.step not in before:
            message = f"`{step.id}` takes files from `{files.step}` and does not wait for it. Add that to its `needs`."
            yield Problem(message, step.id, "files")
        if not files.paths:
            message = f"Name in `paths` what `{step.id}` takes from `{files.step}`, such as data.csv or '**/*.csv'."
            yield Problem(message, step.id, "files")
        if files.into is not None and _leaves_the_folder(files.into):
            message = f"{files.into[:80]!r} is not a folder below the workspace. Write one such as data."
            yield Problem(message, step.id, "files")
        yield from _of_patterns(files.paths, step, "files")
    yield from _of_patterns(step.outputs, step, "outputs")
    yield from _collisions(step, pipeline)


def _of_patterns(patterns: Collection[str], step: Step, member: str) -> Iterator[Problem]:
    for pattern in patterns:
        if not pattern.strip("/. ") or not pattern.isprintable() or _leaves_the_folder(pattern):
            message = (
                f"{pattern[:80]!r} is not a path below the workspace. Write one such as data.csv or 'plots/*.png'."
            )
            yield Problem(message, step.id, member)


def _collisions(step: Step, pipeline: Pipeline) -> Iterator[Problem]:
    """Find two steps that leave the same path for `step`, as far as the paths are written out."""
    arrived: dict[str, str] = {}
    for files in step.files:
        giver = pipeline.step(files.step)
        for pattern in files.paths if giver is not None and giver.for_each is None else ():
            path = landing(files, str(PurePosixPath(pattern)))
            first = arrived.setdefault(path, files.step) if is_literal(pattern) else files.step
            if first != files.step:
                yield Problem(collision(f"`{first}`", f"`{files.step}`", path, step.id), step.id, "files")


def _of_fan_out(step: Step) -> Iterator[Problem]:
    for_each = step.for_each
    if for_each is None:
        return
    if not STEP_ID.fullmatch(for_each.item) or for_each.item in ROOTS_OF_EXPRESSIONS:
        yield Problem(
            f"{for_each.item[:80]!r} cannot be the name of an item. Use small letters, digits and underscores, and "
            f"none of {', '.join(ROOTS_OF_EXPRESSIONS)}.",
            step.id,
            "for_each",
        )
    if for_each.concurrency is not None and not 1 <= for_each.concurrency <= MAX_CONCURRENCY:
        yield Problem(f"`concurrency` is a number from 1 to {MAX_CONCURRENCY:,}.", step.id, "for_each")
    if not for_each.max_failures.is_possible:
        message = "`max_failures` is a number of items, such as 3, or a share of them, such as 5%."
        yield Problem(message, step.id, "for_each")
    if not isinstance(for_each.inputs, Reference):
        for message in _refusals(_check_items, for_each.inputs, for_each.key):
            yield Problem(message, step.id, "for_each")


def _of_approval(step: Step, pipeline: Pipeline, before: Collection[str] | None) -> Iterator[Problem]:
    within_s = step.approval.within_s if step.approval else None
    if within_s is not None and not 0 < within_s <= MAX_TIMEOUT_S:
        yield Problem(f"`within` is a time of at most {MAX_TIMEOUT_S / 86_400:.0f} days.", step.id, "approve")
    if step.run_if is RunIf.ALWAYS:
        message = "An approval cannot be `always`: nobody is asked after a cancel. Use `all_done`."
        yield Problem(message, step.id, "run_if")
    unused = {
        "for_each": step.for_each, "with": step.parameters, "files": step.files, "outputs": step.outputs,
        "image": step.image, "kernel": step.kernel, "env": step.variables,
        "resources": None if step.resources == Resources() else step.resources,
        "retries": step.settings.max_retries is not None,
    }  # fmt: skip
    for member, given in unused.items():
        if given:
            yield Problem(f"An approval runs nothing: take `{member}` out of it.", step.id, member)
    if step.settings.timeout_s is not None:
        message = "An approval runs nothing, so it has no `timeout`. `within` is the time to decide."
        yield Problem(message, step.id, "timeout")
    if before is not None and all(pipeline.by_id[each].kind is StepKind.APPROVAL for each in before):
        message = "An approval needs a step that leaves a record to look at. Name it in `needs`."
        yield Problem(message, step.id, "needs")


def _check_items(value: object, key: str | None) -> None:
    items = checked_items(value)
    if key is None:
        keyed(items)


def _unknown(name: str, step: Step, pipeline: Pipeline, member: str) -> Problem:
    others = [each.id for each in pipeline.steps if each.id != step.id]
    return Problem(f"There is no step `{name}`.{nearest(name, others)}", step.id, member)


def _leaves_the_folder(path: str) -> bool:
    parts = PurePosixPath(path)
    return not path.strip() or parts.is_absolute() or ".." in parts.parts or "\0" in path


def _edges(pipeline: Pipeline) -> dict[str, list[str]]:
    """Return the needs of each step, without those that are a problem of their own."""
    return {
        step.id: [need for need in step.needs if need != step.id and pipeline.step(need)] for step in pipeline.steps
    }


def _cycles(pipeline: Pipeline) -> Iterator[Problem]:
    needs = _edges(pipeline)
    while True:
        try:
            TopologicalSorter(needs).prepare()
            return
        except CycleError as error:
            circle = error.args[1]
            said = " → ".join(f"`{step_id}`" for step_id in circle)
            message = f"These steps wait for one another: {said}. Take one of them out of the `needs` of the next."
            yield Problem(message, circle[1], "needs")
            # Without this edge the next look finds the other cycles.
            needs[circle[1]] = [need for need in needs[circle[1]] if need != circle[0]]


def _refusals(check: Callable[..., object], *given: object) -> list[str]:
    """Call a check, and return the message with which it refuses."""
    try:
        check(*given)
    except Refused as error:
        return [error.message]
    return []
