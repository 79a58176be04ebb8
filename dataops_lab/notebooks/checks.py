"""The check before the start: the things that will be missing when the notebook runs, each with its fix."""

from __future__ import annotations

import glob
import os
import posixpath
import re
import shlex
from collections.abc import Collection, Iterator
from pathlib import Path

from ..domain.snapshots import LOCAL_RUNTIME, Finding, KernelChoice, Severity, TargetRuntime, include_line
from .dependencies import FileSet
from .ignore import files_named_in
from .modules import find_local_files
from .read import Notebook
from .scan import Mention, Use
from .size_limits import describe_excess
from .walk import LeftBehind
from .workspace import Workspace

_FILE_NAME = re.compile(r"\.\w{1,10}$")
_WINDOWS = re.compile(r"^[A-Za-z]:[\\/]")
# These are the same on every machine.
_SYSTEM_FOLDERS = ("/dev", "/proc", "/sys", "/usr", "/etc", "/bin")
# The run itself makes a file that is not there yet.
_SCRATCH = ("/tmp", "/var/tmp")  # noqa: S108


def check(
    notebook: Notebook,
    workspace: Workspace,
    file_set: FileSet,
    kernel: KernelChoice | None,
    where: TargetRuntime = LOCAL_RUNTIME,
    *,
    set_by_run: Collection[str] = (),
) -> list[Finding]:
    """Return one finding per thing, also when several cells mention it, in the order of the cells.

    `set_by_run` are the variables that the run itself sets, whatever surrounds it.
    """
    found = [
        *_check_paths(file_set, workspace),
        *_check_modules(file_set, workspace, kernel),
        *_check_variables(file_set, kernel, where, set_by_run),
        *_check_input_calls(file_set, notebook),
        *_check_git(file_set),
        *_check_workspace(workspace),
        *_check_unreadable_cells(file_set, notebook),
        *_check_excess(file_set),
        *(_left_behind_finding(left, workspace) for left in file_set.left_behind),
    ]
    distinct = {(finding.code, finding.message): finding for finding in reversed(found)}
    return sorted(distinct.values(), key=lambda f: (f.cell is None, f.cell or 0, f.code, f.message))


def _check_paths(file_set: FileSet, workspace: Workspace) -> Iterator[Finding]:
    made = {_normalize(m.path) for m in file_set.scan.mentions if m.use in (Use.WRITE, Use.EXISTS)}
    # `np.save("a")` makes `a.npy`; other libraries also add an ending.
    without_suffix = {path for path in made if not posixpath.splitext(path)[1]}
    for mention in file_set.scan.mentions:
        if mention.by_module or mention.guarded:
            continue
        finding = _path(mention, workspace)
        path = _normalize(mention.path)
        if finding and path not in made and posixpath.splitext(path)[0] not in without_suffix:
            yield finding


def _path(mention: Mention, workspace: Workspace) -> Finding | None:
    path = mention.path
    certain = mention.use in (Use.READ, Use.RUN)
    if path.startswith("~"):
        if len(path) < 3:
            return None
        return _home(mention) if certain or _exists(os.path.expanduser(path)) else None  # noqa: PTH111
    if _WINDOWS.match(path):
        return _absolute(mention, workspace)
    if path.startswith("/"):
        if path.startswith(_SYSTEM_FOLDERS) or path.count("/") < 2:
            return None
        matters = (certain and not path.startswith(_SCRATCH)) or _exists(path)
        return _absolute(mention, workspace) if matters else None
    resolved = Path(os.path.normpath(workspace.folder / path))
    if not workspace.contains(resolved):
        return _outside(mention, workspace) if certain or _exists(str(resolved)) else None
    if (
        mention.use in (Use.READ, Use.RUN)
        and not mention.pattern
        and _FILE_NAME.search(path)
        and not _exists(str(resolved))
    ):
        return _missing(mention, workspace)
    return None


def _absolute(mention: Mention, workspace: Workspace) -> Finding:
    path = Path(mention.path)
    if workspace.contains(path):
        hint = f"Write {posixpath.relpath(path, workspace.folder)!r} instead: then it travels along."
    else:
        hint = f"Put it below {workspace.root} and name it by a relative path: then it travels along."
    return Finding(
        "absolute_path",
        Severity.WARNING,
        f"{mention.path} is an absolute path: it does not travel, and is there only where the run finds the same disk.",
        hint,
        mention.cell,
    )


def _home(mention: Mention) -> Finding:
    return Finding(
        "home_path",
        Severity.WARNING,
        f"{mention.path} lies in a home folder: it does not travel, and a run elsewhere has another home.",
        "Copy it beside the notebook and name it by a relative path.",
        mention.cell,
    )


