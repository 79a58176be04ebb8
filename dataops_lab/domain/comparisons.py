"""The differences between a run and the last one that succeeded, the likeliest reason of a failure first."""

from __future__ import annotations

import datetime as dt
import json
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from .actors import Actor
from .inputs import Inputs
from .jobs import JobKind
from .runs import Run
from .versions import IncludedFile, Version

MAX_NAMED = 5
MAX_INPUTS = 20
MAX_VALUE_LENGTH = 60
IN_LINE = 2
"""How many differences the one line has. It counts the others."""
DRASTIC = 0.2
"""The share of its rows or bytes by which an input has to shrink to be a likely reason."""


class DifferenceKind(StrEnum):
    CODE = "code"
    IMAGE = "image"
    PARAMETER = "parameter"
    PACKAGES = "packages"
    VARIABLE = "variable"
    """A variable or a secret; values are never told."""
    INPUT = "input"
    KERNEL = "kernel"
    ENVIRONMENT = "environment"
    HOST = "host"


@dataclass(frozen=True)
class Difference:
    """One difference as a sentence without its full stop. `names` are the words by which an error would name it."""

    kind: DifferenceKind
    text: str
    at: dt.datetime | None = None
    by: Actor | None = None
    names: tuple[str, ...] = field(default=(), compare=False)
    is_likely: bool = field(default=True, compare=False)
    """False for what differs from run to run, and seldom matters."""

    def __str__(self) -> str:
        if self.by is None:
            return self.text
        when = f", {self.at:%Y-%m-%d %H:%M} UTC" if self.at else ""
        return f"{self.text} ({self.by}{when})"


@dataclass(frozen=True)
class Cell:
    """A code cell. `number` counts all cells of the notebook that people wrote, from 1."""

    id: str | None
    number: int
    source: str


@dataclass(frozen=True)
class SettingChange:
    """A change of a variable, a secret or the environment between the starts of two runs. It never has a value."""

    kind: DifferenceKind
    text: str
    at: dt.datetime
    by: Actor | None
    name: str = ""


