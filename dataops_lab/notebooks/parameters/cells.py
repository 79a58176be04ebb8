"""Find the cells that set the defaults of parameters, and the later cells that undo a given value.

The reader of the schema and the writer of the values both ask `default_cells`, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...domain.parameters import Parameter
from ...domain.snapshots import Finding, Severity
from ..read import INJECTED, PARAMETERS, Cell, Notebook
from . import bash, metadata, python, r

_TAGS = {PARAMETERS, INJECTED}
_STATEMENTS = {"python": python.statements, "r": r.statements, "bash": bash.statements}


def default_cells(notebook: Notebook, language: str) -> tuple[Cell, ...]:
    """Return all code cells tagged `parameters`; without one, the first cell that sets a parameter of the metadata.

    A run sets given values behind the last of them; before every cell when there are none.
    """
    tagged = tuple(cell for cell in notebook.cells if cell.kind == "code" and _TAGS & cell.tags == {PARAMETERS})
    if tagged:
        return tagged
    from_metadata, _ = metadata.parameters(notebook.metadata)
    names = {parameter.name for parameter in from_metadata or ()}
    read = _STATEMENTS.get(language.lower())
    if not names or read is None:
        return ()
    setting = (cell for cell in notebook.code_cells if any(names & statement.sets for statement in read(cell.source)))
    return tuple(cell for cell in [next(setting, None)] if cell)


def findings(notebook: Notebook, language: str, parameters: Sequence[Parameter]) -> Iterator[Finding]:
    """Yield a finding where a given value would not count: a cell sets it again, or computed a default from it."""
    read = _STATEMENTS.get(language.lower())
    if read is None:
        return
    names = {parameter.name for parameter in parameters}
    cells = default_cells(notebook, language)
    for cell in cells:
        for statement in read(cell.source):
            if computed := sorted(statement.sets & names):
                for source in sorted(statement.reads & names - statement.sets):
                    yield _computed_default(", ".join(computed), source, cell)
    last = cells[-1].index if cells else -1
    waiting = set(names)
    for cell in notebook.code_cells:
        if cell.index <= last:
            continue
        for statement in read(cell.source):
            for name in sorted(waiting & statement.sets - statement.reads):
                yield _set_again(name, cell)
            waiting -= statement.reads | statement.sets


def _computed_default(name: str, source: str, cell: Cell) -> Finding:
    return Finding(
        "computed_default",
        Severity.WARNING,
        f"{name} is computed from the default of {source}: a given {source} does not change it.",
        f"Compute {name} in the next cell, or give it too.",
        cell.index,
    )


def _set_again(name: str, cell: Cell) -> Finding:
    return Finding(
        "parameter_set_again",
        Severity.WARNING,
        f"Cell {cell.index + 1} sets {name} again before anything reads it: a given {name} does not count.",
        f"Delete that assignment, or move it into the cell tagged '{PARAMETERS}'.",
        cell.index,
    )
