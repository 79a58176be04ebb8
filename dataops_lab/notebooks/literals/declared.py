"""The declared type of a value, as the port spells it: `date`, `list`, `list[date]`."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...domain.parameters import ParameterType

_SPELLED = re.compile(r"(?P<type>\w+)(?:\[(?P<items>\w+)\])?")


class Declared(NamedTuple):
    type: ParameterType = ParameterType.ANY
    items: ParameterType = ParameterType.ANY
    """Of the members, for lists."""

    @property
    def lists_dates(self) -> bool:
        return self.type is ParameterType.LIST and self.items in (ParameterType.DATE, ParameterType.DATETIME)

    @classmethod
    def spelled(cls, text: str) -> Declared:
        """ValueError when it is no type."""
        match = _SPELLED.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return cls(ParameterType(match["type"]), ParameterType(match["items"] or ParameterType.ANY))
