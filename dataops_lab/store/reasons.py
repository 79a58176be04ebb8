from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from ..domain.deserialization import from_known_fields
from ..domain.runs import Reason


def to_json(reason: Reason | None) -> dict[str, Any] | None:
    """Make a reason storable, whatever a notebook put into its error. NUL characters and bad Unicode are replaced.

    A run whose end cannot be stored would never end. Lists are searched in this column, and PostgreSQL parses all of
    it for that.
    """
    return _storable(asdict(reason)) if reason else None


def from_json(stored: dict[str, Any] | None) -> Reason | None:
    return from_known_fields(Reason, stored) if stored else None


def _storable(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {_storable(name): _storable(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_storable(inner) for inner in value]
    return value
