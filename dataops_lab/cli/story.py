"""A run told to people: how it ended, what it left, and where it failed."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ..domain.runs import RunState
from ..errors import DataOpsError
from .steps import tell_steps
from .text import duration, one_line, plain, plural, shown_on, size

if TYPE_CHECKING:
    from ..api_models import FindingModel, ReasonModel, RunBase, RunModel
    from ..client import Client

MAX_SOURCE_LINES = 30
_MARKS = {"succeeded": ("✓", "green"), "cancelled": ("■", "yellow")}


def tell(run: RunModel, client: Client) -> None:
    """Write the summary of a run to stdout. The client is asked for the source of the failing cell."""
    click.echo(headline(run))
    if run.kind == "pipeline":
        _tell_pipeline(run, client)
        return
    if run.state is RunState.FAILED and run.reason:
        _tell_failure(run, run.reason, client)
    elif run.reason:
        click.echo(plain(run.reason.message))
    tell_mapping("values", run.values)
    if run.artifacts:
        click.echo("artifacts  " + ", ".join(f"{one_line(a.path)} ({size(a.size)})" for a in run.artifacts))
    if not run.is_terminal:
        click.echo(how_to_go_on(run))
    elif run.state is not RunState.SUCCEEDED:
        click.echo(f"Log: jupyter dataops runs logs {run.id}   Again: jupyter dataops runs rerun {run.id}")


def _tell_pipeline(run: RunModel, client: Client) -> None:
    steps = client.pipelines.steps(run.id)
    if run.reason:
        click.echo(plain(run.reason.message))
    tell_steps(steps, dt.datetime.now(dt.UTC))
    for step in steps:
        if step.state == "awaiting_approval":
            click.echo(f"Decide: jupyter dataops runs approve {run.id} {step.id}   or: runs reject {run.id} {step.id}")
        elif step.state.is_failure and step.run_id:
            click.echo(f"{step.id}: jupyter dataops runs show {step.run_id}")
        elif step.items and step.items.failed:
            click.echo(f"{step.id}: jupyter dataops runs list --parent {run.id} --step {step.id} --state failed")
    if not run.is_terminal:
        click.echo(how_to_go_on(run))
    elif run.state is not RunState.SUCCEEDED:
        click.echo(f"Again: jupyter dataops runs rerun {run.id}")


def how_to_go_on(run: RunBase) -> str:
    """Tell how to go on with a run that has not ended."""
    if run.kind == "pipeline":
        return f"Look at it: jupyter dataops runs show {run.id}   End it: jupyter dataops runs cancel {run.id}"
    return f"Follow it: jupyter dataops runs logs -f {run.id}   End it: jupyter dataops runs cancel {run.id}"


def headline(run: RunModel) -> str:
    mark, colour = _MARKS.get(run.state, ("✗", "red") if run.is_terminal else ("·", "cyan"))
    state = run.phase + (" (nothing to do)" if run.nothing_to_do else "")
    took = ""
    if run.started_at and run.finished_at:
        took = f" in {duration((run.finished_at - run.started_at).total_seconds())}"
    return f"{click.style(f'{mark} {state}', fg=colour, bold=True)}{took}  {one_line(run.job.name)}  {run.id}"


def tell_mapping(title: str, held: dict[str, Any]) -> None:
    for position, (name, value) in enumerate(held.items()):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        click.echo(f"{title if position == 0 else '':<11}{one_line(name)} = {one_line(text)}")


def tell_findings(findings: list[FindingModel], *, err: bool) -> None:
    for finding in findings:
        colour = "yellow" if finding.severity == "warning" else None
        hint = f" {plain(finding.hint)}" if finding.hint else ""
        where = f" (cell {finding.cell + 1})" if finding.cell is not None else ""
        click.echo(f"{click.style(finding.severity, fg=colour)}: {plain(finding.message)}{where}{hint}", err=err)


def _tell_failure(run: RunModel, reason: ReasonModel, client: Client) -> None:
    cell, traceback = reason.detail.get("cell"), reason.detail.get("traceback")
    if not isinstance(cell, int):
        click.echo(plain(reason.message))
        return
    number, source = _failing_cell(client, run, cell)
    click.echo(click.style(f"Cell {number} failed:", bold=True))
    lines = plain(source).splitlines()
    for line in lines[:MAX_SOURCE_LINES]:
        click.echo(f"    {line}")
    if len(lines) > MAX_SOURCE_LINES:
        click.echo(f"    … {plural(len(lines) - MAX_SOURCE_LINES, 'line')} more")
    ename, evalue = reason.detail.get("ename"), reason.detail.get("evalue")
    said = f"{ename}: {evalue}" if ename else reason.message
    trace = "\n".join(map(str, traceback)).rstrip() if isinstance(traceback, list) else ""
    if trace:
        click.echo("\n" + shown_on(sys.stdout.isatty())(trace))
    # A traceback of Python ends with this line, that of some other kernels does not.
    if plain(said).strip() not in plain(trace):
        click.echo("\n" + click.style(plain(said), fg="red", bold=True))


def _failing_cell(client: Client, run: RunModel, cell: int) -> tuple[int, str]:
    """Return the source of the cell, and its number as people count in the notebook that they wrote."""
    try:
        cells = json.loads(client.notebook(run.id))["cells"]
        source = cells[cell]["source"]
        ours = sum("injected-parameters" in c.get("metadata", {}).get("tags", []) for c in cells[:cell])
    except (DataOpsError, ValueError, LookupError, TypeError, AttributeError):
        # The report of a failure must not fail on what the notebook left.
        return cell + 1, ""
    return cell + 1 - ours, source if isinstance(source, str) else "".join(map(str, source))
