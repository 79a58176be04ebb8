"""Reading back what was stored, perhaps by a newer version of the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")


def known(kind: type[T], members: Mapping[str, Any]) -> T:
    """A `kind`, a dataclass, of those members that it has.

    An engine goes on beside a server that is newer, and one row that says more must not stop all runs.
    """
    return kind(**{it.name: members[it.name] for it in fields(kind) if it.name in members})  # type: ignore[arg-type]
