"""Inputs: the data files that a run reads, and the rule that tells them from the code of a version."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from ..errors import InvalidRequest
from .deserialization import from_known_fields
from .versions import IncludedFile, canonical_json, digest_of

MAX_PINS = 200
MAX_PATTERN_LENGTH = 500


class Role(StrEnum):
    """The part that a travelling file plays for the notebook."""

    CODE = "code"
    """The file runs. It always belongs to the version."""
    SETTINGS = "settings"
    """The file steers the code. It belongs to the version unless the job says otherwise."""
    DATA = "data"
    """The code reads the file. Each run takes it as it is at its submission, unless the job pins it."""


_CODE = frozenset((
    ".py", ".pyi", ".pyx", ".so", ".pyd", ".whl", ".jar", ".r", ".rmd", ".qmd", ".jl", ".sh", ".bash", ".zsh",
    ".fish", ".ps1", ".bat", ".cmd", ".sql", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".java", ".scala", ".kt", ".go",
    ".rs", ".c", ".cc", ".cpp", ".h", ".hpp", ".f", ".f90", ".rb", ".pl", ".lua", ".stan", ".j2", ".jinja", ".jinja2",
    ".tmpl", ".tpl",
))  # fmt: skip
_SETTINGS = frozenset((".toml", ".yaml", ".yml", ".ini", ".cfg", ".conf", ".properties"))
_SETTINGS_FILES = re.compile(
    r"(requirements|constraints)[^/]*\.(txt|in)|makefile|dockerfile|pipfile(\.lock)?|renviron|rprofile|"
    r"\.(dataopsignore|renviron|rprofile|editorconfig)",
    re.IGNORECASE,
)
# JSON may be settings or data: these names, of the file or its folder, say that it is settings.
_SETTINGS_JSON = re.compile(
    r"(^|[._-])(config|configuration|conf|settings|options|defaults|params|parameters|schemas?|package)([._-]|$)",
    re.IGNORECASE,
)


def classify_file(path: str, *, runs: bool = False, executable: bool = False) -> Role:
    """Decide by the name alone, so that the same file has the same role on every machine.

    `runs`: the code runs or imports the file. A notebook that nothing runs is data: a folder holds many, and a
    change of one makes no new version of the others.
    """
    name = PurePosixPath(path)
    suffix = name.suffix.lower()
    if runs or suffix in _CODE or (executable and not suffix):
        return Role.CODE
    if suffix in _SETTINGS or _SETTINGS_FILES.fullmatch(name.name):
        return Role.SETTINGS
    if suffix == ".json" and any(map(_SETTINGS_JSON.search, (name.stem, name.parent.name))):
        return Role.SETTINGS
    return Role.DATA


@dataclass(frozen=True)
class Pins:
    """Patterns of a job. The last one that matches a file counts: `x` pins the file, `!x` takes it fresh.

    A pattern begins at the folder of the notebook. Without a slash it matches in every folder, and it matches
    everything in a folder of that name. `*` stands for any characters, slashes included.
    """

    patterns: tuple[str, ...] = ()

    @classmethod
    def from_patterns(cls, patterns: Sequence[str]) -> Pins:
        """Return the pins of these patterns. Each pattern is kept once, at its last place.

        Raise InvalidRequest when one of them is not a pattern, or when there are too many.
        """
        for pattern in patterns:
            if not pattern.strip("!/. ") or len(pattern) > MAX_PATTERN_LENGTH or not pattern.isprintable():
                raise InvalidRequest(
                    f"{pattern[:80]!r} is not a pattern of files. Write one such as 'data/*.csv', from the folder of "
                    "the notebook."
                )
        if len(patterns) > MAX_PINS:
            raise InvalidRequest(f"A job may have {MAX_PINS} patterns of pinned files. Use one pattern for several.")
        return cls(tuple(reversed(dict.fromkeys(reversed(patterns)))))

    def is_pinned(self, name: str, role: Role) -> bool:
        """Tell whether a file belongs to the version. `name` is its path from the notebook's folder."""
        if role is Role.CODE:
            return True
        for pattern in reversed(self.patterns):
            if _matches(pattern.removeprefix("!"), name):
                return not pattern.startswith("!")
        return role is Role.SETTINGS

    def with_pattern(self, pattern: str, *, fresh: bool) -> Pins:
        """Add `pattern` as the last one, which decides on the files that it matches."""
        rest = [other for other in self.patterns if other.removeprefix("!") != pattern]
        return Pins((*rest, f"!{pattern}" if fresh else pattern))


def exact_pattern(name: str) -> str:
    """Return the pattern that matches only this file. `name` is its path from the notebook's folder."""
    escaped = re.sub(r"[*?\[]", r"[\g<0>]", posixpath.normpath(name))
    return escaped if escaped.startswith("../") else f"/{escaped}"


def _matches(pattern: str, name: str) -> bool:
    wanted = pattern.rstrip("/")
    if "/" not in wanted:
        return any(fnmatchcase(part, wanted) for part in name.split("/"))
    wanted = wanted.removeprefix("./").removeprefix("/")
    return fnmatchcase(name, wanted) or fnmatchcase(name, f"{wanted}/*")


@dataclass(frozen=True)
class FoundFile:
    """A file that would travel. `fresh`: each run takes it as it is at its submission.

    `pattern` is its own, see `Pins`.
    """

    path: str
    size: int
    executable: bool
    role: Role
    fresh: bool
    pattern: str


@dataclass(frozen=True)
class Inputs:
    """The data of a run: files as in a Manifest, and the folders of which no file travels."""

    files: tuple[IncludedFile, ...] = ()
    folders: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "format": 1,
            "files": [asdict(file) for file in sorted(self.files, key=lambda file: file.path)],
            "folders": sorted(self.folders),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Inputs:
        return cls(tuple(from_known_fields(IncludedFile, file) for file in value["files"]), tuple(value["folders"]))

    @property
    def digest(self) -> str | None:
        """The name of the whole set; None when it is empty."""
        return digest_of(canonical_json(self.to_json())) if self.files or self.folders else None


@dataclass(frozen=True)
class RunFiles:
    """The files that a run finds beside its notebook: `files` of its version, and the `inputs` that it took fresh."""

    files: tuple[IncludedFile, ...]
    inputs: Inputs

    @property
    def all_files(self) -> list[IncludedFile]:
        """All of them, each path once. Another step may have left one that replaces a file of the version."""
        return list({file.path: file for file in (*self.files, *self.inputs.files)}.values())


def inputs_reachable(inputs: Inputs, roots: Mapping[str, str], *, host: str) -> bool:
    """Tell whether a run that is made on `host` can take its inputs fresh.

    `roots` are the folders of the job's workspace, by host. A run without inputs needs none of them.
    """
    return not inputs.files or host in roots
