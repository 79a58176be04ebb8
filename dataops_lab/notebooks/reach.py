"""The reach of a notebook: its workspace when neither git nor a person names one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from .ignore import files_named_in
from .modules import find_local_files
from .scan import Mention, Scan
from .workspace import Workspace, contains_home

_ANYWHERE = "*/"


def widen_workspace(workspace: Workspace, paths: Iterable[Path]) -> Workspace:
    """Return the smallest workspace that also holds these paths; the same workspace when its root is fixed.

    A folder of several projects never becomes the root: `/` and the folders directly below it, a home folder, a
    temporary folder as a whole. Paths that only such a root would hold stay outside.
    """
    root = workspace.root
    for path in paths if workspace.widest_root else ():
        wider = Path(os.path.commonpath([root, path]))
        if wider != root and _may_be_root(workspace, wider):
            root = wider
    return replace(workspace, root=root)


def reached_paths(workspace: Workspace, scan: Scan) -> Iterator[Path]:
    """Yield the existing paths that the code names relatively. For a path that does not exist, its folder must."""
    folder = workspace.folder
    for mention in scan.mentions:
        yield from _paths_of_mention(workspace, mention)
    for search in scan.search_paths:
        place = Path(os.path.normpath(folder / search))
        if not search.startswith("/") and any(find_local_files(wanted, [place]) for wanted in scan.imports):
            yield place
    yield from (path for path in files_named_in(folder) if path.is_file())


def _paths_of_mention(workspace: Workspace, mention: Mention) -> Iterator[Path]:
    folder = workspace.folder
    if mention.path.startswith("~") or (mention.path.startswith("/") and not mention.by_module):
        return
    if mention.path.startswith(_ANYWHERE):
        rest = mention.path.removeprefix(_ANYWHERE).partition("*")[0]
        starts = [parent for parent in folder.parents if _may_be_root(workspace, parent)] if rest.strip("/.") else []
        yield from [start / rest for start in starts if os.path.exists(start / rest)][:1]  # noqa: PTH110
        return
    path = Path(os.path.normpath(folder / mention.path.partition("*")[0]))
    # A folder above the notebook is a place to start from, not data.
    if not folder.is_relative_to(path) and (os.path.exists(path) or os.path.isdir(path.parent)):  # noqa: PTH110, PTH112
        yield path


def _may_be_root(workspace: Workspace, folder: Path) -> bool:
    temporary = (Path(os.path.realpath(folder_)) for folder_ in (tempfile.gettempdir(), "/var/tmp"))  # noqa: S108
    too_wide = (
        len(folder.parts) < 3
        or contains_home(folder)
        or any(temporary_folder.is_relative_to(folder) for temporary_folder in temporary)
    )
    return workspace.widest_root is not None and folder.is_relative_to(workspace.widest_root) and not too_wide
