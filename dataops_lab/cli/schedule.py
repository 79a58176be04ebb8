"""`jupyter dataops schedule …`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..domain.backfills import MAX_CONCURRENCY, BackfillScope
from ..domain.lateness import round_up
from ..domain.schedules import JobEnd, Misfire, Overlap
from ..domain.ticks import TickState, in_words
from ..domain.timetables import OnHoliday
from ..domain.webhooks import Signature
from ..errors import InvalidRequest, NotFound
from . import options
from .connection import Connection, open_connection
from .output import print_json, print_note, print_table
from .text import one_line, plain, plural, time_ago

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from ..api_models import BackfillModel, ScheduleModel, TickModel
    from ..client.schedules import Schedules


@click.group()
def schedule() -> None:
    """Run notebooks, scripts and pipelines when it is time.

    A schedule runs the version that was scheduled, on the data of the day. SCHEDULE is its name or its id.
    """


schedule_argument = click.argument("name", metavar="SCHEDULE")


@schedule.command("set")
@click.argument("notebook", metavar="NOTEBOOK|SCRIPT|PIPELINE")
@click.option("--name", help="Name of the schedule.  [default: that of the job]")
@click.option("--cron", metavar="EXPRESSION", help="Five fields, such as '0 8 * * 1' for every Monday at 08:00.")
@click.option("--every", "every_s", type=float, metavar="S", help="Every so many seconds.")
@click.option("--once", metavar="TIME", help="Once, at a time such as '2026-12-01T22:00' in the time zone.")
@click.option("--business-day", type=int, metavar="N", help="The n-th business day of each month; -1 is the last one.")
@click.option("--at", metavar="HH:MM", help="The time of day for --business-day.")
@click.option("--after", "after_job", metavar="JOB", help="After each run of another job, named by id, name or path.")
@click.option("--on", type=click.Choice([str(end) for end in JobEnd]), default="success", help="With --after: its end.")
@click.option("--files", "folder", metavar="FOLDER", help="When files of this folder are new or have changed.")
@click.option("--pattern", default="*", show_default=True, help="With --files: which files.")
@click.option("--quiet", "quiet_s", type=float, default=30.0, show_default=True, help="With --files: seconds of rest.")
@click.option("--files-parameter", metavar="NAME", help="With --files: the parameter that gets the list of names.")
@click.option("--webhook", is_flag=True, help="When another program sends a signed request.")
@click.option(
    "--signature",
    type=click.Choice([str(each) for each in Signature]),
    default="standard",
    show_default=True,
    help="With --webhook: how the sender signs.",
)
@click.option(
    "--from-body",
    "pointers",
    type=(str, str),
    multiple=True,
    metavar="NAME POINTER",
    help="With --webhook: a parameter and its place in the body, such as `order /order/id`. Repeat it for more.",
)
@click.option("--timezone", metavar="ZONE", help="Such as Europe/Paris.  [default: that of this machine]")
@click.option("--starts", metavar="TIME", help="Nothing before this time.")
@click.option("--ends", metavar="TIME", help="Nothing after this time.")
@click.option("--jitter", "jitter_s", type=float, default=0.0, help="Delay each start by up to so many seconds.")
@click.option("--calendar", metavar="NAME", help="A calendar of days off.")
@click.option(
    "--on-holiday",
    type=click.Choice([str(each) for each in OnHoliday]),
    default="run",
    show_default=True,
    help="The rule for a tick on a day off.",
)
@options.parameter_options
@click.option(
    "--date",
    "dates",
    type=(str, str),
    multiple=True,
    metavar="NAME FUNCTION",
    help="A parameter that is a date counted from the nominal time, such as `day yesterday`. Repeat it for more.",
)
@click.option("--presets", "presets_file", metavar="FILE", help="YAML or JSON: names of presets with their parameters.")
@click.option(
    "--overlap",
    type=click.Choice([str(each) for each in Overlap]),
    default="skip",
    show_default=True,
    help="The rule for a tick while an earlier run is active.",
)
@click.option(
    "--misfire",
    type=click.Choice([str(each) for each in Misfire]),
    default="latest",
    show_default=True,
    help="The ticks to make up for when no engine was there.",
)
@click.option("--catchup", "catchup_window_s", type=float, default=86400.0, help="Seconds to make up for.  [24 hours]")
@click.option("--pause-on-failure", type=int, metavar="N", help="Pause after N failures in a row.  [5 in a sandbox]")
@click.option("--send-changed", metavar="NAME", multiple=True, help="Tell of a success if this value changed. Repeat.")
@click.option("--send-if", metavar="EXPRESSION", help="Tell of a success when this is true: `values.auc < 0.8`.")
@click.option("--send-new-version", is_flag=True, help="Tell of a success only when the version is a new one.")
@click.option("--due", metavar="HH:MM|S", help="By when it should have succeeded: a time of day, or seconds.")
@click.option(
    "--recipient",
    "recipients",
    metavar="TO[=EVENT,…]",
    multiple=True,
    help="Also tell a person, an address or target:NAME, such as boss@example.org=on_success.",
)
@click.option("--env", "environment", default="sandbox", show_default=True, help="The environment to run in.")
@options.kernel_option
@click.option("--image", metavar="NAME", help="The image of the catalogue to run in, where the environment has images.")
@options.resources_options
@options.settings_options
@options.root_option
@options.server_option
@options.json_option
def set_(
    notebook: str,
    name: str | None,
    root: str | None,
    server: str | None,
    as_json: bool,
    environment: str,
    kernel: str | None,
    image: str | None,
    texts: tuple[tuple[str, str], ...],
    params_file: str | None,
    presets_file: str | None,
    **given: Any,
) -> None:
    """Schedule NOTEBOOK as it is now. A schedule of the same name is replaced, and runs this version from now on.

    Give one of --cron, --every, --once, --business-day, --after, --files and --webhook. The time zone of this machine
    is written down: a schedule does not move when the machine does.
    """
    from ..api_models import GivenSettingsModel, ResourcesModel, ScheduleRequest
    from ..client.validation import parameter_schema, validated
    from . import parameters

    settings_names = set(GivenSettingsModel.model_fields)
    amounts = {each: given.pop(each) for each in ("cpus", "memory_bytes", "pids", "gpus")}
    run_settings = {each: given.pop(each) for each in settings_names}
    with open_connection(server, root) as connection:
        values = parameters.read_values(params_file)
        if texts:
            inspection = connection.client.inspect(notebook, kernel=kernel, environment=environment, image=image)
            values |= parameter_schema(inspection).parse_texts(texts)
        zone = given.pop("timezone") or zone_of_this_machine()
        settings = {
            "rule": _rule(connection, given, zone),
            "timezone": zone,
            "starts_at": _instant(given["starts"], zone),
            "ends_at": _instant(given["ends"], zone),
            "parameters": values,
            "dates": dict(given["dates"]),
            "presets": _presets(presets_file),
            "due": _due(given["due"]),
            "recipients": [_recipient(text) for text in given["recipients"]],
            "send": _send(given["send_changed"], given["send_if"], given["send_new_version"]),
            **{
                each: given[each]
                for each in (
                    "jitter_s",
                    "calendar",
                    "on_holiday",
                    "overlap",
                    "misfire",
                    "catchup_window_s",
                    "pause_on_failure",
                )
            },
        }
        request = validated(
            ScheduleRequest,
            **settings,
            path=notebook,
            name=name,
            environment=environment,
            kernel=kernel,
            image=image,
            resources=ResourcesModel(**amounts),
            run_settings=GivenSettingsModel(**run_settings),
        )
        found = connection.client.schedules.set(request)
        connection.ensure_engine()
    if as_json:
        print_json(found)
    else:
        _print_schedule(found)
        if not server:
            print_note(
                "An engine of this machine starts it, as long as the machine is on. `jupyter dataops doctor` tells "
                "whether one is there."
            )


def _send(changed: tuple[str, ...], condition: str | None, new_version: bool) -> dict[str, Any]:
    """Return the rule for telling of successes. UsageError when several are given."""
    given = {"changed": bool(changed), "condition": condition is not None, "new_version": new_version}
    chosen = [when for when, is_given in given.items() if is_given] or ["always"]
    if len(chosen) > 1:
        raise click.UsageError("Give one of --send-changed, --send-if and --send-new-version.")
    return {"when": chosen[0], "values": list(changed), "condition": condition or ""}


@schedule.command("list")
@click.option("--orphaned", is_flag=True, help="Only those whose owner may not run there any more.")
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True, help="Show so many at most.")
@options.server_option
@options.json_option
def list_(orphaned: bool, limit: int, server: str | None, as_json: bool) -> None:
    """List the schedules, newest first."""
    import datetime as dt

    with open_connection(server) as connection:
        page = connection.client.schedules.list(limit=500 if orphaned else limit)
    if orphaned:
        page = page.model_copy(update={"items": [found for found in page.items if found.orphaned][:limit]})
    if as_json:
        print_json(page)
        return
    if not page.items and orphaned:
        print_note("No schedule is orphaned.")
        return
    if not page.items:
        print_note("There are no schedules yet. `jupyter dataops schedule set NOTEBOOK --cron '0 8 * * 1'` makes one.")
        return
    now = dt.datetime.now(dt.UTC)
    rows = [
        (
            found.name,
            _rule_text(found),
            _state(found),
            _local(found.next_at, found.timezone) if found.next_at else "–",
            _tick_text(found.last_tick, now) if found.last_tick else "–",
        )
        for found in page.items
    ]
    print_table(("name", "when", "state", "next", "last"), rows, folded="name")


@schedule.command()
@schedule_argument
@options.server_option
@options.json_option
def show(name: str, server: str | None, as_json: bool) -> None:
    """Show a schedule: when it starts next, and how the working file differs from the version that it runs."""
    with open_connection(server) as connection:
        found = connection.client.schedules.get(name)
    if as_json:
        print_json(found)
    else:
        _print_schedule(found)


@schedule.command()
@schedule_argument
@click.option("--why", default="", help="For those who look at it.")
@options.server_option
@options.json_option
def pause(name: str, why: str, server: str | None, as_json: bool) -> None:
    """Let a schedule start nothing until `resume`."""
    with open_connection(server) as connection:
        found = connection.client.schedules.pause(name, why=why)
    _answer(found, f"{one_line(found.name)} is paused.", as_json=as_json)


def _add_command(
    verb: str,
    act: Callable[[Schedules, str], ScheduleModel],
    answer: Callable[[ScheduleModel], str],
    *,
    help_text: str,
    starts: bool = False,
) -> None:
    """Add a command that does one thing with a schedule, and says what. `starts`: an engine has to be there then."""

    @schedule.command(verb, help=help_text)
    @schedule_argument
    @options.server_option
    @options.json_option
    def command(name: str, server: str | None, as_json: bool) -> None:
        with open_connection(server) as connection:
            found = act(connection.client.schedules, name)
            if starts:
                connection.ensure_engine()
        _answer(found, answer(found), as_json=as_json)


def _say_resumed(found: ScheduleModel) -> str:
    following = f" It starts next at {_local(found.next_at, found.timezone)}." if found.next_at else ""
    return f"{one_line(found.name)} goes on.{following}"


_add_command(
    "resume",
    lambda schedules, name: schedules.resume(name),
    _say_resumed,
    help_text="Let a schedule go on from now.",
    starts=True,
)
_add_command(
    "take-over",
    lambda schedules, name: schedules.take_over(name),
    lambda found: f"{one_line(found.name)} belongs to {found.owner} now.",
    help_text="Become the owner of a schedule: from now on it runs with your rights.",
)
_add_command(
    "update-version",
    lambda schedules, name: schedules.update_version(name),
    lambda found: f"{one_line(found.name)} runs version {found.version_number} from now on.",
    help_text="Let a schedule run the working file as it is now.",
)
_add_command(
    "delete",
    lambda schedules, name: schedules.remove(name),
    lambda found: f"{one_line(found.name)} is deleted.",
    help_text="Delete a schedule with its decision log. Its runs stay.",
)


@schedule.command("webhook-secret")
@schedule_argument
@click.option("--stdin", "given", is_flag=True, help="Read the secret that the sender has made from stdin.")
@click.option("--forget-previous", is_flag=True, help="The secret before it ends at once.  [after a day]")
@options.server_option
@options.json_option
def webhook_secret(name: str, given: bool, forget_previous: bool, server: str | None, as_json: bool) -> None:
    """Give a webhook a new secret, and show it this one time."""
    secret = sys.stdin.readline().strip() if given else None
    with open_connection(server) as connection:
        found = connection.client.schedules.put_webhook_secret(name, secret, keep_previous=not forget_previous)
    if as_json:
        print_json(found)
        return
    click.echo(f"  {'address':<8} {found.path}")
    click.echo(f"  {'secret':<8} {found.secret or 'as given'}")
    print_note("The address follows the base address of a Jupyter server. The secret is not shown again.")


@schedule.command("run-now")
@schedule_argument
@click.option("--preset", help="Only this preset.  [default: all]")
@options.server_option
@options.json_option
def run_now(name: str, preset: str | None, server: str | None, as_json: bool) -> None:
    """Start a schedule now, also while it is paused."""
    with open_connection(server) as connection:
        found = list(connection.client.schedules.run_now(name, preset=preset))
        connection.ensure_engine()
    if as_json:
        print_json(found)
        return
    for tick in found:
        click.echo(f"{tick.run_id}{f'  {one_line(tick.preset)}' if tick.preset else ''}")


@schedule.command()
@schedule_argument
@click.option("--from", "first", metavar="TIME", help="The first nominal time, such as 2026-09-01.")
@click.option("--to", "last", metavar="TIME", help="The last one.  [default: now]")
@click.option(
    "--scope",
    type=click.Choice([str(each) for each in BackfillScope]),
    default="missing",
    show_default=True,
    help="Ticks that never had a run, failed ones too, failed ones alone, or all.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, MAX_CONCURRENCY), default=1, show_default=True, help="Runs at once."
)
@click.option("--newest-first", is_flag=True, help="Begin with the newest.")
@click.option("--tell", "tells", is_flag=True, help="Tell people of the runs that fail.")
@click.option("--dry-run", is_flag=True, help="Show the grid, and start nothing.")
@click.option("--progress", is_flag=True, help="Show how far the newest backfills are.")
@click.option("--cancel", is_flag=True, help="Start no more ticks of earlier backfills.")
@options.server_option
@options.json_option
def backfill(
    name: str,
    first: str | None,
    last: str | None,
    dry_run: bool,
    progress: bool,
    cancel: bool,
    server: str | None,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Run ticks of the past now, with their nominal times, on the data of now."""
    import datetime as dt

    from ..api_models import BackfillRequest
    from ..client.validation import validated

    with open_connection(server) as connection:
        schedules = connection.client.schedules
        found = schedules.get(name)
        if cancel:
            _answer(
                schedules.cancel_backfill(name), f"No more ticks of {one_line(name)} are made up for.", as_json=as_json
            )
            return
        if progress:
            _print_backfills(list(schedules.backfills(name)), found.timezone, as_json=as_json)
            return
        if first is None:
            raise InvalidRequest("Give the first nominal time: --from 2026-09-01.")
        until = _instant(last, found.timezone) or dt.datetime.now(dt.UTC).isoformat()
        request = validated(BackfillRequest, first=_instant(first, found.timezone), last=until, **wishes)
        cells = list(schedules.preview_backfill(name, request))
        added = [] if dry_run else list(schedules.backfill(name, request))
        connection.ensure_engine()
    if as_json:
        print_json(cells if dry_run else added)
        return
    if cells:
        rows = [
            (_local(cell.nominal, found.timezone), cell.preset or "–", cell.state, "runs" if cell.runs else "–")
            for cell in cells
        ]
        print_table(("time", "preset", "state", "backfill"), rows, folded="preset")
    print_note(f"{plural(sum(cell.runs for cell in cells), 'tick')} {'would run' if dry_run else 'will run'}.")


