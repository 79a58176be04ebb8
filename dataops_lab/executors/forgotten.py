"""The names of attempts that have ended and were removed. They are kept for a while.

An engine may sleep in the middle of a start, and wake long after another one has ended the attempt and removed it. It
must find that it comes too late.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from ..runner.files import remove_all

SPAN_S = 3600.0


class Forgotten:
    """The forgotten names. Each is known for an hour at least, as an empty file in the folder of its hour."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / ".forgotten"

    def add(self, name: str) -> None:
        now = int(time.time() // SPAN_S)
        hour = self._folder / str(now)
        # On a full disk there may be no room for a name. The caller removes files next, which makes room.
        with suppress(OSError):
            if not hour.is_dir():
                hour.mkdir(parents=True, exist_ok=True)
                for earlier in self._folder.iterdir():
                    if not now - 1 <= int(earlier.name) <= now:
                        remove_all(earlier)
            (hour / name).touch()

    def __contains__(self, name: str) -> bool:
        with suppress(FileNotFoundError):
            return any((hour / name).exists() for hour in self._folder.iterdir())
        return False
