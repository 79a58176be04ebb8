"""Reading rows that perhaps a newer version of the program stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")


def known(kind: type[T], members: Mapping[str, Any]) -> T:
    """Make the dataclass `kind` of the members that it knows, and leave out the others.

    An engine goes on beside a newer server, whose rows may have more members. They must not stop all runs.
    """
    return kind(**{it.name: members[it.name] for it in fields(kind) if it.name in members})  # type: ignore[arg-type]
