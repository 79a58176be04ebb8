"""Tell a parameter's type from its default value, in the same way for all languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...domain.parameters import ParameterType

T = ParameterType


class Unknown:
    """A value that is known only when the notebook runs. `type` is its type, as far as it is known.

    `written_as` and `unsupported` are those of `domain.parameters.Parameter`.
    """

    def __init__(self, kind: ParameterType = T.ANY, written_as: str | None = None, unsupported: str = "") -> None:
        self.type = kind
        self.written_as = written_as
        self.unsupported = unsupported


class IsoDate(str):
    """The text of a date. Dates travel as text; the class remembers that it was a date."""

    __slots__ = ()


class IsoDatetime(str):
    __slots__ = ()


class PathText(str):
    __slots__ = ()
    written_as = "path"


class DecimalText(str):
    __slots__ = ()
    written_as = "decimal"


class TupleMembers(list[Any]):
    """The members of a tuple. Tuples travel as lists; the class remembers that it was a tuple."""

    written_as = "tuple"


class SetMembers(list[Any]):
    written_as = "set"


class FrozenSetMembers(list[Any]):
    written_as = "frozenset"


class TypedKeys(dict[str, Any]):
    """A mapping whose keys are numbers. They travel as text."""

    keys_type: ParameterType = T.INTEGER


class NumberKeys(TypedKeys):
    keys_type = T.NUMBER


def written_as(value: Any) -> str | None:
    return getattr(value, "written_as", None)


def keys_type(value: Any) -> ParameterType | None:
    return getattr(value, "keys_type", None)


class Statement(NamedTuple):
    """The names that a statement at the top level of a cell reads and then sets."""

    reads: frozenset[str]
    sets: frozenset[str]


def type_of(value: Any) -> ParameterType:
    match value:
        case Unknown():
            return value.type
        case IsoDate():
            return T.DATE
        case IsoDatetime():
            return T.DATETIME
        case bool():
            return T.BOOLEAN
        case int():
            return T.INTEGER
        case float():
            return T.NUMBER
        case str():
            return T.STRING
        case list():
            return T.LIST
        case dict():
            return T.MAPPING
    return T.ANY


def common_type(kinds: Sequence[ParameterType]) -> ParameterType | None:
    """Return the type that all kinds share, or None; whole numbers among numbers count as numbers."""
    distinct = set(kinds)
    if distinct == {T.INTEGER, T.NUMBER}:
        return T.NUMBER
    return distinct.pop() if len(distinct) == 1 and distinct != {T.ANY} else None


def member_type(value: Any) -> ParameterType | None:
    return common_type([type_of(member) for member in value]) if isinstance(value, list) and value else None


_DECORATION = re.compile(r"^[\s#*=~_-]*$")
_DIRECTIVE = re.compile(r"^(type:\s*ignore|noqa|pylint:|fmt:|isort:|ruff:|mypy:|%%|@param|nolint)")


def description_of(comments: Sequence[str]) -> str:
    """Join comment lines to one text, without rulers and directives. `comments` come without their marker."""
    kept = [line.strip() for line in comments if not _DECORATION.match(line) and not _DIRECTIVE.match(line.strip())]
    return " ".join(kept)
