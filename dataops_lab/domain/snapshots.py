"""A notebook before it becomes a version, and the results of the check before the start."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from .inputs import FoundFile, Inputs, Pins
from .jobs import JobKind
from .outputs import Output
from .parameters import Parameter, ParameterSchema
from .versions import Manifest, Origin
from .workspaces import Location


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that will be missing or is worth knowing, with its fix. `cell` counts from 0.

    `file` is one that stays behind and could travel, as a path from the notebook's folder. `job` is the id of a job
    that may be the same. `missing` is what is not there: a file, as a path from there too, or the name of a variable.
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    cell: int | None = None
    file: str | None = None
    job: str | None = None
    missing: str | None = None


def include_line(file: str) -> str:
    """Return the line of a `.dataopsignore` that makes `file` travel.

    `file` is a path from the folder of the notebook.
    """
    name = _SPECIAL.sub(r"\\\g<0>", posixpath.normpath(file))
    return f"!{name}" if name.startswith("../") else f"!/{name}"


_SPECIAL = re.compile(r"[\\*?\[\]]| $")


@dataclass(frozen=True)
class KernelChoice:
    """The kernel that a name means on this machine; for a script its interpreter, for a command the command.

    It is stored with the run, so that later changes do not affect the run.
    """

    name: str
    language: str
    display_name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"
    inherited: dict[str, str] = field(default_factory=dict)
    """The submitter's variables that a process gets: somebody else may have started the engine."""


KERNELSPEC_PREFIX = "dataops."
"""The prefix of the names of kernelspecs that stand for kernels of images."""


def find_kernel(kernels: Sequence[KernelChoice], name: str | None, language: str | None) -> KernelChoice | None:
    """Return the kernel of that name, else the only one of that language: kernels may have other names in images."""
    wanted = name or ""
    for kernel in kernels:
        if kernel.name == wanted or (
            wanted.startswith(KERNELSPEC_PREFIX) and wanted.endswith(f".{kernel.name.lower()}")
        ):
            return kernel
    candidates = [kernel for kernel in kernels if language and kernel.language.lower() == language.lower()]
    return candidates[0] if len(candidates) == 1 else None


def find_interpreter(kernels: Sequence[KernelChoice], name: str, language: str) -> KernelChoice:
    """Return the interpreter of a script in an image with these kernels, without options.

    For Python it is that of the kernel which `find_kernel` finds, else `python3`; for others the program `name`.
    """
    kernel = find_kernel(kernels, name, language) if language.lower() == "python" else None
    if kernel is not None:
        return interpreter_of_kernel(kernel)
    program = "python3" if language.lower() == "python" else name
    return interpreter(program, language, program)


def interpreter_of_kernel(kernel: KernelChoice) -> KernelChoice:
    return replace(interpreter(kernel.name, kernel.language, kernel.argv[0]), env=kernel.env)


def interpreter(name: str, language: str, program: str) -> KernelChoice:
    return KernelChoice(name=name, language=language, display_name=f"{language.capitalize()} ({name})", argv=(program,))


@dataclass(frozen=True)
class TargetRuntime:
    """The place where a notebook will run: its kernels (None: those of this machine), and the names of its variables.

    For an image also its name, its Python and its packages with their versions, as far as they are known.
    """

    kernels: tuple[KernelChoice, ...] | None = None
    variables: frozenset[str] = frozenset()
    image: str | None = None
    python: str | None = None
    packages: Mapping[str, str] | None = None


LOCAL_RUNTIME = TargetRuntime()


@dataclass(frozen=True)
class Command:
    """A program with its arguments. A step of a pipeline gives it, and declares its parameters.

    `include` are files that travel along though no word names them, as patterns from the folder of the pipeline's file.
    """

    argv: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class SnapshotLimits:
    """The limits of a snapshot: number of helper files, bytes of one, bytes of all."""

    files: int = 2_000
    file_bytes: int = 256 * 1024**2
    total_bytes: int = 1024**3


@dataclass(frozen=True)
class Snapshot:
    """A notebook that was read, cleaned and stored, with the files that travel with it.

    `location` tells which job it is; the paths of the manifest begin at `root`, a real absolute path.
    The manifest holds the code, `inputs` the data as they are now.
    """

    name: str
    location: Location
    root: str
    manifest: Manifest
    kernel: KernelChoice | None
    """None for a pipeline, which runs nothing itself."""
    origin: Origin
    findings: tuple[Finding, ...]
    code_cells: int
    cell_ids: tuple[str, ...] = ()
    inputs: Inputs = Inputs()


@dataclass(frozen=True)
class AuthoringImage:
    """The image and environment on whose kernel a notebook was written. `image` is None where nobody may choose one."""

    environment: str
    image: str | None


@dataclass(frozen=True)
class Inspection:
    """The facts of a Snapshot for the form, with nothing stored. When `kernel` is None, `kernel_problem` says why.

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
    authored_in: AuthoringImage | None = None
    kernel_suggestion: str | None = None
    cell_ids: tuple[str, ...] = ()
    pinned: Pins = Pins()
    """The pins by which `files` are fresh or not."""
    kind: JobKind = JobKind.NOTEBOOK
    outputs: tuple[Output, ...] = ()
    """The outputs that the source declares."""
