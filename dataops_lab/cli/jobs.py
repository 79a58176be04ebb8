"""`jupyter dataops jobs …` and `jupyter dataops projects …`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..domain.inputs import Pins
from ..domain.settings import MAX_CONCURRENCY, MAX_PRIORITY, MAX_RETRIES, RunSettings
from ..errors import NotFound
from . import options
from .connection import open_connection
from .options import F
from .output import print_json, print_note, print_table
from .text import one_line, time_ago

if TYPE_CHECKING:
    from ..api_models import JobModel, ProjectModel


DEFAULT = object()
"""The choice that takes back a value that was set."""


def _setting(*names: str, kind: Callable[[str], Any], metavar: str, **attributes: Any) -> Callable[[F], F]:
    """Make an option that takes a value of `kind`, or `default` for DEFAULT."""

    def convert(text: str) -> Any:
        return DEFAULT if text == "default" else kind(text)

    return click.option(*names, type=convert, metavar=f"{metavar}|default", **attributes)


_concurrency = click.IntRange(0, MAX_CONCURRENCY)


@click.group()
def jobs() -> None:
    """Look at jobs, and say how their runs are treated.

    JOB is a job's id, its name or the path of its notebook.
    """


@jobs.command("list")
@click.option("--text", help="Only jobs with this text in their name or path.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many at most.")
@click.option("--cursor", help="Where the page before ended: its `next`.")
@options.server_option
@options.json_option
def list_(text: str | None, limit: int, cursor: str | None, server: str | None, as_json: bool) -> None:
    """List jobs, newest first."""
    with open_connection(server) as connection:
        page = connection.client.jobs(text=text, limit=limit, cursor=cursor)
    if as_json:
        print_json(page)
    elif page.items:
        now = dt.datetime.now(dt.UTC)
        print_table(
            ("job", "name", "last run", "when", "workspace", "notebook"),
            [_row(job, now) for job in page.items],
            folded="notebook",
        )
        if page.next:
            print_note(f"There are more: --cursor {page.next}")
    else:
        print_note("No jobs. `jupyter dataops run NOTEBOOK` makes one.")


@jobs.command()
@click.argument("job")
@options.server_option
@options.json_option
def show(job: str, server: str | None, as_json: bool) -> None:
    """Show a job and its settings."""
    with open_connection(server) as connection:
        _print_job(connection.find_job(job), as_json)


@jobs.command("set")
@click.argument("job")
@click.option("--name", help="Another name.")
@_setting(
    "--concurrency",
    kind=_concurrency,
    metavar="N",
    help="How many of its runs may be active at once; 0 holds them back.",
)
@_setting(
    "--priority",
    kind=click.IntRange(-MAX_PRIORITY, MAX_PRIORITY),
    metavar="N",
    help=f"From -{MAX_PRIORITY} to {MAX_PRIORITY}; higher comes first. A point is worth five minutes of waiting.",
)
@_setting(
    "--retries",
    "max_retries",
    kind=click.IntRange(0, MAX_RETRIES),
    metavar="N",
    help="How often to try again what the notebook did wrong.",
)
@_setting("--retry-on-timeout", kind=click.BOOL, metavar="yes|no", help="Whether --retries are for its timeout too.")
@_setting("--timeout", "timeout_s", kind=options.seconds, metavar="S", help="Seconds that an attempt may run.")
@_setting(
    "--queue-timeout",
    "queue_timeout_s",
    kind=options.seconds,
    metavar="S",
    help="Seconds that a run may wait for its start.",
)
@_setting(
    "--start-timeout",
    "start_timeout_s",
    kind=options.seconds,
    metavar="S",
    help="Seconds that an attempt may take to start.",
)
@_setting(
    "--total-timeout",
    "total_timeout_s",
    kind=options.seconds,
    metavar="S",
    help="Seconds from the submission to the end.",
)
@click.option(
    "--pin",
    multiple=True,
    metavar="PATTERN",
    help="Let these files belong to the version, as 'data/*.csv' from the folder of the notebook. Repeat it for more.",
)
@click.option(
    "--fresh",
    multiple=True,
    metavar="PATTERN",
    help="Let each run take these files as they are then. The last pattern that matches a file counts.",
)
@click.option("--no-pins", is_flag=True, help="Remove all patterns of --pin and --fresh first.")
@options.server_option
@options.json_option
def set_(
    job: str,
    pin: tuple[str, ...],
    fresh: tuple[str, ...],
    no_pins: bool,
    server: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Change a job. `default` as a value takes a setting back.

    It holds for runs that are submitted from now on; --concurrency at once.
    """
    changes: Any = {name: None if value is DEFAULT else value for name, value in given.items() if value is not None}
    pins_change = bool(pin or fresh or no_pins)
    if not changes and not pins_change:
        raise click.UsageError("Nothing to change. `jupyter dataops jobs set --help` lists the settings.")
    with open_connection(server) as connection:
        current = connection.find_job(job)
        if pins_change:
            pins = Pins() if no_pins else Pins(tuple(current.pinned))
            for pattern in pin:
                pins = pins.with_pattern(pattern, fresh=False)
            for pattern in fresh:
                pins = pins.with_pattern(pattern, fresh=True)
            changes |= {"pinned": pins.patterns, "revision": current.revision}
        _print_job(connection.client.change_job(current.id, **changes), as_json)