def _print_backfills(found: list[BackfillModel], zone: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif found:
        states = ("waiting", "running", "done", "failed", "skipped")
        rows = [
            (_local(each.first, zone), _local(each.last, zone), *(getattr(each, state) for state in states))
            for each in found
        ]
        print_table(("first", "last", *states), rows, folded="first")
    else:
        print_note("There is no backfill yet.")


@schedule.command()
@click.argument("name", metavar="[SCHEDULE]", required=False)
@click.option("--state", "states", type=click.Choice([str(s) for s in TickState]), multiple=True, help="Only these.")
@click.option("--limit", type=click.IntRange(1, 500), default=30, show_default=True, help="Show so many at most.")
@options.server_option
@options.json_option
def log(name: str | None, states: tuple[str, ...], limit: int, server: str | None, as_json: bool) -> None:
    """Show the decision log, newest first: for each tick its run, or why there is none."""
    with open_connection(server) as connection:
        page = connection.client.schedules.ticks(
            schedule=name, states=[TickState(state) for state in states], limit=limit
        )
        known = {found.id: found for found in connection.client.schedules.list(limit=500).items}
    if as_json:
        print_json(page)
        return
    rows = []
    for tick in page.items:
        found = known.get(tick.schedule_id)
        zone = found.timezone if found else "UTC"
        rows.append(
            (
                one_line(found.name) if found else tick.schedule_id,
                _local(tick.nominal, zone),
                tick.preset or "–",
                str(tick.state) + (f" ×{tick.count}" if tick.count > 1 else ""),
                tick.run_id or "–",
                _why_text(tick),
            )
        )
    if rows:
        print_table(("schedule", "time", "preset", "state", "run", "why"), rows, folded="why")
    else:
        print_note("Nothing was decided yet.")


@schedule.group()
def calendar() -> None:
    """Manage calendars of days off, which schedules ask."""


@calendar.command("list")
@options.server_option
@options.json_option
def list_calendars(server: str | None, as_json: bool) -> None:
    """List the calendars."""
    with open_connection(server) as connection:
        found = list(connection.client.schedules.calendars())
    if as_json:
        print_json(found)
    elif found:
        rows = [(each.name, each.source, len(each.days), each.last_day or "–") for each in found]
        print_table(("name", "source", "days", "until"), rows, folded="source")
    else:
        print_note("There are no calendars yet. `jupyter dataops schedule calendar set fr --country FR` makes one.")


@calendar.command("set")
@click.argument("name")
@click.option("--country", metavar="CODE", help="The public holidays of a country, such as FR.")
@click.option("--subdivision", metavar="CODE", help="With --country: of a part of it, such as BW.")
@click.option("--ics", metavar="FILE", help="The whole days of an iCalendar file.")
@options.server_option
@options.json_option
def set_calendar(
    name: str, country: str | None, subdivision: str | None, ics: str | None, server: str | None, as_json: bool
) -> None:
    """Add a calendar, or replace the one of that name."""
    from ..api_models import CalendarRequest
    from ..client.validation import validated

    if bool(country) == bool(ics):
        raise InvalidRequest("Give one source of the days: --country CODE or --ics FILE.")
    source = {"kind": "country", "country": country, "subdivision": subdivision}
    if ics:
        source = {"kind": "ics", "text": _read_text(ics)}
    request = validated(CalendarRequest, source=source)
    with open_connection(server) as connection:
        found = connection.client.schedules.put_calendar(name, request)
    until = f", until {found.last_day}" if found.last_day else ""
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found.name} has {plural(len(found.days), 'day')} off{until}.")


