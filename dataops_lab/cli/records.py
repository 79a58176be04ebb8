"""`jupyter dataops records …`: check that stored bytes have not changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..errors import Forbidden, NotFound
from . import exit_codes, options
from .connection import Connection, open_connection
from .output import print_json, print_note
from .text import plain, plural

if TYPE_CHECKING:
    from ..api_models import VerificationModel


@click.group()
def records() -> None:
    """Verify the records of runs. `runs record` writes one of them to a file."""


@records.command()
@click.argument("run_ids", metavar="[RUN...]", nargs=-1)
@click.option(
    "--all", "everything", is_flag=True, help="All that you may verify. Takes as long as reading all their bytes."
)
@options.server_option
@options.json_option
def verify(run_ids: tuple[str, ...], everything: bool, server: str | None, as_json: bool) -> int:
    """Read every byte of records and inputs, and name what is not as it was stored.

    Exit code: 0 when all is whole, 1 otherwise.
    """
    if everything == bool(run_ids):
        raise click.UsageError("Name runs, or give --all.")
    damaged: list[VerificationModel] = []
    count = skipped = 0
    with open_connection(server) as connection:
        for run_id in _run_ids(connection, run_ids):
            try:
                verification = connection.client.verify(run_id)
            except (Forbidden, NotFound) as error:
                # Some runs belong to other people, and some were deleted since they were listed.
                if not everything or error.precise_code not in ("not_owner", "not_found"):
                    raise
                skipped += isinstance(error, Forbidden)
                continue
            count += 1
            if verification.integrity_errors:
                damaged.append(verification)
                if not as_json:
                    for path, problem in verification.integrity_errors.items():
                        click.echo(f"{verification.run} {plain(path)}: {problem}")
    if as_json:
        print_json(
            {
                "verified": count,
                "skipped": skipped,
                "damaged": [verification.model_dump(mode="json") for verification in damaged],
            }
        )
    elif damaged:
        print_note(
            f"{len(damaged)} of {plural(count, 'record')} damaged. `jupyter dataops restore FILE` brings bytes back."
        )
    else:
        click.echo(f"{plural(count, 'record')} whole.")
    if skipped and not as_json:
        print_note(f"{plural(skipped, 'run')} of other people skipped: they and administrators may verify those.")
    return exit_codes.FAILED if damaged else exit_codes.SUCCEEDED


def _run_ids(connection: Connection, run_ids: tuple[str, ...]) -> Iterator[str]:
    if run_ids:
        # Look up all of them first: a mistyped id is refused before anything is read.
        yield from [connection.find_run(run_id).id for run_id in run_ids]
    else:
        yield from (run.id for run in connection.client.iter_runs())
