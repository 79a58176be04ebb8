"""`jupyter dataops inspect`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from . import options
from .connection import connected
from .output import as_json as print_json
from .output import table
from .story import tell_findings
from .text import one_line, plain, plural, size

if TYPE_CHECKING:
    from ..api_models import InspectionModel, ParameterModel, TravellingFileModel


@click.command()
@click.argument("notebook")
@options.kernel_option
@click.option("--env", "environment", default="sandbox", show_default=True, help="Where it would run.")
@click.option("--image", metavar="NAME", help="The image in which it would run.")
@options.root_option
@options.server_option
@options.json_option
def inspect(
    notebook: str,
    kernel: str | None,
    environment: str,
    image: str | None,
    root: str | None,
    server: str | None,
    as_json: bool,
) -> None:
    """Show what NOTEBOOK can be given, and would miss.

    Also its kernel and what travels along. Starts and stores nothing.
    """
    with connected(server, root) as connection:
        found = connection.client.inspect(notebook, kernel=kernel, environment=environment, image=image)
    if as_json:
        print_json(found)
    else:
        _tell(found)


def _tell(found: InspectionModel) -> None:
    click.echo(
        f"{click.style(one_line(found.name), bold=True)}  {one_line(found.notebook_path)} in {plain(found.root)}"
    )
    if found.kernel:
        click.echo(f"kernel     {one_line(found.kernel.display_name)} ({one_line(found.kernel.name)})")
    else:
        click.echo(f"kernel     {click.style(plain(found.kernel_problem or 'none'), fg='red')}")
    click.echo(f"cells      {found.code_cells} with code")
    along = f"{plural(found.file_count, 'file')}, {size(found.file_bytes)}" if found.files else "no files"
    click.echo(f"takes      {along}")
    version_count = found.file_count - found.fresh_count
    _tell_files("of the version", [file for file in found.files if not file.fresh], version_count)
    _tell_files("fresh in each run", [file for file in found.files if file.fresh], found.fresh_count)
    if found.origin.commit:
        changed = ", with changes that are not committed" if found.origin.dirty else ""
        click.echo(f"git        {one_line(found.origin.commit)[:12]} on {one_line(found.origin.branch)}{changed}")
    if found.parameters:
        click.echo()
        headings = ("parameter", "type", "default", "description")
        table(headings, [_row(parameter) for parameter in found.parameters], shrinks="description")
    elif not found.declares_parameters:
        click.echo("parameters none: no cell is tagged 'parameters'")
    if found.findings:
        click.echo()
        tell_findings(found.findings, err=False)


def _tell_files(part: str, files: Sequence[TravellingFileModel], count: int) -> None:
    if count:
        shown = ", ".join(one_line(file.path) for file in files[:5])
        click.echo(f"           {part}: {shown}{', …' if count > 5 or not shown else ''}")


def _row(parameter: ParameterModel) -> tuple[str, str, str, str]:
    kind = f"list of {parameter.items}" if parameter.items else str(parameter.type)
    if parameter.choices:
        kind = " | ".join(json.dumps(choice, ensure_ascii=False) for choice in parameter.choices)
    default = "needed" if parameter.required else json.dumps(parameter.default, ensure_ascii=False)
    return parameter.name, kind + (" or null" if parameter.nullable else ""), default, parameter.description
