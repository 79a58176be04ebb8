"""The limits of the output that a cell and a run may leave."""

from __future__ import annotations

import json
from typing import Any

from ..rundir.protocol import OutputLimits

ERROR_BYTES = 100_000
"""The most bytes of an error, approximately. An error is always kept, but shortened to this."""

Content = dict[str, Any]


class OutputLimit:
    """A filter that admits outputs until a cell or the run has left enough, and drops everything after that.

    Output that a cell clears does not count towards the cell any more. It does count towards the run, whose
    journal keeps it.
    """

    def __init__(self, limits: OutputLimits) -> None:
        self._limits = limits
        self._cell_left = limits["cell_bytes"]
        self._run_left = limits["run_bytes"]
        self._cell_cut = self._run_cut = False

    def cell_started(self) -> None:
        self._cell_left = self._limits["cell_bytes"]
        self._cell_cut = False

    cell_cleared = cell_started

    def admit(self, kind: str, content: Content) -> tuple[Content | None, str | None]:
        """Return the part of a message's content that may be kept and, where it is cut, the sentence that says so."""
        if kind == "error":
            return _shorten_error(content), None
        if self._cell_cut or self._run_cut:
            return None, None
        data = content["text"].encode("utf-8", "replace") if kind == "stream" else json.dumps(content).encode()
        left = min(self._cell_left, self._run_left)
        if len(data) <= left:
            self._spend(len(data))
            return content, None
        notice = self._cut(len(data))
        if kind != "stream" or left == 0:
            return None, notice
        self._spend(left)
        return {**content, "text": data[:left].decode("utf-8", "ignore")}, notice

    def _spend(self, size: int) -> None:
        self._cell_left -= size
        self._run_left -= size

    def _cut(self, size: int) -> str:
        if size > self._run_left:
            self._run_cut = True
            return f"The outputs of this run are more than {_amount(self._limits['run_bytes'])}: the rest is not kept."
        self._cell_cut = True
        return f"The outputs of this cell are more than {_amount(self._limits['cell_bytes'])}: the rest is not kept."


def _shorten_error(error: Content) -> Content:
    if len(json.dumps(error)) <= ERROR_BYTES:
        return error
    traceback = "\n".join(error.get("traceback") or [])
    part = ERROR_BYTES // 4
    return {
        **error,
        "ename": error.get("ename", "")[:1_000],
        "evalue": error.get("evalue", "")[:part],
        "traceback": [traceback] if len(traceback) <= 2 * part else [traceback[:part], "[…]", traceback[-part:]],
    }


def _amount(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1_000:
            return f"{size:.3g} {unit}"
        size /= 1_000
    return f"{size:.3g} GB"