@calendar.command("delete")
@click.argument("name")
@options.server_option
@options.json_option
def delete_calendar(name: str, server: str | None, as_json: bool) -> None:
    """Delete a calendar that no schedule uses."""
    with open_connection(server) as connection:
        found = connection.client.schedules.remove_calendar(name)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found.name} is deleted.")


def _answer(found: ScheduleModel, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        click.echo(text)


def _print_schedule(found: ScheduleModel) -> None:
    click.echo(click.style(one_line(found.name), bold=True))
    lines = [
        ("when", _rule_text(found)),
        ("job", f"{one_line(found.job_name)}, version {found.version_number}, in {found.environment}"),
        ("state", _state(found)),
        ("next", _local(found.next_at, found.timezone) if found.next_at else "–"),
        ("owner", str(found.owner)),
    ]
    for label, text in lines:
        click.echo(f"  {label:<6} {text}")
    if found.webhook is not None:
        click.echo(f"  {'sends to':<6} {found.webhook.path}")
        if found.webhook.secret_changed_at is None:
            print_note("Nothing is taken until the webhook has a secret:")
            print_note(f"  jupyter dataops schedule webhook-secret {one_line(found.name)}")
    for note in (found.refusal, found.orphaned):
        if note:
            print_note(plain(note))
    if found.drift and found.drift.problem:
        print_note(f"The working file cannot be compared: {plain(found.drift.problem)}")
    elif found.drift and found.drift.moved_on:
        print_note(f"The working file has moved on: {plain(' '.join(found.drift.changes))}")
        print_note(f"  jupyter dataops schedule update-version {one_line(found.name)}")


def _state(found: ScheduleModel) -> str:
    if found.pause is not None:
        return f"paused by {found.pause.by}{f': {one_line(found.pause.why)}' if found.pause.why else ''}"
    if found.orphaned:
        return "orphaned"
    if found.refusal:
        return "refused"
    if found.foreseen_late_s:
        return f"late by about {in_words(round_up(found.foreseen_late_s))}"
    if found.failures:
        return f"failed {found.failures} times"
    return "active" if found.next_at or found.rule.kind in ("after_job", "files", "webhook") else "over"


def _rule_text(found: ScheduleModel) -> str:
    rule = found.rule
    match rule.kind:
        case "cron":
            text = rule.expression
        case "interval":
            text = f"every {in_words(rule.every_s)}"
        case "once":
            text = f"once at {_local(rule.at, found.timezone)}"
        case "business_day":
            text = f"business day {rule.number} at {rule.at[:5]}"
        case "after_job":
            return f"after {rule.job_id} ({rule.on})"
        case "files":
            return f"files {one_line(rule.folder)}/{one_line(rule.pattern)}"
        case "webhook":
            return f"webhook ({rule.signature})"
    return f"{text} {found.timezone}"


def _why_text(tick: TickModel) -> str:
    foreseen = tick.foreseen_late_s
    late = f"It will be late by about {in_words(round_up(foreseen))}." if foreseen else ""
    return " ".join(filter(None, [late, plain(tick.reason.message) if tick.reason else ""]))


def _tick_text(tick: TickModel, now: dt.datetime) -> str:
    return f"{tick.state} {time_ago(tick.decided_at, now)}"


def _local(instant: dt.datetime, zone: str) -> str:
    from ..domain.timetables import zone_of

    return f"{instant.astimezone(zone_of(zone)):%Y-%m-%d %H:%M %z}"


def _rule(connection: Connection, given: dict[str, Any], zone: str) -> dict[str, Any]:
    """Return the rule that the options give. InvalidRequest unless there is exactly one."""
    kinds = ("cron", "every_s", "once", "business_day", "after_job", "folder", "webhook")
    chosen = [kind for kind in kinds if given[kind] not in (None, False)]
    if len(chosen) != 1:
        raise InvalidRequest("Give one of --cron, --every, --once, --business-day, --after, --files and --webhook.")
    match chosen[0]:
        case "cron":
            return {"kind": "cron", "expression": given["cron"]}
        case "every_s":
            return {"kind": "interval", "every_s": given["every_s"]}
        case "once":
            return {"kind": "once", "at": _instant(given["once"], zone)}
        case "business_day":
            if given["at"] is None:
                raise InvalidRequest("--business-day needs a time of day: --at 08:00.")
            return {"kind": "business_day", "number": given["business_day"], "at": given["at"]}
        case "after_job":
            job = connection.find_job(given["after_job"])
            return {"kind": "after_job", "job_id": job.id, "on": given["on"]}
        case "webhook":
            return {"kind": "webhook", "signature": given["signature"], "parameters": dict(given["pointers"])}
    folder = given["folder"] if connection.engine is None else os.path.realpath(given["folder"])
    return {
        "kind": "files",
        "folder": folder,
        "pattern": given["pattern"],
        "quiet_s": given["quiet_s"],
        "parameter": given["files_parameter"],
    }


def _instant(text: str | None, zone: str) -> str | None:
    """Read a time with an offset, or one of the zone."""
    import datetime as dt

    from ..domain.timetables import local_instant, zone_of

    if text is None:
        return None
    try:
        given = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"{text!r} is not a time. Write it as 2026-12-01T22:00.") from None
    if given.tzinfo is None:
        given = local_instant(given.date(), given.time(), zone_of(zone))
    return given.isoformat()


