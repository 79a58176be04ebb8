"""Reading rows that perhaps a newer version of the program stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")


def from_known_fields(kind: type[T], members: Mapping[str, Any]) -> T:
    """Make the dataclass `kind` of the members that it knows, and leave out the others.

    An engine goes on beside a newer server, whose rows may have more members. They must not stop all runs.
    """
    return kind(**{field.name: members[field.name] for field in fields(kind) if field.name in members})  # type: ignore[arg-type]
