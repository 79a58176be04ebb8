"""The places where the state of an embedded installation lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def state_folder() -> Path:
    """Return `DATAOPS_LAB_HOME`, else the folder `dataops_lab` in Jupyter's data folder."""
    if named := os.environ.get("DATAOPS_LAB_HOME"):
        return Path(named).expanduser().absolute()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "dataops_lab"


@dataclass(frozen=True)
class Home:
    """The files and folders of an embedded installation."""

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
        """Return the folder of this kind of executor. It holds the run directories of living attempts, by name."""
        return self.runs / executor

    @property
    def keys(self) -> Path:
        return self.folder / "keys.json"

    @property
    def kernels(self) -> Path:
        """The kernelspecs of the images that people may author in."""
        return self.folder / "kernels"

    @property
    def engine_log(self) -> Path:
        return self.folder / "engine.log"

    @property
    def warm(self) -> Path:
        """The state of the preloaded interpreters, as an engine saw and wrote it last."""
        return self.folder / "warm.json"
