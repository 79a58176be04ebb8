"""A run told to people: how it ended, what it left, and where it failed."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ..domain.comparisons import IN_LINE
from ..domain.runs import RunState
from ..errors import DataOpsError
from .items import print_items
from .outputs import state_of
from .steps import how_to_decide, print_steps
from .text import duration, one_line, plain, plural, size, terminal_filter

if TYPE_CHECKING:
    from ..api_models import ComparisonModel, FindingModel, ReasonModel, RunBase, RunModel
    from ..client import Client

MAX_SOURCE_LINES = 30
MAX_LOG_LINES = 20
MAX_POINTS = 20
"""The largest number of points of a sweep that a summary shows."""
MAX_LOG_BYTES = 500_000
"""The largest log of a script of which the end is shown."""
_MARKS = {"succeeded": ("✓", "green"), "cancelled": ("■", "yellow")}


def print_run(run: RunModel, client: Client) -> None:
    """Write the summary of a run to stdout. The client is asked for the source of the failing cell."""
    click.echo(headline(run))
    if run.kind == "pipeline":
        _print_pipeline(run, client)
        return
    if run.kind == "sweep":
        _print_sweep(run, client)
        return
    if run.kind != "notebook":
        _print_log_end(run, client)
    if run.state is RunState.FAILED and run.reason:
        _print_failure(run, run.reason, client)
    elif run.reason:
        click.echo(plain(run.reason.message))
    _print_comparison(run, client)
    print_mapping("values", run.values)
    _print_outputs(run, client)
    if run.artifacts:
        click.echo(
            "artifacts  "
            + ", ".join(f"{one_line(artifact.path)} ({size(artifact.size)})" for artifact in run.artifacts)
        )
    if not run.is_terminal:
        click.echo(next_commands(run))
    elif run.state is not RunState.SUCCEEDED:
        click.echo(f"Log: jupyter dataops runs logs {run.id}   Again: jupyter dataops runs rerun {run.id}")


def _print_pipeline(run: RunModel, client: Client) -> None:
    steps = client.pipelines.steps(run.id)
    if run.reason:
        click.echo(plain(run.reason.message))
    _print_comparison(run, client)
    print_steps(steps, dt.datetime.now(dt.UTC))
    _print_outputs(run, client)
    for step in steps:
        if step.state == "awaiting_approval":
            click.echo(f"{step.id}: {how_to_decide(step, run.id)}")
        elif step.state.is_failure and step.run_id:
            click.echo(f"{step.id}: jupyter dataops runs show {step.run_id}")
        elif step.items and step.items.failed:
            # Items that were cancelled, timed out or lost count as failed too, so no state narrows the list.
            click.echo(f"{step.id}: jupyter dataops runs list --parent {run.id} --step {step.id}")
    if not run.is_terminal:
        click.echo(next_commands(run))
    elif run.state is not RunState.SUCCEEDED:
        click.echo(f"Repair: jupyter dataops runs repair {run.id}   Again: jupyter dataops runs rerun {run.id}")


def _print_sweep(run: RunModel, client: Client) -> None:
    if run.reason:
        click.echo(plain(run.reason.message))
    if not run.is_terminal:
        click.echo(next_commands(run))
        return
    table = client.pipelines.items(run.id)
    print_items(table, table.items, most=MAX_POINTS)
    click.echo(f"Sorted: jupyter dataops runs items {run.id} --sort {(table.values or ['took'])[0]} --descending")
    if run.state is not RunState.SUCCEEDED:
        click.echo(f"Repair: jupyter dataops runs repair {run.id}   Again: jupyter dataops runs rerun {run.id}")


def _print_outputs(run: RunModel, client: Client) -> None:
    if run.has_outputs and run.state is RunState.SUCCEEDED:
        for number, output in enumerate(client.outputs(run.id).items):
            reason = f": {plain(output.reason.message)}" if output.reason else ""
            label = "outputs" if number == 0 else ""
            click.echo(f"{label:<11}{one_line(output.path)} ({state_of(output)}{reason})")


def comparison_of(run: RunModel, client: Client) -> ComparisonModel | None:
    """Return the comparison of a run that did not succeed with the last one that did. None where there is none."""
    if not run.is_terminal or run.state is RunState.SUCCEEDED:
        return None
    try:
        return client.comparison(run.id)
    except DataOpsError:
        return None  # The report of a failure must not fail on what helps to understand it.


def _print_comparison(run: RunModel, client: Client) -> None:
    if (found := comparison_of(run, client)) is None:
        return
    click.echo(plain(found.line))
    for each in found.differences[IN_LINE:]:
        who = f" ({one_line(each.by.name)}{f', {each.at:%Y-%m-%d %H:%M} UTC' if each.at else ''})" if each.by else ""
        click.echo(f"{'':<11}{one_line(each.text, 200)}{who}")


def _print_log_end(run: RunModel, client: Client) -> None:
    """Write the end of the log, which a script leaves instead of a notebook."""
    if not run.log_bytes or run.log_bytes > MAX_LOG_BYTES:
        return
    try:
        log = b"".join(client.log(run.id)).decode(errors="replace")
    except DataOpsError:
        return  # The report of a run must not fail on what it left.
    lines = [line for line in log.splitlines() if not line.startswith("[dataops]")]
    if len(lines) > MAX_LOG_LINES:
        click.echo(f"    … {plural(len(lines) - MAX_LOG_LINES, 'line')} before: jupyter dataops runs logs {run.id}")
    for line in lines[-MAX_LOG_LINES:]:
        click.echo(f"    {terminal_filter(sys.stdout.isatty())(line)}")


def next_commands(run: RunBase) -> str:
    """Tell how to go on with a run that has not ended."""
    if run.kind.has_steps:
        return f"Look at it: jupyter dataops runs show {run.id}   End it: jupyter dataops runs cancel {run.id}"
    return f"Follow it: jupyter dataops runs logs -f {run.id}   End it: jupyter dataops runs cancel {run.id}"


def headline(run: RunModel) -> str:
    mark, colour = _MARKS.get(run.state, ("✗", "red") if run.is_terminal else ("·", "cyan"))
    flags = {"with failures": run.with_failures, "nothing to do": run.nothing_to_do}
    state = run.phase + "".join(f" ({name})" for name, is_set in flags.items() if is_set)
    took = ""
    if run.started_at and run.finished_at:
        took = f" in {duration((run.finished_at - run.started_at).total_seconds())}"
    return f"{click.style(f'{mark} {state}', fg=colour, bold=True)}{took}  {one_line(run.job.name)}  {run.id}"


def print_mapping(title: str, values: dict[str, Any]) -> None:
    for position, (name, value) in enumerate(values.items()):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        click.echo(f"{title if position == 0 else '':<11}{one_line(name)} = {one_line(text)}")


def print_findings(findings: list[FindingModel], *, err: bool) -> None:
    for finding in findings:
        colour = "yellow" if finding.severity == "warning" else None
        hint = f" {plain(finding.hint)}" if finding.hint else ""
        location = f" (cell {finding.cell + 1})" if finding.cell is not None else ""
        click.echo(f"{click.style(finding.severity, fg=colour)}: {plain(finding.message)}{location}{hint}", err=err)


def _print_failure(run: RunModel, reason: ReasonModel, client: Client) -> None:
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
    error_line = f"{ename}: {evalue}" if ename else reason.message
    trace = "\n".join(map(str, traceback)).rstrip() if isinstance(traceback, list) else ""
    if trace:
        click.echo("\n" + terminal_filter(sys.stdout.isatty())(trace))
    # A traceback of Python ends with this line, that of some other kernels does not.
    if plain(error_line).strip() not in plain(trace):
        click.echo("\n" + click.style(plain(error_line), fg="red", bold=True))


def _failing_cell(client: Client, run: RunModel, cell: int) -> tuple[int, str]:
    """Return the source of the cell, and its number as people count in the notebook that they wrote."""
    try:
        cells = json.loads(client.notebook(run.id))["cells"]
        source = cells[cell]["source"]
        injected_count = sum(
            "injected-parameters" in each_cell.get("metadata", {}).get("tags", []) for each_cell in cells[:cell]
        )
    except (DataOpsError, ValueError, LookupError, TypeError, AttributeError):
        # The report of a failure must not fail on what the notebook left.
        return cell + 1, ""
    return cell + 1 - injected_count, source if isinstance(source, str) else "".join(map(str, source))
