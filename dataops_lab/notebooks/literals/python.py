"""Write values as Python source."""

from __future__ import annotations

import keyword
import math
from typing import Any

from ...domain.parameters import NOT_FINITE, ParameterType
from .declared import Declared
from .problem import Unwritable, as_date, as_datetime, checked_text, next_depth

# Python itself refuses longer decimal literals.
_LONGEST_DECIMAL_BITS = 12_000


def assignment(name: str, value: Any, declared: Declared) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise Unwritable("is not a name that Python allows")
    return f"{name} = {_typed(value, declared)}"


def _typed(value: Any, declared: Declared) -> str:
    if value is None:
        return literal(value)
    # The cell may stand before every import of the notebook, so it has imports of its own.
    match declared.type:
        case ParameterType.LIST if isinstance(value, list):
            return _collection([_typed(member, Declared(declared.inner)) for member in value], value, declared)
        case ParameterType.MAPPING if declared.inner is not ParameterType.ANY and isinstance(value, dict):
            pairs = ((_typed_key(key, declared.inner), literal(member, 1)) for key, member in value.items())
            return f"{{{', '.join(f'{key}: {member}' for key, member in pairs)}}}"
        case ParameterType.STRING if declared.written_as == "path":
            return f'__import__("pathlib").Path({literal(value)})'
        case ParameterType.STRING if declared.written_as == "decimal":
            return f'__import__("decimal").Decimal({literal(str(value))})'
        case ParameterType.NUMBER if value in NOT_FINITE:
            return f'float("{value}")'
        case ParameterType.DATE:
            day = as_date(value)
            return f'__import__("datetime").date({day.year}, {day.month}, {day.day})'
        case ParameterType.DATETIME:
            return f'__import__("datetime").datetime.fromisoformat("{as_datetime(value).isoformat()}")'
    return literal(value)


def _collection(members: list[str], value: list[Any], declared: Declared) -> str:
    listed = ", ".join(members)
    match declared.written_as:
        case "tuple":
            return f"({listed},)" if members else "()"
        case "set" | "frozenset" as name:
            if any(isinstance(member, (list, dict)) for member in value):
                raise Unwritable(f"holds a list or a mapping, which a {name} of Python cannot have")
            return f"{name}([{listed}])"
    return f"[{listed}]"


def _typed_key(key: str, kind: ParameterType) -> str:
    try:
        return literal(int(key) if kind is ParameterType.INTEGER else float(key))
    except ValueError:
        raise Unwritable(f"has the key {key!r}, which is not a number") from None


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
            inner_depth = next_depth(depth)
            return f"[{', '.join(literal(member, inner_depth) for member in value)}]"
        case dict():
            inner_depth = next_depth(depth)
            return f"{{{', '.join(f'{_key(key)}: {literal(member, inner_depth)}' for key, member in value.items())}}}"
    raise Unwritable(f"is a {type(value).__name__}, which is not a JSON value")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise Unwritable("has a key that is not text")
    return literal(key)
