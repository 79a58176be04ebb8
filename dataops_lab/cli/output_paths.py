"""Files that people name for what a command writes."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InvalidRequest


def notebook_file_name(path: str, run_id: str) -> str:
    """Make a file name for the executed notebook of a run. It is never longer than file systems allow."""
    stem = os.fsencode(Path(path).stem)[:200]
    return f"{stem.decode(errors='ignore')}-{run_id}.ipynb"


def check_writable(name: str, *, forbidden: str | None = None) -> Path:
    """Check that the file can be written later, before anything is done.

    InvalidRequest when it cannot, or when it is the file `forbidden`.
    """
    path = Path(name)
    if path.is_dir():
        raise InvalidRequest(f"{name} is a folder. Name a file in it.")
    if not path.parent.is_dir():
        raise InvalidRequest(f"The folder {path.parent} does not exist. Make it first.")
    if not os.access(path.parent, os.W_OK):
        raise InvalidRequest(f"Nothing can be written to the folder {path.parent}.")
    if path.exists() and not path.is_file():
        raise InvalidRequest(f"{name} is not an ordinary file, and would be replaced. Name another one.")
    if forbidden is not None and path.exists() and Path(forbidden).exists() and path.samefile(forbidden):
        raise InvalidRequest(f"{name} is the notebook itself, which is never written to. Name another file.")
    return path
