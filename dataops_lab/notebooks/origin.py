"""The origin of a notebook: the facts that git knows about its folder."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

from ..domain.versions import Origin
from ..domain.workspaces import normalize_remote
from ..rundir.reading import open_plain

_TIMEOUT_S = 5.0

# Git needs these to tell the state of a repository. Hooks, settings and attributes are not among them.
_DATA = ("index", "sharedindex.*")
_SHARED_DATA = ("objects", "refs", "packed-refs", "reftable", "shallow")

# These settings decide how git compares files with the index. Others do not count here: some name programs.
_COMPARING = re.compile(
    r"(core\.(filemode|ignorecase|symlinks|autocrlf|eol|precomposeunicode)|extensions\.(objectformat|refstorage))"
)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9]+")

_OWN = """[core]
	repositoryFormatVersion = 1
	bare = false
	fsmonitor = false
	untrackedCache = false
	hooksPath = /dev/null
"""

_HEAD_BYTES = 4096


def read_origin(folder: Path) -> Origin:
    """Read the origin of a folder, without a write, not even to the index.

    All fields are None outside a work tree, without git, or when git takes too long.

    Git executes no program that the repository names: it sees the data in a git directory of ours with our settings.
    """
    try:
        with _safe_git_directory(folder) as (tree, git, settings):
            status = ("status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--no-renames")
            status_output = _git(*status, "--ignore-submodules=all", tree=tree, git=git)
    except (OSError, ValueError, subprocess.SubprocessError):
        return Origin()
    lines = status_output.split("\n")
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# ") and " " in line[2:])
    commit, branch = headers.get("branch.oid"), headers.get("branch.head")
    return Origin(
        remote=_remote_url(settings),
        commit=commit if commit != "(initial)" else None,
        branch=branch if branch != "(detached)" else None,
        dirty=any(line and not line.startswith("# ") for line in lines),
    )


def read_remote(folder: Path) -> str | None:
    """Return the normalised remote of the work tree that holds `folder`, as `read_origin` does; None without one."""
    try:
        tree, _, shared = _repository(folder.resolve())
        # There is no git directory here, because only the file matters.
        url = _remote_url(_read_settings(shared / "config", tree, Path(os.devnull)))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return normalize_remote(url) if url else None


def without_credentials(url: str) -> str:
    """Remove secrets: `https://name:token@host/path?token=…` becomes `https://host/path`; `git@host:path` has none."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = parts.username if parts.scheme in ("ssh", "git+ssh") else None
    return urlunsplit((parts.scheme, f"{user}@{host}" if user else host, parts.path, "", ""))


def _remote_url(settings: Mapping[str, str]) -> str | None:
    """Return the address of `origin`, else of the first remote, without credentials; None without a remote."""
    urls = [url for name, url in settings.items() if name.startswith("remote.") and name.endswith(".url")]
    url = settings.get("remote.origin.url") or next(iter(urls), None)
    try:
        return without_credentials(url) if url else None
    except ValueError:
        return None


@contextmanager
def _safe_git_directory(folder: Path) -> Iterator[tuple[Path, Path, dict[str, str]]]:
    """Make a git directory with the data of the repository and our settings.

    Yield the work tree that holds `folder`, that git directory, and the settings of the repository.

    OSError outside a work tree.
    """
    tree, private, shared = _repository(folder.resolve())
    with TemporaryDirectory(prefix="dataops-git-") as made:
        git = Path(made)
        for source, patterns in ((private, _DATA), (shared, _SHARED_DATA)):
            for found in (path for pattern in patterns for path in source.glob(pattern)):
                (git / found.name).symlink_to(found)
        (git / "HEAD").write_bytes(_read_start(private / "HEAD"))
        (git / "info").mkdir()
        (git / "info" / "exclude").symlink_to(shared / "info" / "exclude")
        # These attributes win over those in the work tree, so git applies no filter at all.
        (git / "info" / "attributes").write_text("* -filter\n")
        (git / "config").write_text(_OWN)
        settings = _read_settings(shared / "config", tree, git)
        with (git / "config").open("a") as config:
            for name, value in settings.items():
                if _COMPARING.fullmatch(name) and _PLAIN_VALUE.fullmatch(value):
                    section, key = name.split(".")
                    config.write(f"[{section}]\n\t{key} = {value}\n")
        yield tree, git, settings


_known_settings: dict[Path, tuple[tuple[int, ...], dict[str, str]]] = {}
_MOST_KNOWN = 100
_RACY_NS = 2_000_000_000
"""The age in nanoseconds that a file needs to be remembered: a younger one can change again and look the same."""


def _read_settings(config: Path, tree: Path, git: Path) -> dict[str, str]:
    """Read the settings of a file. Git is asked once for each state of the file."""
    found = config.stat()
    fingerprint = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    known = _known_settings.get(config)
    if known is not None and known[0] == fingerprint:
        return known[1]
    listed = _git("config", "--file", str(config), "--no-includes", "--null", "--list", tree=tree, git=git)
    settings = dict(entry.split("\n", 1) for entry in listed.split("\0") if "\n" in entry)
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _RACY_NS:
        if len(_known_settings) >= _MOST_KNOWN:
            _known_settings.clear()
        _known_settings[config] = fingerprint, settings
    return settings


def _repository(folder: Path) -> tuple[Path, Path, Path]:
    """Find the work tree above, its git directory, and the one that all work trees of the repository share.

    FileNotFoundError outside a work tree.
    """
    for tree in (folder, *folder.parents):
        private = tree / ".git"
        if private.is_file():
            private = tree / _read_start(private).decode().removeprefix("gitdir:").strip()
        if (private / "HEAD").is_file():
            named = private / "commondir"
            return tree, private, private / _read_start(named).decode().strip() if named.is_file() else private
    raise FileNotFoundError(f"{folder} is in no work tree.")


def _read_start(path: Path) -> bytes:
    with open_plain(path) as file:
        return file.read(_HEAD_BYTES)


def _git(*arguments: str, tree: Path, git: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # These also stop fetches that a setting of the person or of git itself would start.
    nothing = {
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=tree,
        capture_output=True,
        check=True,
        timeout=_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        env={**kept, **nothing, "GIT_DIR": str(git), "GIT_WORK_TREE": str(tree), "LC_ALL": "C"},
    )
    return done.stdout.decode(errors="replace")
