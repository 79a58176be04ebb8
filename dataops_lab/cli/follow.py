"""Following a run to its end, and what Ctrl-C means meanwhile."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ..errors import Conflict
from . import exits
from .output import as_json, remark
from .progress import ProgressLine
from .story import how_to_go_on, tell
from .text import one_line

if TYPE_CHECKING:
    from ..api_models import RunBase, RunModel
    from .connection import Connection


@dataclass(frozen=True)
class Outcome:
    """`left`: the person has stopped following, and the run goes on."""

    run: RunModel
    left: bool = False


def answer(connection: Connection, outcome: Outcome, *, waited: bool, json: bool) -> int:
    """Print what has become of the run, and tell the exit code."""
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


def to_its_end(connection: Connection, submitted: RunModel, *, quiet: bool) -> Outcome:
    run: RunBase = submitted
    cancelling = False
    with ProgressLine(quiet=quiet) as line:
        while True:
            try:
                for update in connection.client.follow(run.id):
                    run = update.run
                    line.show(run)
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
                    pass  # It has just ended; the next look tells how.


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
