"""A record: what a finished attempt leaves, for good."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class RecordFileKind(StrEnum):
    NOTEBOOK = "notebook"
    JOURNAL = "journal"
    LOG = "log"
    ARTIFACT = "artifact"
    RESULT = "result"


@dataclass(frozen=True)
class RecordFile:
    """`path` is relative: a name for the fixed kinds, the workspace path for artifacts."""

    kind: RecordFileKind
    path: str
    digest: str
    size: int


@dataclass(frozen=True)
class Record:
    """`digest` covers the canonical JSON of everything else but `stored_at`."""

    run_id: str
    attempt: int
    digest: str
    files: tuple[RecordFile, ...]
    values: dict[str, Any]
    stored_at: dt.datetime

    def file(self, kind: RecordFileKind) -> RecordFile | None:
        return next((f for f in self.files if f.kind is kind), None)

    @property
    def artifacts(self) -> tuple[RecordFile, ...]:
        return tuple(f for f in self.files if f.kind is RecordFileKind.ARTIFACT)
