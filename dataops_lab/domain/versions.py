"""A version: the immutable snapshot of a job, named by the digest of its manifest."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import posixpath
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .actors import Actor
from .deserialization import from_known_fields
from .jobs import STEP_MARK, JobKind
from .outputs import Output
from .parameters import Parameter, ParameterSchema, ParameterType


def canonical_json(value: Any) -> bytes:
    """Return the one byte string of a value: sorted keys, no spaces, UTF-8.

    ValueError for NaN, which JSON does not have.
    """
    return _CANONICAL.encode(value).encode()


# `json.dumps` would make an encoder for each value.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


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

    `path` is the one of the source below the root; that of a command is `FILE#STEP`, the place where it is written.
    `source_digest` is that of the bytes of a script or pipeline, and of the canonical bytes of a notebook: source JSON
    without outputs, counts and execution metadata. A command has no source, but an argv in `command`.
    """

    path: str
    source_digest: str | None
    files: tuple[IncludedFile, ...]
    parameters: ParameterSchema
    kernel_name: str
    """The name of the kernel or of the interpreter; empty where neither runs, as for a command."""
    language: str
    folders: tuple[str, ...] = ()
    """POSIX paths below the root of folders that exist in the workspace, but of which no file travels."""
    kind: JobKind = JobKind.NOTEBOOK
    command: tuple[str, ...] = ()
    steps: tuple[tuple[str, str], ...] = ()
    """The steps of a pipeline that run: the id of each, and the digest of its own version."""
    outputs: tuple[Output, ...] = ()
    """The declared outputs of a notebook or script. Those of a pipeline are in its file."""

    @property
    def source_path(self) -> str:
        """The path below the root of the file that `path` names."""
        return self.path.rpartition(STEP_MARK)[0] if self.kind is JobKind.COMMAND else self.path

    @property
    def folder(self) -> str:
        """The folder below the root in which it runs; '' for the root."""
        return posixpath.dirname(self.source_path)

    def program_argv(self, kernel_argv: Sequence[str]) -> list[str]:
        """Return the program of a script or command with its arguments. `kernel_argv` is that of the run's kernel."""
        if self.kind is JobKind.COMMAND:
            return list(kernel_argv)
        name = posixpath.basename(self.path)
        # An interpreter would take `-x.py` for an option.
        return [*kernel_argv, f"./{name}" if name.startswith("-") else name]

    def to_json(self) -> dict[str, Any]:
        return {
            "format": 1,
            "kind": str(self.kind),
            **self._source_json(),
            "files": [asdict(f) for f in sorted(self.files, key=lambda f: f.path)],
            # Leave it out where there are none, so that older versions keep their digest.
            **({"folders": sorted(self.folders)} if self.folders else {}),
            "parameters": {
                "declared": self.parameters.declared,
                "schema": [_parameter_json(p) for p in self.parameters.parameters],
            },
            **({"outputs": [output.to_json() for output in self.outputs]} if self.outputs else {}),
            **({_RUNS_WITH[self.kind]: self._kernel_json()} if self.kind in _RUNS_WITH else {}),
        }

    def _source_json(self) -> dict[str, Any]:
        source = {"path": self.path, "digest": self.source_digest}
        match self.kind:
            case JobKind.NOTEBOOK:
                return {"notebook": source}
            case JobKind.COMMAND:
                return {"command": {"path": self.path, "argv": list(self.command)}}
            case JobKind.PIPELINE:
                return {"source": source, "steps": dict(sorted(self.steps))}
        return {"source": source}

    def _kernel_json(self) -> dict[str, str]:
        return {"name": self.kernel_name, "language": self.language}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Manifest:
        kind = JobKind(value["kind"])
        source = value[_SOURCES.get(kind, "source")]
        runs_with = value.get(_RUNS_WITH.get(kind, ""), {})
        return cls(
            path=source["path"],
            source_digest=source.get("digest"),
            files=tuple(from_known_fields(IncludedFile, f) for f in value["files"]),
            parameters=ParameterSchema(
                tuple(parameter_from_json(p) for p in value["parameters"]["schema"]), value["parameters"]["declared"]
            ),
            kernel_name=runs_with.get("name", ""),
            language=runs_with.get("language", ""),
            folders=tuple(value.get("folders", ())),
            kind=kind,
            command=tuple(source.get("argv", ())),
            steps=tuple(value.get("steps", {}).items()),
            outputs=tuple(Output.from_json(output) for output in value.get("outputs", ())),
        )

    @property
    def digest(self) -> str:
        return digest_of(canonical_json(self.to_json()))


_SOURCES = {JobKind.NOTEBOOK: "notebook", JobKind.COMMAND: "command"}
_RUNS_WITH = {JobKind.NOTEBOOK: "kernel", JobKind.SCRIPT: "interpreter"}

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
