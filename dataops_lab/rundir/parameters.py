"""The parameters of a program, as the variables of its environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .protocol import PARAMETER_PREFIX


def parameter_variables(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables with the parameters: text as it is, other values as JSON, and null as no variable."""
    return {
        f"{PARAMETER_PREFIX}{name.upper()}": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in parameters.items()
        if value is not None
    }
