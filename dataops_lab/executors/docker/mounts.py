"""The folders of this machine that a daemon is asked to show to a container: only those that are allowed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ...domain.environments import Mount
from ...domain.mounts import ROOTS, find_problems, find_root_problem, normalize_path, overlaps
from ...errors import Refused


@dataclass(frozen=True)
class MountPolicy:
    """The rule for sources: below `roots`, not in or around the `protected` paths: the state folder with its keys."""

    roots: Sequence[str] = ROOTS
    protected: Sequence[Path] = ()

    def resolve(self, mounts: Iterable[Mount], *, socket: Path | None) -> list[Mount]:
        """Return these mounts with the paths that the daemon is to use. Refused when one of them is not allowed.

        `socket` is that of a daemon on this machine. Then links are followed here, so that the daemon finds none.
        """
        return [self._resolve_mount(mount, socket) for mount in mounts]

    def _resolve_mount(self, mount: Mount, socket: Path | None) -> Mount:
        try:
            source, target = str(normalize_path(mount.source)), str(normalize_path(mount.target))
            roots, protected = list(self.roots), [str(path) for path in self.protected]
            if socket is not None:
                protected = [*map(_resolve_links, protected), str(socket), _resolve_links(str(socket))]
                roots += [_resolve_links(root) for root in roots if root.startswith("/")]
                source = _resolve_links(source)
            source_path = normalize_path(source)
            problem = next(find_problems(source, target), None) or find_root_problem(source_path, roots)
        except ValueError as error:
            problem = str(error)
        except OSError as error:
            # The daemon may read folders that this user may not: a link there could lead it anywhere.
            problem = f"{error.filename} cannot be looked at by the engine's user: {error.strerror}."
        else:
            if problem is None and overlaps(source_path, protected):
                problem = f"{source_path} holds the state of this installation or the daemon's socket, or lies in it."
            if problem is None and socket is not None and not _is_file_or_folder(source_path):
                problem = f"{source_path} is neither a folder nor a file."
        if problem:
            raise Refused(f"The environment mounts {mount.source}. {problem}", code="mount_refused")
        return replace(mount, source=source, target=target)


def _resolve_links(path: str) -> str:
    """Follow the links of a path, which need not exist. OSError where links may lie that this user cannot see."""
    try:
        return os.path.realpath(path, strict=True)
    except FileNotFoundError:
        return os.path.realpath(path)


def _is_file_or_folder(path: PurePosixPath) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return True  # The daemon may see it, and fails if it does not.
    return stat.S_ISDIR(mode) or stat.S_ISREG(mode)
