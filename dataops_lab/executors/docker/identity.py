"""The installation to which a container belongs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

INSTALLATION_LABEL = "dataops-lab.installation"
"""The label of every container that this package makes."""

KERNEL_NAME_PREFIX = "kernel-"
"""The beginning of the names of kernels, behind the installation's prefix."""


def container_name_prefix(installation: str) -> str:
    """Return the beginning of the names of all containers of an installation."""
    return f"dataops-{installation}-"


def installation_id(folder: Path) -> str:
    """Return the id of the state folder. The first call makes it; calls at the same moment get the same one."""
    path = folder / "installation"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".installation.{os.getpid()}"
        temporary.write_text(secrets.token_hex(4))
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_text().strip()
