"""Artifacts: the files below files/ that a run made or changed."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

from ..rundir.files import MAX_HOLE_BYTES, is_sparse
from ..rundir.protocol import MAX_ARTIFACTS, MAX_DEPTH
from .masking import Masking

MASKED_BYTES = 100_000_000
"""The most bytes of a text that is masked; a larger one with a secret in it is not kept."""

SEARCHED_BYTES = 1 << 22

INSIDE_BYTES = 200_000_000
"""The most unpacked bytes of a compressed file that are searched."""

State = dict[str, tuple[int, int, int]]
"""A mapping: path below the root → size, time of change in ns, inode."""

_IGNORED_FOLDERS = {".ipynb_checkpoints", "__pycache__"}
_REPOSITORIES = {".git", ".hg", ".svn"}


def fingerprint_files(root: Path) -> State:
    return {path: _fingerprint(entry) for path, entry in _files(root, lambda _: None)}


def collect(
    root: Path, before: State, target: Path, note: Callable[[str], None], masking: Masking | None = None
) -> list[dict[str, Any]]:
    """Put the files that differ from `before` under `target`, as hard links where possible.

    Return their paths and sizes, sorted by path. `note` receives a sentence about each file that could not be kept. A
    text that holds a secret is kept with the secret masked; any other file that holds one is not kept.
    """
    collected: list[dict[str, Any]] = []
    too_many = 0
    for path, entry in _files(root, note):
        if before.get(path) == _fingerprint(entry):
            continue
        if len(collected) >= MAX_ARTIFACTS:
            too_many += 1
            continue
        try:
            path.encode()
        except UnicodeEncodeError:
            note(f"The file {os.fsencode(path)!r} is not kept: its name is not UTF-8.")
            continue
        try:
            _check_not_sparse(root / path)
            size = _put_masked(root / path, target / path, masking, note) if masking else None
            if size is None:
                _put(root / path, target / path)
                size = entry.st_size
        except _NotKept as why:
            note(f"The file {path} is not kept: {why}")
            continue
        except OSError as error:
            note(f"The file {path} is not kept: {error.strerror or error}.")
            continue
        collected.append({"path": path, "size": size})
    if too_many:
        hint = "Put them into an archive, as `shutil.make_archive` does."
        note(f"{too_many:,} more files are not kept: a run may leave {MAX_ARTIFACTS:,}. {hint}")
    return sorted(collected, key=lambda artifact: str(artifact["path"]))


def _files(root: Path, note: Callable[[str], None]) -> Iterator[tuple[str, os.stat_result]]:
    def unreadable(error: OSError) -> None:
        note(f"The folder {os.path.relpath(error.filename, root)} cannot be read: {error.strerror}.")

    for folder, folders, names in os.walk(root, onerror=unreadable):
        for name in sorted(_REPOSITORIES.intersection(folders)):
            note(f"The folder {Path(folder, name).relative_to(root)} is not kept: a record has no repositories.")
        folders[:] = sorted(name for name in folders if name not in _IGNORED_FOLDERS | _REPOSITORIES)
        if folders and len(Path(folder).relative_to(root).parts) >= MAX_DEPTH:
            folders.clear()
            note(f"Files more than {MAX_DEPTH} folders deep are not kept, as below {os.path.relpath(folder, root)}.")
        for name in sorted(names):
            path = Path(folder, name)
            try:
                entry = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(entry.st_mode) and not name.endswith(".pyc"):
                yield path.relative_to(root).as_posix(), entry


def _fingerprint(entry: os.stat_result) -> tuple[int, int, int]:
    return entry.st_size, entry.st_mtime_ns, entry.st_ino


class _NotKept(Exception):
    pass


def _check_not_sparse(path: Path) -> None:
    # A link to a file that cannot be read would look like an artifact until somebody opens it.
    with path.open("rb") as file:
        if is_sparse(file.fileno()):
            raise _NotKept(f"more than {MAX_HOLE_BYTES // 1024**3} GiB of it were never written.")


def _put_masked(source: Path, target: Path, masking: Masking, note: Callable[[str], None]) -> int | None:
    """Write a masked copy and return its size; None when there is nothing to mask."""
    if masking.contains_secret(os.fsencode(target)):
        raise _NotKept("its name holds a secret.")
    if not _file_contains_secret(source, masking):
        return None
    try:
        text = source.read_bytes().decode() if source.stat().st_size <= MASKED_BYTES else None
    except UnicodeDecodeError:
        text = None
    if text is None or "\0" in text:
        raise _NotKept("it holds a secret, and only texts can be masked. Do not write secrets to files.")
    note(f"The file {target.name} held a secret, which is masked in the record.")
    target.parent.mkdir(parents=True, exist_ok=True)
    data = masking.mask_text(text).encode()
    target.write_bytes(data)
    return len(data)


def _file_contains_secret(path: Path, masking: Masking) -> bool:
    with path.open("rb") as file:
        if _stream_contains_secret(file, masking, sys.maxsize):
            return True
        file.seek(0)
        begin = file.read(4)
        file.seek(0)
        try:
            if begin.startswith(b"\x1f\x8b"):
                return _stream_contains_secret(gzip.open(file), masking, INSIDE_BYTES)
            return begin == b"PK\3\4" and _zip_contains_secret(file, masking)
        except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile):
            return False  # The file is damaged or encrypted: nobody reads a secret in it by accident.


def _zip_contains_secret(file: BinaryIO, masking: Masking) -> bool:
    """Search a ZIP file for secrets; sheets of Excel, arrays of numpy and wheels are ZIP files too."""
    left = INSIDE_BYTES
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            with archive.open(member) as content:
                if _stream_contains_secret(content, masking, left):
                    return True
            left -= min(left, member.file_size)
    return False


def _stream_contains_secret(file: IO[bytes] | gzip.GzipFile, masking: Masking, limit: int) -> bool:
    """Tell whether a secret is in the first `limit` bytes. They are read in pieces that overlap: none is missed."""
    before = b""
    while limit > 0 and (piece := file.read(min(SEARCHED_BYTES, limit))):
        if masking.contains_secret(before + piece):
            return True
        before = (before + piece)[-4 * masking.longest :]
        limit -= len(piece)
    return False


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        try:
            shutil.copy2(source, target, follow_symlinks=False)
        except OSError:
            target.unlink(missing_ok=True)
            raise
