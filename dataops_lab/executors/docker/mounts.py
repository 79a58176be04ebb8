"""The folders of this machine that a daemon is asked to show to a container: only those that are allowed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ...domain.environments import Mount
from ...domain.mounts import ROOTS, overlaps, plain, problem_of_roots, problems
from ...errors import Refused


@dataclass(frozen=True)
class MountPolicy:
    """The rule for sources: below `roots`, and not in or around the paths in `kept`: the state folder with its keys."""

    roots: Sequence[str] = ROOTS
    kept: Sequence[Path] = ()

    def allowed(self, mounts: Iterable[Mount], *, socket: Path | None) -> list[Mount]:
        """Return these mounts with the paths that the daemon is to use. Refused when one of them is not allowed.

        `socket` is that of a daemon on this machine. Then links are followed here, so that the daemon finds none.
        """
        return [self._allowed(mount, socket) for mount in mounts]

    def _allowed(self, mount: Mount, socket: Path | None) -> Mount:
        try:
            source, target = str(plain(mount.source)), str(plain(mount.target))
            roots, kept = list(self.roots), [str(path) for path in self.kept]
            if socket is not None:
                kept = [*map(_followed, kept), str(socket), _followed(str(socket))]
                roots += [_followed(root) for root in roots if root.startswith("/")]
                source = _followed(source)
            found = plain(source)
            problem = next(problems(source, target), None) or problem_of_roots(found, roots)
        except ValueError as error:
            problem = str(error)
        except OSError as error:
            # The daemon may read folders that this user may not: a link there could lead it anywhere.
            problem = f"{error.filename} cannot be looked at by the engine's user: {error.strerror}."
        else:
            if problem is None and overlaps(found, kept):
                problem = f"{found} holds the state of this installation or the daemon's socket, or lies in it."
            if problem is None and socket is not None and not _is_data(found):
                problem = f"{found} is neither a folder nor a file."
        if problem:
            raise Refused(f"The environment mounts {mount.source}. {problem}", code="mount_refused")
        return replace(mount, source=source, target=target)


def _followed(path: str) -> str:
    """Follow the links of a path, which need not exist. OSError where links may lie that this user cannot see."""
    try:
        return os.path.realpath(path, strict=True)
    except FileNotFoundError:
        return os.path.realpath(path)


def _is_data(path: PurePosixPath) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return True  # The daemon may see it, and fails if it does not.
    return stat.S_ISDIR(mode) or stat.S_ISREG(mode)
