"""`jupyter dataops image trial-run` and `trials`: run jobs again on another image, and compare."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any

import click

from . import exits, options
from .connection import connected
from .output import as_json as print_json
from .output import remark, table
from .text import duration, one_line, since

if TYPE_CHECKING:
    from ..api_models import ImageTrialModel, TrialResultModel

_SEEN_AGAIN_EVERY_S = 1.0


@click.command("trial-run")
@click.argument("name")
@click.option("--instead-of", metavar="NAME", help="Try the jobs that ran on this image.")
@click.option("--job", "jobs", multiple=True, metavar="JOB", help="Try this job, by its id. Repeat it for more.")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far to look back.")
@click.option("--env", "environment", default="sandbox", show_default=True, help="Where to try.")
@options.wait_option
@options.server_option
@options.json_option
def trial_run(
    name: str,
    instead_of: str | None,
    jobs: tuple[str, ...],
    days: int,
    environment: str,
    wait: bool,
    server: str | None,
    as_json: bool,
) -> int:
    """Run the last successful run of each job again on the image NAME, and compare.

    Exits with 1 when a job that succeeded before did not.
    """
    from ..api_models import TrialRequest

    asked = TrialRequest(image=name, instead_of=instead_of, jobs=list(jobs), days=days, environment=environment)
    with connected(server) as connection:
        found = connection.client.images.start_trial(asked)
        connection.keep_engine()
        while wait and not found.complete:
            time.sleep(_SEEN_AGAIN_EVERY_S)
            connection.keep_engine()
            found = connection.client.images.trial(found.id)
    return _told(found, as_json)


@click.command()
@click.argument("trial_id", metavar="TRIAL", required=False)
@options.server_option
@options.json_option
def trials(trial_id: str | None, server: str | None, as_json: bool) -> int:
    """Show a trial, or list the last ones."""
    with connected(server) as connection:
        if trial_id is not None:
            return _told(connection.client.images.trial(trial_id), as_json)
        found = connection.client.images.trials()
    if as_json:
        print_json(found)
    elif found:
        now = dt.datetime.now(dt.UTC)
        rows = [(it.id, it.image, len(it.results), since(it.created_at, now), it.created_by.name) for it in found]
        table(("trial", "image", "jobs", "started", "by"), rows, shrinks="image")
    else:
        remark("No trials yet. `jupyter dataops image trial-run` starts one.")
    return exits.SUCCEEDED


def _told(it: ImageTrialModel, as_json: bool) -> int:
    if as_json:
        print_json(it)
    else:
        headings = ("job", "before", "after", "took before", "took after", "differs", "why")
        table(headings, [_row(result) for result in it.results], shrinks="why")
        if not it.complete:
            remark(f"Not all have ended. `jupyter dataops image trials {it.id}` shows how far they are.")
    worse = any(result.after is None or result.after.state in ("failed", "timed_out", "lost") for result in it.results)
    return exits.FAILED if worse else exits.SUCCEEDED


def _row(it: TrialResultModel) -> tuple[str, ...]:
    def took(seconds: float | None) -> str:
        return duration(seconds) if seconds is not None else ""

    after = it.after
    changes = ", ".join(f"{change.name}: {_short(change.before)} → {_short(change.after)}" for change in it.changes)
    why = it.refused or (after.reason.message if after and after.reason else "")
    return (
        it.job_name,
        it.before.state,
        after.state if after else "not tried",
        took(it.before.duration_s),
        took(after.duration_s if after else None),
        changes,
        why,
    )


def _short(value: Any) -> str:
    return one_line(json.dumps(value), 40)
