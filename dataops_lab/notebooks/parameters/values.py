"""What the readers of all languages share: the type that a default value tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...domain.parameters import ParameterType

T = ParameterType


class Unknown:
    """A value that only running the notebook tells. `type` is what can be said all the same."""

    def __init__(self, kind: ParameterType = T.ANY) -> None:
        self.type = kind


class IsoDate(str):
    """The text of a date, as it travels, that knows to have been one."""

    __slots__ = ()


class IsoDatetime(str):
    __slots__ = ()


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
    """The one type that all of them are; whole numbers among numbers are numbers."""
    distinct = set(kinds)
    if distinct == {T.INTEGER, T.NUMBER}:
        return T.NUMBER
    return distinct.pop() if len(distinct) == 1 and distinct != {T.ANY} else None


def member_type(value: Any) -> ParameterType | None:
    return common_type([type_of(member) for member in value]) if isinstance(value, list) and value else None


_DECORATION = re.compile(r"^[\s#*=~_-]*$")
_DIRECTIVE = re.compile(r"^(type:\s*ignore|noqa|pylint:|fmt:|isort:|ruff:|mypy:|%%|@param|nolint)")


def description_of(comments: Sequence[str]) -> str:
    """One text of comment lines, without rulers and orders to tools. `comments` come without their marker."""
    kept = [line.strip() for line in comments if not _DECORATION.match(line) and not _DIRECTIVE.match(line.strip())]
    return " ".join(kept)
