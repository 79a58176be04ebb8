"""Compare the kernel on which a notebook is written with the image in which it will run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..domain.snapshots import Finding, Severity, TargetRuntime
from ..errors import KernelUnavailable
from . import kernels
from .dependencies import FileSet
from .read import Notebook

_WITHIN_S = 20.0

# This runs in that interpreter, without our code. Before Python 3.10 it cannot tell the package of a module.
_LIST = """
import importlib.metadata as metadata, json, platform, sys
packages_of = getattr(metadata, "packages_distributions", dict)()
found = {module: [packages[0], metadata.version(packages[0])] for module, packages in packages_of.items()}
print(json.dumps({"python": platform.python_version(), "modules": found, "folders": sys.path}))
"""


# IPython reads these files when a kernel starts.
_START_UP = ("startup/*.py", "startup/*.ipy", "ipython_config.py", "ipython_kernel_config.py")


@dataclass(frozen=True)
class InterpreterPackages:
    """An interpreter's version, and for each module the package that brings it, with its version.

    `folders` are the folders that it imports from, with the time of their last change in nanoseconds.
    """

    python: str
    modules: Mapping[str, tuple[str, str]]
    folders: Mapping[str, int | None]

    def is_current(self) -> bool:
        """Tell whether the folders are unchanged: nothing was installed or removed since."""
        return all(_changed_at(path) == changed_at for path, changed_at in self.folders.items())


def compatibility_findings(notebook: Notebook, file_set: FileSet, where: TargetRuntime) -> Iterator[Finding]:
    """Compare IPython's start-up files, Python, and the imported packages, as far as they are known."""
    if where.image is not None:
        yield from _start_up_findings(notebook, where.image)
    if where.packages is None:
        return
    imported = _imported_modules(file_set)
    installed = _kernel_packages(notebook.kernel_name)
    if installed is None:
        return
    if where.python and _minor_version(installed.python) != _minor_version(where.python):
        yield Finding(
            "image_other_python",
            Severity.INFO,
            f"The notebook's kernel has Python {installed.python}, the image {where.image} has {where.python}.",
            f"To write it where it will run, choose the kernel of {where.image}.",
        )
    packages = {_canonical(name): version for name, version in where.packages.items()}
    for module in sorted(imported.keys() & installed.modules.keys()):
        package, version = installed.modules[module]
        there = packages.get(_canonical(package))
        if there is None:
            yield Finding(
                "image_lacks_package",
                Severity.WARNING,
                f"{package} is not in the image {where.image}, and the notebook imports {module}.",
                "Choose an image that has it, or have one built: `jupyter dataops image build`.",
                imported[module],
            )
        elif there != version:
            yield Finding(
                "image_other_version",
                Severity.INFO,
                f"{package} is {version} on the notebook's kernel and {there} in the image {where.image}.",
                f"To write it where it will run, choose the kernel of {where.image}.",
                imported[module],
            )


def _start_up_findings(notebook: Notebook, image: str) -> Iterator[Finding]:
    if (notebook.language or "").lower() != "python":
        return
    profile = Path(os.environ.get("IPYTHONDIR") or Path("~/.ipython").expanduser()) / "profile_default"
    found = [path for pattern in _START_UP for path in sorted(profile.glob(pattern))]
    if found:
        yield Finding(
            "image_lacks_start_up",
            Severity.WARNING,
            f"IPython reads {', '.join(path.name for path in found)} of {profile} before each notebook here, "
            f"but not in the image {image}.",
            "Write into the notebook what it needs of them.",
        )


def _imported_modules(file_set: FileSet) -> dict[str, int | None]:
    """List modules that are not files of the workspace, with the cell of their first import."""
    own = file_set.local_modules | file_set.modules_in_root | sys.stdlib_module_names
    found: dict[str, int | None] = {}
    for import_ in file_set.scan.imports:
        top = import_.name.partition(".")[0]
        if top and top not in own:
            found.setdefault(top, import_.cell)
    return found


def _kernel_packages(kernel_name: str | None) -> InterpreterPackages | None:
    if not kernel_name:
        return None
    try:
        kernel = kernels.resolve_kernel(kernel_name)
    except KernelUnavailable:
        return None
    if kernel.language.lower() != "python" or "-m" not in kernel.argv:
        return None
    program = kernel.argv[0]
    known = _cache.get(program)
    if known is None or not known.is_current():
        # Without the cache each look of the form and each submit would take up to a second.
        _cache[program] = known = _ask_interpreter(program)
    return known


_cache: dict[str, InterpreterPackages | None] = {}
"""The answers by interpreter; None for an interpreter that did not answer."""


def _ask_interpreter(program: str) -> InterpreterPackages | None:
    try:
        # -I would hide the packages that people installed for themselves. The folder / has nothing to import.
        done = subprocess.run(
            [program, "-E", "-c", _LIST],
            cwd="/",
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_WITHIN_S,
            check=True,
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    modules = {module: (package, version) for module, (package, version) in answer["modules"].items()}
    return InterpreterPackages(answer["python"], modules, {path: _changed_at(path) for path in answer["folders"]})


def _changed_at(path: str) -> int | None:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return None


def _minor_version(version: str) -> list[str]:
    return version.split(".")[:2]


def _canonical(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
