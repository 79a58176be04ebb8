"""papermill, imported without its clients of storages.

No run needs them: its notebook comes as a file, and so does what it leaves. Their import takes a second, and pyarrow
brings numpy and threads, and an interpreter with threads cannot be forked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

STORAGE_CLIENTS = ("azure", "boto3", "gcsfs", "github", "pyarrow")
"""The packages that `papermill.iorw` imports where they are installed. It works without them, too."""


@contextmanager
def _absent(names: tuple[str, ...]) -> Iterator[None]:
    """Mark these modules as absent: the import system takes None for that. Remove the marks afterwards."""
    marked = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(marked))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in marked:
            del sys.modules[name]


with _absent(STORAGE_CLIENTS):
    import papermill

__all__ = ["papermill"]