def _due(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    return {"at": text} if ":" in text else {"within_s": options.seconds(text)}


def _recipient(text: str) -> dict[str, Any]:
    """Read `TO` or `TO=EVENT,EVENT`."""
    to, has_events, events = text.partition("=")
    return {"to": to, "on": events.split(",")} if has_events else {"to": to}


def _presets(file: str | None) -> list[dict[str, Any]]:
    from . import parameters

    return [{"name": name, "parameters": values} for name, values in parameters.read_values(file).items()]


def _read_text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file!r}. Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}.") from None


def zone_of_this_machine() -> str:
    """Return the name of the time zone of this machine: TZ, else the link that systems keep, else UTC."""
    from ..domain.timetables import zone_of

    named = os.environ.get("TZ", "").removeprefix(":")
    if named and not named.startswith("/"):
        zone_of(named)
        return named
    target = os.path.realpath("/etc/localtime")
    if "/zoneinfo/" in target:
        name = target.rpartition("/zoneinfo/")[2].removeprefix("posix/").removeprefix("right/")
        return "UTC" if name in ("Etc/UTC", "Etc/UCT", "UCT", "Zulu") else name
    try:
        return Path("/etc/timezone").read_text(encoding="utf-8").strip() or "UTC"
    except OSError:
        return "UTC"
