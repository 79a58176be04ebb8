"""Following a run to its end, and the meaning of Ctrl-C meanwhile."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ..errors import Conflict
from . import exit_codes
from .output import print_json, print_note
from .progress import ProgressLine
from .run_summary import next_commands, print_run
from .steps import changes, progress_of
from .text import duration, one_line, plural

if TYPE_CHECKING:
    from ..api_models import RunBase, RunModel, RunSummaryModel, StepModel
    from ..client import Client
    from .connection import Connection

LOOK_AT_STEPS_EVERY_S = 0.3
"""The shortest time between two looks at the steps of a pipeline run; its end is looked at in any case."""


@dataclass(frozen=True)
class Outcome:
    """A run after a command followed it. `detached`: the person has stopped following, and the run goes on."""

    run: RunModel
    detached: bool = False


def report_outcome(connection: Connection, outcome: Outcome, *, waited: bool, json: bool) -> int:
    """Print the state of the run and how it ended, and return the exit code."""
    run = outcome.run
    if json:
        print_json(run)
    elif not waited:
        click.echo(run.id)
        print_note(next_commands(run))
    elif not outcome.detached:
        print_run(run, connection.client)
    if not waited:
        return exit_codes.SUCCEEDED
    return exit_codes.INTERRUPTED if outcome.detached else exit_codes.code_of_state(run.state)


def follow_many(connection: Connection, queued: list[RunSummaryModel], *, waits: bool, json: bool) -> int:
    """Print the states of the runs, and return the exit code; with `waits`, follow all of them to their ends first."""
    runs = {run.id: run for run in queued}
    detached = False
    if waits:
        try:
            with ProgressLine(quiet=json) as line:
                for run_id in list(runs):
                    for update in connection.client.follow(run_id):
                        runs[run_id] = update.run
                        line.show_text(
                            f"{sum(run.is_terminal for run in runs.values())} of {len(runs)} runs have ended"
                        )
                        if not update.run.is_terminal:
                            connection.ensure_engine()
        except KeyboardInterrupt:
            detached = True
    if json:
        print_json(list(runs.values()))
    elif not waits:
        click.echo("\n".join(runs))
        print_note(f"{plural(len(runs), 'run')} queued. Look at them: jupyter dataops runs list")
    else:
        _print_runs(list(runs.values()))
    if detached:
        print_note("The runs that have not ended go on.")
        return exit_codes.INTERRUPTED
    return (
        max((exit_codes.code_of_state(run.state) for run in runs.values()), key=_WORST.index)
        if waits
        else exit_codes.SUCCEEDED
    )


_WORST = (exit_codes.SUCCEEDED, exit_codes.ENDED_OTHERWISE, exit_codes.FAILED)


def _print_runs(runs: list[RunSummaryModel]) -> None:
    counts = Counter(run.phase for run in runs)
    click.echo(", ".join(f"{count} {phase}" for phase, count in counts.most_common()))
    for run in runs:
        if run.is_terminal and run.state != "succeeded":
            click.echo(f"{run.id} {run.phase}  {one_line(run.reason.message if run.reason else '')}")


def follow_to_end(connection: Connection, submitted: RunModel, *, quiet: bool) -> Outcome:
    run: RunBase = submitted
    cancelling = False
    with ProgressLine(quiet=quiet) as line:
        news = StepNews(connection.client, line) if run.kind == "pipeline" else line
        while True:
            try:
                for update in connection.client.follow(run.id):
                    run = update.run
                    news.show(run)
                    if not run.is_terminal:
                        connection.ensure_engine()
                return Outcome(connection.client.run(run.id))
            except KeyboardInterrupt:
                line.clear()
                if cancelling:
                    print_note(f"{one_line(run.job.name)} is still being cancelled. {next_commands(run)}")
                    return Outcome(connection.client.run(run.id), detached=True)
                if not _wants_to_cancel(run):
                    print_note(f"{one_line(run.job.name)} goes on. {next_commands(run)}")
                    return Outcome(connection.client.run(run.id), detached=True)
                cancelling = True
                try:
                    run = connection.client.cancel(run.id)
                except Conflict:
                    pass  # The run has just ended; the next update tells how.


class StepNews:
    """The steps of a pipeline run while it is followed: a line for each that starts or ends, and one that counts."""

    def __init__(self, client: Client, line: ProgressLine) -> None:
        self._client, self._line = client, line
        self._known: dict[str, StepModel] = {}
        self._looked_at = float("-inf")

    def show(self, run: RunBase) -> None:
        if not run.is_terminal and time.monotonic() - self._looked_at < LOOK_AT_STEPS_EVERY_S:
            return
        now = dt.datetime.now(dt.UTC)
        steps = self._client.pipelines.steps(run.id)
        for change in changes(self._known, steps, run.id, now):
            self._line.note(change)
        self._known = {step.id: step for step in steps}
        if not run.is_terminal:
            began = run.started_at or run.created_at
            elapsed = duration(max(0.0, (now - began).total_seconds()))
            self._line.draw(f"{run.job.name}: {run.phase}, {progress_of(steps)}, {elapsed}")
        self._looked_at = time.monotonic()


def _wants_to_cancel(run: RunBase) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    try:
        choice = click.prompt(
            f"{one_line(run.job.name)} is {run.phase}. Let it run on (r), or cancel it (c)?",
            type=click.Choice(["r", "c"]),
            default="r",
            show_choices=False,
            err=True,
        )
    except click.Abort:
        print_note("")
        return False
    return bool(choice == "c")
