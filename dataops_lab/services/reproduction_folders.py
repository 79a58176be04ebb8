"""The folder of a reproduction on the disk. It appears whole or not at all, and nobody else may read it.

A folder that somebody prepared is never filled: a new one is made beside it. So nothing in it can be a link.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from ..domain.reproductions import MARKER_FOLDER, REPRODUCTIONS_FOLDER, MissingInput, is_inside
from ..domain.versions import IncludedFile, canonical_json, digest_of
from ..errors import Conflict, Damaged, NotFound, Refused, Unavailable
from ..ports import Blobs
from ..rundir.files import remove_tree
from ..rundir.reading import open_plain
from ..runner.helpers import write_helpers

DESCRIPTION_FILE = "run.json"
PARAMETERS_FILE = "parameters.json"
VALUES_FILE = "values.jsonl"
HELPERS_FOLDER = "helpers"
MAX_DESCRIPTION_BYTES = 32 * 1024**2
MAX_FOLDERS = 1000
"""The most reproductions of one run beside one another."""

_MADE_BY_TOOLS = frozenset({MARKER_FOLDER, ".ipynb_checkpoints", "__pycache__", ".virtual_documents"})


@dataclass(frozen=True)
class Content:
    """The content of a folder. All paths are POSIX, from the folder.

    `written` are files whose bytes are made for the reproduction. `description` tells of the run, `parameters` are all
    of a script or command.
    """

    files: Sequence[IncludedFile]
    folders: Sequence[str]
    written: Mapping[str, bytes]
    description: Mapping[str, Any]
    parameters: Mapping[str, Any]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files) + sum(map(len, self.written.values()))

    @property
    def digests(self) -> dict[str, str]:
        digests = {file.path: file.digest for file in self.files}
        return digests | {path: digest_of(data) for path, data in self.written.items()}


@dataclass(frozen=True)
class FilledFolder:
    """A folder with the content. `created` is False for one that was there and that nobody has changed."""

    path: Path
    created: bool
    missing: Sequence[MissingInput]


def fill_below(blobs: Blobs, content: Content, parent: Path, name: str) -> FilledFolder:
    """Fill a folder in `dataops-reproduce` of `parent`: `name`, or `name-2` and so on where people changed it."""
    reproductions = parent / REPRODUCTIONS_FOLDER
    with _translate_errors(reproductions):
        _make_private(reproductions)
        ignore = reproductions / ".gitignore"
        if not os.path.lexists(ignore):
            ignore.write_text("*\n")
    for number in count(1):
        folder = reproductions / (name if number == 1 else f"{name}-{number}")
        if found := _find_untouched(folder, content):
            return found
        if not os.path.lexists(folder):
            with suppress(FileExistsError):
                return _fill(blobs, content, folder)
        if number == MAX_FOLDERS:
            break
    raise Conflict(
        f"{reproductions} has {MAX_FOLDERS} reproductions of this run. Delete those that you do not need.",
        code="reproduction_exists",
    )


def fill(blobs: Blobs, content: Content, folder: Path) -> FilledFolder:
    """Fill the folder that a person named. Conflict when it is there and is not an untouched reproduction."""
    if found := _find_untouched(folder, content):
        return found
    if not folder.parent.is_dir():
        raise Refused(f"The folder {folder.parent} does not exist. Make it first.", code="reproduction_not_written")
    try:
        return _fill(blobs, content, folder)
    except FileExistsError:
        raise Conflict(
            f"{folder} exists, and is not a reproduction of this run that nobody has changed. Name another folder.",
            code="reproduction_exists",
        ) from None


def _make_private(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not _is_ours(folder):
        raise Refused(
            f"{folder} is a link, or belongs to somebody else. Rename it, and reproduce the run again.",
            code="reproduction_not_written",
        )


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o022


def _fill(blobs: Blobs, content: Content, folder: Path) -> FilledFolder:
    """Fill a new folder beside, and give it its name at the end. FileExistsError when the name is taken."""
    free = shutil.disk_usage(folder.parent).free
    if content.size > free:
        raise Refused(
            f"The files of the run have {content.size} bytes, and {folder.parent} has room for {free}. Make room, or "
            "name a folder on another disk.",
            code="reproduction_no_room",
            bytes=content.size,
            free=free,
        )
    with _translate_errors(folder):
        new = Path(tempfile.mkdtemp(prefix=".reproduction-", dir=folder.parent))
        try:
            missing = tuple(_write(blobs, content, new))
            if os.path.lexists(folder):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
            try:
                new.rename(folder)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder)) from error
                raise
        except BaseException:
            remove_tree(new)
            raise
    return FilledFolder(folder, created=True, missing=missing)


def _write(blobs: Blobs, content: Content, folder: Path) -> Iterator[MissingInput]:
    """Write everything, and yield what cannot be had any more."""
    for path in content.folders:
        if is_inside(path):
            with suppress(FileExistsError, NotADirectoryError):
                (folder / path).mkdir(parents=True)
    missing = []
    written = set(content.written)
    for file in content.files:
        if file.path in written:
            continue
        if problem := _copy(blobs, file, folder):
            missing.append(MissingInput(file.path, problem))
    for path, data in content.written.items():
        if not is_inside(path):
            raise Refused(f"{path!r} leads out of the folder. The version is damaged.", code="reproduction_not_written")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file_object:
            file_object.write(data)
    marker = folder / MARKER_FOLDER
    (marker / HELPERS_FOLDER).mkdir(parents=True)
    write_helpers(marker / HELPERS_FOLDER)
    (marker / PARAMETERS_FILE).write_text(_pretty(content.parameters))
    description = {**content.description, "files": content.digests, "missing": [vars(each) for each in missing]}
    (marker / DESCRIPTION_FILE).write_text(_pretty(description))
    yield from missing


def _copy(blobs: Blobs, file: IncludedFile, folder: Path) -> str:
    """Copy one file. Return the reason when it cannot be had; empty when it is there."""
    if not is_inside(file.path):
        return "Its path leads out of the folder."
    target = folder / file.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        blobs.copy_to(file.digest, target)
    except NotFound:
        return "Its bytes are not stored any more."
    except Damaged:
        return "Its bytes are not those that were stored."
    except (FileExistsError, NotADirectoryError):
        return "Another file of the run has its place."
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return "Its path is too long for this file system."
        raise
    target.chmod(0o700 if file.executable else 0o600)
    return ""


def _find_untouched(folder: Path, content: Content) -> FilledFolder | None:
    """Return the folder when it holds this content and nothing else. Every file is read: no note is believed."""
    if not _is_ours(folder):
        return None
    try:
        with open_plain(folder / MARKER_FOLDER / DESCRIPTION_FILE) as file:
            described = json.loads(file.read(MAX_DESCRIPTION_BYTES))
        missing = [MissingInput(str(each["name"]), str(each["reason"])) for each in described["missing"]]
        same = canonical_json(described.get("run")) == canonical_json(content.description.get("run"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    expected = {path: digest for path, digest in content.digests.items() if path not in {each.name for each in missing}}
    if not same or _digests_in(folder) != expected:
        return None
    return FilledFolder(folder, created=False, missing=missing)


def _digests_in(folder: Path) -> dict[str, str] | None:
    """Return the digest of each file below the folder; None when there is anything but files and folders."""
    digests: dict[str, str] = {}
    left = [folder]
    try:
        while left:
            for entry in os.scandir(left.pop()):
                if entry.name in _MADE_BY_TOOLS:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    left.append(Path(entry.path))
                else:
                    with open_plain(Path(entry.path)) as file:
                        hasher = hashlib.sha256()
                        while chunk := file.read(1024 * 1024):
                            hasher.update(chunk)
                    digests[Path(entry.path).relative_to(folder).as_posix()] = f"sha256:{hasher.hexdigest()}"
    except OSError:
        return None
    return digests


@contextmanager
def _translate_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError of the block into Unavailable. FileExistsError stays: the caller takes another name."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise Unavailable(
            f"Cannot write the folder {folder}: {error.strerror}. Make room there, or name another folder.",
            code="reproduction_not_written",
        ) from error


def _pretty(value: Any) -> str:
    # Use the canonical form: it refuses values that JSON cannot hold.
    return json.dumps(json.loads(canonical_json(value)), indent=2, ensure_ascii=False) + "\n"
