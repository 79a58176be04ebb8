"""`jupyter dataops inspect`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..domain.jobs import JobKind
from . import options
from .connection import open_connection
from .output import print_json, print_table
from .run_summary import print_findings
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
    with open_connection(server, root) as connection:
        inspection = connection.client.inspect(notebook, kernel=kernel, environment=environment, image=image)
    if as_json:
        print_json(inspection)
    else:
        _print_inspection(inspection)


def _print_inspection(result: InspectionModel) -> None:
    click.echo(
        f"{click.style(one_line(result.name), bold=True)}  {one_line(result.notebook_path)} in {plain(result.root)}"
    )
    if result.kind is not JobKind.PIPELINE:
        _print_source(result)
    _print_parameters(result)
    if result.findings:
        click.echo()
        print_findings(result.findings, err=False)


def _print_source(result: InspectionModel) -> None:
    """Print what it runs with and takes along. A pipeline has neither: its steps have."""
    is_notebook = result.kind is JobKind.NOTEBOOK
    heading = "kernel     " if is_notebook else "runs with  "
    if result.kernel:
        name = f" ({one_line(result.kernel.name)})" if is_notebook else ""
        click.echo(f"{heading}{one_line(result.kernel.display_name)}{name}")
    else:
        click.echo(f"{heading}{click.style(plain(result.kernel_problem or 'none'), fg='red')}")
    if is_notebook:
        click.echo(f"cells      {result.code_cells} with code")
    file_summary = f"{plural(result.file_count, 'file')}, {size(result.file_bytes)}" if result.files else "no files"
    click.echo(f"takes      {file_summary}")
    version_count = result.file_count - result.fresh_count
    _print_files("of the version", [file for file in result.files if not file.fresh], version_count)
    _print_files("fresh in each run", [file for file in result.files if file.fresh], result.fresh_count)
    if result.origin.commit:
        change_note = ", with changes that are not committed" if result.origin.dirty else ""
        click.echo(f"git        {one_line(result.origin.commit)[:12]} on {one_line(result.origin.branch)}{change_note}")


def _print_parameters(result: InspectionModel) -> None:
    if result.parameters:
        click.echo()
        headings = ("parameter", "type", "default", "description")
        print_table(headings, [_row(parameter) for parameter in result.parameters], folded="description")
    elif not result.declares_parameters:
        is_notebook = result.kind is JobKind.NOTEBOOK
        none = "no cell is tagged 'parameters'" if is_notebook else "there is no comment block '# /// dataops'"
        click.echo(f"parameters none: {none}")


def _print_files(part: str, files: Sequence[TravellingFileModel], count: int) -> None:
    if count:
        shown = ", ".join(one_line(file.path) for file in files[:5])
        click.echo(f"           {part}: {shown}{', …' if count > 5 or not shown else ''}")


def _row(parameter: ParameterModel) -> tuple[str, str, str, str]:
    type_text = f"list of {parameter.items}" if parameter.items else str(parameter.type)
    if parameter.choices:
        type_text = " | ".join(json.dumps(choice, ensure_ascii=False) for choice in parameter.choices)
    default = "needed" if parameter.required else json.dumps(parameter.default, ensure_ascii=False)
    return parameter.name, type_text + (" or null" if parameter.nullable else ""), default, parameter.description
