"""Libraries that a preloaded interpreter imports ahead of a notebook, and hands over when the notebook imports them.

preload.py loads this file by its path, in an interpreter that may not have dataops_lab. So it imports the standard
library only.

Until the notebook imports a library, nothing of it shows: neither its modules in `sys.modules`, nor the variables and
filters of warnings that it sets. Each import forms a group with all that it brought. The groups are handed over in the
order in which they were loaded.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib.machinery
import importlib.util
import io
import locale
import logging
import os
import signal
import sys
import types
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SAFE = frozenset({"matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn"})
"""The libraries for which the contract of tests/executors/test_fork_server_libraries.py holds. They may start threads:
they take care of them when their process is forked."""

READ_FROM_FOLDER = frozenset({"matplotlibrc"})
"""The files that one of these libraries reads from the folder of the notebook while it is imported."""

READ_FROM_ENVIRONMENT = (
    *("ARROW_", "BLIS_", "GOMP_", "GOTO_", "JOBLIB_", "KMP_", "LOKY_", "MATPLOTLIB", "MKL_", "MPL", "NPY_", "NUMEXPR_"),
    *("NUMPY_", "OMP_", "OPENBLAS_", "PANDAS_", "SCIPY_", "SKLEARN_", "XDG_"),
)

STANDARD: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())

_INLINE = "module://matplotlib_inline.backend_inline"


class UnsafeLibrary(Exception):
    """A library that does something while it is imported that cannot be done ahead of time."""

    def __init__(self, library: str, why: str) -> None:
        super().__init__(f"{library} {why}")
        self.library, self.why = library, why


class Libraries:
    """The libraries that were loaded and, in a fork, the finder that hands them over."""

    prefixes = READ_FROM_ENVIRONMENT

    def __init__(self) -> None:
        self._groups: list[_Group] = []
        self._group_numbers: dict[str, int] = {}
        self._filters = list(warnings.filters)
        self._environment = dict(os.environ)
        self._finders = list(sys.meta_path)
        self._originals: dict[str, Any] = {}
        self._imported_by: dict[str, set[str]] = {}

    def load(self, names: Iterable[str]) -> None:
        """Import these in this order.

        Raise UnsafeLibrary for the first library that cannot be imported ahead of time; then this process is of no use.
        """
        with _looking_like_a_kernel(), _recording_imports(self._imported_by):
            for name in names:
                if name not in sys.modules:
                    self._groups.append(_import_library(name))

    def hide(self) -> None:
        """Hide all that was loaded, as if nothing had been imported."""
        for number, group in enumerate(self._groups):
            group.modules.pop("__mp_main__", None)  # This is the main module of this process, not of a notebook.
            for name in group.modules:
                sys.modules.pop(name, None)
                self._group_numbers[name] = number
        sys.modules.pop("__mp_main__", None)
        sys.meta_path[:] = self._finders
        _set_filters(self._filters)
        for name in set(os.environ) - set(self._environment):
            del os.environ[name]
        os.environ.update(self._environment)

    def top_level_names(self) -> list[str]:
        """List the top-level names of all that was loaded. A file of the notebook may have the same name."""
        return sorted({name.partition(".")[0] for name in self._group_numbers} - STANDARD)

    def settings_paths(self) -> list[str]:
        """List the files and folders of settings that the libraries read, or would have read if they existed."""
        for group in self._groups:
            if (matplotlib := group.modules.get("matplotlib")) is not None:
                return [matplotlib.matplotlib_fname(), matplotlib.get_configdir()]
        return []

    def start_in_fork(self) -> None:
        """Begin in a fork: draw other random numbers than the other forks, and wait for the notebook's imports."""
        for group in self._groups:
            if (numpy_random := group.modules.get("numpy.random")) is not None:
                numpy_random.seed()
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name not in self._group_numbers:
            return None
        original = self._module(name).__spec__
        if original is None:
            return None
        parts = original.submodule_search_locations
        spec = importlib.machinery.ModuleSpec(name, self, origin=original.origin, is_package=parts is not None)  # type: ignore[arg-type]
        spec.submodule_search_locations = parts
        spec.has_location = original.has_location
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = self._module(spec.name)
        self._originals[spec.name] = module.__spec__
        self._hand_over_group(spec.name)
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__spec__.name  # type: ignore[union-attr]
        module.__spec__ = self._originals.pop(name)

    def _module(self, name: str) -> types.ModuleType:
        return self._groups[self._group_numbers[name]].modules[name]

    def _hand_over_group(self, name: str) -> None:
        number = self._group_numbers[name]
        if name.partition(".")[0] in STANDARD:
            # The kernel or the notebook imports the module for itself: hand it over with the modules that it needs,
            # and with nothing of the libraries.
            self._hand_over_alone(name)
            return
        for group in self._groups[: number + 1]:
            for module_name, module in group.modules.items():
                if self._group_numbers.pop(module_name, None) is not None:
                    sys.modules.setdefault(module_name, module)
            group.take_effect()

    def _hand_over_alone(self, name: str) -> None:
        needed = [name]
        while needed:
            module_name = needed.pop()
            if (number := self._group_numbers.pop(module_name, None)) is not None:
                sys.modules.setdefault(module_name, self._groups[number].modules[module_name])
                needed += self._imported_by.get(module_name, ())
        if name == "multiprocessing":
            sys.modules["__mp_main__"] = sys.modules["__main__"]


