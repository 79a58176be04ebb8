"""Pack the files that travel with a notebook: its folder, and files outside it that its code names, within the root."""

from __future__ import annotations

import glob
import itertools
import os
import posixpath
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..domain.snapshots import Command, SnapshotLimits
from ..errors import InvalidNotebook
from .ignore import IgnoreRules, files_named_in
from .modules import ModuleLookup, find_local_files
from .read import Notebook, read_notebook
from .scan import Import, Mention, PythonScanner, Scan, Use, scan_text
from .size_limits import WALK_FACTOR, Excess, SizeBudget
from .walk import LeftBehind, WalkedFile, Walker
from .workspace import Workspace

_SCANNED_BYTES = 1024**2  # a larger module is really data
_SCRIPTS = frozenset({".R", ".r", ".sh", ".bash"})
_SETTINGS = frozenset({".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".conf"})
_ANYWHERE = "*/"  # the beginning of a path that may start at any folder above the notebook


@dataclass
class FileSet:
    """The files that travel, by their paths below the root, and the facts that the packing found."""

    files: dict[str, WalkedFile] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    """Existing folders, by their paths below the root, also those without files that travel."""
    named_folders: set[str] = field(default_factory=set)
    """Folders that the code writes to or asks for."""
    executed: set[str] = field(default_factory=set)
    """Paths of files that the code runs, and of notebooks that it names."""
    left_behind: list[LeftBehind] = field(default_factory=list)
    excess: list[Excess] = field(default_factory=list)
    """The files of the notebook's folder that stay behind so that the rest fits, in the order of the choice."""
    is_truncated: bool = False
    """True when the notebook's folder has so many files that the walk stopped early."""
    omits_empty_folders: bool = False
    """True when there are so many folders without travelling files that these folders stay behind too."""
    scan: Scan = field(default_factory=Scan)
    """The scan of the notebook and of every local module and notebook that it loads."""
    local_modules: set[str] = field(default_factory=set)
    """Top-level names of imports that are files of the workspace and that the running notebook finds."""
    missing_modules: set[str] = field(default_factory=set)
    """Top-level names of imports that are neither such files nor installed."""
    modules_in_root: set[str] = field(default_factory=set)
    """The missing modules that lie in the root, where Python does not look by itself. They travel."""
    linked_modules: dict[str, str] = field(default_factory=dict)
    """Top-level names of imports that are installed as a link to a folder, and the file there."""

    def empty_folders(self) -> list[str]:
        """List the folders that no file and no other folder brings along."""
        folders = self.folders | self.named_folders
        return sorted(folders - parent_folders((*self.files, *folders)))


def collect_files(
    notebook: Notebook,
    workspace: Workspace,
    *,
    language: str,
    parameters: list[str],
    limits: SnapshotLimits,
    find_modules: Callable[[set[str]], ModuleLookup],
    published: frozenset[str] = frozenset(),
    command: Command | None = None,
) -> FileSet:
    """Find the files that travel. It reads only the files that it must.

    Raise SnapshotTooLarge when the files that the notebook names pass a limit.

    `find_modules` looks for top-level modules in the kernel's environment. Files at `published` paths travel only when
    the code names them. With a `command` only those files travel that it names or includes, and that these need.
    """
    collector = _FileCollector(workspace, limits, published, command)
    return collector.collect(notebook, language, parameters, find_modules)


class _FileCollector:
    def __init__(
        self, workspace: Workspace, limits: SnapshotLimits, published: frozenset[str], command: Command | None
    ) -> None:
        self._workspace = workspace
        self._command = command
        self._limits = limits
        self._published = published
        self._budget = SizeBudget(limits, workspace)
        self._file_set = FileSet()
        self._rules = IgnoreRules(workspace.root)
        self._walker = Walker(workspace.root, self._rules, self._file_set.left_behind.append, self._note_folder)
        self._scanned: set[Path] = {workspace.notebook}
        self._unnamed: dict[str, WalkedFile] = {}
        """The files of the notebook's folder that nothing has named so far."""

    def collect(
        self, notebook: Notebook, language: str, parameters: list[str], find_modules: Callable[[set[str]], ModuleLookup]
    ) -> FileSet:
        # A script knows its own folder from `__file__`, as a module does.
        folder = str(self._workspace.folder) if notebook.word == "script" else None
        self._file_set.scan = _scan_notebook(notebook, language, parameters, folder)
        self._list_notebook_folder()
        folder_names, self._file_set.folders = self._file_set.folders, set()
        if self._command is None:
            self._include_named()
        else:
            self._file_set.scan = _merge_scans(self._file_set.scan, self._scan_words(self._command))
            folder_names = set()
        self._follow(self._file_set.scan)
        # `%%writefile helpers.py` makes a module that does not exist yet.
        made = {Path(mention.path) for mention in self._file_set.scan.mentions if mention.use is Use.WRITE}
        self._file_set.local_modules |= {path.stem for path in made if path.suffix == ".py"}
        asked: set[str] = set()
        while (
            new_names := {_top_level_name(i) for i in self._file_set.scan.imports}
            - self._file_set.local_modules
            - asked
        ):
            asked |= new_names
            lookup = find_modules(new_names)
            self._file_set.missing_modules |= lookup.missing
            self._file_set.linked_modules |= lookup.linked
            self._follow_into_root(lookup.missing)
        self._budget.check()
        if self._command is None:
            self._include_unnamed()
        self._budget.check_folders(len(self._file_set.empty_folders()))
        return self._add_folders(folder_names)

    def _scan_words(self, command: Command) -> Scan:
        """Find what a command needs: words that are paths which are there, modules after `-m`, and what it includes."""
        scan = Scan()
        words = list(_words(command.argv))
        for before, word in itertools.pairwise(["", *words]):
            path = self._absolute_path(word.rpartition("=")[2] if word.startswith("-") else word)
            if before == "-m":
                scan.imports.append(Import(word, optional=True))
            elif path and self._is_there(path) and not self._contains_notebook(path):
                use = Use.RUN if path.suffix == ".ipynb" else Use.UNKNOWN
                scan.mentions.append(Mention(os.path.relpath(path, self._workspace.folder), use))
        for pattern in command.include:
            # A path that begins with a star may start anywhere; this one starts here.
            place = f"./{pattern}" if pattern.startswith("*") else pattern
            scan.mentions.append(Mention(place, Use.READ, pattern=any(letter in place for letter in "*?[")))
        return scan

    def _add_folders(self, folder_names: set[str]) -> FileSet:
        together = replace(self._file_set, folders=self._file_set.folders | folder_names)
        if len(together.empty_folders()) > self._limits.files:
            return replace(self._file_set, omits_empty_folders=True)
        return together

    def _follow_into_root(self, names: set[str]) -> None:
        """Take missing modules that lie in the root: the code may set Python's path in a way that no scan can see."""
        for import_ in [i for i in self._file_set.scan.imports if _top_level_name(i) in names]:
            if files := find_local_files(import_, [self._workspace.root]):
                self._file_set.modules_in_root.add(_top_level_name(import_))
                self._include_modules(files, [self._workspace.folder, self._workspace.root])

    # --- following the code

    def _follow(self, scan: Scan) -> None:
        folders = self._search_folders(scan)
        for import_ in scan.imports:
            self._follow_import(import_, folders)
        for mention in scan.mentions:
            self._follow_mention(mention)

    def _search_folders(self, scan: Scan) -> list[Path]:
        located = [self._absolute_path(path) for path in [*self._file_set.scan.search_paths, *scan.search_paths]]
        within = [path for path in located if path and self._workspace.contains(path) and self._is_there(path)]
        return [self._workspace.folder, *dict.fromkeys(within)]

    def _follow_import(self, import_: Import, folders: list[Path]) -> None:
        if files := find_local_files(import_, folders):
            self._file_set.local_modules.add(_top_level_name(import_))
            self._include_modules(files, folders)

    def _include_modules(self, files: list[Path], folders: list[Path]) -> None:
        for path in files:
            self._include(path)
            for module in self._included_below(path):
                self._scan_module(module, folders)

    def _included_below(self, path: Path) -> list[Path]:
        """List the file, or the files of the folder, as far as they travel."""
        name = self._workspace.relative(path)
        return [found.path for taken, found in self._file_set.files.items() if f"{taken}/".startswith(f"{name}/")]

    def _scan_module(self, path: Path, folders: list[Path]) -> None:
        if path in self._scanned or path.suffix != ".py" or not self._may_scan(path):
            return
        self._scanned.add(path)
        source = path.read_text(encoding="utf-8", errors="replace")
        scan = PythonScanner(module_folder=str(path.parent)).read(source)
        self._file_set.scan = _merge_scans(self._file_set.scan, scan)
        for import_ in scan.imports:
            self._follow_import(import_, folders)
        for mention in scan.mentions:
            self._follow_mention(mention)

    def _follow_mention(self, mention: Mention) -> None:
        path = self._absolute_path(mention.path)
        absolute = mention.path.startswith("/") and not mention.by_module
        if path is None or absolute or not self._workspace.contains(path):
            return
        self._note_mentioned_folder(mention)
        if mention.use is Use.WRITE:
            return
        for target in self._mentioned_paths(mention, path):
            # `if not exists("../out"): makedirs("../out")` does not need the contents of the folder.
            if not self._contains_notebook(target) and not (
                mention.use is Use.EXISTS and self._is_there(target) and target.is_dir()
            ):
                self._include(target)
                if mention.use is Use.RUN or target.suffix == ".ipynb":
                    self._file_set.executed.add(self._workspace.relative(target))
                self._follow_file(target, is_executed=mention.use is Use.RUN)

    def _mentioned_paths(self, mention: Mention, path: Path) -> Iterator[Path]:
        if not mention.pattern:
            return iter([path])
        if mention.path.startswith(_ANYWHERE) and mention.path.strip("*/"):
            return self._find_upwards(mention.path.removeprefix(_ANYWHERE))
        return iter(()) if mention.path.startswith("*") else self._matches(mention.path)

    def _find_upwards(self, rest: str) -> Iterator[Path]:
        """Find the path `relative` from the notebook's folder and from each folder above it, within the root."""
        folder = self._workspace.folder
        for start in (folder, *folder.parents):
            # Both must lie in the workspace, since `relative` may begin with `..`.
            if self._workspace.contains(start) and self._workspace.contains(Path(os.path.normpath(start / rest))):
                yield from self._matches(os.path.relpath(start / rest, folder))

    def _follow_file(self, path: Path, *, is_executed: bool) -> None:
        """Follow the paths in a file that the code runs, or in a file of settings."""
        if path.suffix == ".ipynb" and is_executed:
            self._read_notebook(path)
        elif path.suffix == ".py":
            # IPython also puts the folder of a script on Python's path.
            self._scan_module(path, [*self._search_folders(self._file_set.scan), path.parent])
        elif path.suffix in _SCRIPTS | _SETTINGS and path not in self._scanned and self._may_scan(path):
            self._scanned.add(path)
            found = scan_text(path.read_text(encoding="utf-8", errors="replace"), None, Scan())
            for mention in found.mentions:
                self._follow_mention(mention)
                if not mention.path.startswith((".", "/", "~", "*")):
                    self._follow_mention(replace(mention, path=_ANYWHERE + mention.path, pattern=True))

    def _read_notebook(self, path: Path) -> None:
        if path in self._scanned or not self._may_scan(path):
            return
        self._scanned.add(path)
        try:
            other = read_notebook(path, max_bytes=self._limits.file_bytes)
        except InvalidNotebook:
            return
        scan = _scan_notebook(other, "python", [])
        self._file_set.scan = _merge_scans(self._file_set.scan, _without_cell_numbers(scan))
        self._follow(scan)

    def _may_scan(self, path: Path) -> bool:
        try:
            inside = Path(os.path.realpath(path)).is_relative_to(self._workspace.root)
            return inside and path.is_file() and path.stat().st_size <= _SCANNED_BYTES
        except OSError:
            return False

    def _absolute_path(self, path: str) -> Path | None:
        """Make a path absolute and without `..`; None when it cannot be a path of this file system."""
        if path.startswith("~") or "\0" in path:
            return None
        return Path(os.path.normpath(self._workspace.folder / path))

    def _contains_notebook(self, path: Path) -> bool:
        """Tell whether `path` is the notebook's folder or one above: a place to start from, not data."""
        return self._workspace.folder.is_relative_to(path)

    def _matches(self, pattern: str) -> Iterator[Path]:
        """Find the paths that match. `**` gives the folder where it starts, so that the search reads no other folder.

        An unknown name beside the folders above the notebook means a file: else `f"../{name}"` took the workspace.
        """
        if "**" in pattern:
            start = self._absolute_path(pattern.split("**", 1)[0])
            return iter([start] if start else [])
        text = os.path.normpath(Path(glob.escape(str(self._workspace.folder))) / pattern)
        try:
            matches = (Path(path) for path in glob.iglob(text))  # noqa: PTH207 — patterns are absolute
            found = (path for path in matches if not (self._contains_notebook(path.parent) and path.is_dir()))
            return iter(sorted(itertools.islice(found, self._limits.files + 1)))
        except (OSError, ValueError):
            return iter(())

    # --- folders

    def _note_folder(self, folder: Path, *, named: bool = False) -> None:
        if not self._contains_notebook(folder):
            folders = self._file_set.named_folders if named else self._file_set.folders
            folders.add(self._workspace.relative(folder))

    def _note_mentioned_folder(self, mention: Mention) -> None:
        """Note the folder of a file that the code may look for or write: `../out/x.csv` needs only `../out`."""
        anywhere = mention.path.startswith(_ANYWHERE)
        known = mention.path.removeprefix(_ANYWHERE).partition("*")
        # For `../out/part-*.csv` only the folder is known.
        name = known[0] if not known[1] else posixpath.dirname(known[0])
        starts = [self._workspace.folder, *self._workspace.folder.parents] if anywhere else [self._workspace.folder]
        for start in filter(self._workspace.contains, starts):
            path = Path(os.path.normpath(start / name))
            found = next((place for place in (path, *path.parents) if place == start or os.path.isdir(place)), start)  # noqa: PTH112 — names too long
            if self._workspace.contains(found) and self._is_inside(found) and not self._rules.is_made_by_tool(found):
                self._note_folder(found, named=True)

    # --- taking along

    def _include(self, path: Path) -> None:
        if not self._is_there(path) or self._workspace.relative(path) in self._file_set.files:
            return
        if path.is_relative_to(self._workspace.folder):
            for named in self._unnamed_in(path):
                self._include_file(named)
            if path.is_file() and (skip_reason := self._rules.skip_reason_on_path(path)):
                self._file_set.left_behind.append(LeftBehind(path, skip_reason))
                return
            # All other files of the folder stay behind for a reason.
            if not self._file_set.is_truncated:
                return
        reason = self._rules.skip_reason_on_path(path) if self._is_inside(path) else "outside"
        if reason:
            self._file_set.left_behind.append(LeftBehind(path, reason))
            return
        found = self._walker.classify(path)
        if isinstance(found, WalkedFile):
            self._include_file(found)
        elif found:
            self._include_folder(path)

    def _include_named(self) -> None:
        for path in files_named_in(self._workspace.folder):
            if self._workspace.contains(path) and self._is_inside(path):
                found = self._walker.classify(path, is_named=True)
                if isinstance(found, WalkedFile):
                    self._include_file(found)
                    self._follow_file(path, is_executed=False)

    def _is_there(self, path: Path) -> bool:
        try:
            return path.exists()
        except (OSError, ValueError):
            return False  # a name that is too long, or a folder that may not be entered

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._workspace.root)

    def _list_notebook_folder(self) -> None:
        """Look at the files of the notebook's folder. Too many files are not an error: the code may not need them."""
        all_files = self._walker.files(self._workspace.folder)
        for found in itertools.islice(all_files, WALK_FACTOR * self._limits.files):
            if found.path != self._workspace.notebook:
                self._unnamed[str(found.path)] = found
        self._file_set.is_truncated = next(all_files, None) is not None

    def _unnamed_in(self, path: Path) -> list[WalkedFile]:
        """List the file, or the files of the folder, among those of the notebook's folder."""
        if found := self._unnamed.get(str(path)):
            return [found]
        return [found for name, found in self._unnamed.items() if name.startswith(f"{path}/")]

    def _include_unnamed(self) -> None:
        """Take as many of the unnamed files in the notebook's folder as fit, without those that runs published."""
        for name in [name for name, found in self._unnamed.items() if str(found.real) in self._published]:
            del self._unnamed[name]
        large = {name for name, found in self._unnamed.items() if found.size > self._limits.file_bytes}
        self._file_set.left_behind += [LeftBehind(Path(name), "large") for name in large]
        candidates = {
            self._workspace.relative(found.path): found for name, found in self._unnamed.items() if name not in large
        }
        self._file_set.excess = self._budget.choose_excess({path: found.size for path, found in candidates.items()})
        left = {path for excess in self._file_set.excess for path in excess.files}
        for path, found in candidates.items():
            if path not in left:
                self._include_file(found)

    def _include_folder(self, folder: Path) -> None:
        for found in self._walker.files(folder):
            self._include_file(found)

    def _include_file(self, found: WalkedFile) -> None:
        relative = self._workspace.relative(found.path)
        if relative in self._file_set.files or found.path == self._workspace.notebook:
            return
        self._unnamed.pop(str(found.path), None)
        self._file_set.files[relative] = found
        self._budget.add(relative, found.size)


def parent_folders(paths: Iterable[str]) -> set[str]:
    above: set[str] = set()
    for path in paths:
        folder = posixpath.dirname(path)
        while folder and folder not in above:
            above.add(folder)
            folder = posixpath.dirname(folder)
    return above


def _top_level_name(import_: Import) -> str:
    return import_.name.partition(".")[0]


def _scan_notebook(notebook: Notebook, language: str, parameters: list[str], module_folder: str | None = None) -> Scan:
    if language.lower() == "python":
        scanner = PythonScanner(parameters=parameters, module_folder=module_folder)
        for cell in notebook.code_cells:
            scanner.read(cell.source, cell.index)
        return scanner.scan
    scan = Scan()
    for cell in notebook.code_cells:
        scan_text(cell.source, cell.index, scan)
    return scan


def _words(argv: Iterable[str]) -> Iterator[str]:
    """Yield the words of a command, and those of words that hold a command themselves, as after `sh -c`."""
    for word in argv:
        yield word
        if any(letter.isspace() for letter in word):
            with suppress(ValueError):  # It need not be one for a shell.
                yield from shlex.split(word)


def _merge_scans(scan: Scan, other: Scan) -> Scan:
    """Join two scans. The files and variables of modules count like those of the notebook."""
    return Scan(
        mentions=[*scan.mentions, *other.mentions],
        imports=[*scan.imports, *other.imports],
        search_paths=[*scan.search_paths, *other.search_paths],
        variables=[*scan.variables, *other.variables],
        variables_set=scan.variables_set | other.variables_set,
        installs=scan.installs | other.installs,
        git_cells=[*scan.git_cells, *other.git_cells],
        input_cells=scan.input_cells,
        unreadable_cells=scan.unreadable_cells,
    )


def _without_cell_numbers(scan: Scan) -> Scan:
    """Remove the cell numbers, which belong to another notebook."""
    return replace(
        scan,
        mentions=[replace(m, cell=None) for m in scan.mentions],
        imports=[replace(i, cell=None) for i in scan.imports],
        variables=[replace(v, cell=None) for v in scan.variables],
        git_cells=[None for _ in scan.git_cells],
    )
