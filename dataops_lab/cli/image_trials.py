"""`jupyter dataops image trial-run` and `trials`: run jobs again on another image, and compare."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any

import click

from . import exit_codes, options
from .connection import open_connection
from .output import print_json, print_note, print_table
from .text import duration, one_line, time_ago

if TYPE_CHECKING:
    from ..api_models import ImageTrialModel, TrialResultModel

_POLL_INTERVAL_S = 1.0


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

    request = TrialRequest(image=name, instead_of=instead_of, jobs=list(jobs), days=days, environment=environment)
    with open_connection(server) as connection:
        trial = connection.client.images.start_trial(request)
        connection.ensure_engine()
        while wait and not trial.complete:
            time.sleep(_POLL_INTERVAL_S)
            connection.ensure_engine()
            trial = connection.client.images.trial(trial.id)
    return _print_trial(trial, as_json)


@click.command()
@click.argument("trial_id", metavar="TRIAL", required=False)
@options.server_option
@options.json_option
def trials(trial_id: str | None, server: str | None, as_json: bool) -> int:
    """Show a trial, or list the last ones."""
    with open_connection(server) as connection:
        if trial_id is not None:
            return _print_trial(connection.client.images.trial(trial_id), as_json)
        recent_trials = connection.client.images.trials()
    if as_json:
        print_json(recent_trials)
    elif recent_trials:
        now = dt.datetime.now(dt.UTC)
        rows = [
            (trial.id, trial.image, len(trial.results), time_ago(trial.created_at, now), trial.created_by.name)
            for trial in recent_trials
        ]
        print_table(("trial", "image", "jobs", "started", "by"), rows, folded="image")
    else:
        print_note("No trials yet. `jupyter dataops image trial-run` starts one.")
    return exit_codes.SUCCEEDED


def _print_trial(trial: ImageTrialModel, as_json: bool) -> int:
    if as_json:
        print_json(trial)
    else:
        headings = ("job", "before", "after", "took before", "took after", "differs", "why")
        print_table(headings, [_row(result) for result in trial.results], folded="why")
        if not trial.complete:
            print_note(f"Not all have ended. `jupyter dataops image trials {trial.id}` shows how far they are.")
    has_regressions = any(
        result.after is None or result.after.state in ("failed", "timed_out", "lost") for result in trial.results
    )
    return exit_codes.FAILED if has_regressions else exit_codes.SUCCEEDED


def _row(result: TrialResultModel) -> tuple[str, ...]:
    def took(seconds: float | None) -> str:
        return duration(seconds) if seconds is not None else ""

    after = result.after
    changes = ", ".join(f"{change.name}: {_short(change.before)} → {_short(change.after)}" for change in result.changes)
    why = result.refused or (after.reason.message if after and after.reason else "")
    return (
        result.job_name,
        result.before.state,
        after.state if after else "not tried",
        took(result.before.duration_s),
        took(after.duration_s if after else None),
        changes,
        why,
    )


def _short(value: Any) -> str:
    return one_line(json.dumps(value), 40)
