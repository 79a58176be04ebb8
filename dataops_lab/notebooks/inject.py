"""Fill in a notebook: write the values of a run into a cell of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..domain.versions import digest_of
from . import literals
from .canonical import notebook_bytes
from .parameters.cells import default_cells
from .read import INJECTED, Notebook, parse_notebook

_FIRST_MINOR_WITH_IDS = 5

_HEADING = "# Parameters of this run\n"


def inject_parameters(notebook: bytes, language: str, values: Mapping[str, Any], types: Mapping[str, str]) -> bytes:
    """Set `values` in a cell of its own. It replaces the cell that an earlier call made.

    The same notebook and values give the same bytes.
    """
    if not values:
        return notebook
    parsed = parse_notebook(notebook)
    source = _comment(language) + literals.assignments(language, values, types)
    cells = [raw for raw, cell in zip(parsed.raw["cells"], parsed.cells, strict=True) if INJECTED not in cell.tags]
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": [INJECTED]},
        "outputs": [],
        "source": source,
    }
    if parsed.minor >= _FIRST_MINOR_WITH_IDS:
        cell["id"] = _new_id(source, {raw.get("id") for raw in cells})
    cells.insert(_position(parsed, language), cell)
    return notebook_bytes({**parsed.raw, "cells": cells})


def _position(notebook: Notebook, language: str) -> int:
    """Find the place behind the cells that set the defaults; the first place when there are no such cells.

    The position does not count cells that an earlier run left.
    """
    defaults = default_cells(notebook, language)
    if not defaults:
        return 0
    return sum(INJECTED not in cell.tags for cell in notebook.cells[: defaults[-1].index + 1])


def _comment(language: str) -> str:
    return _HEADING if language.lower() in ("python", "r", "bash", "julia") else ""


def _new_id(source: str, taken: set[Any]) -> str:
    base = f"parameters-{digest_of(source.encode())[7:15]}"
    return next(name for n in range(len(taken) + 1) if (name := f"{base}{'-' * n}") not in taken)
