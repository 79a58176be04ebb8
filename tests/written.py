"""The text of notebooks, as they lie in a file."""

from __future__ import annotations

import json
from typing import Any

FOR_EVER = "import threading; threading.Event().wait()"
"""A cell that goes on until it is interrupted or killed."""


def notebook(*sources: str, parameters: str | None = None, **metadata: Any) -> str:
    """Return a notebook with code cells for the Python kernel.

    `parameters` is the source of a tagged cell in front of them.
    """
    cells = [_cell(f"c{number}", source) for number, source in enumerate(sources)]
    if parameters is not None:
        cells.insert(0, _cell("p", parameters, tags=["parameters"]))
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": spec, **metadata}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _cell(cell_id: str, source: str, **metadata: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "execution_count": None, "outputs": []}
    return {**cell, "id": cell_id, "source": source, "metadata": metadata}
