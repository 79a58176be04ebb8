"""Answers: one JSON object for programs, text and tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .text import one_line

if TYPE_CHECKING:
    from pydantic import BaseModel


def print_json(answer: BaseModel | dict[str, Any] | list[Any]) -> None:
    """Print the answer as one JSON object. A list is printed as a page that is the last one."""
    if isinstance(answer, list):
        answer = {"items": [item.model_dump(mode="json") for item in answer], "next": None}
    click.echo(json.dumps(answer, indent=2) if isinstance(answer, dict) else answer.model_dump_json(indent=2))


def print_note(text: str) -> None:
    """Write a remark to stderr, apart from the answer on stdout."""
    click.echo(text, err=True)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]], *, folded: str) -> None:
    """Print a table as wide as it needs to be; on a terminal the column `folded` is folded."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rich_table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for position, heading in enumerate(headings):
        width = max(len(one_line(cells[position])) for cells in rows)
        is_folded = heading == folded
        rich_table.add_column(
            heading.upper(), no_wrap=not is_folded, min_width=None if is_folded else width, overflow="fold"
        )
    for row in rows:
        # In a Text, brackets in a name are not read as markup.
        rich_table.add_row(*(Text(one_line(value), style=_STYLES.get(str(value), "")) for value in row))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    with console.capture() as captured:
        console.print(rich_table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


_STYLES = {
    "succeeded": "green",
    "failed": "red",
    "timed_out": "red",
    "lost": "red",
    "cancelled": "yellow",
    "running": "cyan",
}
