"""Read a parameter schema from the notebook's metadata: `dataops.parameters`, a list of objects.

Each object has a `name` and may have `type`, `default`, `required`, `nullable`, `description`,
`choices` and `items`, with the meaning that `domain.parameters.Parameter` gives them.
"""

from __future__ import annotations

from typing import Any

from ...domain.parameters import Parameter, ParameterType
from ...domain.snapshots import Finding, Severity

_MEMBERS = {"name", "type", "default", "required", "nullable", "description", "choices", "items"}


def parameters(metadata: dict[str, Any]) -> tuple[tuple[Parameter, ...] | None, list[Finding]]:
    """Read the parameters that the metadata declare; None when they declare nothing.

    It skips an entry that it cannot read, and returns a finding about it.
    """
    ours = metadata.get("dataops")
    if not isinstance(ours, dict) or "parameters" not in ours:
        return None, []
    entries = ours["parameters"]
    if not isinstance(entries, list):
        return None, [_bad("dataops.parameters is not a list")]
    read: dict[str, Parameter] = {}
    findings: list[Finding] = []
    for position, entry in enumerate(entries, 1):
        parameter, problem = _parameter(entry)
        if parameter is None:
            findings.append(_bad(f"entry {position} {problem}"))
        elif parameter.name in read:
            findings.append(_bad(f"{parameter.name!r} is declared twice"))
        else:
            read[parameter.name] = parameter
    return tuple(read.values()), findings


def _parameter(entry: Any) -> tuple[Parameter | None, str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        return None, "has no name"
    if unknown := entry.keys() - _MEMBERS:
        return None, f"has unknown members: {', '.join(sorted(unknown))}"
    try:
        kind = ParameterType(entry.get("type", ParameterType.ANY))
        items = ParameterType(entry["items"]) if entry.get("items") is not None else None
    except ValueError:
        return None, f"has a type that is none of {', '.join(ParameterType)}"
    choices, flags = entry.get("choices", []), [entry.get(flag, False) for flag in ("required", "nullable")]
    if not isinstance(choices, list) or not all(isinstance(flag, bool) for flag in flags):
        return None, "has choices that are not a list, or a flag that is neither true nor false"
    required, nullable = flags
    parameter = Parameter(
        entry["name"],
        kind,
        default=entry.get("default"),
        required=required,
        nullable=nullable,
        description=str(entry.get("description", "")),
        choices=tuple(choices),
        items=items,
    )
    problem = parameter.find_problem(parameter.default) if parameter.default is not None else None
    return (None, f"has a default that does not fit: it {problem}") if problem else (parameter, "")


def _bad(problem: str) -> Finding:
    return Finding(
        "invalid_parameter_schema",
        Severity.WARNING,
        f"The parameter schema in the notebook's metadata is not right: {problem}.",
        "Fix it under dataops.parameters (Property Inspector, Advanced Tools, Notebook Metadata).",
    )
