"""`jupyter dataops apply` and `export`: the configuration as a file."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InvalidRequest
from . import exit_codes, options
from .connection import open_connection
from .output import print_json, print_note
from .text import one_line, plain, plural

if TYPE_CHECKING:
    from ..api_models import ConfigurationChange, ConfigurationPlan


@click.command()
@click.option("-f", "--file", required=True, metavar="FILE", help="The file, such as dataops.yaml; `-` is stdin.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@options.server_option
@options.json_option
def apply(file: str, dry_run: bool, yes: bool, server: str | None, as_json: bool) -> int:
    """Make environments, images and schedules what FILE says.

    The command shows first what would change. Then all of it happens, or nothing. Whatever the file leaves out stays.
    No file can take a version: for a new schedule, a command is printed.
    """
    text = _read_text(file)
    with open_connection(server) as connection:
        plan = connection.client.environments.apply(text, dry_run=True)
        if not as_json:
            _print_plan(plan)
        if plan.changes and not dry_run:
            if not yes:
                _confirm(file)
            plan = connection.client.environments.apply(text, state=plan.state)
            if not as_json:
                click.echo("Done.")
    if as_json:
        print_json(plan)
    else:
        for command in plan.remaining:
            print_note(f"Still to be done: {plain(command)}")
    return exit_codes.SUCCEEDED


@click.command()
@click.option(
    "-o", "--output", metavar="FILE", help="Where to write it; `-` is stdout.", default="-", show_default=True
)
@options.server_option
def export(output: str, server: str | None) -> None:
    """Write environments, images and schedules as a file.

    With calendars, variables of environments, and names of secrets. `apply` reads it.
    """
    with open_connection(server) as connection:
        text = connection.client.environments.export()
    if output == "-":
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")


def _read_text(file: str) -> str:
    try:
        return (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"{file} is not text in UTF-8. Save it as UTF-8.") from None


def _confirm(file: str) -> None:
    if file == "-" or not sys.stdin.isatty():
        raise InvalidRequest("Nobody can be asked here. Look at it with --dry-run, and do it with --yes.")
    click.confirm("Do this?", abort=True)


def _print_plan(plan: ConfigurationPlan) -> None:
    if not plan.changes:
        click.echo("Nothing changes.")
        return
    for subject, changes in groupby(plan.changes, _subject_of):
        click.echo(click.style(plain(subject), bold=True))
        for change in changes:
            _print_change(change)
    click.echo(plural(len(plan.changes), "change") + ".")


def _subject_of(change: ConfigurationChange) -> str:
    named = {"image": change.image, "calendar": change.calendar, "schedule": change.schedule}
    return next((f"{word} {name}" for word, name in named.items() if name), change.environment or "all environments")


def _print_change(change: ConfigurationChange) -> None:
    name = change.field or "environment"
    if change.before is None:
        click.secho(f"  + {one_line(f'{name}: {_format_value(change.after)}', 200)}", fg="green")
    elif change.after is None:
        click.secho(f"  - {one_line(f'{name}: {_format_value(change.before)}', 200)}", fg="red")
    else:
        click.secho(
            f"  ~ {one_line(f'{name}: {_format_value(change.before)} → {_format_value(change.after)}', 200)}",
            fg="yellow",
        )


def _format_value(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value) or "''"
