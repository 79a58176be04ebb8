"""`jupyter dataops notify list`, `set`, `remove`, `test`, `log` and `mail-password`."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

import click

from ..domain.notifications import DeliveryState
from ..domain.targets import TARGET_CHANNELS
from ..errors import InvalidRequest, NotFound
from . import exit_codes, options
from .connection import open_connection
from .output import print_json, print_note, print_table
from .text import one_line, time_ago

if TYPE_CHECKING:
    from ..api_models import DeliveryModel, TargetModel


@click.command("list")
@options.server_option
@options.json_option
def list_(server: str | None, as_json: bool) -> None:
    """List the targets that administrators have set."""
    with open_connection(server) as connection:
        found = list(connection.client.notifications.targets())
        mail = connection.client.notifications.mail_server()
    if as_json:
        print_json(found)
        return
    if found:
        rows = [(each.name, each.channel, _place(each), ", ".join(each.environments) or "all") for each in found]
        print_table(("name", "channel", "to", "environments"), rows, folded="to")
    else:
        print_note("There are no targets yet. `jupyter dataops notify set team --channel slack` makes one.")
    if not mail.is_set:
        print_note("No mail server is set, so no mail is sent: see DATAOPS_LAB_MAIL_SERVER.")


def _place(target: TargetModel) -> str:
    domains = f"addresses in {', '.join(target.domains)}" if target.domains else ""
    state = "" if target.enabled else "(off)"
    return " ".join(filter(None, [target.place, domains, state]))


@click.command("set")
@click.argument("name")
@click.option(
    "--channel",
    type=click.Choice([str(channel) for channel in TARGET_CHANNELS]),
    help="How messages go there: mail, slack, teams, or webhook for signed JSON.",
)
@click.option("--url", "asks_url", is_flag=True, help="Give the URL anew: it is asked for, or read from stdin.")
@click.option("--address", metavar="ADDRESS", help="With --channel mail: the address of mail.")
@click.option("--domain", "domains", multiple=True, metavar="DOMAIN", help="For mail: any address there may get mail.")
@click.option("--env", "environments", multiple=True, metavar="NAME", help="An environment whose messages go there.")
@click.option("--all-environments", is_flag=True, help="Messages about all environments go there.")
@click.option("--description", metavar="TEXT", help="For others to read.")
@click.option("--enable/--disable", "enabled", default=None, help="Let messages go there, or not for now.")
@click.option("--new-key", is_flag=True, help="For a webhook: make another key to sign with, and show it.")
@options.server_option
@options.json_option
def set_(
    name: str,
    channel: str | None,
    asks_url: bool,
    address: str | None,
    domains: tuple[str, ...],
    environments: tuple[str, ...],
    all_environments: bool,
    description: str | None,
    enabled: bool | None,
    new_key: bool,
    server: str | None,
    as_json: bool,
) -> None:
    """Add a target, or change the one of that name. Settings that are not given stay.

    The URL of Slack, Teams or a webhook is a secret: it is asked for, or read from stdin, and never shown again.
    """
    from ..api_models import TargetRequest
    from ..client.validation import validated

    with open_connection(server) as connection:
        notifications = connection.client.notifications
        try:
            before = notifications.target(name)
        except NotFound:
            before = None
        channel = channel or (before.channel if before else None)
        if channel is None:
            raise InvalidRequest(f"There is no target {name!r} yet. Say how messages go there: --channel slack.")
        is_new = before is None or before.channel != channel
        if channel != "mail" and (asks_url or is_new):
            address = _read_secret(f"URL of {name}")
        request = validated(
            TargetRequest,
            channel=channel,
            address=address,
            new_key=new_key,
            description=description if description is not None else before.description if before else "",
            environments=[] if all_environments else list(environments) or (before.environments if before else []),
            domains=list(domains) or (before.domains if before and channel == "mail" else []),
            enabled=enabled if enabled is not None else before.enabled if before else True,
            revision=before.revision if before else 0,
        )
        found = notifications.put_target(name, request)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found.name} is set: {found.channel}, {one_line(_place(found)) or 'no place'}.")
    if found.key:
        click.echo(found.key)
        print_note("The key that its messages are signed with. Keep it now: it is never shown again.")
    print_note(f"`jupyter dataops notify test {found.name}` sends a test message.")


def _read_secret(prompt: str) -> str:
    is_asked = sys.stdin.isatty()
    found = str(click.prompt(prompt, hide_input=True)) if is_asked else sys.stdin.readline().rstrip("\r\n")
    if not found:
        raise InvalidRequest(f"{prompt}: there was nothing on stdin. Write it there, as in `… < FILE`.")
    return found


@click.command()
@click.argument("name")
@options.server_option
@options.json_option
def remove(name: str, server: str | None, as_json: bool) -> None:
    """Remove a target. Messages that wait for it are not delivered."""
    with open_connection(server) as connection:
        found = connection.client.notifications.remove_target(name)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found.name} is removed.")


@click.command()
@click.argument("name")
@options.server_option
@options.json_option
def test(name: str, server: str | None, as_json: bool) -> None:
    """Send a test message to a target, or to an address of mail.

    The exit code is 1 when it did not arrive.
    """
    with open_connection(server) as connection:
        notifications = connection.client.notifications
        found = notifications.test_mail(name) if "@" in name else notifications.test_target(name)
    if as_json:
        print_json(found)
    elif found.state is DeliveryState.SENT:
        click.echo(f"A test message was sent to {one_line(found.to)}.")
    else:
        click.echo(f"It did not arrive: {one_line(found.error or '')}")
    if found.state is not DeliveryState.SENT:
        sys.exit(exit_codes.FAILED)


@click.command()
@click.argument("name", required=False)
@click.option(
    "--state", type=click.Choice([str(state) for state in DeliveryState]), help="Only those that are in this state."
)
@click.option("-n", "--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many at most.")
@options.server_option
@options.json_option
def log(name: str | None, state: str | None, limit: int, server: str | None, as_json: bool) -> None:
    """Show what was delivered, newest first, to all or to NAME.

    NAME is a target, or an address of mail.
    """
    with open_connection(server) as connection:
        wanted = DeliveryState(state) if state else None
        page = connection.client.notifications.log(to=name, state=wanted, limit=limit)
    if as_json:
        print_json(page)
    elif page.items:
        now = dt.datetime.now(dt.UTC)
        rows = [
            (time_ago(each.created_at, now), each.kind, each.channel, each.to, _result(each)) for each in page.items
        ]
        print_table(("when", "message", "channel", "to", "result"), rows, folded="result")
    else:
        print_note("Nothing was delivered yet.")


def _result(delivery: DeliveryModel) -> str:
    tries = f" after {delivery.attempts} tries" if delivery.attempts > 1 else ""
    if delivery.state is DeliveryState.SENT:
        return f"sent{tries}"
    return f"{delivery.state}{tries}" + (f": {delivery.error}" if delivery.error else "")


@click.command("mail-password")
@click.option("--remove", "removes", is_flag=True, help="Forget the password.")
@options.server_option
@options.json_option
def mail_password(removes: bool, server: str | None, as_json: bool) -> None:
    """Set the password of the mail server's user. It is asked for, or read from stdin."""
    with open_connection(server) as connection:
        notifications = connection.client.notifications
        if removes:
            found = notifications.remove_mail_password()
        else:
            found = notifications.set_mail_password(_read_secret("Password"))
    if as_json:
        print_json(found)
    else:
        click.echo("The password is forgotten." if removes else "The password is set.")
