"""`jupyter dataops audit …`: who changed what, and the proof that nobody rewrote it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..client.files import open_replacement
from ..domain.audit import Outcome
from . import exit_codes, options
from .connection import open_connection
from .output import print_json, print_note, print_table
from .output_paths import check_writable
from .text import plain, plural

if TYPE_CHECKING:
    from ..api_models import AuditEntryModel, AuditVerificationModel
    from ..services import Services

F = TypeVar("F", bound=Callable[..., Any])

MAX_LISTED = 500


@click.group()
def audit() -> None:
    """Show who changed what, and check that nobody rewrote it.

    Every change of a job, environment, variable, secret, image, rule or schedule is an entry, and so is every
    refused one. Entries are never deleted.
    """


def _moment(_context: click.Context, _option: click.Parameter, text: str | None) -> dt.datetime | None:
    """Read a date or a moment; without a zone it is in that of this machine."""
    if text is None:
        return None
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter("must be a date or a moment, as 2026-01-31 or 2026-01-31T08:00+01:00.") from None


def _span_options(command: F) -> F:
    since = click.option("--from", "since", metavar="DATE", callback=_moment, help="Entries from this moment on.")
    until = click.option("--to", "until", metavar="DATE", callback=_moment, help="Entries before this moment.")
    return since(until(command))


_project_option = click.option("--project", metavar="NAME", help="Entries of this project alone.")


@audit.command("list")
@click.option("--actor", metavar="ID", help="Entries of this person or program, by its id.")
@click.option("--verb", metavar="VERB", help="Such as `change`, `set`, `remove`, `add_version`, `decide`.")
@click.option("--object", "object_", metavar="KIND[:ID]", help="Such as `environment`, or `variable:sandbox/REGION`.")
@click.option("--environment", metavar="NAME", help="Entries of this environment alone.")
@_project_option
@click.option("--refused", is_flag=True, help="Only changes that were refused.")
@_span_options
@click.option("--limit", type=click.IntRange(1, MAX_LISTED), default=50, show_default=True, help="How many.")
@options.server_option
@options.json_option
def list_(
    actor: str | None,
    verb: str | None,
    object_: str | None,
    environment: str | None,
    project: str | None,
    refused: bool,
    since: dt.datetime | None,
    until: dt.datetime | None,
    limit: int,
    server: str | None,
    as_json: bool,
) -> None:
    """List entries, newest first."""
    kind, _, object_id = (object_ or "").partition(":")
    with open_connection(server) as connection:
        found = connection.client.audit(
            actor=actor,
            verb=verb,
            object_kind=kind or None,
            object_id=object_id or None,
            project=project,
            environment=environment,
            outcome=Outcome.REFUSED if refused else None,
            since=since,
            until=until,
            limit=limit,
        )
    if as_json:
        print_json(found)
        return
    if not found.items:
        print_note("There are no such entries.")
        return
    rows = [
        (entry.seq, f"{entry.at.astimezone():%Y-%m-%d %H:%M:%S}", entry.actor_name, _act(entry), _object(entry))
        for entry in found.items
    ]
    print_table(("no.", "at", "by", "did", "what"), rows, folded="what")
    if found.next:
        print_note("There are more: see them with --limit, or write all of them with `audit export`.")


def _act(entry: AuditEntryModel) -> str:
    return entry.verb if entry.outcome is Outcome.DONE else f"{entry.verb} (refused)"


def _object(entry: AuditEntryModel) -> str:
    name = entry.data.get("name")
    return f"{entry.object_kind} {entry.object_id}" + (f" ({name})" if isinstance(name, str) else "")


@audit.command()
@click.option(
    "--against",
    multiple=True,
    metavar="FILE|HEAD",
    help="Compare with this export, copy of the witness file, or head (NUMBER:DIGEST). Repeat it for more.",
)
@options.json_option
def verify(against: tuple[str, ...], as_json: bool) -> int:
    """Check the trail of this machine's state folder, entry by entry.

    It is compared with the witness file beside the database, audit-heads.jsonl. A person who can write to
    both could rewrite both: keep a head elsewhere, and give it with --against.

    Exit code: 0, or 1 if an entry was edited, removed, inserted or replaced.
    """
    from ..api_models import AuditVerificationModel
    from ..services.audit import known_heads
    from ..services.audit import verify as verified

    known = [head for name in against for head in known_heads(name)]
    with _services() as ctx:
        result = AuditVerificationModel.from_domain(verified(ctx, against=known, by=ctx.owner))
    if as_json:
        print_json(result)
    else:
        _print_verification(result)
    return exit_codes.FAILED if result.findings else exit_codes.SUCCEEDED


def _print_verification(result: AuditVerificationModel) -> None:
    for finding in result.findings:
        click.echo(f"{click.style('Wrong:', fg='red')} {plain(finding.message)}")
    if result.replaced_by_restore:
        print_note(
            f"A restore replaced the trail: {plural(result.replaced_by_restore, 'known head')} "
            "belonged to the one before. `audit list --verb restore` tells of it."
        )
    if not result.findings:
        entries = "1 entry" if result.entries == 1 else f"{result.entries} entries"
        heads = plural(result.compared, "known head")
        click.echo(f"The audit trail is whole: {entries}, compared with {heads}.")
    click.echo(f"Its head is {result.head}")


@audit.command()
@click.option("-o", "--output", metavar="FILE", help="Write to this file, which is replaced.  [default: stdout]")
@_project_option
@_span_options
def export(output: str | None, project: str | None, since: dt.datetime | None, until: dt.datetime | None) -> None:
    """Write the trail of this machine's state folder as JSON Lines.

    The first line has the head of the whole trail, and each further line one entry. The guide says how to
    check such a file without dataops_lab.
    """
    from ..ports import AuditFilter
    from ..services.audit import export as exported

    path = check_writable(output) if output is not None else None
    with _services() as ctx:
        lines = exported(ctx, AuditFilter(project=project, since=since, until=until), by=ctx.owner)
        if path is None:
            for line in lines:
                click.echo(line)
            return
        with open_replacement(path) as file:
            file.writelines(f"{line}\n".encode() for line in lines)


@contextmanager
def _services() -> Iterator[Services]:
    from ..wiring import Home, build_services, state_folder

    ctx = build_services(Home(state_folder()))
    with closing(ctx.store):
        yield ctx
