"""`jupyter dataops import …`: schedules of other programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import DataOpsError, InvalidParameters, InvalidRequest, NotFound, Unavailable
from ..ports.pipelines import NoteKind
from . import exit_codes, options
from .connection import Connection, open_connection
from .output import print_json, print_note, print_table
from .text import one_line, plain, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..api_models import PauseRequest, PlannedScheduleModel, ScheduleImportModel, ScheduleModel, ScheduleRequest
    from ..domain.crontabs import Crontab, CrontabEntry, NotebookCommand

IN_CRONTAB = "It was imported from a crontab, whose line may still run it."
MAX_CRONTAB_BYTES = 1_000_000

yes_option = click.option("--yes", is_flag=True, help="Import without a question.")
environment_option = click.option(
    "--env", "environment", default="sandbox", show_default=True, help="The environment to run in."
)


@click.group("import")
def import_() -> None:
    """Import schedules of jupyter-scheduler or of a crontab.

    Each import first shows what becomes of what. A schedule that is imported is paused as long as its old one runs.
    """


@import_.command("jupyter-scheduler")
@click.option("--db-url", metavar="URL", help="Its database.  [default: scheduler.sqlite in Jupyter's data folder]")
@click.option("--folder", metavar="FOLDER", help="Look for the notebooks below this folder.  [default: this one]")
@environment_option
@click.option("--only", "ids", multiple=True, metavar="ID", help="Only the definition with this id; repeat it.")
@click.option("--working-files", is_flag=True, help="Take notebooks that have changed since as they are now.")
@click.option("--pause-old", is_flag=True, help="Pause the old ones, and start the schedules that replace them.")
@yes_option
@options.server_option
@options.json_option
def jupyter_scheduler(
    db_url: str | None,
    folder: str | None,
    environment: str,
    ids: tuple[str, ...],
    working_files: bool,
    pause_old: bool,
    yes: bool,
    server: str | None,
    as_json: bool,
) -> None:
    """Import the schedules of jupyter-scheduler. Its database is only read.

    With --pause-old its definitions are paused, all or none, and the new schedules start. Without, the new ones stay
    paused, so that nothing runs twice. A second import finds what the first one made.
    """
    from ..api_models import ScheduleImportRequest

    request = ScheduleImportRequest(
        folder=(folder or "") if server else os.path.realpath(folder or "."),
        environment=environment,
        ids=list(ids) or None,
        working_files=working_files,
        pause_old=pause_old,
    )
    with open_connection(server) as connection:
        found = connection.client.schedules.preview_import(request, url=db_url)
        is_work = _is_work(found, pause_old=pause_old)
        if not as_json:
            _print_preview(found)
        if is_work and (yes or (not as_json and _confirm())):
            found = connection.client.schedules.run_import(request, url=db_url)
            connection.ensure_engine()
            if not as_json:
                _print_result(found)
        elif not as_json:
            print_note("Nothing was changed." if is_work else "There is nothing to import.")
    if as_json:
        print_json(found)
    if any(item.fate == "impossible" for item in found.items):
        raise click.exceptions.Exit(exit_codes.REFUSED)


def _is_work(found: ScheduleImportModel, *, pause_old: bool) -> bool:
    changes_over = any(item.waits or (item.schedule_id and item.is_active) for item in found.items)
    return any(item.fate == "new" for item in found.items) or (pause_old and changes_over)


def _confirm() -> bool:
    """Ask. Without a terminal nobody answers, and nothing is imported."""
    if not sys.stdin.isatty():
        print_note("Give --yes to import them.")
        return False
    return click.confirm("Import them?")


def _print_preview(found: ScheduleImportModel) -> None:
    if not found.items:
        print_note(f"{found.source} has no schedules.")
        return
    rows = [
        (item.old_name, item.cron or "–", item.timezone or "UTC", "active" if item.is_active else "paused", _fate(item))
        for item in found.items
    ]
    print_table(("definition", "cron", "zone", "there", "here"), rows, folded="definition")
    for item in found.items:
        print_note(click.style(f"\n{one_line(item.old_name)}", bold=True) + f"  {item.id}")
        for kind in NoteKind:
            for note in (each for each in item.notes if each.kind is kind):
                print_note(f"  {kind.replace('_', ' ')}: {plain(note.message)}")
    print_note("")


def _fate(item: PlannedScheduleModel) -> str:
    match item.fate:
        case "new":
            return f"{item.name}, {item.path or 'a copy of the notebook'}"
        case "imported":
            return f"{item.name}, {'paused' if item.is_paused else 'active'}"
    return "cannot be imported"


def _print_result(found: ScheduleImportModel) -> None:
    made = [item for item in found.items if item.schedule_id]
    waiting = [item for item in made if item.waits]
    print_table(
        ("schedule", "state"), [(i.name, "paused" if i.is_paused else "active") for i in made], folded="schedule"
    )
    if waiting:
        print_note(
            f"{plural(len(waiting), 'schedule')} will start nothing as long as jupyter-scheduler does. Repeat the "
            "import with --pause-old to change over."
        )


# --- crontab --------------------------------------------------------------------------------------


@import_.command()
@click.argument("file", metavar="[FILE|-]", required=False)
@click.option("--system", "with_user", is_flag=True, help="The file has a user name after the time: /etc/crontab.")
@click.option("--timezone", metavar="ZONE", help="Where the crontab has no CRON_TZ.  [default: that of this machine]")
@click.option("--start", is_flag=True, help="Start the schedules at once: the crontab does not run them any more.")
@environment_option
@yes_option
@options.json_option
def crontab(
    file: str | None, with_user: bool, timezone: str | None, start: bool, environment: str, yes: bool, as_json: bool
) -> None:
    """Import the lines of a crontab that run a notebook.

    FILE is a crontab, `-` is stdin, and without it `crontab -l` is asked. Lines with papermill, `jupyter nbconvert
    --execute` and `jupyter execute` are understood. The crontab is never changed: the lines to comment out are
    printed, and the schedules are paused until you resume them or give --start.
    """
    from ..domain.crontabs import read_crontab
    from .schedule import zone_of_this_machine

    found = read_crontab(_read_crontab(file), home=str(Path.home()), with_user=with_user)
    zone = timezone or zone_of_this_machine()
    with open_connection(None) as connection:
        plans = _plan_lines(connection, found.entries, zone, environment, is_paused=not start)
        if not as_json:
            _print_crontab(plans, found)
        wanted = [plan for plan in plans if plan["request"] is not None]
        if wanted and (yes or (not as_json and _confirm())):
            for plan in wanted:
                _import_line(connection, plan)
            connection.ensure_engine()
            if not as_json:
                _print_imported([plan for plan in wanted if plan["schedule"]], is_paused=not start)
        elif not as_json:
            print_note("Nothing was changed." if wanted else "There is nothing to import.")
    if as_json:
        print_json(_as_json(plans, found))
    if any(plan["problem"] for plan in plans):
        raise click.exceptions.Exit(exit_codes.REFUSED)


def _read_crontab(file: str | None) -> str:
    try:
        if file is None:
            listed = subprocess.run(["crontab", "-l"], capture_output=True, check=False, timeout=30)
            if listed.returncode:
                raise NotFound(f"`crontab -l` says: {listed.stderr.decode(errors='replace').strip()}. Name a file.")
            data = listed.stdout
        elif file == "-":
            data = sys.stdin.buffer.read(MAX_CRONTAB_BYTES + 1)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(MAX_CRONTAB_BYTES + 1)
    except FileNotFoundError:
        missing = f"There is no file {file!r}." if file else "There is no program `crontab` here."
        raise NotFound(f"{missing} Name a file, or `-` for stdin.") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"The crontab cannot be read: {error}.") from None
    if len(data) > MAX_CRONTAB_BYTES:
        raise InvalidRequest(f"The crontab has more than {MAX_CRONTAB_BYTES} bytes. Give a part of it.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("The crontab is not UTF-8. Convert it first.") from None


def _plan_lines(
    connection: Connection, entries: Sequence[CrontabEntry], zone: str, environment: str, *, is_paused: bool
) -> list[dict[str, Any]]:
    """Plan a schedule for each line: its request, or the schedule that does the same already, or the problem."""
    schedules = _all_schedules(connection)
    names = {each.name for each in schedules}
    plans = []
    for entry in entries:
        plan: dict[str, Any] = {"entry": entry, "request": None, "schedule": None, "problem": None}
        plans.append(plan)
        path = os.path.realpath(Path.home() / entry.command.folder / entry.command.path)
        try:
            if not Path(path).is_file():
                raise NotFound(f"There is no notebook {path}.")
            request = _request(connection, entry, path, entry.timezone or zone, environment)
        except DataOpsError as error:
            plan["problem"] = error.message
            continue
        plan["schedule"] = next((each for each in schedules if _does_the_same(each, request, path)), None)
        if plan["schedule"] is None:
            stem = Path(path).stem
            name = stem if stem not in names else f"{stem} (line {entry.number})"
            names.add(name)
            plan["request"] = request.model_copy(update={"name": name, "pause": _pause() if is_paused else None})
    return plans


def _pause() -> PauseRequest:
    from ..api_models import PauseRequest

    return PauseRequest(why=IN_CRONTAB)


def _request(connection: Connection, entry: CrontabEntry, path: str, zone: str, environment: str) -> ScheduleRequest:
    from ..api_models import ScheduleRequest
    from ..client.validation import parameter_schema, validated

    command = entry.command
    inspection = connection.client.inspect(path, kernel=command.kernel, environment=environment, image=None)
    schema = parameter_schema(inspection)
    values = {**_mappings(command), **schema.parse_texts(command.texts), **dict(command.raw)}
    schema.validate({**values, **{name: schema.complete({}).get(name) for name in command.dates}})
    return validated(
        ScheduleRequest,
        rule={"kind": "cron", "expression": entry.cron},
        timezone=zone,
        path=path,
        environment=environment,
        kernel=command.kernel,
        parameters=values,
        dates={name: str(function) for name, function in command.dates.items()},
    )


def _mappings(command: NotebookCommand) -> Mapping[str, Any]:
    """Read the parameters that are YAML, as papermill does: those of the command come after those of files."""
    from .. import yaml12
    from . import parameters

    values: dict[str, Any] = {}
    for file in command.parameter_files:
        values |= parameters.read_values(str(Path.home() / command.folder / file))
    for text in command.yaml:
        try:
            given = yaml12.read(text).value
        except yaml12.YamlError as error:
            raise InvalidParameters(f"The YAML of the parameters cannot be read: {error}.") from None
        if not isinstance(given, dict):
            raise InvalidParameters("The YAML of the parameters is not a mapping of names to values.")
        values |= given
    return values


def _all_schedules(connection: Connection) -> Sequence[ScheduleModel]:
    found: list[ScheduleModel] = []
    cursor = None
    while True:
        page = connection.client.schedules.list(limit=500, cursor=cursor)
        found += page.items
        if (cursor := page.next) is None:
            return found


def _does_the_same(schedule: ScheduleModel, request: ScheduleRequest, path: str) -> bool:
    return (
        schedule.source == path
        and schedule.environment == request.environment
        and all(
            getattr(schedule, name) == getattr(request, name) for name in ("rule", "timezone", "parameters", "dates")
        )
    )


def _import_line(connection: Connection, plan: dict[str, Any]) -> None:
    try:
        plan["schedule"] = connection.client.schedules.add(plan["request"])
    except DataOpsError as error:
        plan["problem"] = error.message
        print_note(f"Line {plan['entry'].number}: {plain(error.message)}")


def _print_crontab(plans: Sequence[dict[str, Any]], found: Crontab) -> None:
    rows = [
        (plan["entry"].number, plan["entry"].cron, plan["entry"].command.path, _fate_of_line(plan)) for plan in plans
    ]
    if rows:
        print_table(("line", "cron", "notebook", "here"), rows, folded="notebook")
    for plan in plans:
        for note in [*([plan["problem"]] if plan["problem"] else []), *plan["entry"].command.notes]:
            print_note(f"  line {plan['entry'].number}: {plain(note)}")
    for line in found.left:
        print_note(f"  line {line.number} is left: {plain(line.reason)}")
    print_note("")


def _fate_of_line(plan: dict[str, Any]) -> str:
    if plan["problem"]:
        return "cannot be imported"
    return f"{plan['schedule'].name}, is there" if plan["schedule"] else str(plan["request"].name)


def _print_imported(plans: Sequence[dict[str, Any]], *, is_paused: bool) -> None:
    if not plans:
        return
    print_note("Comment these lines out with `crontab -e`:")
    for plan in plans:
        click.echo(f"# {plain(plan['entry'].text)}")
    if is_paused:
        print_note("Then start the schedules:")
        for plan in plans:
            print_note(f"  jupyter dataops schedule resume {plan['schedule'].id}  # {one_line(plan['schedule'].name)}")


def _as_json(plans: Sequence[dict[str, Any]], found: Crontab) -> dict[str, Any]:
    items = [
        {
            "line": plan["entry"].number,
            "text": plan["entry"].text,
            "cron": plan["entry"].cron,
            "path": plan["entry"].command.path,
            "name": plan["schedule"].name if plan["schedule"] else plan["request"].name if plan["request"] else None,
            "schedule_id": plan["schedule"].id if plan["schedule"] else None,
            "problem": plan["problem"],
            "notes": list(plan["entry"].command.notes),
        }
        for plan in plans
    ]
    left = [{"line": line.number, "text": line.text, "reason": line.reason} for line in found.left]
    return {"items": items, "left": left}
