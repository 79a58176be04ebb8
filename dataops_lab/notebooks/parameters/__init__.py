"""The parameters that a notebook declares, read without running it.

One reader per kernel language; a schema in the notebook's metadata serves every language.
"""

from __future__ import annotations

from ...domain.parameters import Parameter, ParameterSchema
from ...domain.snapshots import Finding, Severity
from ..read import PARAMETERS, Cell, Notebook
from . import bash, metadata, python, r

# A reader takes the source of the `parameters` cell; None means that it cannot be read.
_READERS = {"python": python.parameters, "r": r.parameters, "bash": bash.parameters}


def parameters_of(notebook: Notebook, language: str) -> tuple[ParameterSchema, list[Finding]]:
    """What the metadata declare goes before what the cell says, name by name."""
    cells = [cell for cell in notebook.code_cells if PARAMETERS in cell.tags]
    stated, findings = metadata.parameters(notebook.metadata)
    if not cells and stated is None:
        return ParameterSchema(declared=False), [*findings, _no_cell()]
    if len(cells) > 1:
        findings.append(_several_cells(cells))
    read = _read(cells[0], language, findings, stated=stated is not None) if cells else ()
    return ParameterSchema(_merged(read, stated or ())), findings


def _read(cell: Cell, language: str, findings: list[Finding], *, stated: bool) -> tuple[Parameter, ...]:
    reader = _READERS.get(language.lower())
    if reader is None:
        if not stated:
            findings.append(_no_reader(cell, language))
        return ()
    parameters = reader(cell.source)
    if parameters is None:
        findings.append(_unreadable(cell, language))
        return ()
    return parameters


def _merged(read: tuple[Parameter, ...], stated: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    by_name = {p.name: p for p in read}
    by_name.update({p.name: p for p in stated})
    return tuple(by_name.values())


def _no_cell() -> Finding:
    return Finding(
        "no_parameters_cell",
        Severity.INFO,
        "No cell is tagged 'parameters', so the notebook runs without parameters.",
        "Tag the cell that sets them with 'parameters' (Property Inspector, Common Tools, Cell Tags).",
    )


def _several_cells(cells: list[Cell]) -> Finding:
    return Finding(
        "several_parameters_cells",
        Severity.WARNING,
        f"{len(cells)} cells are tagged 'parameters'; only the first one counts.",
        "Keep the tag on one cell and move the others' assignments into it.",
        cells[1].index,
    )


def _unreadable(cell: Cell, language: str) -> Finding:
    return Finding(
        "unreadable_cell",
        Severity.WARNING,
        f"The 'parameters' cell cannot be read as {language}, so no parameter can be passed.",
        "Mend its syntax, or keep plain assignments alone in it.",
        cell.index,
    )


def _no_reader(cell: Cell, language: str) -> Finding:
    return Finding(
        "unreadable_cell",
        Severity.WARNING,
        f"The 'parameters' cell is {language}, which is not read here, so no parameter can be passed.",
        "Declare them in the notebook's metadata, as a list under dataops.parameters.",
        cell.index,
    )
