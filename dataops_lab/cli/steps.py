"""The steps of a pipeline run, told to people: as a table, and line by line while they change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from ..domain.sweeps import SWEEP_STEP
from .output import print_table
from .text import duration, one_line

if TYPE_CHECKING:
    from ..api_models import RepairPreviewModel, StepModel, StepRepairModel, StepReuseModel

_HEADINGS = ("step", "state", "items", "took", "run", "why")


def print_steps(steps: Sequence[StepModel], now: dt.datetime) -> None:
    """Print the steps as a table, in the order of the file."""
    rows = [(step.id, state_of(step), _items(step), took(step, now), step.run_id or "", _why(step)) for step in steps]
    used = [place for place in range(len(_HEADINGS)) if place < 2 or any(row[place] for row in rows)]
    print_table(
        [_HEADINGS[place] for place in used],
        [[row[place] for place in used] for row in rows],
        folded="why" if _HEADINGS.index("why") in used else "step",
    )


def print_repair(preview: RepairPreviewModel) -> None:
    """Print what a repair does with each step, in the order of the file."""
    if [step.id for step in preview.steps] == [SWEEP_STEP]:
        (point,) = preview.steps
        total, taken = point.items_total, point.items_taken or 0
        kept = f"{taken} of {total} points are taken over. The others run again."
        click.echo(f"{point.why} {kept if taken else 'All points run again.'}")
        return
    rows = [(step.id, _FATES[step.fate], _why_again(step)) for step in preview.steps]
    print_table(("step", "repair", "why"), rows, folded="why")


def print_reuse(steps: Sequence[StepReuseModel]) -> None:
    """Print what a run with reuse does with each step, in the order of the file."""
    rows = [(step.id, _REUSES[step.fate], step.why) for step in steps]
    print_table(("step", "fate", "why"), rows, folded="why")


_REUSES = {"reused": "reused", "runs": "runs", "later": "decided later", "not_run": "does not run"}
_FATES = {"taken_over": "taken over", "runs": "runs again", "not_wanted": "not wanted", "disabled": "disabled"}


def _why_again(step: StepRepairModel) -> str:
    if step.fate == "taken_over":
        return f"from run {step.taken_from}"
    if step.items_taken:
        return f"{step.why} {step.items_taken} of {step.items_total} items are taken over."
    return step.why


def changes(known: Mapping[str, StepModel], steps: Sequence[StepModel], run_id: str, now: dt.datetime) -> Iterator[str]:
    """Yield a line for each step that is in another state than in `known`."""
    for step in steps:
        before = known.get(step.id)
        if step.state == "waiting" or (before is not None and before.state == step.state):
            continue
        line = f"{step.id}: {state_of(step)}"
        if step.finished_at is not None and (time := took(step, now)):
            line += f" in {time}"
        if step.items and step.finished_at is not None:
            line += f" ({_items(step)} items)"
        if why := _why(step):
            line += f". {why}"
        yield one_line(line, 300)
        if step.state == "awaiting_approval":
            yield f"  {how_to_decide(step, run_id)}"


def how_to_decide(step: StepModel, run_id: str) -> str:
    """Return the commands that decide on an approval; to people whom it does not ask, the names of those it does."""
    asked = step.approval
    if asked and asked.who and not asked.may_decide:
        return f"it waits for {', '.join(map(one_line, asked.who))}"
    return f"jupyter dataops runs approve {run_id} {step.id}   or: runs reject {run_id} {step.id}"


def progress_of(steps: Sequence[StepModel]) -> str:
    """Return how far a pipeline run has come, with the steps that are active now."""
    ended = sum(step.state.has_ended for step in steps)
    active = [
        f"{step.id} {step.items.succeeded + step.items.failed}/{step.items.total}" if step.items else step.id
        for step in steps
        if step.state in ("running", "awaiting_approval")
    ]
    return f"{ended} of {len(steps)} steps" + (f", {', '.join(active)}" if active else "")


def state_of(step: StepModel) -> str:
    """Return the state in words, with what a success leaves out."""
    reused = step.reason is not None and step.reason.code == "reused" and step.started_at is None
    said = {"reused": reused, "with failures": step.with_failures, "nothing to do": step.nothing_to_do}
    flags = [name for name, is_set in said.items() if is_set]
    return f"{step.state} ({', '.join(flags)})" if flags else str(step.state)


def took(step: StepModel, now: dt.datetime) -> str:
    if step.started_at is None:
        return ""
    return duration(max(0.0, ((step.finished_at or now) - step.started_at).total_seconds()))


def _items(step: StepModel) -> str:
    counts = step.items
    if counts is None:
        return ""
    failed = f", {counts.failed} failed" if counts.failed else ""
    return f"{counts.succeeded + counts.failed}/{counts.total}{failed}"


def _why(step: StepModel) -> str:
    if step.state == "awaiting_approval" and step.approval:
        return step.approval.ask
    return " ".join(filter(None, (_taken_from(step), _decision(step), step.reason.message if step.reason else "")))


def _taken_from(step: StepModel) -> str:
    if step.taken_from is None or (step.reason and step.reason.code == "reused"):
        return ""
    is_whole = step.started_at is None
    return f"{'Taken' if is_whole else 'Some items are taken'} from run {step.taken_from}."


def _decision(step: StepModel) -> str:
    if step.reason or not step.approval or not step.approval.decided_by:
        return ""
    comment = f": {step.approval.comment}" if step.approval.comment else ""
    return f"Approved by {step.approval.decided_by}{comment}"