@dataclass(frozen=True)
class RunFacts:
    """All that is known of the circumstances of a run. Parameters are complete, and safe to be shown."""

    run: Run
    version: Version
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Inputs = Inputs()
    cells: tuple[Cell, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    """The number of rows of an input, by path, where it is known."""
    packages: Mapping[str, str] | None = None
    """The packages of its image; None where they are not known."""
    host: str = ""
    """The place where its last attempt ran, for people."""
    boot: str | None = None


@dataclass(frozen=True)
class Comparison:
    """A run beside the last one that succeeded. `good` is None when there is none; then nothing is compared."""

    run: Run
    good: Run | None
    differences: tuple[Difference, ...] = ()

    @property
    def line(self) -> str:
        """Return the likeliest reason in one line."""
        if self.good is None:
            return f"No run of this job has succeeded in {self.run.environment} before."
        since = f"the last success ({self.good.finished_at or self.good.created_at:%Y-%m-%d %H:%M} UTC)"
        if not self.differences:
            return f"Nothing that is recorded differs from {since}."
        told = [str(difference) for difference in self.differences[:IN_LINE]]
        more = len(self.differences) - len(told)
        return f"Since {since}: {'; '.join(told)}{f'; and {more} more' if more else ''}."


def compare(
    good: RunFacts,
    run: RunFacts,
    changes: Sequence[SettingChange] = (),
    *,
    failing_cell: int | None = None,
    moving: Collection[str] = (),
) -> Comparison:
    """Compare a run with one that succeeded.

    `failing_cell` is the number of the cell that failed. `moving` names the parameters that follow the nominal time.
    """
    found = [
        *_code(good, run, failing_cell),
        *_image(good.run, run.run),
        *_parameters(good, run, moving),
        *_packages(good.packages, run.packages),
        *(Difference(each.kind, each.text, each.at, each.by, (each.name,) if each.name else ()) for each in changes),
        *_own_variables(good.run, run.run),
        *_inputs(good, run),
        *_kernel(good.run, run.run),
        *_host(good, run),
    ]
    error = f"{run.run.reason.message} {run.run.reason.detail.get('evalue', '')}" if run.run.reason else ""
    named = [replace(each, is_likely=True) if _is_named(each, error) else each for each in found]
    order = sorted(named, key=lambda each: (not _is_named(each, error), not each.is_likely))
    return Comparison(run.run, good.run, tuple(order))


def read_cells(notebook: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return the code cells of a notebook; of one that is none, no cells."""
    cells = notebook.get("cells")
    found = []
    for number, cell in enumerate(cells if isinstance(cells, list) else (), 1):
        if isinstance(cell, Mapping) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            text = source if isinstance(source, str) else "".join(map(str, source if isinstance(source, list) else ()))
            found.append(Cell(cell["id"] if isinstance(cell.get("id"), str) else None, number, text))
    return tuple(found)


def _is_named(difference: Difference, error: str) -> bool:
    return any(
        name == FAILING or (name and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", error)) for name in difference.names
    )


FAILING = "\0failing"
"""The name of a change in the cell that failed: it comes first, whatever the error says."""


# --- code -----------------------------------------------------------------------------------------


def _code(good: RunFacts, run: RunFacts, failing_cell: int | None) -> Iterator[Difference]:
    old, new = good.version.manifest, run.version.manifest
    if old.digest == new.digest:
        return

    def differs(text: str, *names: str) -> Difference:
        return Difference(DifferenceKind.CODE, text, run.version.created_at, run.version.created_by, names)

    if old.source_digest != new.source_digest:
        yield from (differs(text, *names) for text, names in _source(good, run, failing_cell))
    if old.command != new.command:
        yield differs("the command changed")
    before, after = ({file.path: file for file in manifest.files} for manifest in (old, new))
    for path, text in _files(before, after):
        yield differs(text, path, posixpath.basename(path), posixpath.splitext(posixpath.basename(path))[0])
    steps = dict(old.steps), dict(new.steps)
    changed = [step for step in steps[0] if step in steps[1] and steps[0][step] != steps[1][step]]
    yield from (
        differs(f"{_plural('step', names)} {_listed(names)} {verb}", *names)
        for verb, names in (
            ("changed", changed),
            ("joined", [step for step in steps[1] if step not in steps[0]]),
            ("left", [step for step in steps[0] if step not in steps[1]]),
        )
        if names
    )
    if old.path != new.path:
        yield differs(f"it lies at {new.path} instead of {old.path}")


def _source(good: RunFacts, run: RunFacts, failing_cell: int | None) -> Iterator[tuple[str, list[str]]]:
    kind = run.version.manifest.kind
    if kind is not JobKind.NOTEBOOK or not good.cells or not run.cells:
        yield f"the {kind} changed", []
        return
    old, new = _matched(good.cells, run.cells)
    changed = [cell.number for key, cell in new.items() if key in old and old[key].source != cell.source]
    added = [cell.number for key, cell in new.items() if key not in old]
    removed = [cell.number for key, cell in old.items() if key not in new]
    for numbers, verb in ((changed, "changed"), (added, "is new" if len(added) == 1 else "are new")):
        if numbers:
            named = [FAILING] if failing_cell in numbers else []
            yield f"{_plural('cell', numbers)} {_listed(numbers)} {verb}", named
    if removed:
        yield f"{_counted(len(removed), 'cell')} {'was' if len(removed) == 1 else 'were'} removed", []
    if [key for key in old if key in new] != [key for key in new if key in old]:
        yield "the order of the cells changed", []
    elif not (changed or added or removed):
        yield "text or settings of the notebook changed, and no code", []


def _matched(old: tuple[Cell, ...], new: tuple[Cell, ...]) -> tuple[dict[object, Cell], dict[object, Cell]]:
    """Return the cells by id, or by position where ids are missing or no cell has one that it had."""
    ids = [{cell.id for cell in cells if cell.id} for cells in (old, new)]
    if len(ids[0]) == len(old) and len(ids[1]) == len(new) and ids[0] & ids[1]:
        return {cell.id: cell for cell in old}, {cell.id: cell for cell in new}
    return dict(enumerate(old)), dict(enumerate(new))


def _files(before: Mapping[str, IncludedFile], after: Mapping[str, IncludedFile]) -> Iterator[tuple[str, str]]:
    """Yield the path of each file of the version that differs, with a sentence. It counts those beyond `MAX_NAMED`."""
    found = [
        *((path, f"{path} changed") for path in before if path in after and before[path] != after[path]),
        *((path, f"{path} is new") for path in after if path not in before),
        *((path, f"{path} is gone") for path in before if path not in after),
    ]
    yield from found[:MAX_NAMED]
    if len(found) > MAX_NAMED:
        yield "", f"{_counted(len(found) - MAX_NAMED, 'more file')} of the version differ"


# --- circumstances --------------------------------------------------------------------------------


def _image(good: Run, run: Run) -> Iterator[Difference]:
    old, new = good.image, run.image
    if old == new or (old and new and old.digest == new.digest):
        return
    if old and new and old.name == new.name:
        text = f"{new.name} is another image: {_short(new.digest)} instead of {_short(old.digest)}"
    else:
        text = f"it ran in {new.name if new else 'no image'} instead of {old.name if old else 'no image'}"
    yield Difference(DifferenceKind.IMAGE, text, names=(new.name,) if new else ())


def _parameters(good: RunFacts, run: RunFacts, moving: Collection[str]) -> Iterator[Difference]:
    for name in dict.fromkeys([*run.parameters, *good.parameters]):
        missing = object()
        old, new = good.parameters.get(name, missing), run.parameters.get(name, missing)
        if _same(old, new):
            continue
        if old is missing:
            text = f"the parameter {name} is new"
        elif new is missing:
            text = f"the parameter {name} is gone"
        else:
            text = f"{name} is {_shown(new)} instead of {_shown(old)}"
        yield Difference(DifferenceKind.PARAMETER, text, names=(name,), is_likely=name not in moving)


def _packages(old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> Iterator[Difference]:
    if old is None or new is None:
        return
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    for name in changed[:MAX_NAMED]:
        before, after = old.get(name), new.get(name)
        text = f"{name} {after} instead of {before}"
        if after is None:
            text = f"the package {name} is missing"
        elif before is None:
            text = f"the package {name} {after} is new"
        yield Difference(DifferenceKind.PACKAGES, text, names=(name, name.replace("-", "_")))
    if len(changed) > MAX_NAMED:
        others = tuple(changed[MAX_NAMED:])
        yield Difference(
            DifferenceKind.PACKAGES,
            f"{_counted(len(others), 'more package')} {'differs' if len(others) == 1 else 'differ'}",
            names=others,
        )


def _own_variables(good: Run, run: Run) -> Iterator[Difference]:
    """Name the variables of the runs themselves that differ. Nobody knows whether their values may be shown."""
    for name in sorted(good.variables.keys() | run.variables.keys()):
        if good.variables.get(name) != run.variables.get(name):
            yield Difference(DifferenceKind.VARIABLE, f"the variable {name} of the run differs", names=(name,))


def _inputs(good: RunFacts, run: RunFacts) -> Iterator[Difference]:
    before, after = ({file.path: file for file in facts.inputs.files} for facts in (good, run))
    found = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old and new and old.digest == new.digest:
            continue
        text, is_likely = _input(path, old, new, good.rows.get(path), run.rows.get(path))
        names = (path, posixpath.basename(path))
        found.append(Difference(DifferenceKind.INPUT, text, names=names, is_likely=is_likely))
    yield from found[:MAX_INPUTS]
    if len(found) > MAX_INPUTS:
        text = f"{_counted(len(found) - MAX_INPUTS, 'more input')} differ"
        yield Difference(DifferenceKind.INPUT, text, is_likely=False)


def _input(
    path: str, old: IncludedFile | None, new: IncludedFile | None, old_rows: int | None, new_rows: int | None
) -> tuple[str, bool]:
    """Return what differs about an input, and whether that is drastic."""
    if old is None:
        return f"{path} is new", False
    if new is None:
        return f"{path} is gone", True
    if not new.size and old.size:
        return f"{path} is empty", True
    if old_rows is not None and new_rows is not None:
        told = f"{new_rows:,} instead of {old_rows:,}"
        if old_rows == new_rows:
            return f"{path}: other content, and as many rows", False
        if not old_rows:
            return f"{path}: {new_rows:,} rows instead of none", False
        return f"{path}: {_change(old_rows, new_rows, ('fewer', 'more'))} rows ({told})", _is_drastic(
            old_rows, new_rows
        )
    if old.size == new.size:
        return f"{path}: other content of the same size", False
    told = f"{new.size:,} bytes instead of {old.size:,}"
    if not old.size:
        return f"{path}: {told}", False
    return f"{path}: {_change(old.size, new.size, ('smaller', 'larger'))} ({told})", _is_drastic(old.size, new.size)


def _is_drastic(old: int, new: int) -> bool:
    return new <= old * (1 - DRASTIC)


def _change(old: int, new: int, words: tuple[str, str]) -> str:
    share = abs(new - old) / old * 100
    amount = "less than 1" if share < 1 else f"{share:,.0f}"
    return f"{amount} % {words[new > old]}"


def _kernel(good: Run, run: Run) -> Iterator[Difference]:
    old, new = good.kernel, run.kernel
    if old is None or new is None or run.kind is JobKind.COMMAND:
        return
    if old.name != new.name:
        yield Difference(DifferenceKind.KERNEL, f"it ran with {new.name} instead of {old.name}")
    elif old.argv[:1] != new.argv[:1]:
        yield Difference(
            DifferenceKind.KERNEL, f"{new.name} is another program: {new.argv[0]} instead of {old.argv[0]}"
        )


def _host(good: RunFacts, run: RunFacts) -> Iterator[Difference]:
    if good.host != run.host and good.host and run.host:
        text = f"it ran on {run.host} instead of {good.host}"
        yield Difference(DifferenceKind.HOST, text, is_likely=False)
    elif good.boot and run.boot and good.boot != run.boot:
        text = "the machine was started again, or is another one"
        yield Difference(DifferenceKind.HOST, text, is_likely=False)


# --- words ----------------------------------------------------------------------------------------


def _same(old: Any, new: Any) -> bool:
    """Compare as JSON does: True is not 1."""
    return type(old) is type(new) and bool(old == new)


def _shown(value: Any) -> str:
    text = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…"


def _short(digest: str) -> str:
    return digest.rpartition("sha256:")[2][:12]


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _plural(word: str, names: Sequence[object]) -> str:
    return word if len(names) == 1 else f"{word}s"


def _listed(names: Sequence[object]) -> str:
    texts = [str(name) for name in names[:MAX_NAMED]]
    if len(names) > MAX_NAMED:
        return f"{', '.join(texts)} and {len(names) - MAX_NAMED} more"
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
