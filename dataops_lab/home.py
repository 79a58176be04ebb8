"""Where the state of an embedded installation lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def state_folder() -> Path:
    """`DATAOPS_LAB_HOME`, else `dataops_lab` in Jupyter's data folder."""
    if named := os.environ.get("DATAOPS_LAB_HOME"):
        return Path(named).expanduser().absolute()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "dataops_lab"


@dataclass(frozen=True)
class Home:
    """Where everything of an embedded installation lies."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "dataops.sqlite"

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def attempts(self, executor: str) -> Path:
        """Return the folder of the run directories of living attempts, by name, of this kind of executor."""
        return self.runs / executor

    @property
    def keys(self) -> Path:
        return self.folder / "keys.json"

    @property
    def kernels(self) -> Path:
        """Kernelspecs of the images that may be authored in."""
        return self.folder / "kernels"

    @property
    def engine_log(self) -> Path:
        return self.folder / "engine.log"

    @property
    def warm(self) -> Path:
        """How the preloaded interpreters are, as the engine that wrote it saw them last."""
        return self.folder / "warm.json"
