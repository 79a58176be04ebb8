"""The names of attempts that have ended and were removed. They are kept for a while.

An engine may sleep in the middle of a start, and wake long after another one has ended the attempt and removed it. It
must find that it comes too late.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from ..rundir.files import remove_tree

PERIOD_S = 3600.0


class Tombstones:
    """The forgotten names. Each is known for an hour at least, as an empty file in the folder of its hour."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / ".forgotten"

    def add(self, name: str) -> None:
        current_hour = int(time.time() // PERIOD_S)
        hour_folder = self._folder / str(current_hour)
        # On a full disk there may be no room for a name. The caller removes files next, which makes room.
        with suppress(OSError):
            if not hour_folder.is_dir():
                hour_folder.mkdir(parents=True, exist_ok=True)
                for old_folder in self._folder.iterdir():
                    if not current_hour - 1 <= int(old_folder.name) <= current_hour:
                        remove_tree(old_folder)
            (hour_folder / name).touch()

    def __contains__(self, name: str) -> bool:
        with suppress(FileNotFoundError):
            return any((hour_folder / name).exists() for hour_folder in self._folder.iterdir())
        return False
