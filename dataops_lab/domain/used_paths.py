"""The paths that the code of a notebook or script reads and writes, as far as its text tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UsedPaths:
    """Paths from the folder of the file, or absolute, or from the home folder (`~`). Unknown parts are `*`."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
