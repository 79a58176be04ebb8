"""Imports take most of the time of a short command."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Around imports: what they make stays to the end, and looking for garbage in it is a fifth of a short command."""
    before = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > before:
            # Not even at the next collection, nor at the end of the process. Only once for each module: what else
            # is garbage now is kept too.
            gc.freeze()
        gc.enable()
