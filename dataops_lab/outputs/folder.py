"""A target folder on this machine.

Everything below it is opened from its parent's descriptor, never by a whole path: a link that somebody puts into the
folder meanwhile leads nowhere.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..domain.output_folders import find_root_problem
from ..errors import Refused

LOCK = ".dataops-outputs.lock"
_PIECE = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class LocalOutputFolders:
    """The folders of this machine. `roots` are those that its administrator named, `protected` those that are ours."""

    def __init__(self, roots: Iterable[str], *, protected: Iterable[Path] = ()) -> None:
        self._roots = tuple(roots)
        self._protected = tuple(path.resolve() for path in protected)

    def open(self, folder: str, *, is_workspace: bool) -> LocalOutputFolder:
        if not is_workspace:
            self.check(folder)
        real = os.path.realpath(folder, strict=True)
        if real != os.path.normpath(folder) and not is_workspace:
            self.check(real)
        self._check_protected(Path(real))
        return LocalOutputFolder(real)

    def check(self, folder: str) -> None:
        if problem := find_root_problem(folder, self._roots):
            raise Refused(problem, code="output_folder_refused")
        self._check_protected(Path(os.path.realpath(folder)))

    def _check_protected(self, folder: Path) -> None:
        if any(folder.is_relative_to(path) for path in self._protected):
            raise Refused(
                f"{folder} belongs to this program, so nothing is published there. Choose another folder.",
                code="output_folder_refused",
            )


class LocalOutputFolder:
    """One folder. Its temporary files begin with `.dataops-`; what a killed process left is replaced the next time."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self._opened([], make=False) as folder:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(LOCK, flags, 0o600, dir_fd=folder)
            try:
                # The lock goes with the process: a killed one keeps nobody out.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)

    def digest_of(self, path: str) -> str | None:
        *folders, name = path.split("/")
        try:
            with self._opened(folders, make=False) as folder:
                return _digest(folder, name, path)
        except FileNotFoundError:
            return None

    def put(self, path: str, content: BinaryIO, *, wanted: Callable[[], bool] = lambda: True) -> bool:
        *folders, name = path.split("/")
        temporary = f".dataops-{hashlib.sha256(name.encode()).hexdigest()[:16]}.part"
        with self._opened(folders, make=True) as folder:
            _remove(folder, temporary)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(temporary, flags, 0o666, dir_fd=folder), "wb") as file:
                    while piece := content.read(_PIECE):
                        file.write(piece)
                    file.flush()
                    _keep_mode(folder, name, file.fileno())
                    os.fsync(file.fileno())
                if not wanted():
                    return False
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            finally:
                _remove(folder, temporary)
        return True

    @contextmanager
    def _opened(self, folders: list[str], *, make: bool) -> Iterator[int]:
        """Open the folder below this one, step by step; with `make`, make what is missing."""
        current = os.open(self._folder, _FOLDER)
        try:
            for depth, name in enumerate(folders, 1):
                if make:
                    _make_folder(current, name)
                try:
                    inner = os.open(name, _FOLDER, dir_fd=current)
                except OSError as error:
                    if error.errno in (errno.ELOOP, errno.ENOTDIR):
                        raise _not_plain("/".join(folders[:depth])) from None
                    raise
                os.close(current)
                current = inner
            yield current
        finally:
            os.close(current)


def _make_folder(parent: int, name: str) -> None:
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return
    os.fsync(parent)


def _digest(folder: int, name: str, path: str) -> str:
    # A pipe would keep its reader waiting.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise _not_plain(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_plain(path)
    with os.fdopen(descriptor, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _keep_mode(folder: int, name: str, descriptor: int) -> None:
    """Give the new file the permissions of the one that it replaces."""
    try:
        before = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & 0o777)


def _remove(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass


def _not_plain(path: str) -> Refused:
    return Refused(
        f"{path} is a link or no plain file, and links are not followed. Remove it, and publish again.",
        code="output_not_plain",
    )