@jobs.command()
@click.argument("old")
@click.argument("new")
@options.server_option
@options.json_option
def relink(old: str, new: str, server: str | None, as_json: bool) -> None:
    """Say that OLD and NEW are one job.

    NEW is a job, or the path of a notebook that was moved. OLD gets the runs and versions of NEW and its place, and
    keeps its name and settings; then NEW is gone. Refused while the notebook of OLD is still there.
    """
    with open_connection(server) as connection:
        job = connection.find_job(old)
        try:
            other = {"job": connection.find_job(new).id}
        except NotFound:
            if not new.endswith(".ipynb"):
                raise
            other = {"path": new}
        _print_job(connection.client.relink_job(job.id, **other), as_json)


@click.group()
def projects() -> None:
    """Show and set the limits of projects. There is one project: `default`."""


@projects.command("show")
@click.argument("project")
@options.server_option
@options.json_option
def show_project(project: str, server: str | None, as_json: bool) -> None:
    """Show a project and its limit."""
    with open_connection(server) as connection:
        _print_project(connection.client.project(project), as_json)


@projects.command("set")
@click.argument("project")
@_setting(
    "--concurrency",
    kind=_concurrency,
    metavar="N",
    required=True,
    help="How many of its runs may be active at once; 0 holds all back, `default` takes the limit away.",
)
@options.server_option
@options.json_option
def set_project(project: str, concurrency: Any, server: str | None, as_json: bool) -> None:
    """Change the limit of a project."""
    with open_connection(server) as connection:
        limit = None if concurrency is DEFAULT else concurrency
        _print_project(connection.client.limit_project(project, limit), as_json)


def _row(job: JobModel, now: dt.datetime) -> tuple[str, ...]:
    last = job.last_run
    when = time_ago(last.created_at, now) if last else ""
    return job.id, job.name, last.phase if last else "", when, job.workspace.name, job.path


def _print_job(job: JobModel, as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    click.echo(f"{click.style(one_line(job.name), bold=True)}  {job.id}")
    click.echo(f"{job.kind:<19}{one_line(job.source, 200)}")
    for source in job.sources[1:]:
        click.echo(f"{'':<19}{one_line(source, 200)}")
    click.echo(f"{'workspace':<19}{one_line(job.workspace.remote or job.workspace.name)}: {one_line(job.path, 200)}")
    for change in job.place_changes:
        verb = f"relinked, with {change.job}" if change.job else "moved"
        actor, source_before = one_line(change.by.name if change.by else "?"), one_line(change.source_before, 200)
        click.echo(f"{verb:<19}{change.at:%Y-%m-%d %H:%M} by {actor}, from {source_before}")
    click.echo(f"{'concurrency':<19}{_limit(job.concurrency)}")
    if job.pinned:
        click.echo(f"{'pinned':<19}{' '.join(map(one_line, job.pinned))}")
    for name, default in vars(RunSettings()).items():
        own_value = getattr(job, name)
        value = f"{default:g} (default)" if own_value is None else f"{own_value:g}"
        click.echo(f"{name.removesuffix('_s').replace('_', ' '):<19}{value}{' s' * name.endswith('_s')}")


def _print_project(project: ProjectModel, as_json: bool) -> None:
    if as_json:
        print_json(project)
    else:
        click.echo(f"{one_line(project.name)}  concurrency {_limit(project.concurrency)}")


def _limit(concurrency: int | None) -> str:
    return "as many as there are slots" if concurrency is None else str(concurrency)
