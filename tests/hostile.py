"""The acts of a hostile notebook on its run directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataops_lab.rundir.files import remove_tree


@contextmanager
def deep(folder: Path, levels: int = 3_000) -> Iterator[None]:
    """Make folders inside one another, and remove them in the end, which neither `shutil` nor pytest can do."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    try:
        yield
    finally:
        remove_tree(folder)


def hollow(path: Path) -> None:
    """Make `path` a file of ten terabytes that take no room on the disk, with one byte at its end."""
    with path.open("ab") as file:
        file.truncate(10**13)
        file.write(b"x")


def a_pipe(path: Path) -> None:
    """Put a pipe in the place of `path`. A program that opens it like a file waits for ever."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
