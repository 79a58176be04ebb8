"""What differs between the kernel on which a notebook is written and the image in which it will run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..domain.snapshots import Finding, KernelChoice, Severity, Surroundings
from ..errors import KernelUnavailable
from . import kernels
from .read import Notebook
from .travel import Luggage

_WITHIN_S = 20.0

# Runs in that interpreter, with nothing of ours. Before Python 3.10 it cannot tell which package a module is of.
_LIST = """
import importlib.metadata as metadata, json, platform, sys
of = getattr(metadata, "packages_distributions", dict)()
found = {}
for module in sys.argv[1:]:
    for package in of.get(module, [])[:1]:
        found[module] = [package, metadata.version(package)]
print(json.dumps({"python": platform.python_version(), "modules": found}))
"""


@dataclass(frozen=True)
class Here:
    """An interpreter's version, and for modules the package that brings them, with its version."""

    python: str
    modules: Mapping[str, tuple[str, str]]


def differences(notebook: Notebook, luggage: Luggage, where: Surroundings) -> Iterator[Finding]:
    """Of Python and of the packages that the notebook imports; nothing where the image or the kernel is unknown."""
    if where.packages is None:
        return
    wanted = _imported(luggage)
    here = _here(notebook.kernel_name, sorted(wanted))
    if here is None:
        return
    if where.python and _minor(here.python) != _minor(where.python):
        yield Finding(
            "image_other_python",
            Severity.INFO,
            f"The notebook's kernel has Python {here.python}, the image {where.image} has {where.python}.",
            f"To write it where it will run, choose the kernel of {where.image}.",
        )
    packages = {_canonical(name): version for name, version in where.packages.items()}
    for module, (package, version) in sorted(here.modules.items()):
        there = packages.get(_canonical(package))
        if there is None:
            yield Finding(
                "image_lacks_package",
                Severity.WARNING,
                f"{package} is not in the image {where.image}, and the notebook imports {module}.",
                "Choose an image that has it, or have one built: `jupyter dataops image build`.",
                wanted[module],
            )
        elif there != version:
            yield Finding(
                "image_other_version",
                Severity.INFO,
                f"{package} is {version} on the notebook's kernel and {there} in the image {where.image}.",
                f"To write it where it will run, choose the kernel of {where.image}.",
                wanted[module],
            )


def _imported(luggage: Luggage) -> dict[str, int | None]:
    """Modules that no file of the workspace is, with the cell of their first import."""
    own = luggage.local_modules | luggage.modules_in_root | sys.stdlib_module_names
    found: dict[str, int | None] = {}
    for it in luggage.scan.imports:
        top = it.name.partition(".")[0]
        if top and top not in own:
            found.setdefault(top, it.cell)
    return found


def _here(kernel_name: str | None, modules: list[str]) -> Here | None:
    if not kernel_name:
        return None
    try:
        kernel = kernels.kernel(kernel_name)
    except KernelUnavailable:
        return None
    return _asked(kernel, modules) if kernel.language.lower() == "python" and "-m" in kernel.argv else None


def _asked(kernel: KernelChoice, modules: list[str]) -> Here | None:
    try:
        # Not -I, which hides what people installed for themselves. Nothing of importance lies in /.
        done = subprocess.run(
            [kernel.argv[0], "-E", "-c", _LIST, *modules],
            cwd="/",
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_WITHIN_S,
            check=True,
        )
        said = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Here(said["python"], {module: (package, version) for module, (package, version) in said["modules"].items()})


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _canonical(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
