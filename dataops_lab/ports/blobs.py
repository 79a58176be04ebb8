from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol


class Blobs(Protocol):
    """A store of immutable bytes by their content. A digest is `sha256:` and 64 hex digits.

    Putting twice stores once.
    """

    def put(self, data: bytes) -> str: ...
    def put_file(self, path: Path) -> tuple[str, int]:
        """Copy the file into the store, never move it. Return its digest and its size in bytes.

        Raise FileNotFoundError when it is not a plain file.
        """
        ...

    def put_files(self, paths: Sequence[Path]) -> Mapping[Path, tuple[str, int] | OSError]:
        """Put each file as `put_file` does. A file that cannot be read has its error as its value.

        A file that looks as it did when it was put before is not read again, and bytes that are stored are not copied.
        """
        ...

    def open(self, digest: str) -> BinaryIO:
        """Open a seekable file. NotFound when absent."""
        ...

    def open_verified(self, digest: str) -> BinaryIO:
        """Open it like `open`; Damaged when the bytes changed.

        The first call in a process reads all bytes to check them; later calls do so only when the file looks changed.
        """
        ...

    def read(self, digest: str) -> bytes:
        """Read the bytes and check them against the digest: Damaged when they changed."""
        ...

    def copy_to(self, digest: str, path: Path) -> None:
        """Copy the bytes, checked like `read`. `path` must not exist; its folder must."""
        ...

    def exists(self, digest: str) -> bool: ...
    def verify(self, digest: str) -> None:
        """Raise NotFound when absent, Damaged when the bytes changed."""
        ...

    def list_put_before(self, moment: dt.datetime) -> Iterator[tuple[str, int]]:
        """Yield digest and size of all blobs whose last put was before `moment`."""
        ...

    def remove(self, digest: str, *, put_before: dt.datetime) -> bool:
        """Remove it and return True, unless a process has put it since; then keep it and return False.

        A put in this very moment counts, also one of another process.
        """
        ...
