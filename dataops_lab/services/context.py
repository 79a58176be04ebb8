from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..domain.runs import Attempt
from ..domain.snapshots import Limits
from ..ports import Blobs, Clock, Host, Notebooks, Store


@dataclass(frozen=True)
class Services:
    """What every use case may need. Built by `wiring`, passed as the first argument."""

    store: Store
    blobs: Blobs
    notebooks: Notebooks
    clock: Clock
    host: Host
    runs_folder: Path
    """Holds a folder for each kind of executor, and in it the run directory of each living attempt, under its name."""
    limits: Limits = Limits()

    def run_directory(self, attempt: Attempt) -> Path:
        """Where the files of runner/protocol.py are until the record is stored."""
        return self.runs_folder / attempt.backend.partition("+")[0] / attempt.name
