"""Find the imports that are files of the workspace, and those that a kernel's interpreter can find."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..domain.snapshots import KernelChoice
from .scan import Import

_TIMEOUT_S = 20.0

_LONGEST_NAME = 200  # file systems stop at 255 bytes

# This looks for top-level names only. A look for a submodule would import its parents and so run code.
_LOOK = """
import importlib.util, json, os, sys, sysconfig
installed = [os.path.realpath(path) + os.sep for path in sysconfig.get_paths().values()]
def place(name):
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return "" if name in sys.modules else None
    if spec is None:
        return None
    origin = spec.origin if spec.has_location else next(iter(spec.submodule_search_locations or [""]), "")
    path = os.path.realpath(origin) if origin else ""
    inside = path.startswith(tuple(installed)) or {"site-packages", "dist-packages"} & set(path.split(os.sep))
    return "" if inside else path
print(json.dumps({name: "" if name in sys.builtin_module_names else place(name) for name in sys.argv[1:]}))
"""


@dataclass
class ModuleLookup:
    """The top-level modules that a kernel's environment lacks, and those that it links to other folders."""

    missing: set[str] = field(default_factory=set)
    linked: dict[str, str] = field(default_factory=dict)


def find_local_files(import_: Import, folders: Sequence[Path]) -> list[Path]:
    """Find the module's file, or the folder of its top-level package; [] when no folder has it.

    A namespace package (a folder without `__init__.py`) gives only the imported files; `*` imports all of them.
    """
    top, _, rest = import_.name.partition(".")
    if len(top) > _LONGEST_NAME:
        return []
    for folder in folders:
        module, package = folder / f"{top}.py", folder / top
        if (package / "__init__.py").is_file():
            return [package]
        if module.is_file():
            return [module]
        if package.is_dir() and not rest and "*" in import_.members:
            return [package]
        if package.is_dir() and (found := list(_find_in_namespace(package, rest, import_.members))):
            return found
    return []


def _find_in_namespace(package: Path, rest: str, members: Sequence[str]) -> Iterator[Path]:
    names = [rest, *(f"{rest}.{member}".lstrip(".") for member in members)]
    for name in filter(None, names):
        head, _, tail = name.partition(".")
        yield from find_local_files(Import(head, (tail,) if tail else ()), [package])


def module_finder(kernel: KernelChoice | None) -> Callable[[set[str]], ModuleLookup]:
    """Return a search in the kernel's Python. When its command is not an interpreter, nothing counts as missing."""
    # The interpreter of a script has no arguments. Another kernel without `-m` may start anything.
    if kernel is None or kernel.language.lower() != "python" or ("-m" not in kernel.argv and len(kernel.argv) > 1):
        return lambda _: ModuleLookup()
    return Interpreter(kernel.argv[0]).find_modules


class Interpreter:
    """A kernel's Python that is asked for modules. It remembers found modules, and asks again for missing ones."""

    _known: dict[tuple[str, str], None] = {}  # noqa: RUF012 — a cache of the process, on purpose

    def __init__(self, program: str) -> None:
        self._program = program

    def find_modules(self, names: Iterable[str]) -> ModuleLookup:
        """Ask the interpreter for modules. When it does not answer, nothing counts as missing."""
        # A run brings our own package along where it is not installed, for `record`.
        names = set(names) - {__name__.partition(".")[0]}
        if self._program == sys.executable:
            names -= sys.stdlib_module_names
        asked = sorted(name for name in set(names) if (self._program, name) not in self._known and name.isidentifier())
        if not asked:
            return ModuleLookup()
        found = self._ask_interpreter(asked)
        self._known.update(dict.fromkeys((self._program, name) for name, place in found.items() if place == ""))
        return ModuleLookup(
            {name for name, place in found.items() if place is None},
            {name: place for name, place in found.items() if place},
        )

    def _ask_interpreter(self, names: list[str]) -> dict[str, str | None]:
        try:
            # -I would hide the packages that people installed for themselves. The folder / has nothing to import.
            done = subprocess.run(
                [self._program, "-E", "-c", _LOOK, *names],
                cwd="/",
                capture_output=True,
                check=True,
                timeout=_TIMEOUT_S,
                stdin=subprocess.DEVNULL,
            )
            return dict(json.loads(done.stdout))
        except (OSError, subprocess.SubprocessError, ValueError):
            return {}
