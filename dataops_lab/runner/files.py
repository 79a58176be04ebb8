"""Whole files or none, files that are nearly nothing, and folders that go with all that is in them."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

MOST_HOLES = 1024**3
"""In bytes. One call makes a file of terabytes that takes no room until somebody copies it."""


def is_hollow(descriptor: int) -> bool:
    """Whether more than MOST_HOLES of the file, from which nothing was read yet, were never written."""
    file = os.fstat(descriptor)
    if file.st_size - 512 * file.st_blocks <= MOST_HOLES:
        return False
    # What a file system compresses takes less room too, and has no hole.
    first_hole = os.lseek(descriptor, 0, os.SEEK_HOLE)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return first_hole < file.st_size


def umask() -> int:
    """That of this process. Where Linux tells it, no thread has another one for a moment."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_bytes().splitlines():
            if line.startswith(b"Umask:"):
                return int(line.split()[1], 8)
    # Elsewhere it is told only to those who set it; a file that another thread makes now is its owner's alone.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_whole(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Replace `path` by rename, so that no reader sees a part; `durable`: nor after a power cut."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    part.replace(path)


def remove_all(folder: Path) -> None:
    """With all that is in it, as far as it can be removed. Nothing happens where there is none, or a link to one.

    A notebook may have put folders into one another by the thousand: each is moved to the top before it is emptied, so
    that nothing recurses and no path grows too long.
    """
    if folder.is_symlink():
        return
    left = [folder]
    while left:
        emptied = left.pop()
        with suppress(OSError):
            emptied.chmod(0o700)
            for entry in list(os.scandir(emptied)):
                with suppress(OSError):
                    if not entry.is_dir(follow_symlinks=False):
                        Path(entry.path).unlink()
                    else:
                        Path(entry.path).chmod(0o700)  # Else it cannot be moved.
                        left.append(Path(entry.path).rename(folder / f".removed-{uuid.uuid4().hex}"))
            if emptied != folder:
                emptied.rmdir()
    with suppress(OSError):
        folder.rmdir()
