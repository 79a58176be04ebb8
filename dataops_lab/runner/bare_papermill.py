"""Import papermill, without its clients of storages.

No run needs them: its notebook comes as a file, and so does what it leaves. They take a second, and pyarrow brings
numpy and threads, with which no interpreter can be forked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

STORAGE_CLIENTS = ("azure", "boto3", "gcsfs", "github", "pyarrow")
"""What `papermill.iorw` imports where it is installed, and does without where it is not."""


@contextmanager
def _absent(names: tuple[str, ...]) -> Iterator[None]:
    """None is how the import system marks a module that cannot be imported. The marks are gone afterwards."""
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
