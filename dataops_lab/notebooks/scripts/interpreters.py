"""Choose the interpreter of a script: at submission, so that it cannot change under the run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ...domain.snapshots import (
    LOCAL_RUNTIME,
    KernelChoice,
    TargetRuntime,
    find_interpreter,
    find_kernel,
    interpreter,
    interpreter_of_kernel,
)
from ...errors import KernelUnavailable
from .. import kernels
from .read import Script

_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_PYTHON = "python3"


def select_interpreter(script: Script, chosen: str | None, where: TargetRuntime = LOCAL_RUNTIME) -> KernelChoice:
    """Return the interpreter of the script in this place. Raise KernelUnavailable when it has none.

    `chosen` is a kernel of Python: the script then runs with the Python of that kernel. The first line of a shell
    script decides between the shells, and gives options such as `-eu`.
    """
    if script.language != "python" and chosen is not None:
        raise KernelUnavailable(
            f"A kernel chooses the Python of a script, and {script.name} is {script.language}. Choose none.",
            code="no_kernel_for_script",
            kernel=chosen,
        )
    name: str = chosen or _PYTHON
    options: tuple[str, ...] = ()
    if script.language == "R":
        name = "Rscript"
    elif script.language == "shell":
        name, options = _shell(script)
    if where.kernels is None:
        found = resolve_interpreter(name, script.language)
    elif chosen is not None:
        found = interpreter_of_kernel(_require_python(_kernel_of_image(where.kernels, chosen)))
    else:
        found = find_interpreter(where.kernels, name, script.language)
    return replace(found, argv=(*found.argv, *options))


def resolve_interpreter(name: str, language: str) -> KernelChoice:
    """Return the interpreter that this name means on this machine. Raise KernelUnavailable when there is none.

    For Python it is the name of a kernel, else `python3`; for others the name of a program.
    """
    if language == "python":
        return _python(name)
    program = shutil.which(name)
    if program is None:
        raise KernelUnavailable(
            f"The script needs {name}, which is not installed here. Install it, or run the script in an image that "
            "has it.",
            code="interpreter_not_installed",
            kernel=name,
        )
    return interpreter(name, language, str(Path(program).absolute()))


def _shell(script: Script) -> tuple[str, tuple[str, ...]]:
    program, *options = script.shebang or ("sh",)
    name = PurePosixPath(program).name
    return (name, tuple(options)) if name in _SHELLS else ("sh", ())


def _python(name: str) -> KernelChoice:
    try:
        kernel = kernels.resolve_kernel(name)
    except KernelUnavailable:
        program = shutil.which(_PYTHON)
        if name != _PYTHON or program is None:
            raise
        return interpreter(_PYTHON, "python", str(Path(program).absolute()))
    return interpreter_of_kernel(_require_python(kernel))


def _require_python(kernel: KernelChoice) -> KernelChoice:
    if kernel.language.lower() == "python":
        return kernel
    raise KernelUnavailable(
        f"The kernel {kernel.name!r} is {kernel.language}, and the script is Python. Choose a kernel of Python.",
        code="no_kernel_for_script",
        kernel=kernel.name,
    )


def _kernel_of_image(image: Sequence[KernelChoice], name: str) -> KernelChoice:
    if found := find_kernel(image, name, None):
        return found
    names = ", ".join(kernel.name for kernel in image) or "none"
    raise KernelUnavailable(
        f"The image has no kernel {name!r}; it has {names}. Choose one of them, or none.",
        code="kernel_not_in_image",
        kernel=name,
    )
