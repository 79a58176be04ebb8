"""Waiting for another thread or process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMEOUT_S = 120.0
"""The patience of a person, not a guess at the speed of this machine."""


def eventually(probe: Callable[[], T], *, timeout_s: float = TIMEOUT_S) -> T:
    """Wait until `probe` returns something true, and return that. Fail after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not (result := probe()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return result
