"""`jupyter dataops approvals`."""

from __future__ import annotations

import datetime as dt

import click

from . import options
from .connection import open_connection
from .output import print_json, print_note, print_table
from .text import duration, one_line, time_ago


@click.command()
@options.server_option
@options.json_option
def approvals(server: str | None, as_json: bool) -> None:
    """List the approvals that wait for you.

    It also lists those of your runs on which others decide.

    `jupyter dataops runs approve RUN STEP` decides, and so does `runs reject`.
    """
    with open_connection(server) as connection:
        found = connection.client.pipelines.approvals()
    if as_json:
        print_json(found)
        return
    if not found:
        print_note("Nothing waits for a decision.")
        return
    now = dt.datetime.now(dt.UTC)
    print_table(
        ("run", "step", "pipeline", "asked", "expires", "for", "question"),
        [
            (
                each.run.id,
                each.step,
                each.run.job_name,
                time_ago(each.asked_at, now),
                f"in {duration(max(0.0, (each.due_at - now).total_seconds()))}" if each.due_at else "",
                "you" if each.may_decide else ", ".join(map(one_line, each.who)) or "others",
                each.ask,
            )
            for each in found
        ],
        folded="question",
    )
