"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ..rundir.files import umask


@contextmanager
def open_replacement(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the name `path` at the end of the block; after an exception nothing is left of it."""
    # It lies beside `path`, because a rename does not cross file systems.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part_file:
        try:
            yield cast(BinaryIO, part_file)
            part_file.flush()
            _apply_umask(part_file.fileno())
            Path(part_file.name).replace(path)
        except BaseException:
            Path(part_file.name).unlink(missing_ok=True)
            raise


def _apply_umask(descriptor: int) -> None:
    # Only its owner can read a temporary file. Give this one the rights of any new file.
    os.fchmod(descriptor, 0o666 & ~umask())