def _outside(mention: Mention, workspace: Workspace) -> Finding:
    return Finding(
        "outside_root",
        Severity.WARNING,
        f"{mention.path} leads out of the workspace {workspace.root}, so it does not travel.",
        _widen_hint(workspace, Path(os.path.normpath(workspace.folder / mention.path))),
        mention.cell,
    )


def _widen_hint(workspace: Workspace, path: Path) -> str:
    root = os.path.commonpath([workspace.root, path])
    return f"The workspace is too small: choose one that holds it (--root {shlex.quote(root)}), or move it in there."


def _check_workspace(workspace: Workspace) -> Iterator[Finding]:
    if workspace.widest_root and workspace.root != workspace.folder:
        yield Finding(
            "wider_workspace",
            Severity.INFO,
            f"The workspace is {workspace.root}: the notebook reaches as far, and lies in no git work tree.",
            "If it should be another folder, choose it with --root.",
        )
    for path in files_named_in(workspace.folder):
        outside = not workspace.contains(path)
        if outside or not path.is_file():
            name = os.path.relpath(path, workspace.folder)
            yield Finding(
                "useless_line",
                Severity.WARNING,
                f"The line {include_line(name)} of the .dataopsignore beside the notebook takes nothing along: "
                f"{'it leads out of the workspace' if outside else 'there is no such file'}.",
                _widen_hint(workspace, path) if outside else "Fix the line, or remove it.",
            )


def _missing(mention: Mention, workspace: Workspace) -> Finding:
    return Finding(
        "missing_file",
        Severity.WARNING,
        f"{mention.path} is read, but there is no such file.",
        f"Put it there (the path starts from {workspace.folder}), or fix the path.",
        mention.cell,
        missing=mention.path,
    )


def _check_modules(file_set: FileSet, workspace: Workspace, kernel: KernelChoice | None) -> Iterator[Finding]:
    if kernel is None:
        return
    cells = {i.name.partition(".")[0]: i.cell for i in reversed(file_set.scan.imports) if not i.optional}
    for name in file_set.missing_modules & cells.keys():
        if name.lower() in file_set.scan.installs:
            continue
        if outside := _find_outside(workspace, file_set, name):
            message = f"The module {name!r} lies in {outside.parent}, outside of the workspace, so it does not travel."
            hint = _widen_hint(workspace, outside)
        elif name in file_set.modules_in_root:
            there = posixpath.relpath(workspace.root, workspace.folder)
            message = f"The module {name!r} lies in {workspace.root}, where Python does not look by itself."
            hint = f"Add before the import: import sys; sys.path.insert(0, {there!r})"
        else:
            message = f"The module {name!r} is neither beside the notebook nor installed in the kernel {kernel.name!r}."
            hint = f"Install what provides it: {kernel.argv[0]} -m pip install {name}"
        yield Finding("missing_module", Severity.WARNING, message, hint, cells[name])
    for name in file_set.linked_modules.keys() & cells.keys():
        yield Finding(
            "editable_module",
            Severity.WARNING,
            f"The module {name!r} is installed as a link to {file_set.linked_modules[name]}: it does not travel.",
            f"Copy it beside the notebook, or install it whole: {kernel.argv[0]} -m pip install FOLDER",
            cells[name],
        )


def _find_outside(workspace: Workspace, file_set: FileSet, name: str) -> Path | None:
    """Find a module on the search paths outside of the workspace, where the notebook finds it and its run will not."""
    places = [Path(os.path.normpath(workspace.folder / path)) for path in file_set.scan.search_paths]
    import_ = [import_ for import_ in file_set.scan.imports if import_.name.partition(".")[0] == name]
    files = (
        find_local_files(import_, [place]) for import_ in import_ for place in places if not workspace.contains(place)
    )
    return next((found[0] for found in files if found), None)


def _check_variables(
    file_set: FileSet, kernel: KernelChoice | None, where: TargetRuntime, set_by_run: Collection[str]
) -> Iterator[Finding]:
    there = where.variables | file_set.scan.variables_set | (kernel.env.keys() if kernel else set()) | set(set_by_run)
    for variable in file_set.scan.variables:
        if variable.name not in there:
            yield Finding(
                "missing_variable",
                Severity.WARNING,
                f"The environment variable {variable.name} is read, and a run does not get it.",
                "Set it in the environment where the notebook runs, give it a default in the code, or make it a "
                "parameter.",
                variable.cell,
                missing=variable.name,
            )


