"""The declared type of a value, spelled as in the port: `date`, `list[date]`, `tuple[integer]`, `mapping[integer]`."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...domain.parameters import WRITTEN_AS, ParameterType

_SPELLED = re.compile(r"(?P<type>\w+)(?:\[(?P<inner>\w+)\])?")


class Declared(NamedTuple):
    type: ParameterType = ParameterType.ANY
    inner: ParameterType = ParameterType.ANY
    """The type of the members of a list, or of the keys of a mapping."""
    written_as: str | None = None

    @property
    def lists_dates(self) -> bool:
        return self.type is ParameterType.LIST and self.inner in (ParameterType.DATE, ParameterType.DATETIME)

    @classmethod
    def parse(cls, text: str) -> Declared:
        """Read the spelling of a type. ValueError when it is not a type."""
        match = _SPELLED.fullmatch(text)
        if match is None:
            raise ValueError(text)
        inner = ParameterType(match["inner"] or ParameterType.ANY)
        if (name := match["type"]) in WRITTEN_AS:
            kind = ParameterType.STRING if name in ("path", "decimal") else ParameterType.LIST
            return cls(kind, inner, name)
        return cls(ParameterType(name), inner)
