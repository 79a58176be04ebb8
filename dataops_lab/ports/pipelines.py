from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ..domain.expressions import CheckedExpression, Context, Scope
from ..domain.parameters import Json
from ..domain.pipelines import Pipeline, StepKind
from ..domain.used_paths import UsedPaths


@dataclass(frozen=True)
class FileProblem:
    """Something wrong with a pipeline's file. Line and column count from 1; `step` is the step that has the problem."""

    message: str
    line: int = 1
    column: int = 1
    step: str | None = None


@dataclass(frozen=True)
class Reading:
    """A file that was read. It can run without problems only.

    With problems the pipeline may still be there, to be shown; None when there are no steps to show.
    """

    pipeline: Pipeline | None
    problems: tuple[FileProblem, ...] = ()
    places: Mapping[tuple[str | int, ...], tuple[int, int]] = field(default_factory=dict)
    """Line and column of each part of the file, by its path from the top: `("steps", "train", "with", "auc")`."""

    def place(self, step: str, *member: str | int) -> tuple[int, int]:
        """Return line and column of a member of a step, or of what is there of it."""
        path = ("steps", step, *member)
        found = (self.places[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self.places)
        return next(found, (1, 1))

    def problem(self, message: str, step: str, *member: str | int) -> FileProblem:
        """Return a problem of a member of a step, at its place."""
        return FileProblem(message, *self.place(step, *member), step)


@dataclass(frozen=True)
class StepFile:
    """A file of which a step is made, with the paths that its code reads and writes.

    `path` is POSIX, from the folder of the pipeline's file. The others are from the folder of the file itself.
    """

    path: str
    kind: StepKind = StepKind.NOTEBOOK
    reads: frozenset[str] = field(default_factory=frozenset)
    writes: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Guess:
    """The step `giver` seems to write a path that `taker` reads. Both are ids."""

    giver: str
    taker: str
    path: str


@dataclass(frozen=True)
class Suggestion:
    """The text of a new pipeline's file. It marks each guess with a comment."""

    text: str
    guesses: tuple[Guess, ...] = ()


@dataclass(frozen=True)
class ElyraFiles:
    """The files that a pipeline of Elyra names: what its nodes run, and their dependencies without wildcards.

    Paths are from the folder of its file.
    """

    run: tuple[str, ...]
    dependencies: tuple[str, ...]


@dataclass(frozen=True)
class ImportSetting:
    """The facts about the place into which a pipeline of Elyra is imported.

    `name` is the name of its file without the suffix, `folder` the folder of that file from the folder of the new one.
    `images` has the names of the catalogue by reference; None where runs have no image. `variables` are the names of
    those that are set, `missing` the named files that are not there, `used` the paths that the code of a file uses.
    """

    name: str
    environment: str
    folder: str = "."
    images: Mapping[str, str] | None = None
    variables: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    used: Mapping[str, UsedPaths] = field(default_factory=dict)


class NoteKind(StrEnum):
    CARRIED_OVER = "carried_over"
    CHANGED = "changed"
    NOT_CARRIED_OVER = "not_carried_over"


@dataclass(frozen=True)
class ImportNote:
    """One line of the report of an import: what became of something, and why.

    `node` is the label of its node in Elyra and `step` the id of the step; None for the pipeline as a whole.
    """

    kind: NoteKind
    message: str
    node: str | None = None
    step: str | None = None


@dataclass(frozen=True)
class Imported:
    """The text of a pipeline's file that was made of one of Elyra's, and the report."""

    text: str
    notes: tuple[ImportNote, ...]


class Pipelines(Protocol):
    """A reader of pipelines' files and of the expressions in them. It runs nothing and opens no file."""

    def read(self, data: bytes) -> Reading:
        """Read a file, and find everything that is wrong with it. Nothing in the file makes this raise."""
        ...

    def check(self, expression: str, scope: Scope) -> CheckedExpression:
        """Find what is wrong with an expression before any run, and the type of its values."""
        ...

    def takes_long(self, expression: str) -> bool:
        """Tell whether the expression may take so long that no transaction should wait for its value."""
        ...

    def evaluate(self, expression: str, context: Context) -> Json:
        """Return the value of an expression. Raise ExpressionFailed, which says why there is none."""
        ...

    def suggest(self, files: Sequence[StepFile]) -> Suggestion:
        """Write a pipeline with a step for each of the files, in an order in which readers come after writers.

        Without files it is a small example to begin with.
        """
        ...

    def list_elyra_files(self, data: bytes) -> ElyraFiles:
        """Return the files that a pipeline of Elyra names. InvalidPipeline as for `import_elyra`."""
        ...

    def import_elyra(self, data: bytes, setting: ImportSetting) -> Imported:
        """Write a pipeline that does what a pipeline of Elyra does, given the bytes of its `.pipeline` file.

        InvalidPipeline when it is none, is of another runtime or a newer version, or has nodes that run components.
        """
        ...
