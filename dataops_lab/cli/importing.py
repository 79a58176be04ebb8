"""Imports take most of the time of a short command."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Around imports: what they make stays to the end, and looking for garbage in it is a fifth of a short command."""
    gc.disable()
    try:
        yield
    finally:
        # Not even at the next collection, nor at the end of the process.
        gc.freeze()
        gc.enable()
