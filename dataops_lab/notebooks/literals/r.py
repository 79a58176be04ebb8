"""Write values as R source: lists of one kind become vectors, mappings become named lists."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from typing import Any

from ...domain.parameters import NOT_FINITE, ParameterType
from .declared import Declared
from .problem import Unwritable, as_date, as_datetime, next_depth, without_nul

_NAME = re.compile(r"([A-Za-z]|\.(?![0-9]))[A-Za-z0-9._]*")
_RESERVED = frozenset(
    """
    if else repeat while function for next break in TRUE FALSE NULL Inf NaN NA NA_integer_ NA_real_ NA_character_
    NA_complex_ ...
    """.split()  # noqa: SIM905
)
_PLAIN = re.compile(r"[ -~]*")

_DEEPEST = 20  # R's parser gives up at 50 brackets, and a level may need two
_LARGEST_INTEGER = 2**31 - 1
_LARGEST_EXACT = 2**53  # beyond, a double skips whole numbers
_DIGITS_READ_EXACTLY = 15


def assignment(name: str, value: Any, declared: Declared) -> str:
    if not _NAME.fullmatch(name) or name in _RESERVED or re.fullmatch(r"\.\.\d+", name):
        raise Unwritable("is not a name that R allows")
    return f"{name} <- {_typed(value, declared)}"


def _typed(value: Any, declared: Declared) -> str:
    if value is None:
        return "NULL"
    if declared.lists_dates and isinstance(value, list):
        return f"c({', '.join(_typed(member, Declared(declared.inner)) for member in value)})"
    if declared.inner is ParameterType.NUMBER and isinstance(value, list):
        value = [float(member) if member in NOT_FINITE else member for member in value]
    kind = declared.type
    if kind is ParameterType.DATE:
        return f'as.Date("{as_date(value).isoformat()}")'
    if kind is ParameterType.DATETIME:
        return _datetime(as_datetime(value))
    if kind is ParameterType.NUMBER and value in NOT_FINITE:
        return _number(float(value))
    if kind is ParameterType.NUMBER and isinstance(value, int) and not isinstance(value, bool):
        return _whole(value, double=True)
    return literal(value)


def literal(value: Any, depth: int = 0) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return _whole(value, double=abs(value) > _LARGEST_INTEGER)
        case float():
            return _number(value)
        case str():
            return _text(value)
        case list() | tuple():
            return _list(value, next_depth(depth, _DEEPEST))
        case dict():
            return _mapping(value, next_depth(depth, _DEEPEST))
    raise Unwritable(f"is a {type(value).__name__}, which is not a JSON value")


def _list(members: Sequence[Any], depth: int) -> str:
    kinds = {type(member) for member in members}
    vector = kinds in ({bool}, {int}, {float}, {int, float}, {str})
    return f"{'c' if vector else 'list'}({', '.join(literal(member, depth) for member in members)})"


def _mapping(value: dict[Any, Any], depth: int) -> str:
    keys, members = [_key(key) for key in value], [literal(member, depth) for member in value.values()]
    if all(_PLAIN.fullmatch(key) for key in value):
        return f"list({', '.join(f'{key} = {member}' for key, member in zip(keys, members, strict=True))})"
    # As the name of an argument, R would turn text outside of the locale's alphabet into `<U+00E9>`.
    return f"structure(list({', '.join(members)}), names = c({', '.join(keys)}))"


def _whole(value: int, *, double: bool) -> str:
    if abs(value) > _LARGEST_EXACT:
        raise Unwritable("is a whole number too large for R to hold exactly")
    return str(value) if double else f"{value}L"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    text = repr(value)
    digits = text.split("e")[0].replace(".", "").lstrip("-0")
    # R reads short decimals exactly; a number that needs every bit is written in hexadecimal.
    return text if (len(digits) <= _DIGITS_READ_EXACTLY and 1e-15 < abs(value) < 1e15) or not value else value.hex()


def _text(text: str) -> str:
    """Write text in ASCII only, so that R reads it the same in every locale."""
    without_nul(text, "R")
    if _PLAIN.fullmatch(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '\\"':
        return "\\" + char
    return char if " " <= char <= "~" else f"\\U{{{ord(char):x}}}"


def _key(key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise Unwritable("has a key that is empty or not text, which an R list cannot have")
    return _text(key)


def _datetime(moment: dt.datetime) -> str:
    zone = ""
    if moment.tzinfo is not None:
        moment, zone = moment.astimezone(dt.UTC).replace(tzinfo=None), ', tz = "UTC"'
    # A time without an offset is local time, as in Python.
    return f'as.POSIXct("{moment.isoformat(sep=" ")}"{zone})'
