"""Files that go from step to step: the ones that a pattern takes, and the paths at which they arrive."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ..errors import Refused
from .pipelines import FilesFrom, Step

SAME_PATH = "."
"""`into` of files that arrive at the path that they had."""

MAX_FOLDER_BYTES = 200
_MAGIC = re.compile(r"[*?[]")


@dataclass(frozen=True)
class LeftFile:
    """An artifact of a step, or of the item of its fan-out with this key. `path` is POSIX from the workspace's root."""

    step: str
    path: str
    item: str | None = None

    @property
    def giver(self) -> str:
        return f"`{self.step}`" if self.item is None else f"`{self.step}` for {self.item!r}"


def arrivals(
    step: Step, left: Collection[LeftFile], *, succeeded: Collection[str], base: str = ""
) -> dict[str, LeftFile]:
    """Return the files that `step` takes from those that were left, by the path at which each arrives.

    Patterns and `into` count from the folder `base`. Refused when two files would arrive at one path, and when a step
    of `succeeded` left nothing for a pattern: steps that were skipped or failed, or had no items, owe nothing.
    """
    arrived: dict[str, LeftFile] = {}
    for files in step.files:
        for pattern in files.paths:
            taken = [each for each in left if each.step == files.step and matches(pattern, each.path, base=base)]
            if not taken and files.step in succeeded:
                raise Refused(
                    f"`{files.step}` left no file that matches {pattern!r}. Let it write the file, or correct `files` "
                    f"of `{step.id}`.",
                    code="step_file_missing",
                )
            for each in taken:
                path = landing(files, each.path, each.item, base=base)
                if arrived.setdefault(path, each) != each:
                    raise Refused(
                        collision(arrived[path].giver, each.giver, path, step.id),
                        code="step_files_collide",
                    )
    return arrived


def collision(first: str, second: str, path: str, taker: str) -> str:
    """Return the message about two steps that leave one path for a third."""
    return f"{first} and {second} both leave {path!r} for `{taker}`. Give one of them another folder with `into`."


def missing_outputs(step: Step, paths: Iterable[str], *, base: str = "") -> list[str]:
    """Return the patterns of `step.outputs` that match none of the files that the step left."""
    left = list(paths)
    return [pattern for pattern in step.outputs if not any(matches(pattern, path, base=base) for path in left)]


def landing(files: FilesFrom, path: str, item: str | None = None, *, base: str = "") -> str:
    """Return the path at which a file arrives that was left at `path`. Both are POSIX, from the workspace's root.

    The items of a fan-out have a folder each, except where files keep their paths.
    """
    if files.into == SAME_PATH:
        return path
    folder = PurePosixPath(base, files.into if files.into is not None else f"inputs/{files.step}")
    if item is not None:
        folder /= folder_of(item)
    below = PurePosixPath(path)
    return str(folder / (below.relative_to(base) if below.is_relative_to(base) else below))


def folder_of(item_key: str) -> str:
    """Return the name of a folder for an item: its key, without what a path or a file system cannot take.

    No two keys have the same folder.
    """
    name = re.sub(r'[/\\:<>"|?*%]|^\.+|[. ]+$', lambda found: "".join(f"%{ord(c):02X}" for c in found[0]), item_key)
    encoded = name.encode(errors="surrogatepass")
    if len(encoded) <= MAX_FOLDER_BYTES:
        return name
    digest = hashlib.sha256(item_key.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{encoded[: MAX_FOLDER_BYTES - 17].decode(errors='ignore')}%{digest}"


def is_expected(step: Step, path: str, *, base: str = "") -> bool:
    """Tell whether a file may arrive at `path`, from the workspace's root, before `step` starts."""
    for files in step.files:
        patterns = files.paths if files.into == SAME_PATH else [files.into or f"inputs/{files.step}"]
        if any(matches(pattern, path, base=base) for pattern in patterns):
            return True
    return False


def is_literal(pattern: str) -> bool:
    """Tell whether a pattern names one path."""
    return not _MAGIC.search(pattern) and not pattern.endswith("/")


def matches(pattern: str, path: str, *, base: str = "") -> bool:
    """Tell whether a pattern, as in FilesFrom, takes the file at `path`."""
    names = PurePosixPath(path).parts
    # Where in `names` the rest of the pattern may begin. All positions go on together: a pattern with many stars is
    # not tried in each way that it could match.
    places = {0}
    for part in PurePosixPath(base, pattern).parts:
        if part == "**":
            places = set(range(min(places), len(names) + 1))
        else:
            places = {place + 1 for place in places if place < len(names) and fnmatchcase(names[place], part)}
        if not places:
            return False
    # Names that are left over lie in a folder that the pattern takes.
    return True
