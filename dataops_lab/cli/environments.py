"""`jupyter dataops environments …` and `variables …`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..domain.environments import LOCKABLE, MAX_WARM, ExecutorKind, format_size
from . import options
from .connection import open_connection
from .output import print_json, print_table
from .text import one_line, plain

if TYPE_CHECKING:
    from ..api_models import EnvironmentModel

F = TypeVar("F", bound=Callable[..., Any])

name_argument = click.argument("name")
environment_argument = click.argument("environment")

_LIMITS = {
    "cpus": "cpus",
    "memory": "memory_bytes",
    "pids": "pids",
    "gpus": "gpus",
    "timeout": "timeout_s",
    "concurrency": "concurrency",
}
"""The name of each limit on the command line, and its name in the API."""


def _mount(text: str) -> dict[str, Any]:
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or not target or mode not in ("", "ro", "rw"):
        raise click.BadParameter("is SOURCE:TARGET, with `:rw` behind it if runs may write there.")
    return {"source": source, "target": target, "read_only": mode != "rw"}


def settings_options(command: F) -> F:
    for option in (
        click.option("--warm", type=click.IntRange(0, MAX_WARM), help="Containers that stand ready."),
        click.option("--docker-user", "user", metavar="UID:GID", help="As whom containers run; never root."),
        click.option(
            "--docker-host", "host", metavar="URL", help="Address of the daemon; this machine's own if not given."
        ),
        click.option(
            "--output-folder",
            metavar="FOLDER",
            help="Where runs publish their outputs; '' for the workspace, and for nowhere if it is guarded.",
        ),
        click.option("--guarded/--open", default=None, help="Whether only administrators run what was not promoted."),
        click.option(
            "--lock",
            "locked",
            multiple=True,
            type=click.Choice(LOCKABLE),
            help="A setting that nobody may choose for a run.",
        ),
        click.option("--mount", "mounts", multiple=True, type=_mount, metavar="SOURCE:TARGET[:rw]", help="A folder."),
        click.option("--network/--no-network", default=None, help="Whether runs reach the network."),
        click.option("--default-image", metavar="NAME", help="The image of runs for which none is chosen."),
        click.option("--image", "images", multiple=True, metavar="NAME", help="An image that is allowed."),
        click.option(
            "--no-limit", "unlimited", multiple=True, type=click.Choice(list(_LIMITS)), help="Take a limit away."
        ),
        click.option("--concurrency", type=click.IntRange(1), help="Runs at a time."),
        click.option("--timeout", "timeout_s", type=options.seconds, metavar="S", help="Seconds that a run may take."),
        options.resources_options,
        click.option("--description", help="For what it is."),
        click.option("--executor", type=click.Choice([str(kind) for kind in ExecutorKind]), help="Where runs run."),
        click.option("--position", type=click.IntRange(0), help="In promotion order, from 0."),
    ):
        command = option(command)
    return command


@click.group()
def environments() -> None:
    """Manage places to run: executor, limits, images.

    They stand in promotion order. Administrators may change them. An option that can be repeated replaces all that was
    there before.
    """


@environments.command("list")
@options.server_option
@options.json_option
def list_(server: str | None, as_json: bool) -> None:
    """List environments in promotion order."""
    with open_connection(server) as connection:
        found = connection.client.environments.all()
    if as_json:
        print_json(found)
        return
    rows = [
        (
            environment.name,
            environment.executor,
            _limits(environment),
            ", ".join(environment.images),
            environment.description,
        )
        for environment in found
    ]
    print_table(("name", "executor", "limits", "images", "description"), rows, folded="description")


@environments.command()
@name_argument
@options.server_option
@options.json_option
def show(name: str, server: str | None, as_json: bool) -> None:
    """Show an environment with its variables and the names of its secrets."""
    with open_connection(server) as connection:
        environment = connection.client.environments.get(name)
        variables_ = connection.client.environments.variables(name)
        secrets = connection.client.environments.secrets(name)
    if as_json:
        print_json(
            environment.model_dump(mode="json")
            | {
                "variables": {variable.name: variable.value for variable in variables_},
                "secrets": [each.name for each in secrets],
            }
        )
        return
    mounts = [f"{mount.source}:{mount.target}{'' if mount.read_only else ':rw'}" for mount in environment.mounts]
    details = {
        "description": environment.description,
        "position": environment.position,
        "executor": environment.executor,
        "limits": _limits(environment),
        "not held": ", ".join(environment.not_enforced),
        "images": ", ".join(environment.images),
        "default": environment.default_image,
        "network": "yes" if environment.network else "none",
        "mounts": ", ".join(mounts),
        "locked": ", ".join(environment.locked),
        "outputs": environment.output_folder,
        "guarded": "yes" if environment.guarded else "no",
        "changed": f"{environment.changed_at.astimezone():%Y-%m-%d %H:%M:%S} by {environment.changed_by}"
        if environment.changed_at
        else None,
        "variables": ", ".join(f"{each.name}={each.value}" for each in variables_),
        "secrets": ", ".join(each.name if each.is_set else f"{each.name} (not set)" for each in secrets),
    }
    for label, value in details.items():
        if value not in ("", None):
            click.echo(f"{label:<13}{one_line(value, 200)}")


@environments.command()
@name_argument
@settings_options
@options.server_option
@options.json_option
def add(name: str, server: str | None, as_json: bool, **given: Any) -> None:
    """Add an environment. It comes last in promotion order if no position is given."""
    from ..api_models import EnvironmentRequest

    with open_connection(server) as connection:
        request = _merge_options({"name": name}, given)
        _print_environment(connection.client.environments.add(EnvironmentRequest.model_validate(request)), as_json)


@environments.command("set")
@name_argument
@settings_options
@options.server_option
@options.json_option
def set_(name: str, server: str | None, as_json: bool, **given: Any) -> None:
    """Change an environment. Options that are not given change nothing."""
    from ..api_models import EnvironmentChange

    with open_connection(server) as connection:
        current = connection.client.environments.get(name)
        settings = current.model_dump(include=set(EnvironmentChange.model_fields))
        request = EnvironmentChange.model_validate(_merge_options(settings, given))
        _print_environment(connection.client.environments.change(name, request), as_json)


@environments.command()
@name_argument
@options.server_option
@options.json_option
def remove(name: str, server: str | None, as_json: bool) -> None:
    """Remove an environment with its variables and secrets."""
    with open_connection(server) as connection:
        removed = connection.client.environments.remove(name)
    if as_json:
        print_json(removed)
    else:
        click.echo(f"{plain(name)} is removed, with its variables and secrets.")


def _merge_options(settings: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Merge the options of the command line into `settings`, and return them as the API takes them."""
    docker = dict(settings.get("docker", {}))
    limits = dict(settings.get("limits", {}))
    resources = dict(limits.get("resources", {}))
    unlimited = {_LIMITS[name]: None for name in given.pop("unlimited")}
    changes = {name: value for name, value in given.items() if value not in (None, ())} | unlimited
    for name in [option for option in changes if option in ("host", "user", "warm")]:
        docker[name] = changes.pop(name)
    for name in [option for option in changes if option in _LIMITS.values()]:
        (limits if name in ("timeout_s", "concurrency") else resources)[name] = changes.pop(name)
    if changes.get("output_folder") == "":
        changes["output_folder"] = None
    lists = {name: list(value) for name, value in changes.items() if isinstance(value, tuple)}
    return {**settings, **changes, **lists, "docker": docker, "limits": {**limits, "resources": resources}}


