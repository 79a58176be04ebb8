"""Waiting for what another thread or process brings about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 120.0
"""Of a person, not a guess at how fast this machine is."""


def eventually(look: Callable[[], T]) -> T:
    """What `look` tells as soon as it is true."""
    give_up = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < give_up, "it never came"
        time.sleep(0.01)
    return seen
