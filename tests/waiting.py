"""Waiting for another thread or process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 120.0
"""The patience of a person, not a guess at the speed of this machine."""


def eventually(look: Callable[[], T]) -> T:
    """Wait until `look` returns something true, and return that. Fail after `PATIENCE_S`."""
    give_up = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < give_up, "it never came"
        time.sleep(0.01)
    return seen
