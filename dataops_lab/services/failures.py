"""The cell of a notebook at which a run failed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..domain.jobs import JobKind
from ..errors import DataOpsError
from .context import Services
from .parameters import inject_parameters
from .runs import RunView


@dataclass(frozen=True)
class FailingCell:
    """`index` counts from 0 in the executed notebook, `number` from 1 in the one that people wrote."""

    index: int
    number: int
    id: str | None
    source: str


def find_failing_cell(ctx: Services, view: RunView) -> FailingCell | None:
    """Return the cell that failed; None when no cell did, or nobody can read the notebook any more."""
    index = view.run.reason.detail.get("cell") if view.run.reason else None
    if view.run.kind is not JobKind.NOTEBOOK or not isinstance(index, int) or index < 0:
        return None
    try:
        # The input is much smaller than the executed notebook, and has the same cells.
        notebook: Any = json.loads(inject_parameters(ctx, view.version.manifest, view.run.parameters))
        cells = notebook["cells"]
        cell = cells[index]
        injected = sum("injected-parameters" in each.get("metadata", {}).get("tags", ()) for each in cells[:index])
        source = cell.get("source", "")
        text = source if isinstance(source, str) else "".join(map(str, source))
        return FailingCell(index, index + 1 - injected, cell.get("id"), text)
    except (DataOpsError, ValueError, LookupError, TypeError, AttributeError):
        return None  # The message about a failure must not fail on a broken notebook.
