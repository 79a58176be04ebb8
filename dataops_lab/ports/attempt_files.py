from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Protocol

from .blobs import Blobs


class AttemptFiles(Protocol):
    """The files of one attempt, by their paths in the run directory (see rundir/protocol.py).

    They may still grow, and the notebook may have put anything in their place. FileNotFoundError for everything that is
    not a plain file; OSError when the disk does not give the bytes back; Unavailable when no backend can read them now.
    """

    workspace: str
    """The path at which the notebook saw `files/`: its errors name this path."""

    def open(self, path: str) -> BinaryIO:
        """Open a seekable file, so that a reader can go on where it stopped."""
        ...

    def put(self, path: str, blobs: Blobs) -> tuple[str, int]:
        """Store the file as it is now, and return its digest and size in bytes."""
        ...

    def list_artifacts(self, on_unreadable_folder: Callable[[str], None]) -> list[str]:
        """List the paths of the artifacts below `artifacts/`.

        Call `note` with each folder that the disk does not give back.
        """
        ...
