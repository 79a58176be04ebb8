"""Where a notebook came from: what git knows about the folder that it lies in."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ..domain.versions import Origin

_TIMEOUT_S = 5.0

# A repository's own settings name programs that git then runs. None of them may run for a look.
_INERT = ("core.fsmonitor=", "core.hooksPath=/dev/null", "core.untrackedCache=false", "protocol.allow=never")

_FILTER = re.compile(r"^filter\.(?P<name>.+)\.(clean|process|smudge)$")


def origin_of(folder: Path) -> Origin:
    """All None outside a work tree, without git, or where git takes too long. Writes nothing, not even the index."""
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--ignore-submodules=all")
    if status is None:
        return Origin()
    lines = status.split("\n")
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# ") and " " in line[2:])
    commit, branch = headers.get("branch.oid"), headers.get("branch.head")
    return Origin(
        remote=_remote(folder),
        commit=commit if commit != "(initial)" else None,
        branch=branch if branch != "(detached)" else None,
        dirty=any(line and not line.startswith("# ") for line in lines),
    )


def without_credentials(url: str) -> str:
    """`https://name:token@host/path?token=…` is `https://host/path`; `git@host:path` has no secret in it."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = parts.username if parts.scheme in ("ssh", "git+ssh") else None
    return urlunsplit((parts.scheme, f"{user}@{host}" if user else host, parts.path, "", ""))


def _remote(folder: Path) -> str | None:
    """Of `origin`, else of the first remote there is."""
    listed = _git(folder, "config", "--get-regexp", r"^remote\..*\.url$") or ""
    remotes = dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)
    url = remotes.get("remote.origin.url") or next(iter(remotes.values()), None)
    try:
        return without_credentials(url) if url else None
    except ValueError:
        return None


def _git(folder: Path, *arguments: str) -> str | None:
    settings = [part for setting in (*_INERT, *_without_filters(folder, arguments)) for part in ("-c", setting)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *settings, "-C", str(folder), *arguments],
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            env={**kept, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")


def _without_filters(folder: Path, arguments: tuple[str, ...]) -> list[str]:
    """`git status` runs the clean filter of a file that seems changed: settings that take them all away."""
    if arguments[0] != "status":
        return []
    listed = _git(folder, "config", "--name-only", "--get-regexp", r"^filter\.") or ""
    names = {match["name"] for line in listed.splitlines() if (match := _FILTER.match(line))}
    return [f"filter.{name}.{part}" for name in sorted(names) for part in ("clean=", "process=", "required=false")]
