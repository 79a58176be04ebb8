"""Answers: one JSON object for programs, text and tables for people."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from .text import columns, folded, one_line

if TYPE_CHECKING:
    from pydantic import BaseModel


def as_json(answer: BaseModel | dict[str, Any] | list[Any]) -> None:
    """A list is all there is, and looks like the last page of one."""
    if isinstance(answer, list):
        answer = {"items": [it.model_dump(mode="json") for it in answer], "next": None}
    click.echo(json.dumps(answer, indent=2) if isinstance(answer, dict) else answer.model_dump_json(indent=2))


def remark(text: str) -> None:
    """Something on the way, beside the answer."""
    click.echo(text, err=True)


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]], *, shrinks: str) -> None:
    """To stdout: as wide as it needs to be; on a terminal the column `shrinks` is folded."""
    cells = [[one_line(value) for value in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(headings, *cells, strict=True)]
    if sys.stdout.isatty():
        position = headings.index(shrinks)
        missing = sum(widths) + len(_GAP) * (len(widths) - 1) - shutil.get_terminal_size().columns
        widths[position] = max(columns(shrinks), widths[position] - max(0, missing))
    lines = [_line([heading.upper() for heading in headings], widths, [{"bold": True}] * len(headings))]
    for row in cells:
        styles = [_STYLES.get(cell, {}) for cell in row]
        folds = map(folded, row, widths)
        lines += [_line(pieces, widths, styles) for pieces in zip_longest(*folds, fillvalue="")]
    click.echo("\n".join(lines), color=False if os.environ.get("NO_COLOR") else None)


def _line(pieces: Sequence[str], widths: Sequence[int], styles: Sequence[dict[str, Any]]) -> str:
    padded = (
        click.style(piece, **style, reset=bool(style)) + " " * (width - columns(piece))
        for piece, width, style in zip(pieces, widths, styles, strict=True)
    )
    return _GAP.join(padded).rstrip()


_GAP = "  "
_STYLES: dict[str, dict[str, Any]] = {
    "succeeded": {"fg": "green"},
    "failed": {"fg": "red"},
    "timed_out": {"fg": "red"},
    "lost": {"fg": "red"},
    "cancelled": {"fg": "yellow"},
    "running": {"fg": "cyan"},
}
