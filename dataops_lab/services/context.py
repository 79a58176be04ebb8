from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    """Holds the run directory of each attempt that is alive, under its name; see runner/protocol.py."""
    limits: Limits = Limits()
