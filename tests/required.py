"""Programs that tests need on the machine beside Python."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(why: str) -> NoReturn:
    """Skip the test. In CI fail it instead, because no real part may be left out there."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
