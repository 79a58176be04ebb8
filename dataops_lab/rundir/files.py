"""Files that are written whole or not at all, files that are nearly all holes, and the removal of folders."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

MAX_HOLE_BYTES = 1024**3
"""The most bytes of a file that were never written. One call can make a file of terabytes that takes no room until
somebody copies it."""


def is_sparse(descriptor: int) -> bool:
    """Tell whether more than MAX_HOLE_BYTES of the file were never written. Nothing may have been read from it yet."""
    file = os.fstat(descriptor)
    if file.st_size - 512 * file.st_blocks <= MAX_HOLE_BYTES:
        return False
    # A file that the file system compresses takes less room, too, but has no hole.
    first_hole = os.lseek(descriptor, 0, os.SEEK_HOLE)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return first_hole < file.st_size


def umask() -> int:
    """Return the umask of this process. On Linux it is read, so that no other thread sees a different one."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_bytes().splitlines():
            if line.startswith(b"Umask:"):
                return int(line.split()[1], 8)
    # Elsewhere only setting it tells the old one. A file that another thread makes meanwhile is its owner's alone.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_atomically(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Replace `path` by rename, so that no reader sees a part of it; with `durable` not after a power cut either."""
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


def remove_tree(folder: Path) -> None:
    """Remove the folder with its content, as far as possible. Do nothing when there is none, or a link to one.

    A notebook may have nested thousands of folders. Each is moved to the top before it is emptied, so that nothing
    recurses and no path grows too long.
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
                        Path(entry.path).chmod(0o700)  # Without this it cannot be moved.
                        left.append(Path(entry.path).rename(folder / f".removed-{uuid.uuid4().hex}"))
            if emptied != folder:
                emptied.rmdir()
    with suppress(OSError):
        folder.rmdir()
