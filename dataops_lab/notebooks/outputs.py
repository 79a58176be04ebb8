"""Read the outputs that a notebook declares in its metadata: `dataops.outputs`, a list.

Each member is a path, or an object with `path` and maybe `from`, `optional` and `overwrite`.
"""

from __future__ import annotations

from typing import Any

from ..domain.outputs import Output, read_outputs
from ..errors import InvalidOutputs


def read_declared(metadata: dict[str, Any]) -> tuple[Output, ...]:
    """Return the outputs; none when the metadata declare none. InvalidOutputs when they cannot be read."""
    ours = metadata.get("dataops")
    if not isinstance(ours, dict) or "outputs" not in ours:
        return ()
    try:
        return read_outputs(ours["outputs"])
    except ValueError as problem:
        raise InvalidOutputs(
            f"The notebook's metadata {problem}. Fix dataops.outputs (Property Inspector, Advanced Tools)."
        ) from None
