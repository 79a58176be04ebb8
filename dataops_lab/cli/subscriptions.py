"""`jupyter dataops notify subscribe`, `unsubscribe`, `subscriptions`, `address` and `quiet`."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import click

from ..domain.subscriptions import DEFAULT_INTERESTS, Interest, ObjectKind
from . import options
from .connection import Connection, open_connection
from .output import print_json, print_note, print_table
from .text import one_line, plural

if TYPE_CHECKING:
    from ..api_models import PersonModel, SubscriptionModel


def object_options(command: options.F) -> options.F:
    """Add the options that name the object of a subscription."""
    environment = click.option("--env", "environment", metavar="NAME", help="All that runs in an environment.")
    schedule = click.option("--schedule", metavar="SCHEDULE", help="A schedule, by name or id.")
    job = click.option("--job", metavar="JOB", help="A job or pipeline, by id, name or path.")
    return job(schedule(environment(command)))


@click.command()
@object_options
@click.option(
    "--on",
    type=click.Choice([str(each) for each in Interest]),
    multiple=True,
    help="The thing to hear of. Repeat it for more.  [default: all but success and duration]",
)
@click.option("--nothing", is_flag=True, help="Hear nothing of it, not even what you would hear by default.")
@click.option(
    "--by",
    "channels",
    metavar="CHANNEL",
    multiple=True,
    help="The way: lab, mail, or target:NAME. Repeat it for more.  [default: lab and mail]",
)
@click.option("--skipped", is_flag=True, help="With on_missed: also ticks that were skipped.")
@click.option("--cancelled", is_flag=True, help="With on_failure: also runs that somebody cancelled.")
@click.option("--every-try", is_flag=True, help="With on_failure: also failures after which it is tried again.")
@options.server_option
@options.json_option
def subscribe(
    job: str | None,
    schedule: str | None,
    environment: str | None,
    on: tuple[str, ...],
    nothing: bool,
    channels: tuple[str, ...],
    skipped: bool,
    cancelled: bool,
    every_try: bool,
    server: str | None,
    as_json: bool,
) -> None:
    """Choose what you hear of a job, schedule or environment.

    The choice takes the place of an earlier one. The one for a schedule counts more than that for its job, and that
    more than the one for the environment.
    """
    from ..api_models import ChoiceModel

    if nothing and on:
        raise click.UsageError("--nothing and --on exclude one another.")
    choice = ChoiceModel(
        on=[] if nothing else [Interest(each) for each in on] or sorted(DEFAULT_INTERESTS),
        channels=list(channels) or ["lab", "mail"],
        mute_skipped=not skipped,
        mute_cancelled=not cancelled,
        until_last_retry=not every_try,
    )
    with open_connection(server) as connection:
        kind, name = _object(connection, job, schedule, environment)
        found = connection.client.subscriptions.set(kind, name, choice)
        person = connection.client.subscriptions.me()
    if as_json:
        print_json(found)
        return
    click.echo(f"{one_line(found.object_name)}: {_choice_text(found)}.")
    if "mail" in choice.channels and choice.on and person.address is None:
        print_note("You have no confirmed address yet. `jupyter dataops notify address ADDRESS` sends a code there.")


@click.command()
@object_options
@options.server_option
@options.json_option
def unsubscribe(
    job: str | None, schedule: str | None, environment: str | None, server: str | None, as_json: bool
) -> None:
    """Remove your choice for an object, so that the default counts again."""
    with open_connection(server) as connection:
        kind, name = _object(connection, job, schedule, environment)
        found = connection.client.subscriptions.remove(kind, name)
    if as_json:
        print_json(found)
    else:
        click.echo(f"The default counts for {one_line(found.object_name)} again.")


@click.command()
@options.server_option
@options.json_option
def subscriptions(server: str | None, as_json: bool) -> None:
    """List your subscriptions."""
    with open_connection(server) as connection:
        found = list(connection.client.subscriptions.list())
    if as_json:
        print_json(found)
        return
    if not found:
        print_note(
            "No subscriptions: you hear of trouble with what you own. `jupyter dataops notify subscribe` adds one."
        )
        return
    rows = [(each.object_kind, each.object_name, _choice_text(each)) for each in found]
    print_table(("kind", "name", "told of"), rows, folded="told of")


@click.command()
@click.argument("address", required=False)
@click.option("--code", help="The code that was sent to the address.")
@click.option("--remove", is_flag=True, help="Remove your address.")
@options.server_option
@options.json_option
def address(address: str | None, code: str | None, remove: bool, server: str | None, as_json: bool) -> None:
    """Show your mail address, enter a new ADDRESS, or confirm it with the code that was sent there."""
    if sum(map(bool, (address, code, remove))) > 1:
        raise click.UsageError("Give one of ADDRESS, --code and --remove.")
    with open_connection(server) as connection:
        client = connection.client.subscriptions
        if address:
            found = client.enter_address(address)
        elif code:
            found = client.confirm_address(code)
        elif remove:
            found = client.remove_address()
        else:
            found = client.me()
    if as_json:
        print_json(found)
    else:
        click.echo(_address_text(found))


@click.command()
@click.argument("hours", required=False, metavar="[HH:MM-HH:MM]")
@click.option("--timezone", metavar="ZONE", help="Your time zone, such as Europe/Paris.")
@click.option("--digest", metavar="HH:MM", help="Get all that can wait in one message, at this time.")
@click.option("--no-hours", is_flag=True, help="Have no quiet hours.")
@click.option("--no-digest", is_flag=True, help="Get each message by itself.")
@options.server_option
@options.json_option
def quiet(
    hours: str | None,
    timezone: str | None,
    digest: str | None,
    no_hours: bool,
    no_digest: bool,
    server: str | None,
    as_json: bool,
) -> None:
    """Show or set your quiet hours, such as 22:00-07:00, and the daily digest.

    Neither holds a failure of production. JupyterLab shows everything at once.
    """
    from ..api_models import DeliveryTimesModel, QuietHoursModel
    from ..client.validation import validated
    from .schedule import zone_of_this_machine

    if (hours and no_hours) or (digest and no_digest):
        raise click.UsageError("Either set it or switch it off.")
    match = re.fullmatch(r"(\d\d:\d\d)-(\d\d:\d\d)", hours) if hours else None
    if hours and not match:
        raise click.UsageError(f"{hours!r} is not a span of the day, such as 22:00-07:00.")
    with open_connection(server) as connection:
        client = connection.client.subscriptions
        found = client.me()
        if hours or timezone or digest or no_hours or no_digest:
            before = found.times
            is_new = before.quiet is None and before.digest_at is None
            span = validated(QuietHoursModel, start=match[1], end=match[2]) if match else before.quiet
            times = validated(
                DeliveryTimesModel,
                # A person who sets a time for the first time means that of their machine.
                timezone=timezone or (zone_of_this_machine() if is_new else before.timezone),
                quiet=None if no_hours else span,
                digest_at=None if no_digest else digest or before.digest_at,
            )
            found = client.set_times(times)
    if as_json:
        print_json(found)
    else:
        click.echo(_times_text(found))


def _object(
    connection: Connection, job: str | None, schedule: str | None, environment: str | None
) -> tuple[ObjectKind, str]:
    if sum(map(bool, (job, schedule, environment))) != 1:
        raise click.UsageError("Give one of --job, --schedule and --env.")
    if job:
        return ObjectKind.JOB, connection.find_job(job).id
    return (ObjectKind.SCHEDULE, schedule) if schedule else (ObjectKind.ENVIRONMENT, environment or "")


def _choice_text(found: SubscriptionModel) -> str:
    if found.choice is None:
        return "the default"
    if not found.choice.on:
        return "nothing"
    kinds = ", ".join(each.removeprefix("on_").replace("_", " ") for each in found.choice.on)
    return f"{kinds}; by {', '.join(found.choice.channels)}"


def _address_text(found: PersonModel) -> str:
    lines = [found.address or "No confirmed address."]
    if found.pending_address and found.code_expires_at:
        until = found.code_expires_at.astimezone().strftime("%H:%M")
        lines.append(
            f"{found.pending_address} waits for its code until {until}: jupyter dataops notify address --code CODE"
        )
    if not found.has_mail:
        lines.append("This installation sends no mail: an administrator has to set a mail server.")
    return "\n".join(lines)


def _times_text(found: PersonModel) -> str:
    times = found.times
    hours = f"{times.quiet.start}-{times.quiet.end}" if times.quiet else "none"
    text = f"Quiet hours: {hours}. Digest: {times.digest_at or 'none'}. Time zone: {times.timezone}."
    if found.held:
        following = min(each.until for each in found.held).astimezone(dt.datetime.now().astimezone().tzinfo)
        text += f" {plural(len(found.held), 'message')} wait, the first until {following:%H:%M}."
    return text
