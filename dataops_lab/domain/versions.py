"""A version: the immutable snapshot of a job, named by the digest of its manifest."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from .actors import Actor
from .deserialization import from_known_fields
from .parameters import Parameter, ParameterSchema, ParameterType


def canonical_json(value: Any) -> bytes:
    """Return the one byte string of a value: sorted keys, no spaces, UTF-8.

    ValueError for NaN, which JSON does not have.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(data: bytes) -> str:
    """Return `sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class IncludedFile:
    """A helper file: its POSIX path below the workspace's root, and its bytes."""

    path: str
    digest: str
    size: int
    executable: bool = False


@dataclass(frozen=True)
class Manifest:
    """Everything that a version fixes.

    `notebook_path` is the path below the root. `notebook_digest` is that of the canonical bytes of the notebook: source
    JSON without outputs, counts and execution metadata.
    """

    notebook_path: str
    notebook_digest: str
    files: tuple[IncludedFile, ...]
    parameters: ParameterSchema
    kernel_name: str
    language: str
    folders: tuple[str, ...] = ()
    """POSIX paths below the root of folders that exist in the workspace, but of which no file travels."""

    def to_json(self) -> dict[str, Any]:
        return {
            "format": 1,
            "kind": "notebook",
            "notebook": {"path": self.notebook_path, "digest": self.notebook_digest},
            "files": [asdict(f) for f in sorted(self.files, key=lambda f: f.path)],
            # Leave it out where there are none, so that older versions keep their digest.
            **({"folders": sorted(self.folders)} if self.folders else {}),
            "parameters": {
                "declared": self.parameters.declared,
                "schema": [_parameter_json(p) for p in self.parameters.parameters],
            },
            "kernel": {"name": self.kernel_name, "language": self.language},
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Manifest:
        return cls(
            notebook_path=value["notebook"]["path"],
            notebook_digest=value["notebook"]["digest"],
            files=tuple(from_known_fields(IncludedFile, f) for f in value["files"]),
            parameters=ParameterSchema(
                tuple(parameter_from_json(p) for p in value["parameters"]["schema"]), value["parameters"]["declared"]
            ),
            kernel_name=value["kernel"]["name"],
            language=value["kernel"]["language"],
            folders=tuple(value.get("folders", ())),
        )

    @property
    def digest(self) -> str:
        return digest_of(canonical_json(self.to_json()))


_SINCE_FORMAT_1 = ("written_as", "keys", "unsupported")


def _parameter_json(parameter: Parameter) -> dict[str, Any]:
    """Leave out the newer members where they are empty: so the digests of earlier versions stay the same."""
    return {k: v for k, v in asdict(parameter).items() if v or k not in _SINCE_FORMAT_1}


def parameter_from_json(value: dict[str, Any]) -> Parameter:
    items, keys = value.get("items"), value.get("keys")
    return from_known_fields(
        Parameter,
        {
            **value,
            "type": ParameterType(value["type"]),
            "items": ParameterType(items) if items else None,
            "keys": ParameterType(keys) if keys else None,
            "choices": tuple(value.get("choices", ())),
        },
    )


@dataclass(frozen=True)
class Origin:
    """The source of the bytes. All members are None outside a git work tree."""

    remote: str | None = None
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True)
class Version:
    digest: str
    job_id: str
    number: int
    manifest: Manifest
    created_at: dt.datetime
    created_by: Actor
    origin: Origin = Origin()
