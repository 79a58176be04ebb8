"""A workspace: a folder tree that gives notebooks their identity. It may have several copies."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .actors import Actor

MAX_REMOTE_LENGTH = 1000


@dataclass(frozen=True)
class Workspace:
    """`remote` is the normalised git remote: the copies of one repository are roots of one workspace."""

    id: str
    project: str
    name: str
    created_at: dt.datetime
    created_by: Actor
    remote: str | None = None
    revision: int = field(default=1, compare=False)
    """A number that counts the changes."""


@dataclass(frozen=True)
class WorkspaceRoot:
    """A folder in which a workspace lies, as a real absolute path on a host."""

    workspace_id: str
    host: str
    root: str
    seen_at: dt.datetime
    """The time of the last submission of a notebook below it, accurate to about an hour."""


@dataclass(frozen=True)
class Location:
    """The place of a notebook: the real absolute root of its workspace, the POSIX path below, and the git remote."""

    root: str
    path: str
    remote: str | None = None

    @property
    def source(self) -> str:
        return posixpath.join(self.root, self.path)

    @property
    def name(self) -> str:
        """A proposed name for the workspace: the last part of its remote or its folder."""
        return posixpath.basename(self.remote or self.root)[:200] or "/"


def parent_folders(path: str) -> list[str]:
    """List the folders that hold an absolute POSIX path, the nearest first."""
    found = []
    while (parent := posixpath.dirname(path)) != path:
        found.append(path := parent)
    return found


def relative_path(path: str, folder: str) -> str | None:
    """Return `path` relative to `folder`: "" for the folder itself, None where it lies elsewhere."""
    if path == folder:
        return ""
    prefix = folder.rstrip("/") + "/"
    return path.removeprefix(prefix) if path.startswith(prefix) else None


def normalize_remote(url: str) -> str | None:
    """Return one text for all spellings of a git remote, without user, password, scheme, default port and `.git`.

    None when it means nothing outside of one folder.
    """
    if not url.isprintable():
        return None
    try:
        host, path = _split(url)
    except ValueError:
        return None
    path = re.sub(r"/+", "/", path).rstrip("/").removesuffix(".git").rstrip("/")
    if not path.strip("/") or (not host and not path.startswith("/")):
        return None
    remote = f"{host}/{path.lstrip('/')}" if host else path
    return remote if len(remote) <= MAX_REMOTE_LENGTH else None


_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22, "git+ssh": 22, "git": 9418}


def _split(url: str) -> tuple[str, str]:
    """Split the URL into host and path; the host of a local path is empty.

    ValueError when it is not a URL with a host.
    """
    if "://" in url:
        parts = urlsplit(url)
        if parts.scheme == "file":
            return "", parts.path
        port = parts.port if parts.port != _DEFAULT_PORTS.get(parts.scheme) else None
        host = parts.hostname or ""
        if not host:
            raise ValueError(url)
        return (f"{host}:{port}" if port else host), parts.path
    # Git reads it like this: a colon before the first slash ends a host.
    before, colon, path = url.partition(":")
    if colon and "/" not in before:
        return before.rpartition("@")[2].lower(), path
    return "", url


def is_same_notebook(cells: Iterable[str], others: Iterable[str]) -> bool:
    """Tell by cell ids whether two notebooks are one that was moved: more than half of all ids are in both."""
    one, other = set(cells), set(others)
    return 2 * len(one & other) > len(one | other)
