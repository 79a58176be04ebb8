"""Which imports are files of the workspace, and which of the others a kernel's interpreter can find."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ..domain.snapshots import KernelChoice
from .scan import Import

_TIMEOUT_S = 20.0

_LONGEST_NAME = 200  # file systems stop at 255 bytes

# Looks for top-level names only: looking for a submodule imports its parents, which is somebody's code.
_LOOK = """
import importlib.util, json, sys
def found(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return name in sys.modules
print(json.dumps([n for n in sys.argv[1:] if n in sys.builtin_module_names or found(n)]))
"""


def local_files(wanted: Import, folders: Sequence[Path]) -> list[Path]:
    """The module's file, or the folder of its top-level package; [] when no folder has it.

    Of a namespace package (a folder without `__init__.py`) only what is imported.
    """
    top, _, rest = wanted.name.partition(".")
    if len(top) > _LONGEST_NAME:
        return []
    for folder in folders:
        module, package = folder / f"{top}.py", folder / top
        if (package / "__init__.py").is_file():
            return [package]
        if module.is_file():
            return [module]
        if package.is_dir() and (found := list(_in_namespace(package, rest, wanted.members))):
            return found
    return []


def _in_namespace(package: Path, rest: str, members: Sequence[str]) -> Iterator[Path]:
    names = [rest, *(f"{rest}.{member}".lstrip(".") for member in members)]
    for name in filter(None, names):
        head, _, tail = name.partition(".")
        yield from local_files(Import(head, (tail,) if tail else ()), [package])


def missing_in(kernel: KernelChoice | None) -> Callable[[set[str]], set[str]]:
    """Which modules a kernel's environment lacks; none where what starts the kernel is not its interpreter."""
    if kernel is None or kernel.language.lower() != "python" or "-m" not in kernel.argv:
        return lambda _: set()
    return Interpreter(kernel.argv[0]).missing


class Interpreter:
    """A kernel's Python, asked what it finds. What it found once is not asked again; what it missed is."""

    _known: dict[tuple[str, str], None] = {}  # noqa: RUF012 — a cache of the process, on purpose

    def __init__(self, program: str) -> None:
        self._program = program

    def missing(self, names: Iterable[str]) -> set[str]:
        """Those that it cannot import. None is missing when it does not answer."""
        if self._program == sys.executable:
            names = set(names) - sys.stdlib_module_names
        asked = sorted(name for name in set(names) if (self._program, name) not in self._known and name.isidentifier())
        if not asked:
            return set()
        found = self._ask(asked)
        if found is None:
            return set()
        self._known.update(dict.fromkeys((self._program, name) for name in found))
        return set(asked) - found

    def _ask(self, names: list[str]) -> set[str] | None:
        try:
            # Not -I, which hides what people installed for themselves. Nothing of importance lies in /.
            done = subprocess.run(
                [self._program, "-E", "-c", _LOOK, *names],
                cwd="/",
                capture_output=True,
                check=True,
                timeout=_TIMEOUT_S,
                stdin=subprocess.DEVNULL,
            )
            return set(json.loads(done.stdout))
        except (OSError, subprocess.SubprocessError, ValueError):
            return None