def _check_input_calls(file_set: FileSet, notebook: Notebook) -> Iterator[Finding]:
    for cell in file_set.scan.input_cells:
        yield Finding(
            "input_call",
            Severity.WARNING,
            f"{_place(notebook, cell)} asks a question, and in a run nobody is there to answer: it fails.",
            "Make the answer a parameter.",
            cell,
        )


def _place(notebook: Notebook, cell: int) -> str:
    return f"Cell {cell + 1}" if _has_cells(notebook) else f"The {notebook.word}"


def _has_cells(notebook: Notebook) -> bool:
    return notebook.word == "notebook"


def _check_git(file_set: FileSet) -> Iterator[Finding]:
    looked_for = [m.cell for m in file_set.scan.mentions if ".git" in m.path.split("/") and not m.guarded]
    # Code that writes into `.git` makes the repository itself.
    made = any(m.use is Use.WRITE and ".git" in m.path.split("/") for m in file_set.scan.mentions)
    for cell in [] if made else [*file_set.scan.git_cells, *looked_for][:1]:
        yield Finding(
            "no_repository",
            Severity.WARNING,
            "The code looks for the git repository, and a run has none: only files travel.",
            "Look for a file of the project instead, or make what git tells a parameter.",
            cell,
        )


def _check_unreadable_cells(file_set: FileSet, notebook: Notebook) -> Iterator[Finding]:
    for cell in file_set.scan.unreadable_cells:
        tagged = "parameters" in notebook.cells[cell].tags
        if not tagged:  # a tagged cell has a finding of its own
            yield Finding(
                "unreadable_cell",
                Severity.WARNING,
                f"{_place(notebook, cell)} cannot be read as Python, so files and modules that it needs are not seen.",
                "Fix its syntax, or delete the cell if it is not needed."
                if _has_cells(notebook)
                else "Fix its syntax.",
                cell,
            )


def _check_excess(file_set: FileSet) -> Iterator[Finding]:
    if not file_set.excess and not file_set.is_truncated and not file_set.omits_empty_folders:
        return
    unseen = " The folder holds so many files that not all were looked at." if file_set.is_truncated else ""
    bare = " Folders of which no file travels stay behind too." if file_set.omits_empty_folders else ""
    yield Finding(
        "too_much_beside",
        Severity.WARNING,
        "More lies in the notebook's folder than may travel, and the code does not name it. These stay behind: "
        f"{describe_excess(file_set.excess) or 'folders'}.{unseen}{bare}",
        "If a run needs some of it, name it in the code, or with ! in the .dataopsignore beside the notebook.",
    )


_REASON_TEXTS = {
    "ignored": "an ignore rule leaves it behind",
    "tool": "lies in a folder of a tool, and they stay behind",
}


def _left_behind_finding(left: LeftBehind, workspace: Workspace) -> Finding:
    path = workspace.relative(left.path)
    match left.reason:
        case "secret":
            return Finding(
                "secret_left_behind",
                Severity.INFO,
                f"{path} looks like a secret and does not travel.",
                "If the run needs what is in it, set a variable or a secret of the environment instead.",
            )
        case "outside":
            return Finding(
                "outside_root",
                Severity.WARNING,
                f"{path} is a link that leads out of the workspace, so it does not travel.",
                "Copy what it points to into the workspace, or choose a root that holds both.",
            )
        case "large":
            return Finding(
                "large_file",
                Severity.WARNING,
                f"{path} is larger than a file may be, and the code does not name it: it does not travel.",
                "If a run needs it, make it smaller, or read it by an absolute path from where it lies.",
            )
        case "tool" if left.path.is_dir():
            return Finding(
                "ignored_file",
                Severity.WARNING,
                f"{path} is named in the code, but a folder of this name is one that a tool makes: it does not travel.",
                "Give it another name, if it holds data that the notebook needs.",
            )
        case "ignored" | "tool":
            name = os.path.relpath(left.path, workspace.folder)
            single = left.path.is_file()
            line = include_line(name) if single else f"!{left.path.name}"
            return Finding(
                "ignored_file",
                Severity.WARNING,
                f"{path} is named in the code, but {_REASON_TEXTS[left.reason]}.",
                f"Write {line} into {'the .dataopsignore beside the notebook' if single else '.dataopsignore'} "
                "to take it along.",
                file=name if single else None,
            )
    return Finding(
        "unreadable_file",
        Severity.WARNING,
        f"{path.encode(errors='replace').decode()} cannot be read, so it does not travel.",
        "Check its name and its permissions.",
    )


def _exists(path: str) -> bool:
    try:
        if "*" in path:
            return next(glob.iglob(path), None) is not None  # noqa: PTH207 — patterns may be absolute
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _normalize(path: str) -> str:
    return posixpath.normpath(path)
