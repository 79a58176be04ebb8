"""Scan Python: the code cells of a notebook in order, or one module."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from .. import python_source
from .aliases import AliasResolver
from .findings import Import, Mention, Scan, Use, Variable
from .magics import scan_magic
from .paths import HOLE, MODULE, path_of, variable_key
from .text import scan_text

_READS = (
    "read_",
    "load",
    "imread",
    "genfromtxt",
    "fromfile",
    "open_",
    "listdir",
    "scandir",
    "iterdir",
    "glob",
    "rglob",
)
_NOT_READING_FILES = frozenset(
    {"read_sql", "read_sql_query", "read_sql_table", "read_gbq", "read_html", "read_clipboard", "loads"}
)
_WRITES = (
    "to_",
    "write",
    "save",
    "dump",
    "mkdir",
    "makedirs",
    "imwrite",
    "touch",
    "unlink",
    "remove",
    "rmtree",
    "sink_",
    "imsave",
    "ExcelWriter",
)
_COPIES = frozenset({"copy", "copy2", "copyfile", "copytree", "move", "rename"})
_EXISTENCE_CHECKS = frozenset({"exists", "isfile", "isdir", "is_file", "is_dir", "lexists"})
_PATH_METHODS = frozenset(
    {
        "open",
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "mkdir",
        "touch",
        "iterdir",
        "glob",
        "rglob",
        "unlink",
    }
    | {"exists", "is_file", "is_dir"}
)
_PATH_KEYWORDS = frozenset(
    {"path", "filepath_or_buffer", "path_or_buf", "fname", "file", "filename", "filepath", "io", "f"}
)


class PythonScanner(ast.NodeVisitor):
    """A scanner of Python. Feed it the cells in order: names and the working folder carry over to the next cell."""

    def __init__(self, *, module_folder: str | None = None, parameters: Sequence[str] = ()) -> None:
        self.scan = Scan()
        self._module_folder = module_folder
        self._parameters = frozenset(parameters)
        self._names: dict[str, str] = {}
        self._aliases = AliasResolver()
        self._own_functions: set[str] = set()
        self._base = "."
        self._cell: int | None = None
        self._in_try = 0
        self._muted = 0

    def read(self, source: str, cell: int | None = None) -> Scan:
        """Scan a source into `scan`, and return it. A cell that is not Python is noted and skipped."""
        self._cell = cell
        if python_source.is_other_language(source):
            self._magic(source.lstrip().split("\n", 1)[0])
            scan_text(source, cell, self.scan)
            return self.scan
        for line in python_source.magics(source):
            self._magic(line)
        tree = python_source.parse(source)
        try:
            if tree is not None:
                self.visit(self._aliases.resolve(tree))
        except RecursionError:
            tree = None
        if tree is None and cell is not None:
            self.scan.unreadable_cells.append(cell)
        return self.scan

    def _magic(self, line: str) -> None:
        before = len(self.scan.mentions)
        new_folder, given = scan_magic(line, self._cell, self.scan)
        self._names.update({variable_key(name): path for name, path in given.items()})
        found = self.scan.mentions[before:]
        self.scan.mentions[before:] = [replace(m, path=self._located_path(m.path) or m.path) for m in found]
        self._change_folder(new_folder)

    # --- names and scopes

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, node.value)
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if python_source.dotted_name(node.target) == "sys.path":
            self._search_paths([node.value])
            with self._muting_mentions():
                self.generic_visit(node)
        else:
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._own_functions.add(node.name)
        arguments = node.args
        all_arguments = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        outside = self._names
        own = {argument.arg for argument in all_arguments if argument}
        self._names = {name: path for name, path in outside.items() if name not in own}
        self.generic_visit(node)
        self._names = outside

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_While(self, node: ast.While) -> None:
        # `while not (root / "setup.py").exists(): root = root.parent` may stop at any folder.
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign):
                for target in inner.targets:
                    self._names.pop(target.id if isinstance(target, ast.Name) else "", None)
        kept = dict(self._names)
        self.generic_visit(node)
        self._names = {name: path for name, path in self._names.items() if kept.get(name) == path}

    def visit_For(self, node: ast.For) -> None:
        if isinstance(node.target, ast.Name):
            self._names.pop(node.target.id, None)
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        self._in_try += bool(node.handlers)
        for statement in node.body:
            self.visit(statement)
        self._in_try -= bool(node.handlers)
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if python_source.dotted_name(target.value if isinstance(target, ast.Subscript) else target) == "sys.path":
            self._search_paths([part for part in ast.walk(value) if isinstance(part, (ast.List, ast.Tuple))])
            return
        if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
            for inner_target, inner_value in zip(target.elts, value.elts, strict=False):
                self._assign(inner_target, inner_value)
            return
        if not isinstance(target, ast.Name):
            if isinstance(target, ast.Subscript) and _is_environ(target.value):
                self._variable_set(target.slice)
                path = path_of(value, self._names)
                if path is not None and isinstance(target.slice, ast.Constant):
                    self._names[variable_key(str(target.slice.value))] = path
            return
        path = path_of(value, self._names)
        # The default of a parameter is only a hint: it counts when it looks like a path.
        if path is None or (target.id in self._parameters and "/" not in path):
            self._names.pop(target.id, None)
        else:
            self._names[target.id] = path

    # --- imports

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        # A relative import stays within its package, which travels as a whole.
        if node.module and not node.level:
            self._import(node.module, tuple(alias.name for alias in node.names))

    def _import(self, name: str, members: tuple[str, ...] = ()) -> None:
        if not name or MODULE in name:
            return
        self.scan.imports.append(Import(name, members, optional=self._in_try > 0, cell=self._cell))

    def _import_by_text(self, name: str) -> None:
        """Import every module that `f"tasks.{name}"` may mean."""
        known, unknown, _ = name.partition(HOLE)
        if unknown:
            self._import(known.rpartition(".")[0], ("*",))
        else:
            self._import(known)

    # --- paths

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring does not name files
            self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        self._mention(node, Use.UNKNOWN)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._mention_or_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self._mention_or_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._mention_or_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if _is_environ(node.value):
            if isinstance(node.ctx, ast.Load):
                self._variable(node.slice)
            else:
                self._variable_set(node.slice)
            return
        self._mention_or_visit(node)

    def _mention_or_visit(self, node: ast.expr) -> None:
        """Note a path that is known as a whole, without its parts; else visit the parts."""
        if self._mention(node, Use.UNKNOWN):
            with self._muting_mentions():
                self.generic_visit(node)
        else:
            self.generic_visit(node)

    def _mention(self, node: ast.expr, use: Use) -> bool:
        path = path_of(node, self._names)
        if path is None:
            return False
        if not self._muted and _is_pathlike(path):
            self._add(path, use)
        return True

    def _add(self, path: str, use: Use) -> None:
        by_module = path.startswith(MODULE)
        located = self._located_path(path)
        if located is None:
            return
        self.scan.mentions.append(
            Mention(
                located.replace(HOLE, "*"),
                use,
                pattern=HOLE in located or any(c in located for c in "*?["),
                guarded=self._in_try > 0,
                by_module=by_module,
                cell=self._cell,
            )
        )

    def _located_path(self, path: str) -> str | None:
        if MODULE in path:
            if self._module_folder is None:
                return None
            return posixpath.normpath(path.replace(MODULE, self._module_folder))
        is_unchanged = self._base == "." or path.startswith(("~", HOLE)) or _has_scheme(path)
        return path if is_unchanged else posixpath.join(self._base, path)

    # --- calls

    def visit_Call(self, node: ast.Call) -> None:
        name = _called_name(node.func)
        if self._handle_environment_call(node):
            with self._muting_mentions():
                self.generic_visit(node)
            return
        if name == "Repo" or (node.args and _is_git_command(node.args[0])):
            self.scan.git_cells += [] if self._in_try else [self._cell]
        # The body of the notebook's own function shows its use of a path; its name does not.
        own = isinstance(node.func, ast.Name) and name in self._own_functions
        use = Use.UNKNOWN if own else _use_of_call(node, name)
        if len(node.args) > 1 and (name in _COPIES or (use is Use.WRITE and self._is_object(node.args[0]))):
            self._mention(node.args[1], Use.WRITE)
        if (
            isinstance(node.func, ast.Attribute)
            and name in _PATH_METHODS
            and self._mention_receiver(node.func.value, node, use)
        ):
            return
        if use is Use.UNKNOWN:
            self._mention_or_visit(node)
            return
        first = node.args[:1] + [k.value for k in node.keywords if k.arg in _PATH_KEYWORDS]
        for argument in first:
            if self._mention(argument, use):
                with self._muting_mentions():
                    self.visit(argument)
            else:
                self.visit(argument)
        self.visit(node.func)
        for other in (*node.args[1:], *(k.value for k in node.keywords if k.arg not in _PATH_KEYWORDS)):
            self.visit(other)

    def _is_object(self, node: ast.expr) -> bool:
        """Tell whether the first argument is what is written, as in `dump(model, "model.pkl")`, and not where."""
        return path_of(node, self._names) is None

    def _mention_receiver(self, receiver: ast.expr, node: ast.Call, use: Use) -> bool:
        """Note the path before the dot, as in `Path("x").read_text()`. Return False when it is unknown."""
        is_search = _called_name(node.func) in ("glob", "rglob")
        if not self._mention(node if is_search else receiver, use):
            return False
        with self._muting_mentions():
            self.visit(receiver)
        for argument in () if is_search else node.args:
            self.visit(argument)
        return True

    def _handle_environment_call(self, node: ast.Call) -> bool:
        match python_source.dotted_name(node.func):
            case "sys.path.append" | "sys.path.insert" | "sys.path.extend" | "site.addsitedir":
                self._search_paths(node.args[-1:])
            case "os.chdir" if node.args:
                self._change_folder(path_of(node.args[0], self._names))
            case "os.getenv" | "os.environ.get" | "getenv" | "environ.get" if len(node.args) == 1 and not node.keywords:
                self._variable(node.args[0])
            case "os.environ.setdefault" | "environ.setdefault" if node.args:
                self._variable_set(node.args[0])
            case "input" | "getpass" | "getpass.getpass" if self._cell is not None:
                self.scan.input_cells.append(self._cell)
            case (
                "importlib.import_module"
                | "import_module"
                | "__import__"
                | "importlib.resources.files"
                | "resources.files"
                | "pkgutil.get_data"
            ) if node.args:
                self._import_by_text(path_of(node.args[0], self._names) or "")
            case _ if _called_name(node.func) in ("run_line_magic", "magic"):
                words = [word.value for word in node.args if isinstance(word, ast.Constant)]
                self._magic("%" + " ".join(map(str, words)))
            case _:
                return False
        return True

    def _search_paths(self, arguments: list[ast.expr]) -> None:
        for argument in arguments:
            for element in argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument]:
                path = path_of(element, self._names)
                located = self._located_path(path) if path and HOLE not in path else None
                if located:
                    self.scan.search_paths.append(located)

    def _change_folder(self, folder: str | None) -> None:
        if folder and HOLE not in folder and MODULE not in folder:
            self._base = posixpath.normpath(posixpath.join(self._base, folder))

    def _variable(self, name: ast.expr) -> None:
        if isinstance(name, ast.Constant) and isinstance(name.value, str) and not self._in_try:
            self.scan.variables.append(Variable(name.value, self._cell))

    def _variable_set(self, name: ast.expr) -> None:
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            self.scan.variables_set.add(name.value)

    @contextmanager
    def _muting_mentions(self) -> Iterator[None]:
        self._muted += 1
        try:
            yield
        finally:
            self._muted -= 1


def _is_git_command(command: ast.expr) -> bool:
    """Recognise `["git", "rev-parse", …]` and `"git rev-parse …"`, as programs give them to a process."""
    match command:
        case ast.List(elts=[ast.Constant(value="git"), ast.Constant(value=verb), *_]):
            return verb not in ("clone", "init", "config", "--version")
        case ast.Constant(value=str(line)):
            return bool(scan_text(line, None, Scan()).git_cells)
    return False


def _use_of_call(node: ast.Call, name: str) -> Use:
    if name == "open":
        position = 0 if isinstance(node.func, ast.Attribute) and _is_path_method(node.func) else 1
        modes = [*node.args[position : position + 1], *(k.value for k in node.keywords if k.arg == "mode")]
        text = next((m.value for m in modes if isinstance(m, ast.Constant) and isinstance(m.value, str)), "r")
        return Use.WRITE if set(text) & set("wax") else Use.READ
    if name in _EXISTENCE_CHECKS:
        return Use.EXISTS
    if name in _NOT_READING_FILES:
        return Use.UNKNOWN
    if name.startswith(_WRITES):
        return Use.WRITE
    return Use.READ if name.startswith(_READS) or name.endswith("loadtxt") else Use.UNKNOWN


def _is_path_method(function: ast.Attribute) -> bool:
    """Recognise `Path(…).open("w")`, which has the mode first; `gzip.open(path, "w")` has it second."""
    return not (
        isinstance(function.value, ast.Name)
        and function.value.id in ("gzip", "bz2", "lzma", "io", "codecs", "os", "Image")
    )


def _is_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id == "environ"
    )


def _called_name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _has_scheme(path: str) -> bool:
    return "://" in path


def _is_pathlike(path: str) -> bool:
    """Tell whether a text may be a path, by a cheap test. A path must also exist to matter."""
    return 0 < len(path) < 1024 and "\n" not in path and not _has_scheme(path) and path.strip("/. ") != ""
