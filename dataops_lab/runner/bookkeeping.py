"""What papermill writes into the metadata of a notebook that it executes, written without papermill.

`import papermill` brings every storage client that is installed: pyarrow, boto3 and others. They take a second, and
some start threads, with which no interpreter can be forked.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

SAVE_EVERY_S = 5.0
SAVE_SHARE = 0.02
"""Of the run's time that may go into saving while it runs."""


class PacedSave:
    """Write a notebook at most every few seconds, and less often when writing takes long."""

    def __init__(self, write: Callable[[Any], None]) -> None:
        self._write = write
        self._due = 0.0

    def __call__(self, notebook: Any) -> None:
        if time.monotonic() >= self._due:
            self.at_once(notebook)

    def at_once(self, notebook: Any) -> None:
        started = time.monotonic()
        self._write(notebook)
        ended = time.monotonic()
        self._due = ended + max(SAVE_EVERY_S, (ended - started) / SAVE_SHARE)


class Bookkeeping:
    """Note in the metadata of notebook and cells how far the run is. A cell that was never reached stays pending."""

    def __init__(self, nb: Any, write: Callable[[Any], None]) -> None:
        self.nb = nb
        self._save = PacedSave(write)
        self._started_at = _now()

    def notebook_start(self) -> None:
        self.nb.metadata.papermill = {
            "default_parameters": {},
            "environment_variables": {},
            "parameters": {},
            **_version(),
            "start_time": self._started_at.isoformat(),
            "end_time": None,
            "duration": None,
            "exception": None,
        }
        for cell in self.nb.cells:
            cell.metadata.papermill = {
                "exception": None,
                "start_time": None,
                "end_time": None,
                "duration": None,
                "status": "pending",
            }
            if cell.cell_type == "code":
                cell.execution_count = None
                cell.outputs = []
        self._save(self.nb)

    def cell_start(self, cell: Any, _index: int) -> None:
        cell.metadata.papermill.update(start_time=_now().isoformat(), status="running", exception=False)
        self._save(self.nb)

    def cell_exception(self, cell: Any, _index: int, **_: Any) -> None:
        cell.metadata.papermill.update(exception=True, status="failed")
        self.nb.metadata.papermill.exception = True

    def cell_complete(self, cell: Any, _index: int) -> None:
        noted = cell.metadata.papermill
        ended_at = _now()
        noted.update(
            end_time=ended_at.isoformat(),
            duration=(ended_at - dt.datetime.fromisoformat(noted["start_time"])).total_seconds(),
        )
        if noted["status"] != "failed":
            noted["status"] = "completed"
        self._save(self.nb)

    def autosave_cell(self) -> None:
        self._save(self.nb)

    def notebook_complete(self) -> None:
        ended_at = _now()
        duration = (ended_at - self._started_at).total_seconds()
        self.nb.metadata.papermill.update(end_time=ended_at.isoformat(), duration=duration)
        self._save.at_once(self.nb)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)  # noqa: UP017  (the runner is sent to older Pythons)


def _version() -> dict[str, str]:
    try:
        return {"version": version("papermill")}
    except PackageNotFoundError:
        return {}
