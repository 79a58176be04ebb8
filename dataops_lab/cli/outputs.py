"""`jupyter dataops runs outputs` and `runs publish`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .connection import open_connection
from .output import print_json, print_note, print_table
from .text import one_line, plain, size

if TYPE_CHECKING:
    from ..api_models import OutputModel, OutputsModel


@click.command()
@options.run_argument
@click.option("-o", "--output", "folder", metavar="FOLDER", help="Write the files there, at the paths that they have.")
@options.server_option
@options.json_option
def outputs(run_id: str, folder: str | None, server: str | None, as_json: bool) -> None:
    """List the declared outputs of a run, or download them."""
    with open_connection(server) as connection:
        run = connection.find_run(run_id)
        found = connection.client.outputs(run.id)
        if folder is not None:
            for output in found.items:
                if output.can_download:
                    target = Path(folder, *output.path.split("/"))
                    target.parent.mkdir(parents=True, exist_ok=True)
                    connection.client.output(run.id, output.path, target)
                    if not as_json:
                        click.echo(str(target))
    if as_json:
        print_json(found)
    elif not found.items:
        print_note("It declares no outputs.")
    elif folder is None:
        print_outputs(found)


@click.command()
@options.run_argument
@click.option("--overwrite", is_flag=True, help="Also over files that no run of its job published.")
@options.server_option
@options.json_option
def publish(run_id: str, overwrite: bool, server: str | None, as_json: bool) -> None:
    """Publish the outputs of a run that succeeded.

    Outputs that were refused are tried once more.
    """
    with open_connection(server) as connection:
        run = connection.find_run(run_id)
        found = connection.client.publish(run.id, overwrite=overwrite)
        connection.ensure_engine()
    if as_json:
        print_json(found)
    else:
        print_outputs(found)


def print_outputs(found: OutputsModel) -> None:
    rows = [
        (one_line(output.path), state_of(output), size(output.size) if output.size is not None else "", _place(output))
        for output in found.items
    ]
    print_table(("output", "state", "size", "folder"), rows, folded="output")
    for output in found.items:
        if output.reason:
            print_note(f"{plain(output.path)}: {plain(output.reason.message)}")


def state_of(output: OutputModel) -> str:
    """Return the state in words."""
    if output.state is None:
        return "not published" if output.can_download else "declared"
    return {"offered": "download only"}.get(output.state, str(output.state))


def _place(output: OutputModel) -> str:
    return one_line(output.folder or "")
