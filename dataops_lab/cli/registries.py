"""`jupyter dataops image login`, `logout` and `registries`."""

from __future__ import annotations

import datetime as dt
import sys

import click

from ..errors import InvalidRequest
from . import options
from .connection import open_connection
from .output import print_json, print_note, print_table
from .text import one_line, time_ago


@click.command()
@click.argument("registry")
@click.option("--username", prompt=True, help="Your name at the registry.")
@options.server_option
@options.json_option
def login(registry: str, username: str, server: str | None, as_json: bool) -> None:
    """Keep a login to REGISTRY for pulling images. The password, or a token, is asked for or read from stdin."""
    from ..api_models import LoginRequest

    if sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True))
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise InvalidRequest("There was no password on stdin. Write it there: `jupyter dataops image login … < FILE`.")
    with open_connection(server) as connection:
        found = connection.client.images.log_in(registry, LoginRequest(username=username, password=password))
    if as_json:
        print_json(found)
    else:
        click.echo(f"Images of {found.registry} are pulled as {one_line(username)}.")


@click.command()
@click.argument("registry")
@options.server_option
@options.json_option
def logout(registry: str, server: str | None, as_json: bool) -> None:
    """Forget the login to REGISTRY."""
    with open_connection(server) as connection:
        connection.client.images.log_out(registry)
    if as_json:
        print_json({"removed": registry})
    else:
        click.echo(f"The login to {one_line(registry)} is forgotten.")


@click.command()
@options.server_option
@options.json_option
def registries(server: str | None, as_json: bool) -> None:
    """List the registries to which there is a login."""
    with open_connection(server) as connection:
        logins = connection.client.images.registries()
    if as_json:
        print_json(logins)
    elif logins:
        now = dt.datetime.now(dt.UTC)
        rows = [
            (registry.registry, time_ago(registry.changed_at, now), registry.changed_by.name) for registry in logins
        ]
        print_table(("registry", "changed", "by"), rows, folded="registry")
    else:
        print_note("No logins. `jupyter dataops image login REGISTRY` keeps one.")
