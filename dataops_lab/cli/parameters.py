"""Reading a file of parameters."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from ..errors import InvalidRequest


def read(file: str | None) -> dict[str, Any]:
    """Read names and JSON values; none without a file. InvalidRequest says what is wrong with it."""
    if file is None:
        return {}
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
        held = _json(text) if path.suffix == ".json" else _yaml(text)
    except OSError as error:
        raise InvalidRequest(f"The parameter file {file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"The parameter file {file} is not what its name says: {error}") from None
    if not isinstance(held, dict) or not all(isinstance(name, str) for name in held):
        raise InvalidRequest(
            f"The parameter file {file} must hold a mapping of names to values, such as `region: South`; "
            f"it holds {_kind(held)}.",
            code="parameters_no_mapping",
        )
    return held


def _json(text: str) -> Any:
    return _as_api(json.loads(text))


def _yaml(text: str) -> Any:
    import yaml

    try:
        held = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    # Name by name: json.dumps would turn the name 1 into "1".
    return {name: _as_api(value) for name, value in held.items()} if isinstance(held, dict) else held


def _as_api(value: Any) -> Any:
    """Convert dates to text, and find values that JSON does not have, such as NaN."""
    return json.loads(json.dumps(value, default=_instant, allow_nan=False))


def _instant(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise ValueError(f"{type(value).__name__} values have no place in JSON")


def _kind(held: Any) -> str:
    match held:
        case None:
            return "nothing"
        case list():
            return "a list"
        case dict():
            return "names that are not text"
    return f"a single value ({type(held).__name__})"
