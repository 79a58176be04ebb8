"""The mask for texts about a run that leave its record, as the runner masks the record itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..domain.secrets import environment_scope
from ..runner.masking import MASK, Masking
from . import secrets
from .context import Services

_SECRET_NAME = re.compile(r"passw|secret|token|api_?key|credential|private_?key", re.IGNORECASE)


def mask_for(ctx: Services, environment: str) -> Masking:
    """Return the mask with all secrets of the environment. SecretsLocked when they cannot be read."""
    return Masking(secrets.decrypt_all(ctx, environment_scope(environment)).values())


def mask_parameters(mask: Masking, values: Mapping[str, Any]) -> dict[str, Any]:
    """Mask secrets in parameters, and all values of parameters that are called like a secret."""
    return {
        name: MASK if _SECRET_NAME.search(name) and value not in (None, "") else mask.mask_value(value)
        for name, value in values.items()
    }