def _limits(environment: EnvironmentModel) -> str:
    resources = environment.limits.resources
    values = {
        "cpus": resources.cpus,
        "memory": format_size(resources.memory_bytes),
        "pids": resources.pids,
        "gpus": resources.gpus,
        "timeout": environment.limits.timeout_s,
        "concurrency": environment.limits.concurrency,
    }
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
        if value is not None
    )


def _print_environment(environment: EnvironmentModel, as_json: bool) -> None:
    if as_json:
        print_json(environment)
    else:
        click.echo(f"{environment.name}: {environment.executor}, {_limits(environment) or 'no limits'}")


# --- variables ----------------------------------------------------------------------------------


@click.group()
def variables() -> None:
    """Manage plain values that the kernels of an environment get. For passwords see `secrets`."""


@variables.command("list")
@environment_argument
@options.server_option
@options.json_option
def list_variables(environment: str, server: str | None, as_json: bool) -> None:
    """List the variables of an environment."""
    with open_connection(server) as connection:
        found = connection.client.environments.variables(environment)
    if as_json:
        print_json(found)
    elif found:
        print_table(
            ("name", "value", "changed by"),
            [(variable.name, variable.value, variable.changed_by.name) for variable in found],
            folded="value",
        )


@variables.command("set")
@environment_argument
@name_argument
@click.argument("value")
@options.server_option
@options.json_option
def set_variable(environment: str, name: str, value: str, server: str | None, as_json: bool) -> None:
    """Set a variable. Others can read the command line, and its history keeps it: passwords belong to `secrets`."""
    with open_connection(server) as connection:
        variable = connection.client.environments.set_variable(environment, name, value)
    if as_json:
        print_json(variable)
    else:
        click.echo(f"{variable.name} is set in {variable.environment}.")


@variables.command("unset")
@environment_argument
@name_argument
@options.server_option
@options.json_option
def unset_variable(environment: str, name: str, server: str | None, as_json: bool) -> None:
    """Remove a variable."""
    with open_connection(server) as connection:
        variable = connection.client.environments.remove_variable(environment, name)
    if as_json:
        print_json(variable)
    else:
        click.echo(f"{variable.name} is not set in {variable.environment} any more.")
