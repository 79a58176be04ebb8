"""The installation to which a container belongs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

INSTALLATION = "dataops-lab.installation"
"""The label of every container that this package makes."""

KERNELS = "kernel-"
"""The beginning of the names of kernels, behind the installation's prefix."""


def prefix(installation: str) -> str:
    """Return the beginning of the names of all containers of an installation."""
    return f"dataops-{installation}-"


def installation_id(folder: Path) -> str:
    """Return the id of the state folder. The first call makes it; calls at the same moment get the same one."""
    path = folder / "installation"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        side = folder / f".installation.{os.getpid()}"
        side.write_text(secrets.token_hex(4))
        try:
            os.link(side, path)
        except FileExistsError:
            pass
        finally:
            side.unlink()
    return path.read_text().strip()
