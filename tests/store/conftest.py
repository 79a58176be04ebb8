from __future__ import annotations

import time
from collections.abc import Callable

import pytest


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits for what another thread or process brings about; fails after a time that nothing healthy needs."""

    def waited(holds: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < give_up, "it never came about"
            time.sleep(0.001)

    return waited