class _Group:
    """One import: the modules that came with it, and what else it changed."""

    def __init__(
        self, modules: dict[str, types.ModuleType], before: _InterpreterState, after: _InterpreterState
    ) -> None:
        self.modules = modules
        self._filters = _new_filters(before.filters, after.filters)
        self._environment = {
            name: value for name, value in after.environment.items() if before.environment.get(name) != value
        }
        self._finders = [finder for finder in after.finders if finder not in before.finders]
        self._loggers = [after.loggers[name] for name in after.loggers.keys() - before.loggers.keys()]

    def take_effect(self) -> None:
        """Apply all that the import changed besides modules. Do nothing the second time."""
        filters, self._filters = self._filters, []
        if filters:
            _set_filters([*filters, *(entry for entry in warnings.filters if entry not in filters)])
        os.environ.update(self._environment)
        sys.meta_path.extend(finder for finder in self._finders if finder not in sys.meta_path)
        for logger in self._loggers:
            # A logger that is made after logging was configured is not disabled either.
            logger.disabled = False
        self._environment, self._finders, self._loggers = {}, [], []


class _CapturedOutput(io.StringIO):
    """A stream like the stdout of a kernel, which libraries ask for its encoding."""

    encoding = "UTF-8"


def _import_library(name: str) -> _Group:
    library = name.partition(".")[0]
    if not all(part.isidentifier() for part in name.split(".")):
        raise UnsafeLibrary(library, "is not a name")
    before, known, output = _InterpreterState(), set(sys.modules), _CapturedOutput()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), contextlib.suppress(ImportError):
        exec(f"import {name}", {"__name__": "__main__"})  # noqa: S102  as a cell does, for what warns its importer
    modules = {module_name: module for module_name, module in sys.modules.items() if module_name not in known}
    after = _InterpreterState()
    if output.getvalue():
        raise UnsafeLibrary(library, "says something while it is imported")
    for aspect, value in before.process.items():
        if after.process[aspect] != value:
            raise UnsafeLibrary(library, f"changes {aspect} while it is imported")
    new_top_level_names = {module_name.partition(".")[0] for module_name in modules}
    if after.threads > before.threads and not new_top_level_names & SAFE:
        raise UnsafeLibrary(library, "starts threads while it is imported")
    try:
        return _Group(modules, before, after)
    except ValueError:
        raise UnsafeLibrary(library, "takes away filters of warnings while it is imported") from None


class _InterpreterState:
    """The state that an import may change."""

    def __init__(self) -> None:
        self.filters = list(warnings.filters)
        self.environment = dict(os.environ)
        self.finders = list(sys.meta_path)
        self.loggers = {
            name: logger
            for name, logger in logging.root.manager.loggerDict.items()
            if isinstance(logger, logging.Logger) and not logger.disabled
        }
        self.threads = threads()
        self.process: dict[str, Any] = {
            "the path of imports": [list(sys.path), list(sys.path_hooks)],
            "hooks of the interpreter": [sys.excepthook, sys.displayhook, sys.unraisablehook],
            "limits of the interpreter": [sys.getrecursionlimit(), sys.getswitchinterval(), gc.get_threshold()],
            "signal handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
            "the locale": locale.setlocale(locale.LC_ALL),
            "the working directory": Path.cwd(),
            "builtins": set(vars(builtins)),
            "child processes": children(),
        }


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def children() -> list[str]:
    try:
        return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        return []


def _new_filters(before: list[Any], after: list[Any]) -> list[Any]:
    """Return the filters that were put in front. One that was there before may have moved there.

    Raise ValueError for any other change.
    """
    for count in range(len(after) + 1):
        front = after[:count]
        if after[count:] == [entry for entry in before if entry not in front]:
            return front
    raise ValueError


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # Without this the decisions of the old ones stay.
    warnings.filters[:] = filters  # type: ignore[index]


@contextlib.contextmanager
def _recording_imports(imported_by: dict[str, set[str]]) -> Iterator[None]:
    """Note which modules each module imports, also those that are loaded already."""
    original = builtins.__import__

    def recording_import(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        module = original(name, globals, locals, fromlist, level)
        if importer := (globals or {}).get("__name__"):
            package = globals.get("__package__") or importer
            whole = importlib.util.resolve_name("." * level + name, package) if level else name
            parts = whole.split(".")
            names = {".".join(parts[: count + 1]) for count in range(len(parts))}
            names |= {f"{whole}.{member}" for member in fromlist or ()}
            imported_by.setdefault(importer, set()).update(names & sys.modules.keys())
        return module

    # A warning that is meant for the importer skips the frames of the import system. This name makes it skip ours, too.
    recording_import.__code__ = recording_import.__code__.replace(co_filename="<frozen importlib._bootstrap>")
    builtins.__import__ = recording_import
    try:
        yield
    finally:
        builtins.__import__ = original


@contextlib.contextmanager
def _looking_like_a_kernel() -> Iterator[None]:
    """Show libraries the signs of a notebook: some look for them while they are imported."""
    had = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = had or _INLINE
    builtins.get_ipython = lambda: types.SimpleNamespace(kernel=None)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del builtins.get_ipython  # type: ignore[attr-defined]
        os.environ.pop("MPLBACKEND")
        if had is not None:
            os.environ["MPLBACKEND"] = had
