"""Pack the files that travel with a notebook: its folder, and files outside it that its code names, within the root."""

from __future__ import annotations

import glob
import itertools
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..domain.snapshots import Limits
from ..errors import InvalidNotebook
from .allowance import MOST_SEEN, Allowance, Excess
from .ignore import IgnoreRules, named_in
from .modules import Looked, local_files
from .read import Notebook, read_notebook
from .scan import Import, Mention, PythonScanner, Scan, Use, scan_text
from .walk import Found, LeftBehind, Walker
from .workspace import Workspace

_SCANNED_BYTES = 1024**2  # a larger module is really data
_SCRIPTS = frozenset({".R", ".r", ".sh", ".bash"})
_SETTINGS = frozenset({".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".conf"})
_ANYWHERE = "*/"  # the beginning of a path that may start at any folder above the notebook


@dataclass
class Luggage:
    """The files that travel, by their paths below the root, and the facts that the packing found."""

    files: dict[str, Found] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    """Existing folders, by their paths below the root, also those without files that travel."""
    named_folders: set[str] = field(default_factory=set)
    """Folders that the code writes to or asks for."""
    run: set[str] = field(default_factory=set)
    """Paths of files that the code runs, and of notebooks that it names."""
    left_behind: list[LeftBehind] = field(default_factory=list)
    excess: list[Excess] = field(default_factory=list)
    """The files of the notebook's folder that stay behind so that the rest fits, in the order of the choice."""
    unseen: bool = False
    """True when the notebook's folder has so many files that the walk stopped early."""
    bare: bool = False
    """True when there are so many folders without travelling files that these folders stay behind too."""
    scan: Scan = field(default_factory=Scan)
    """The scan of the notebook and of every local module and notebook that it loads."""
    local_modules: set[str] = field(default_factory=set)
    """Top-level names of imports that are files of the workspace and that the running notebook finds."""
    missing_modules: set[str] = field(default_factory=set)
    """Top-level names of imports that are neither such files nor installed."""
    modules_in_root: set[str] = field(default_factory=set)
    """The missing modules that lie in the root, where Python does not look by itself. They travel."""
    modules_elsewhere: dict[str, str] = field(default_factory=dict)
    """Top-level names of imports that are installed as a link to a folder, and the file there."""

    def empty_folders(self) -> list[str]:
        """List the folders that no file and no other folder brings along."""
        folders = self.folders | self.named_folders
        return sorted(folders - folders_above((*self.files, *folders)))


def pack(
    notebook: Notebook,
    workspace: Workspace,
    *,
    language: str,
    parameters: list[str],
    limits: Limits,
    look_for: Callable[[set[str]], Looked],
) -> Luggage:
    """Find the files that travel. It reads only the files that it must.

    Raise SnapshotTooLarge when the files that the notebook names pass a limit.

    `look_for` looks for top-level modules in the kernel's environment.
    """
    return _Packing(workspace, limits).packed(notebook, language, parameters, look_for)


class _Packing:
    def __init__(self, workspace: Workspace, limits: Limits) -> None:
        self._workspace = workspace
        self._limits = limits
        self._allowance = Allowance(limits, workspace)
        self._luggage = Luggage()
        self._rules = IgnoreRules(workspace.root)
        self._walker = Walker(workspace.root, self._rules, self._luggage.left_behind.append, self._enter)
        self._scanned: set[Path] = {workspace.notebook}
        self._beside: dict[str, Found] = {}
        """The files of the notebook's folder that nothing has named so far."""

    def packed(
        self, notebook: Notebook, language: str, parameters: list[str], look_for: Callable[[set[str]], Looked]
    ) -> Luggage:
        self._luggage.scan = _scan_of(notebook, language, parameters)
        self._look_beside()
        beside, self._luggage.folders = self._luggage.folders, set()
        self._take_named()
        self._follow(self._luggage.scan)
        # `%%writefile helpers.py` makes a module that does not exist yet.
        made = {Path(mention.path) for mention in self._luggage.scan.mentions if mention.use is Use.WRITE}
        self._luggage.local_modules |= {path.stem for path in made if path.suffix == ".py"}
        asked: set[str] = set()
        while wanted := {_top(i) for i in self._luggage.scan.imports} - self._luggage.local_modules - asked:
            asked |= wanted
            looked = look_for(wanted)
            self._luggage.missing_modules |= looked.missing
            self._luggage.modules_elsewhere |= looked.elsewhere
            self._follow_into_root(looked.missing)
        self._allowance.check()
        self._take_beside()
        self._allowance.check_folders(len(self._luggage.empty_folders()))
        return self._with_folders(beside)

    def _with_folders(self, beside: set[str]) -> Luggage:
        together = replace(self._luggage, folders=self._luggage.folders | beside)
        if len(together.empty_folders()) > self._limits.files:
            return replace(self._luggage, bare=True)
        return together

    def _follow_into_root(self, names: set[str]) -> None:
        """Take missing modules that lie in the root: the code may set Python's path in a way that no scan can see."""
        for wanted in [i for i in self._luggage.scan.imports if _top(i) in names]:
            if files := local_files(wanted, [self._workspace.root]):
                self._luggage.modules_in_root.add(_top(wanted))
                self._take_modules(files, [self._workspace.folder, self._workspace.root])

    # --- following the code

    def _follow(self, scan: Scan) -> None:
        folders = self._search_folders(scan)
        for wanted in scan.imports:
            self._follow_import(wanted, folders)
        for mention in scan.mentions:
            self._follow_mention(mention)

    def _search_folders(self, scan: Scan) -> list[Path]:
        located = [self._located(path) for path in [*self._luggage.scan.search_paths, *scan.search_paths]]
        within = [path for path in located if path and self._workspace.holds(path) and self._is_there(path)]
        return [self._workspace.folder, *dict.fromkeys(within)]

    def _follow_import(self, wanted: Import, folders: list[Path]) -> None:
        if files := local_files(wanted, folders):
            self._luggage.local_modules.add(_top(wanted))
            self._take_modules(files, folders)

    def _take_modules(self, files: list[Path], folders: list[Path]) -> None:
        for path in files:
            self._take(path)
            for module in self._taken_of(path):
                self._scan_module(module, folders)

    def _taken_of(self, path: Path) -> list[Path]:
        """List the file, or the files of the folder, as far as they travel."""
        name = self._workspace.relative(path)
        return [found.path for taken, found in self._luggage.files.items() if f"{taken}/".startswith(f"{name}/")]

    def _scan_module(self, path: Path, folders: list[Path]) -> None:
        if path in self._scanned or path.suffix != ".py" or not self._may_scan(path):
            return
        self._scanned.add(path)
        source = path.read_text(encoding="utf-8", errors="replace")
        scan = PythonScanner(module_folder=str(path.parent)).read(source)
        self._luggage.scan = _with(self._luggage.scan, scan)
        for wanted in scan.imports:
            self._follow_import(wanted, folders)
        for mention in scan.mentions:
            self._follow_mention(mention)

    def _follow_mention(self, mention: Mention) -> None:
        path = self._located(mention.path)
        absolute = mention.path.startswith("/") and not mention.by_module
        if path is None or absolute or not self._workspace.holds(path):
            return
        self._enter_for(mention)
        if mention.use is Use.WRITE:
            return
        for each in self._meant(mention, path):
            # `if not exists("../out"): makedirs("../out")` does not need the contents of the folder.
            if not self._is_start(each) and not (mention.use is Use.EXISTS and self._is_there(each) and each.is_dir()):
                self._take(each)
                if mention.use is Use.RUN or each.suffix == ".ipynb":
                    self._luggage.run.add(self._workspace.relative(each))
                self._read_on(each, runs=mention.use is Use.RUN)

    def _meant(self, mention: Mention, path: Path) -> Iterator[Path]:
        if not mention.pattern:
            return iter([path])
        if mention.path.startswith(_ANYWHERE) and mention.path.strip("*/"):
            return self._anywhere(mention.path.removeprefix(_ANYWHERE))
        return iter(()) if mention.path.startswith("*") else self._matches(mention.path)

    def _anywhere(self, rest: str) -> Iterator[Path]:
        """Find the path `rest` from the notebook's folder and from each folder above it, within the root."""
        folder = self._workspace.folder
        for start in (folder, *folder.parents):
            # Both must lie in the workspace, since `rest` may begin with `..`.
            if self._workspace.holds(start) and self._workspace.holds(Path(os.path.normpath(start / rest))):
                yield from self._matches(os.path.relpath(start / rest, folder))

    def _read_on(self, path: Path, *, runs: bool) -> None:
        """Follow the paths in a file that the code runs, or in a file of settings."""
        if path.suffix == ".ipynb" and runs:
            self._read_notebook(path)
        elif path.suffix == ".py":
            # IPython also puts the folder of a script on Python's path.
            self._scan_module(path, [*self._search_folders(self._luggage.scan), path.parent])
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
        scan = _scan_of(other, "python", [])
        self._luggage.scan = _with(self._luggage.scan, _without_cells(scan))
        self._follow(scan)

    def _may_scan(self, path: Path) -> bool:
        try:
            inside = Path(os.path.realpath(path)).is_relative_to(self._workspace.root)
            return inside and path.is_file() and path.stat().st_size <= _SCANNED_BYTES
        except OSError:
            return False

    def _located(self, path: str) -> Path | None:
        """Make a path absolute and without `..`; None when it cannot be a path of this file system."""
        if path.startswith("~") or "\0" in path:
            return None
        return Path(os.path.normpath(self._workspace.folder / path))

    def _is_start(self, path: Path) -> bool:
        """Tell whether `path` is the notebook's folder or one above: a place to start from, not data."""
        return self._workspace.folder.is_relative_to(path)

    def _matches(self, pattern: str) -> Iterator[Path]:
        """Find the paths that match. `**` gives the folder where it starts, so that the search reads no other folder.

        An unknown name beside the folders above the notebook means a file: else `f"../{name}"` took the workspace.
        """
        if "**" in pattern:
            start = self._located(pattern.split("**", 1)[0])
            return iter([start] if start else [])
        text = os.path.normpath(Path(glob.escape(str(self._workspace.folder))) / pattern)
        try:
            every = (Path(path) for path in glob.iglob(text))  # noqa: PTH207 — patterns are absolute
            found = (path for path in every if not (self._is_start(path.parent) and path.is_dir()))
            return iter(sorted(itertools.islice(found, self._limits.files + 1)))
        except (OSError, ValueError):
            return iter(())

    # --- folders

    def _enter(self, folder: Path, *, named: bool = False) -> None:
        if not self._is_start(folder):
            folders = self._luggage.named_folders if named else self._luggage.folders
            folders.add(self._workspace.relative(folder))

    def _enter_for(self, mention: Mention) -> None:
        """Note the folder of a file that the code may look for or write: `../out/x.csv` needs only `../out`."""
        anywhere = mention.path.startswith(_ANYWHERE)
        known = mention.path.removeprefix(_ANYWHERE).partition("*")
        # For `../out/part-*.csv` only the folder is known.
        name = known[0] if not known[1] else posixpath.dirname(known[0])
        starts = [self._workspace.folder, *self._workspace.folder.parents] if anywhere else [self._workspace.folder]
        for start in filter(self._workspace.holds, starts):
            path = Path(os.path.normpath(start / name))
            there = next((it for it in (path, *path.parents) if it == start or os.path.isdir(it)), start)  # noqa: PTH112 — names too long
            if self._workspace.holds(there) and self._is_inside(there) and not self._rules.is_of_tool(there):
                self._enter(there, named=True)

    # --- taking along

    def _take(self, path: Path) -> None:
        if not self._is_there(path) or self._workspace.relative(path) in self._luggage.files:
            return
        if path.is_relative_to(self._workspace.folder):
            for named in self._beside_in(path):
                self._take_file(named)
            if path.is_file() and (kept := self._rules.kept_behind_on_the_way(path)):
                self._luggage.left_behind.append(LeftBehind(path, kept))
                return
            # All other files of the folder stay behind for a reason.
            if not self._luggage.unseen:
                return
        why = self._rules.kept_behind_on_the_way(path) if self._is_inside(path) else "outside"
        if why:
            self._luggage.left_behind.append(LeftBehind(path, why))
            return
        found = self._walker.look(path)
        if isinstance(found, Found):
            self._take_file(found)
        elif found:
            self._take_folder(path)

    def _take_named(self) -> None:
        for path in named_in(self._workspace.folder):
            if self._workspace.holds(path) and self._is_inside(path):
                found = self._walker.look(path, asked_for=True)
                if isinstance(found, Found):
                    self._take_file(found)
                    self._read_on(path, runs=False)

    def _is_there(self, path: Path) -> bool:
        try:
            return path.exists()
        except (OSError, ValueError):
            return False  # a name that is too long, or a folder that may not be entered

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._workspace.root)

    def _look_beside(self) -> None:
        """Look at the files of the notebook's folder. Too many files are not an error: the code may not need them."""
        every = self._walker.files(self._workspace.folder)
        for found in itertools.islice(every, MOST_SEEN * self._limits.files):
            if found.path != self._workspace.notebook:
                self._beside[str(found.path)] = found
        self._luggage.unseen = next(every, None) is not None

    def _beside_in(self, path: Path) -> list[Found]:
        """List the file, or the files of the folder, among those of the notebook's folder."""
        if found := self._beside.get(str(path)):
            return [found]
        return [found for name, found in self._beside.items() if name.startswith(f"{path}/")]

    def _take_beside(self) -> None:
        """Take as many of the unnamed files in the notebook's folder as fit."""
        large = {name for name, found in self._beside.items() if found.size > self._limits.file_bytes}
        self._luggage.left_behind += [LeftBehind(Path(name), "large") for name in large]
        beside = {self._workspace.relative(it.path): it for name, it in self._beside.items() if name not in large}
        self._luggage.excess = self._allowance.excess({path: found.size for path, found in beside.items()})
        left = {path for excess in self._luggage.excess for path in excess.files}
        for path, found in beside.items():
            if path not in left:
                self._take_file(found)

    def _take_folder(self, folder: Path) -> None:
        for found in self._walker.files(folder):
            self._take_file(found)

    def _take_file(self, found: Found) -> None:
        relative = self._workspace.relative(found.path)
        if relative in self._luggage.files or found.path == self._workspace.notebook:
            return
        self._beside.pop(str(found.path), None)
        self._luggage.files[relative] = found
        self._allowance.take(relative, found.size)


def folders_above(paths: Iterable[str]) -> set[str]:
    above: set[str] = set()
    for path in paths:
        folder = posixpath.dirname(path)
        while folder and folder not in above:
            above.add(folder)
            folder = posixpath.dirname(folder)
    return above


def _top(wanted: Import) -> str:
    return wanted.name.partition(".")[0]


def _scan_of(notebook: Notebook, language: str, parameters: list[str]) -> Scan:
    if language.lower() == "python":
        scanner = PythonScanner(parameters=parameters)
        for cell in notebook.code_cells:
            scanner.read(cell.source, cell.index)
        return scanner.scan
    scan = Scan()
    for cell in notebook.code_cells:
        scan_text(cell.source, cell.index, scan)
    return scan


def _with(scan: Scan, more: Scan) -> Scan:
    """Join two scans. The files and variables of modules count like those of the notebook."""
    return Scan(
        mentions=[*scan.mentions, *more.mentions],
        imports=[*scan.imports, *more.imports],
        search_paths=[*scan.search_paths, *more.search_paths],
        variables=[*scan.variables, *more.variables],
        variables_set=scan.variables_set | more.variables_set,
        installs=scan.installs | more.installs,
        git_cells=[*scan.git_cells, *more.git_cells],
        input_cells=scan.input_cells,
        unreadable_cells=scan.unreadable_cells,
    )


def _without_cells(scan: Scan) -> Scan:
    """Remove the cell numbers, which belong to another notebook."""
    return replace(
        scan,
        mentions=[replace(m, cell=None) for m in scan.mentions],
        imports=[replace(i, cell=None) for i in scan.imports],
        variables=[replace(v, cell=None) for v in scan.variables],
        git_cells=[None for _ in scan.git_cells],
    )
