from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol


class OutputFolder(Protocol):
    """A folder where people look for outputs. Paths in it are relative, with slashes; no link in one is followed.

    Every method raises OSError for what another try may get over: a full disk, a mount that is missing.
    """

    def lock(self) -> AbstractContextManager[None]:
        """Wait until no other process publishes to this folder, and keep all of them out. A killed one lets go."""
        ...

    def digest_of(self, path: str) -> str | None:
        """Return the digest of the file at `path`; None when nothing is there.

        Refused when something else is there than a plain file in plain folders.
        """
        ...

    def put(self, path: str, content: BinaryIO, *, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Replace the file at `path` in one step, so that readers see the old bytes or the new ones.

        The bytes are on the disk when this returns. Folders are made where they are missing. `wanted` is asked last:
        when it is false, nothing is replaced and False comes back.
        """
        ...


class OutputFolders(Protocol):
    def open(self, folder: str, *, is_workspace: bool) -> OutputFolder:
        """Return the folder at this absolute path, which must be there: OSError when it is not.

        Refused when it is neither a workspace nor below a folder that an administrator of the machine named.
        """
        ...

    def check(self, folder: str) -> None:
        """Raise Refused when nothing may be published to the folder. It need not be there yet."""
        ...
