"""Write values as source text, with one writer per kernel language.

A value is data: it arrives equal, and no part of it runs. A writer refuses a value for which it cannot promise
that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...domain.parameters import ParameterType
from ...errors import InvalidParameters
from . import bash, other, python, r
from .declared import Declared
from .problem import Unwritable

# A writer takes name, value and declared type, and returns one line that assigns.
_WRITERS = {"python": python.assignment, "r": r.assignment, "bash": bash.assignment}


def assignments(language: str, values: Mapping[str, Any], types: Mapping[str, str]) -> str:
    """Write lines that set `values`, in their order.

    Raise InvalidParameters, which names every value that cannot be written.
    """
    write = _WRITERS.get(language.lower()) or other.writer(language)
    lines: list[str] = []
    problems: list[dict[str, str]] = []
    for name, value in values.items():
        try:
            lines.append(write(name, value, Declared.parse(types.get(name, ParameterType.ANY))))
        except Unwritable as problem:
            problems.append({"name": name, "message": str(problem)})
    if problems:
        message = "; ".join(f"{p['name']!r} {p['message']}" for p in problems)
        raise InvalidParameters(
            f"{message}. Nothing was started: pass values that {language} can hold.",
            problems=problems,
            parameters=list(values),
        )
    return "\n".join(lines)
