"""`jupyter dataops image …`."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Conflict, DataOpsError, InvalidRequest
from . import options
from .connection import Connection, open_connection
from .image_trials import trial_run, trials
from .output import print_json, print_note, print_table
from .registries import login, logout, registries
from .text import one_line, plain, plural, size, time_ago

if TYPE_CHECKING:
    from ..api_models import ImageModel, ImageTaskModel

name_argument = click.argument("name")
tags_option = click.option("--tag", "tags", multiple=True, help="A word to find it by. Repeat it for more.")
description_option = click.option("--description", help="For whom it is, and what is in it.")
environment_option = click.option(
    "--env", "environment", metavar="ENVIRONMENT", help="Use the Docker daemon of this environment, and allow it there."
)


@click.group()
def image() -> None:
    """Manage the catalogue of container images.

    Runs may run in these images. Each is pinned: the image that was probed runs, wherever its tag moves.
    """


for command in (trial_run, trials, login, logout, registries):
    image.add_command(command)


@image.command()
@name_argument
@click.argument("reference")
@environment_option
@description_option
@tags_option
@click.option("--allow-root/--no-root", "root", default=None, help="Whether its containers may run as root.")
@click.option("--pull", is_flag=True, help="Ask the registry also when the daemon has the reference.")
@options.server_option
@options.json_option
def add(
    name: str,
    reference: str,
    environment: str | None,
    description: str | None,
    tags: tuple[str, ...],
    root: bool | None,
    pull: bool,
    server: str | None,
    as_json: bool,
) -> None:
    """Add the image REFERENCE as NAME, or pin NAME anew. It is pulled where the daemon does not have it."""
    from ..api_models import AddImageRequest

    request = AddImageRequest(
        name=name,
        reference=reference,
        environment=environment,
        description=description,
        tags=list(tags) or None,
        root_allowed=root,
        pull=pull,
    )
    with open_connection(server) as connection:
        _follow_task(connection, connection.client.images.add(request), as_json)


@image.command()
@name_argument
@click.option("--from", "base", required=True, metavar="BASE", help="A name of the catalogue, or a reference.")
@click.option("--requirements", metavar="FILE", help="Packages to install, as pip reads them.")
@click.option("--environment-file", metavar="FILE", help="Packages to install, as an environment.yml of conda.")
@click.option("--freeze", "kernel", metavar="KERNEL", help="Install what this kernel has, see `image freeze`.")
@click.option(
    "--variable",
    "variables",
    multiple=True,
    metavar="VARIABLE",
    help="Pass this variable on to the installer, with its value here. It is not in the image. Repeat it for more. "
    "pip's index, proxies and certificates of this machine are passed on anyway.",
)
@click.option("--network", metavar="NETWORK", help="Docker's network for the installer, such as `host`.")
@environment_option
@description_option
@tags_option
@options.server_option
@options.json_option
def build(
    name: str,
    base: str,
    requirements: str | None,
    environment_file: str | None,
    kernel: str | None,
    variables: tuple[str, ...],
    network: str | None,
    environment: str | None,
    description: str | None,
    tags: tuple[str, ...],
    server: str | None,
    as_json: bool,
) -> None:
    """Make an image from a base and a list of packages, and add it as NAME."""
    from ..api_models import BuildImageRequest

    missing = [variable for variable in variables if variable not in os.environ]
    if missing:
        raise InvalidRequest(f"Not set here: {', '.join(missing)}. Set them, or leave `--variable` away.")
    request = BuildImageRequest(
        name=name,
        base=base,
        requirements=_read_text(requirements),
        environment_yml=_read_text(environment_file),
        kernel=kernel,
        variables={variable: os.environ[variable] for variable in variables},
        network=network,
        environment=environment,
        description=description,
        tags=list(tags) or None,
    )
    with open_connection(server) as connection:
        _follow_task(connection, connection.client.images.build(request), as_json)


@image.command()
@click.argument("kernel")
@options.server_option
@options.json_option
def freeze(kernel: str, server: str | None, as_json: bool) -> None:
    """Print the packages of a kernel of this machine as requirements, and say which cannot travel."""
    with open_connection(server) as connection:
        requirements = connection.client.images.frozen(kernel)
    if as_json:
        print_json(requirements)
        return
    for requirement in requirements.requirements:
        click.echo(plain(requirement))
    for package, reason in requirements.left_out.items():
        print_note(plain(f"Left out: {package}, {reason}."))


@image.command("list")
@click.option("--check", is_flag=True, help="Ask the registries whether tags have moved on.")
@options.server_option
@options.json_option
def list_(check: bool, server: str | None, as_json: bool) -> None:
    """List the catalogue."""
    with open_connection(server) as connection:
        images = connection.client.images.all()
        checks = {entry.name: connection.client.images.check(entry.name) for entry in images} if check else {}
    if as_json:
        answer = [it.model_dump(mode="json") for it in images]
        for entry in answer:
            if entry["name"] in checks:
                entry["check"] = checks[entry["name"]].model_dump(mode="json")
        print_json({"items": answer, "next": None})
    elif images:
        headings = ("name", "image", "python", "kernels", "size", "environments", "remarks")
        print_table(headings, [_row(entry, checks.get(entry.name)) for entry in images], folded="remarks")
    else:
        print_note("The catalogue is empty. `jupyter dataops image add NAME REFERENCE` adds an image.")


@image.command()
@name_argument
@options.server_option
@options.json_option
def show(name: str, server: str | None, as_json: bool) -> None:
    """Show an image: what was found in it, where it is allowed, what it was before."""
    with open_connection(server) as connection:
        found = connection.client.images.get(name)
    if as_json:
        print_json(found)
    else:
        _print_image(found)


@image.command()
@name_argument
@options.server_option
@options.json_option
def probe(name: str, server: str | None, as_json: bool) -> None:
    """Look into it again."""
    with open_connection(server) as connection:
        _follow_task(connection, connection.client.images.probe(name), as_json)


@image.command()
@name_argument
@options.server_option
@options.json_option
def check(name: str, server: str | None, as_json: bool) -> None:
    """Say whether the daemon has it, and whether its tag has moved on."""
    with open_connection(server) as connection:
        check_result = connection.client.images.check(name)
    if as_json:
        print_json(check_result)
        return
    click.echo("The daemon has it." if check_result.present else "The daemon has it no longer: add it again.")
    if check_result.moved_to:
        click.echo(
            f"Its reference stands for {check_result.moved_to} now. `image add` with the same name would pin that."
        )
    if check_result.problem:
        print_note(plain(check_result.problem))


@image.command()
@name_argument
@click.option("--description", help="For whom it is, and what is in it.")
@tags_option
@click.option("--allow-root/--no-root", "root", default=None, help="Whether its containers may run as root.")
@options.server_option
@options.json_option
def describe(
    name: str,
    description: str | None,
    tags: tuple[str, ...],
    root: bool | None,
    server: str | None,
    as_json: bool,
) -> None:
    """Change what the catalogue says of an image. Options that are not given change nothing."""
    given = {"description": description, "tags": list(tags) or None, "root_allowed": root}
    _change(name, {key: value for key, value in given.items() if value is not None}, server, as_json)
    if root is not None:
        print_note(f"It has to be looked into again: jupyter dataops image probe {name}")


@image.command("set-default")
@name_argument
@options.server_option
@options.json_option
def set_default(name: str, server: str | None, as_json: bool) -> None:
    """Make it the one that is meant when none is named."""
    _change(name, {"is_default": True}, server, as_json)


@image.command()
@name_argument
@click.argument("environment")
@click.option("--not", "no_longer", is_flag=True, help="Allow it there no longer.")
@options.server_option
@options.json_option
def allow(name: str, environment: str, no_longer: bool, server: str | None, as_json: bool) -> None:
    """Let runs in ENVIRONMENT use it."""
    with open_connection(server) as connection:
        images = connection.client.images
        found = (images.disallow if no_longer else images.allow)(name, environment)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{name} is allowed in {', '.join(found.environments) or 'no environment'}.")


@image.command()
@name_argument
@click.option("--on", metavar="YYYY-MM-DD", help="From this day on new runs are refused; before it they are warned.")
@click.option("--successor", metavar="NAME", help="The image to use instead.")
@click.option("--message", default="", help="A note for the people who use it.")
@click.option("--undo", is_flag=True, help="Take it back.")
@options.server_option
@options.json_option
def deprecate(
    name: str, on: str | None, successor: str | None, message: str, undo: bool, server: str | None, as_json: bool
) -> None:
    """Announce the end of an image."""
    if undo == (on is not None):
        raise click.UsageError("Give either --on or --undo.")
    try:
        day = dt.date.fromisoformat(on) if on else None
    except ValueError:
        raise click.BadParameter(f"{on!r} is not a date such as 2026-12-31.", param_hint="--on") from None
    deprecated = {"on": day, "successor": successor, "message": message} if day else None
    _change(name, {"deprecated": deprecated}, server, as_json)


@image.command()
@name_argument
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far to look back.")
@options.server_option
@options.json_option
def users(name: str, days: int, server: str | None, as_json: bool) -> None:
    """List who uses it: environments, and jobs that ran on it."""
    with open_connection(server) as connection:
        usage = connection.client.images.users(name, days=days)
    if as_json:
        print_json(usage)
        return
    click.echo(f"Allowed in {', '.join(usage.environments) or 'no environment'}.")
    if usage.jobs:
        now = dt.datetime.now(dt.UTC)
        rows = [(job.name, job.runs, job.last_state, time_ago(job.last_at, now), job.id) for job in usage.jobs]
        print_table(("job", "runs", "last", "when", "id"), rows, folded="job")
    else:
        click.echo(f"No job ran on it in the last {plural(days, 'day')}.")


@image.command()
@click.argument("task_id", metavar="TASK", required=False)
@options.server_option
@options.json_option
def tasks(task_id: str | None, server: str | None, as_json: bool) -> None:
    """Show what a task said, or list the last tasks: what was added, probed, built."""
    with open_connection(server) as connection:
        if task_id is not None:
            task = connection.client.images.task(task_id)
            if as_json:
                print_json(task)
            else:
                click.echo(plain(task.log), nl=False)
                click.echo(f"{task.state}{f': {plain(task.error.message)}' if task.error else ''}")
            return
        recent_tasks = connection.client.images.tasks()
    if as_json:
        print_json(recent_tasks)
    elif recent_tasks:
        now = dt.datetime.now(dt.UTC)
        rows = [
            (task.id, task.kind, task.image, task.state, time_ago(task.created_at, now), task.created_by.name)
            for task in recent_tasks
        ]
        print_table(("task", "what", "image", "state", "started", "by"), rows, folded="image")
    else:
        print_note("Nothing was added, probed or built yet.")


@image.command()
@click.argument("task_id", metavar="TASK")
@options.server_option
@options.json_option
def cancel(task_id: str, server: str | None, as_json: bool) -> None:
    """End a task: adding, probing or building. The catalogue stays as it is."""
    with open_connection(server) as connection:
        task = _print_log(connection, connection.client.images.cancel(task_id), quiet=True)
    if as_json:
        print_json(task)
    else:
        click.echo(f"{task.state}{f': {plain(task.error.message)}' if task.error else ''}")


@image.command()
@name_argument
@options.server_option
@options.json_option
def remove(name: str, server: str | None, as_json: bool) -> None:
    """Take it out of the catalogue, unless somebody uses it."""
    with open_connection(server) as connection:
        connection.client.images.remove(name)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"{name} is no longer in the catalogue.")


def _read_text(file: str | None) -> str:
    if file is None:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}.") from None


def _change(name: str, changes: dict[str, Any], server: str | None, as_json: bool) -> None:
    from ..api_models import ChangeImageRequest

    with open_connection(server) as connection:
        found = connection.client.images.change(name, ChangeImageRequest(**changes))
    if as_json:
        print_json(found)
    else:
        _print_image(found)


def _follow_task(connection: Connection, task: ImageTaskModel, as_json: bool) -> None:
    """Follow the task to its end and write its log to stderr. Ctrl-C ends the task."""
    try:
        task = _print_log(connection, task, quiet=as_json)
    except KeyboardInterrupt:
        try:
            connection.client.images.cancel(task.id)
        except Conflict:
            pass  # The task has just ended; the next look tells how.
        task = _print_log(connection, task, quiet=True)
    if task.error is not None:
        raise DataOpsError(task.error.message, code=task.error.code, **task.error.detail)
    if task.state != "succeeded":
        raise DataOpsError("The process that worked on it has ended. Start it again.", code="task_interrupted")
    found = connection.client.images.get(task.image)
    if as_json:
        print_json(found)
    else:
        _print_image(found)


def _print_log(connection: Connection, task: ImageTaskModel, *, quiet: bool) -> ImageTaskModel:
    for update in connection.client.images.follow(task.id):
        if not quiet and update.log:
            click.echo(plain(update.log), err=True, nl=False)
        task = update
    return task


def _row(entry: ImageModel, check: Any) -> tuple[str, ...]:
    remarks = ["default"] if entry.is_default else []
    if entry.deprecated:
        remarks.append(f"ends on {entry.deprecated.on}")
    if entry.probe is None:
        remarks.append("not looked into")
    elif entry.probe.problems:
        remarks.append("cannot be used")
    if check is not None and not check.present:
        remarks.append("gone from the daemon")
    if check is not None and check.moved_to:
        remarks.append("its tag has moved on")
    kernels = ", ".join(kernel.name for kernel in entry.probe.kernels) if entry.probe else ""
    python = (entry.probe.python if entry.probe else None) or ""
    source = f"built from {entry.base}" if entry.base else entry.reference
    return (
        entry.name,
        source,
        python,
        kernels,
        size(entry.size_bytes),
        ", ".join(entry.environments),
        ", ".join(remarks),
    )


def _print_image(entry: ImageModel) -> None:
    probe = entry.probe
    details = {
        "name": entry.name,
        "reference": f"built from {entry.base}" if entry.base else entry.reference,
        "pinned to": entry.digest,
        "platform": f"{entry.platform}, {size(entry.size_bytes)}",
        "about": entry.description,
        "tags": ", ".join(entry.tags),
        "default": "yes" if entry.is_default else "",
        "allowed in": ", ".join(entry.environments) or "no environment",
        "root": "allowed" if entry.root_allowed else "",
        "ends": f"on {entry.deprecated.on}, then {entry.deprecated.successor or 'nothing'}" if entry.deprecated else "",
        "added": f"{entry.added_at.astimezone():%Y-%m-%d %H:%M:%S} by {entry.added_by}",
        "python": (probe.python if probe else "") or "",
        "papermill": (probe.papermill if probe else "") or "",
        "kernels": ", ".join(f"{kernel.display_name} ({kernel.name})" for kernel in probe.kernels) if probe else "",
        "packages": str(len(probe.packages)) if probe else "",
    }
    for label, value in details.items():
        if value:
            click.echo(f"{label:<11}{one_line(value, 200)}")
    for pin in entry.earlier:
        click.echo(f"{'before':<11}{pin.digest} until {pin.until.astimezone():%Y-%m-%d %H:%M}")
    for problem in probe.problems if probe else ():
        click.echo(f"{click.style('Missing:', fg='red')} {plain(problem)}")
