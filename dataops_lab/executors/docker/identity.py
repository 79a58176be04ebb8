"""Which installation a container belongs to."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

INSTALLATION = "dataops-lab.installation"
"""Label of every container that we make."""

KERNELS = "kernel-"
"""How the names of kernels begin, behind the installation's prefix."""


def prefix(installation: str) -> str:
    """How the names of all containers of an installation begin."""
    return f"dataops-{installation}-"


def installation_id(folder: Path) -> str:
    """Of the state folder; made when it is first asked for, the same for everybody who asks at that moment."""
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
