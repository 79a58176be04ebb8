"""Imports take most of the time of a short command."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Turn off garbage collection during imports.

    The objects that imports make stay to the end of the process. To look for garbage among them would take a fifth of
    the time of a short command.
    """
    module_count = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > module_count:
            # The next collection skips these objects too, and so does the one at the end of the process. Freeze only
            # when there are new modules, because it also keeps other objects that are garbage now.
            gc.freeze()
        gc.enable()
