"""The bytes of a notebook that name its version: the work of people, without the traces of runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..domain.versions import canonical_json
from ..errors import InvalidNotebook
from .read import INJECTED, Notebook, source_of

# Kernels, executors and front ends write these while a notebook runs or is shown.
_RUN_METADATA = frozenset({"papermill", "widgets", "signature", "orig_nbformat"})
_RUN_CELL_METADATA = frozenset(
    {"collapsed", "ExecuteTime", "execution", "executionInfo", "outputId", "papermill", "scrolled", "trusted"}
)
# papermill inserts cells with these tags into the notebook that it executes.
_RUN_TAGS = frozenset({INJECTED, "papermill-error-cell-tag"})


def canonical_bytes(notebook: Notebook) -> bytes:
    """Return a valid notebook of the same format version, without the parts that running or viewing it changes.

    Cell ids stay as they are. A cell without an id gets none.
    """
    raw = notebook.raw
    cells = [_cell(cell) for cell in raw["cells"] if not _RUN_TAGS.intersection(cell["metadata"].get("tags", ()))]
    return notebook_bytes({**raw, "metadata": notebook_metadata(raw["metadata"]), "cells": cells})


def notebook_bytes(raw: dict[str, Any]) -> bytes:
    try:
        return canonical_json(raw)
    except UnicodeEncodeError:
        raise InvalidNotebook(
            "The notebook holds half of a surrogate pair, which is not a character. Find the broken text and retype it."
        ) from None


def _cell(raw: dict[str, Any]) -> dict[str, Any]:
    cell = {**raw, "source": source_of(raw), "metadata": cell_metadata(raw["metadata"])}
    if raw["cell_type"] == "code":
        cell.update(outputs=[], execution_count=None)
    return cell


def notebook_metadata(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a notebook without the traces of runs."""
    metadata = _without(raw, _RUN_METADATA)
    if isinstance(info := metadata.get("language_info"), dict):
        # This is the version of the kernel that ran the notebook last, down to the patch release.
        metadata["language_info"] = _without(info, {"version"})
    return metadata


def cell_metadata(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a cell without the traces of runs and views."""
    metadata = _without(raw, _RUN_CELL_METADATA)
    if isinstance(view := metadata.get("jupyter"), dict):
        metadata["jupyter"] = _without(view, {"outputs_hidden"})
    # papermill and JupyterLab leave empty ones behind.
    return {key: value for key, value in metadata.items() if not (key in ("jupyter", "tags") and not value)}


def _without(mapping: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}
