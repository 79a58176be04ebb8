from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol


class Blobs(Protocol):
    """Content-addressed, immutable. A digest is `sha256:` and 64 hex digits. Putting twice stores once."""

    def put(self, data: bytes) -> str: ...
    def put_file(self, path: Path) -> tuple[str, int]:
        """Digest and size in bytes. The file is copied, never moved. FileNotFoundError for what is no plain file."""
        ...

    def put_files(self, paths: Sequence[Path]) -> Mapping[Path, tuple[str, int] | OSError]:
        """As `put_file` of each, or the error of the file that cannot be read.

        A file that looks as it did when it was put before is not read again, and bytes that are stored are not copied.
        """
        ...

    def open(self, digest: str) -> BinaryIO:
        """Seekable. NotFound when absent."""
        ...

    def open_whole(self, digest: str) -> BinaryIO:
        """Like `open`, but Damaged when the bytes changed.

        They are read through for that once in a process, and again only when the file looks changed.
        """
        ...

    def read(self, digest: str) -> bytes:
        """Checked against the digest: Damaged when the bytes changed."""
        ...

    def copy_to(self, digest: str, path: Path) -> None:
        """Checked like `read`; `path` must not exist and its folder must."""
        ...

    def has(self, digest: str) -> bool: ...
    def check(self, digest: str) -> None:
        """NotFound when absent, Damaged when the bytes changed."""
        ...

    def put_before(self, moment: dt.datetime) -> Iterator[tuple[str, int]]:
        """Digest and size of all whose last put was before `moment`."""
        ...

    def remove(self, digest: str, *, put_before: dt.datetime) -> bool:
        """Unless it was put again since, also by another process in this moment; then it stays, and False."""
        ...
