"""Read the parameters that a notebook declares, without running it.

One reader per kernel language; a schema in the notebook's metadata serves every language.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.parameters import Parameter, ParameterSchema, ParameterType
from ...domain.snapshots import Finding, Severity
from ..read import PARAMETERS, Cell, Notebook
from . import bash, metadata, python, r
from .cells import default_cells
from .cells import findings as value_findings
from .values import keys_type, written_as

# A reader takes the source of the `parameters` cell; None means that it cannot be read.
_READERS = {"python": python.parameters, "r": r.parameters, "bash": bash.parameters}


def parameters_of(notebook: Notebook, language: str) -> tuple[ParameterSchema, list[Finding]]:
    """Read the schema and the findings. For each name, the metadata win over the cells."""
    cells = [cell for cell in default_cells(notebook, language) if cell.source.strip()]
    from_metadata, findings = metadata.parameters(notebook.metadata)
    if not cells and from_metadata is None:
        return ParameterSchema(declared=False), [*findings, _no_cell()]
    if len(cells) > 1:
        findings.append(_several_cells(cells))
    read = [
        parameter
        for cell in cells
        if PARAMETERS in cell.tags
        for parameter in _read(cell, language, findings, has_schema=from_metadata is not None)
    ]
    parameters = _merged(read, from_metadata or ())
    findings.extend(value_findings(notebook, language, parameters))
    findings.extend(_loses_types(parameter) for parameter in parameters if _holds_python_types(parameter.default))
    findings.extend(_untyped(parameter) for parameter in parameters if parameter in read and _is_untyped(parameter))
    return ParameterSchema(parameters), findings


def _is_untyped(parameter: Parameter) -> bool:
    return parameter.type is ParameterType.ANY and not parameter.choices and not parameter.unsupported


def _holds_python_types(value: object) -> bool:
    """Tell whether a list or mapping holds tuples, sets or number keys, which a given value cannot hold."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(written_as(member) or keys_type(member) or _holds_python_types(member) for member in members)


def _read(cell: Cell, language: str, findings: list[Finding], *, has_schema: bool) -> tuple[Parameter, ...]:
    reader = _READERS.get(language.lower())
    if reader is None:
        if not has_schema:
            findings.append(_no_reader(cell, language))
        return ()
    parameters = reader(cell.source)
    if parameters is None:
        findings.append(_unreadable(cell, language))
        return ()
    return parameters


def _merged(read: Sequence[Parameter], from_metadata: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    by_name = {p.name: p for p in read}
    by_name.update({p.name: p for p in from_metadata})
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
        f"{len(cells)} cells are tagged 'parameters': given values are set behind the last of them.",
        "Keep the tag on one cell and move the others' assignments into it: what stands between sees the defaults.",
        cells[1].index,
    )


def _untyped(parameter: Parameter) -> Finding:
    return Finding(
        "untyped_parameter",
        Severity.INFO,
        f"The type of {parameter.name} cannot be told: a value from the command line arrives as text.",
        "Give it a plain default, or a type: an annotation in Python, or an entry under dataops.parameters.",
    )


def _loses_types(parameter: Parameter) -> Finding:
    return Finding(
        "untyped_parameter",
        Severity.INFO,
        f"{parameter.name} has tuples, sets or number keys inside: in a given value they arrive as lists or text.",
        "Convert them in the next cell.",
    )


def _unreadable(cell: Cell, language: str) -> Finding:
    return Finding(
        "unreadable_cell",
        Severity.WARNING,
        f"The 'parameters' cell cannot be read as {language}, so no parameter can be passed.",
        "Fix its syntax, or keep plain assignments alone in it.",
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
