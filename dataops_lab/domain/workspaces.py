"""A workspace: a folder with the notebooks of jobs, wherever it lies on each machine."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from .actors import Actor


@dataclass(frozen=True)
class Workspace:
    """`remote` is where git fetches from, `subfolder` the place within that; both None outside of git."""

    id: str
    project: str
    name: str
    created_at: dt.datetime
    created_by: Actor
    remote: str | None = None
    subfolder: str | None = None
    revision: int = field(default=1, compare=False)
    """Counts the changes."""
