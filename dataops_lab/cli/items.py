"""The items of a fan-out, or the points of a sweep, as a table: sorted, printed, and written as CSV."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from .output import print_note, print_table
from .text import duration, plural

if TYPE_CHECKING:
    from ..api_models import ItemModel, ItemTableModel

_OWN_COLUMNS = ("item", "state", "took")


def sort_options(command: Any) -> Any:
    """Add the options that sort a table of items."""
    sort = click.option(
        "--sort", metavar="NAME", help="Sort the items by a parameter, a value that they recorded, or `took`."
    )
    descending = click.option("--descending", is_flag=True, help="The largest first; those without the value last.")
    return sort(descending(command))


def sorted_items(table: ItemTableModel, by: str | None, *, descending: bool) -> list[ItemModel]:
    """Return the items sorted by the column, those that have nothing there last. UsageError when there is none."""
    if by is None:
        return list(reversed(table.items)) if descending else list(table.items)
    columns = [*table.values, *table.parameters, *_OWN_COLUMNS]
    if by not in columns:
        raise click.UsageError(f"There is no column {by!r} to sort by. There are: {', '.join(columns)}.")
    cells = {item.key: _cell(table, item, by) for item in table.items}
    found = [item for item in table.items if cells[item.key] is not None]
    missing = [item for item in table.items if cells[item.key] is None]
    return sorted(found, key=lambda item: _order(cells[item.key]), reverse=descending) + missing


def print_items(table: ItemTableModel, items: Sequence[ItemModel], *, most: int | None = None) -> None:
    """Print the items as a table, `most` of them at most."""
    headings = [*_names(table), "state", "took", "run"]
    names = [*table.parameters, *table.values] if table.parameters else ["item", *table.values]
    rows = [
        [*(_text(_cell(table, item, name)) for name in names), item.phase, _took_text(item), item.run_id or ""]
        for item in items[:most]
    ]
    if rows:
        print_table(headings, rows, folded=headings[0])
    if most is not None and len(items) > most:
        print_note(f"{plural(len(items) - most, 'more item')}.")


def write_csv(table: ItemTableModel, items: Iterable[ItemModel], file: TextIO) -> None:
    """Write one row for each item: its key, state, run and seconds, then its parameters and values."""
    writer = csv.writer(file)
    writer.writerow(["item", "state", "run", "seconds", *table.parameters, *table.values])
    for item in items:
        given = [item.parameters.get(name) for name in table.parameters]
        recorded = [item.values.get(name) for name in table.values]
        writer.writerow([_safe(cell) for cell in (item.key, item.phase, item.run_id, _took(item), *given, *recorded)])


def _names(table: ItemTableModel) -> list[str]:
    return [*(table.parameters or ["item"]), *table.values]


def _cell(table: ItemTableModel, item: ItemModel, name: str) -> Any:
    if name in table.values:
        return item.values.get(name)
    if name in table.parameters:
        return item.parameters.get(name)
    return {"item": item.key, "state": item.phase, "took": _took(item)}[name]


def _took(item: ItemModel) -> float | None:
    if item.started_at is None:
        return None
    return ((item.finished_at or dt.datetime.now(dt.UTC)) - item.started_at).total_seconds()


def _took_text(item: ItemModel) -> str:
    took = _took(item)
    return "" if took is None else duration(max(0.0, took))


def _order(value: Any) -> tuple[int, Any]:
    """Sort numbers before texts, so that values of different types can be compared."""
    if isinstance(value, (int, float)):
        # NaN compares with nothing, so it comes after all other numbers.
        return (0, value) if value == value else (1, 0)  # noqa: PLR0124
    return 2, str(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)


def _safe(value: Any) -> Any:
    """Return the cell so that no spreadsheet takes a text of a notebook for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
