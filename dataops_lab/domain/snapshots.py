"""What is found in a notebook before it becomes a version, and what the check before the start says."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .inputs import FoundFile, Inputs, Pins
from .parameters import ParameterSchema
from .versions import Manifest, Origin
from .workspaces import Location


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that will be missing or is worth knowing, with its mend. `cell` counts from 0.

    `file` is one that stays behind and can be taken along, as a path from the notebook's folder. `job` is the id of
    one that may be the same.
    """

    code: str
    severity: Severity
    message: str
    mend: str = ""
    cell: int | None = None
    file: str | None = None
    job: str | None = None


def along_line(file: str) -> str:
    """The line of the `.dataopsignore` beside a notebook that takes `file` along, a path from there."""
    name = _SPECIAL.sub(r"\\\g<0>", posixpath.normpath(file))
    return f"!{name}" if name.startswith("../") else f"!/{name}"


_SPECIAL = re.compile(r"[\\*?\[\]]| $")


@dataclass(frozen=True)
class KernelChoice:
    """What a kernel name resolves to on this machine. Stored with the run, so that it cannot change under it."""

    name: str
    language: str
    display_name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"
    inherited: dict[str, str] = field(default_factory=dict)
    """The submitter's variables that a process gets. Somebody else may have started the engine."""


AUTHORED = "dataops."
"""How the names of kernelspecs begin that stand for kernels of images."""


def kernel_for(kernels: Sequence[KernelChoice], name: str | None, language: str | None) -> KernelChoice | None:
    """The one of that name, else the only one of that language: kernels are called otherwise in images than here."""
    wanted = name or ""
    for kernel in kernels:
        if kernel.name == wanted or (wanted.startswith(AUTHORED) and wanted.endswith(f".{kernel.name.lower()}")):
            return kernel
    alike = [kernel for kernel in kernels if language and kernel.language.lower() == language.lower()]
    return alike[0] if len(alike) == 1 else None


@dataclass(frozen=True)
class Surroundings:
    """What there is where a notebook will run: kernels (None: those of this machine), and names of variables.

    Of an image also its name, its Python and its packages with their versions, as far as they are known.
    """

    kernels: tuple[KernelChoice, ...] | None = None
    variables: frozenset[str] = frozenset()
    image: str | None = None
    python: str | None = None
    packages: Mapping[str, str] | None = None


HERE = Surroundings()


@dataclass(frozen=True)
class Limits:
    """Of a snapshot: number of helper files, bytes of one, bytes of all."""

    files: int = 2_000
    file_bytes: int = 256 * 1024**2
    total_bytes: int = 1024**3


@dataclass(frozen=True)
class Snapshot:
    """A notebook read, cleaned and stored with what travels along.

    `location` tells which job it is; `root`, a real absolute path, is where the paths of the manifest begin.
    The manifest holds the code, `inputs` the data as they are now.
    """

    name: str
    location: Location
    root: str
    manifest: Manifest
    kernel: KernelChoice
    origin: Origin
    findings: tuple[Finding, ...]
    code_cells: int
    cell_ids: tuple[str, ...] = ()
    inputs: Inputs = Inputs()


@dataclass(frozen=True)
class WrittenIn:
    """Where a notebook was written: on the kernel of an image. `image` is None where nobody may choose one."""

    environment: str
    image: str | None


@dataclass(frozen=True)
class Inspection:
    """The same without storing anything, for the form. `kernel` is None with `kernel_problem` saying why.

    `kernel_suggestion` then names the only kernel of the notebook's language, if there is exactly one.
    """

    name: str
    location: Location
    root: str
    notebook_path: str
    parameters: ParameterSchema
    kernel: KernelChoice | None
    kernel_problem: str | None
    kernels: tuple[str, ...]
    files: tuple[FoundFile, ...]
    origin: Origin
    findings: tuple[Finding, ...]
    code_cells: int
    written_in: WrittenIn | None = None
    kernel_suggestion: str | None = None
    cell_ids: tuple[str, ...] = ()
    pinned: Pins = Pins()
    """Those by which `files` are fresh or not."""
