"""Read a file that a person named, within a limit, and say what is wrong with it in that person's words."""

from __future__ import annotations

import stat
from pathlib import Path

from ..errors import InvalidNotebook, InvalidScript, SnapshotTooLarge


def read_regular_file(
    path: Path, *, max_bytes: int, noun: str, error: type[InvalidNotebook | InvalidScript], suffixes: str, hint: str
) -> bytes:
    """Read the whole file at `path`, which people call a `noun`, and which has one of the `suffixes`.

    Raise `error`, which says what is wrong with the file; SnapshotTooLarge, with the `hint`, above `max_bytes`.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise error(f"{path} is not a file. Name a {noun}, a file that ends in {suffixes}.")
        if status.st_size > max_bytes:
            raise SnapshotTooLarge(
                f"{path} has {status.st_size:,} bytes; {max_bytes:,} are allowed. {hint}",
                path=str(path),
                bytes=status.st_size,
            )
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise error(
            f"There is no {noun} at {path}. Check the path.", code=f"{noun}_not_found", path=str(path)
        ) from None
    except OSError as problem:
        raise error(
            f"{path} cannot be read ({problem.strerror}). Check its permissions.",
            code=f"{noun}_not_found",
            path=str(path),
        ) from None
