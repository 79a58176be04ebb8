"""Python source of values."""

from __future__ import annotations

import keyword
import math
from typing import Any

from ...domain.parameters import ParameterType
from .declared import Declared
from .problem import Unwritable, as_date, as_datetime, checked_text, deeper

# Longer decimal literals are refused by Python itself.
_LONGEST_DECIMAL_BITS = 12_000


def assignment(name: str, value: Any, declared: Declared) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise Unwritable("is not a name that Python allows")
    return f"{name} = {_typed(value, declared)}"


def _typed(value: Any, declared: Declared) -> str:
    if declared.lists_dates and isinstance(value, list):
        return f"[{', '.join(_typed(member, Declared(declared.items)) for member in value)}]"
    kind = declared.type
    if value is not None:
        # The cell may stand before any import of the notebook, so it brings its own.
        if kind is ParameterType.DATE:
            day = as_date(value)
            return f'__import__("datetime").date({day.year}, {day.month}, {day.day})'
        if kind is ParameterType.DATETIME:
            return f'__import__("datetime").datetime.fromisoformat("{as_datetime(value).isoformat()}")'
    return literal(value)


def literal(value: Any, depth: int = 0) -> str:
    match value:
        case None | bool():
            return repr(value)
        case int():
            return repr(value) if value.bit_length() < _LONGEST_DECIMAL_BITS else hex(value)
        case float():
            return repr(value) if math.isfinite(value) else f'float("{value}")'
        case str():
            return repr(checked_text(value))
        case list() | tuple():
            within = deeper(depth)
            return f"[{', '.join(literal(member, within) for member in value)}]"
        case dict():
            within = deeper(depth)
            return f"{{{', '.join(f'{_key(key)}: {literal(its, within)}' for key, its in value.items())}}}"
    raise Unwritable(f"is a {type(value).__name__}, which is not a JSON value")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise Unwritable("has a key that is not text")
    return literal(key)
