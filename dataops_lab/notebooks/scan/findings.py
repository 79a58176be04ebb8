"""The results of a scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Use(StrEnum):
    """The use that the code makes of a path, as far as it shows."""

    READ = "read"
    WRITE = "write"
    RUN = "run"
    """Its code runs in the notebook's kernel, as `%run` does."""
    EXISTS = "exists"
    """The code only asks whether it exists, so it may be missing."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Mention:
    """A path in the code. `path` is relative to the notebook's folder, or absolute, or starts with `~`.

    Unknown parts are `*`; then `pattern` is True. A path that begins with `*` may start at any folder above the
    notebook. `by_module` says that the path depends on the place of the module that names it, so that it moves
    along although it is absolute. `guarded`: in a `try`.
    """

    path: str
    use: Use = Use.UNKNOWN
    pattern: bool = False
    guarded: bool = False
    by_module: bool = False
    cell: int | None = None


@dataclass(frozen=True)
class Import:
    """An import. `name` is dotted; `members` are the names in `from name import …`. `optional`: in a `try`."""

    name: str
    members: tuple[str, ...] = ()
    optional: bool = False
    cell: int | None = None


@dataclass(frozen=True)
class Variable:
    name: str
    cell: int | None = None


@dataclass
class Scan:
    mentions: list[Mention] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    search_paths: list[str] = field(default_factory=list)
    """Folders that the code puts on Python's path, relative to the notebook's folder or absolute."""
    variables: list[Variable] = field(default_factory=list)
    """Environment variables that the code reads without a default."""
    variables_set: set[str] = field(default_factory=set)
    installs: set[str] = field(default_factory=set)
    """Packages that the code itself installs."""
    git_cells: list[int | None] = field(default_factory=list)
    """The cells that ask git about the repository."""
    changes_folder: bool = False
    """True when code that is not Python changes to another folder."""
    input_cells: list[int] = field(default_factory=list)
    unreadable_cells: list[int] = field(default_factory=list)
