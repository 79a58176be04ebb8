"""A record: the results of a finished attempt, stored for good."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .versions import canonical_json, digest_of


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


def record_digest(run_id: str, attempt: int, files: Sequence[RecordFile], values: Mapping[str, Any]) -> str:
    content = {
        "run": run_id,
        "attempt": attempt,
        "files": [{"kind": f.kind, "path": f.path, "digest": f.digest, "size": f.size} for f in files],
        "values": values,
    }
    return digest_of(canonical_json(content))


@dataclass(frozen=True)
class Record:
    """`digest` is `record_digest` of the rest."""

    run_id: str
    attempt: int
    digest: str
    files: tuple[RecordFile, ...]
    values: dict[str, Any]
    stored_at: dt.datetime
    integrity_errors: Mapping[str, str] = field(default_factory=dict)
    """The errors that were found, by path; `record` stands for the list of files itself."""

    def find_file(self, kind: RecordFileKind) -> RecordFile | None:
        return next((f for f in self.files if f.kind is kind), None)

    @property
    def artifacts(self) -> tuple[RecordFile, ...]:
        return tuple(f for f in self.files if f.kind is RecordFileKind.ARTIFACT)
