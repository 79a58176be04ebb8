"""`jupyter dataops secrets …`."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from ..errors import InvalidRequest
from ..rundir.protocol import MIN_MASKED
from . import options
from .connection import open_connection
from .environments import environment_argument, name_argument
from .output import print_json, print_note, print_table
from .text import plural, time_ago


@click.group()
def secrets() -> None:
    """Manage values that kernels get, and nobody reads again.

    Values are encrypted, and reach kernels as environment variables. In what a run leaves they are replaced by ***.
    """


@secrets.command("list")
@environment_argument
@options.server_option
@options.json_option
def list_(environment: str, server: str | None, as_json: bool) -> None:
    """List the secrets of an environment, without their values."""
    import datetime as dt

    with open_connection(server) as connection:
        found = connection.client.environments.secrets(environment)
    if as_json:
        print_json(found)
    elif found:
        now = dt.datetime.now(dt.UTC)
        rows = [
            (
                secret.name,
                secret.version if secret.is_set else "not set",
                time_ago(secret.changed_at, now),
                secret.changed_by.name,
            )
            for secret in found
        ]
        print_table(("name", "version", "changed", "by"), rows, folded="name")


@secrets.command("set")
@environment_argument
@name_argument
@click.option("--file", metavar="FILE", help="Take the value from this file, as it is.")
@options.server_option
@options.json_option
def set_(environment: str, name: str, file: str | None, server: str | None, as_json: bool) -> None:
    """Set a secret. Its value is asked for, or read from stdin: never give it on a command line."""
    value = _value(name, file)
    with open_connection(server) as connection:
        secret = connection.client.environments.set_secret(environment, name, value)
    if as_json:
        print_json(secret)
    else:
        click.echo(f"{secret.name} is set in {secret.environment}, version {secret.version}.")
        if not secret.masked:
            print_note(
                f"It has fewer than {MIN_MASKED} characters and will not be masked in what runs leave: it would be "
                "found everywhere. Take a longer value if you can."
            )


@secrets.command()
@environment_argument
@name_argument
@options.server_option
@options.json_option
def remove(environment: str, name: str, server: str | None, as_json: bool) -> None:
    """Remove a secret."""
    with open_connection(server) as connection:
        secret = connection.client.environments.remove_secret(environment, name)
    if as_json:
        print_json(secret)
    else:
        click.echo(f"{secret.name} is removed from {secret.environment}.")


@secrets.command("rotate-key")
@options.json_option
def rotate_key(as_json: bool) -> None:
    """Put all secrets of this machine's state folder under a new key.

    The key lies in keys.json of the state folder. Where it comes from DATAOPS_LAB_KEY, put the new one there first,
    with a comma and the old one behind it; take the old one away afterwards.
    """
    from ..services.secrets import rotate_key as rotated
    from ..wiring import Home, build_services, state_folder

    ctx = build_services(Home(state_folder()))
    with closing(ctx.store):
        rotation = rotated(ctx, by=ctx.owner)
    if as_json:
        print_json({"key": rotation.key, "secrets": rotation.secrets})
    else:
        click.echo(f"{plural(rotation.secrets, 'secret')} under the key {rotation.key}.")


def _value(name: str, file: str | None) -> str:
    try:
        if file is not None:
            return Path(file).read_bytes().decode()
        if sys.stdin.isatty():
            return str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True))
        # Remove one end of a line, as `echo` and editors write it. More of them are there on purpose.
        return sys.stdin.buffer.read().decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidRequest("The value is not text in UTF-8. Encode it, for example with base64.") from None
