"""What tests need of the machine beside Python."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(why: str) -> NoReturn:
    """Skips the test; fails it in CI, where no real part may be left out."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
