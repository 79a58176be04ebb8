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
from . import exits
from .output import as_json, remark
from .progress import ProgressLine
from .steps import changes, progress_of
from .story import how_to_go_on, tell
from .text import duration, one_line, plural

if TYPE_CHECKING:
    from ..api_models import RunBase, RunModel, RunSummaryModel, StepModel
    from ..client import Client
    from .connection import Connection

LOOK_AT_STEPS_EVERY_S = 0.3
"""The shortest time between two looks at the steps of a pipeline run; its end is looked at in any case."""


@dataclass(frozen=True)
class Outcome:
    """A run after a command followed it. `left`: the person has stopped following, and the run goes on."""

    run: RunModel
    left: bool = False


def answer(connection: Connection, outcome: Outcome, *, waited: bool, json: bool) -> int:
    """Print the state of the run and how it ended, and return the exit code."""
    run = outcome.run
    if json:
        as_json(run)
    elif not waited:
        click.echo(run.id)
        remark(how_to_go_on(run))
    elif not outcome.left:
        tell(run, connection.client)
    if not waited:
        return exits.SUCCEEDED
    return exits.INTERRUPTED if outcome.left else exits.of_state(run.state)


def many(connection: Connection, queued: list[RunSummaryModel], *, waits: bool, json: bool) -> int:
    """Print the states of the runs, and return the exit code; with `waits`, follow all of them to their ends first."""
    runs = {run.id: run for run in queued}
    left = False
    if waits:
        try:
            with ProgressLine(quiet=json) as line:
                for run_id in list(runs):
                    for update in connection.client.follow(run_id):
                        runs[run_id] = update.run
                        line.say(f"{sum(run.is_terminal for run in runs.values())} of {len(runs)} runs have ended")
                        if not update.run.is_terminal:
                            connection.keep_engine()
        except KeyboardInterrupt:
            left = True
    if json:
        as_json(list(runs.values()))
    elif not waits:
        click.echo("\n".join(runs))
        remark(f"{plural(len(runs), 'run')} queued. Look at them: jupyter dataops runs list")
    else:
        _tell_many(list(runs.values()))
    if left:
        remark("The runs that have not ended go on.")
        return exits.INTERRUPTED
    return max((exits.of_state(run.state) for run in runs.values()), key=_WORST.index) if waits else exits.SUCCEEDED


_WORST = (exits.SUCCEEDED, exits.ENDED_OTHERWISE, exits.FAILED)


def _tell_many(runs: list[RunSummaryModel]) -> None:
    counts = Counter(run.phase for run in runs)
    click.echo(", ".join(f"{count} {phase}" for phase, count in counts.most_common()))
    for run in runs:
        if run.is_terminal and run.state != "succeeded":
            click.echo(f"{run.id} {run.phase}  {one_line(run.reason.message if run.reason else '')}")


def to_its_end(connection: Connection, submitted: RunModel, *, quiet: bool) -> Outcome:
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
                        connection.keep_engine()
                return Outcome(connection.client.run(run.id))
            except KeyboardInterrupt:
                line.clear()
                if cancelling:
                    remark(f"{one_line(run.job.name)} is still being cancelled. {how_to_go_on(run)}")
                    return Outcome(connection.client.run(run.id), left=True)
                if not _wants_to_cancel(run):
                    remark(f"{one_line(run.job.name)} goes on. {how_to_go_on(run)}")
                    return Outcome(connection.client.run(run.id), left=True)
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
        chosen = click.prompt(
            f"{one_line(run.job.name)} is {run.phase}. Let it run on (r), or cancel it (c)?",
            type=click.Choice(["r", "c"]),
            default="r",
            show_choices=False,
            err=True,
        )
    except click.Abort:
        remark("")
        return False
    return bool(chosen == "c")
