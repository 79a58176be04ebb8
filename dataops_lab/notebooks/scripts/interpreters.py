"""Choose the interpreter of a script: at submission, so that it cannot change under the run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ...domain.snapshots import HERE, KernelChoice, Surroundings, kernel_for
from ...errors import KernelUnavailable
from .. import kernels
from .read import Script

_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_PYTHON = "python3"
_DISPLAYED = {"python": "Python", "R": "R", "shell": "Shell"}


def select_interpreter(script: Script, chosen: str | None, where: Surroundings = HERE) -> KernelChoice:
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
    if script.language == "python":
        return _python(chosen or _PYTHON, where, language=None if chosen else "python")
    if script.language == "R":
        return resolve_interpreter("Rscript", "R", where)
    program, *options = script.shebang or ("sh",)
    name = PurePosixPath(program).name
    shell = resolve_interpreter(name if name in _SHELLS else "sh", "shell", where)
    return replace(shell, argv=(*shell.argv, *options)) if name in _SHELLS else shell


def resolve_interpreter(name: str, language: str, where: Surroundings = HERE) -> KernelChoice:
    """Return the interpreter that this name means in this place. Raise KernelUnavailable when there is none.

    For Python it is the name of a kernel, else `python3`; for others the name of a program.
    """
    if language == "python":
        return _python(name, where, language="python")
    if where.kernels is not None:
        return _choice(name, language, name)
    program = shutil.which(name)
    if program is None:
        raise KernelUnavailable(
            f"The script needs {name}, which is not installed here. Install it, or run the script in an image that "
            "has it.",
            code="interpreter_not_installed",
            kernel=name,
        )
    return _choice(name, language, str(Path(program).absolute()))


def _python(name: str, where: Surroundings, *, language: str | None) -> KernelChoice:
    """Return the Python of this kernel; in an image, with `language`, else that of its only kernel of Python."""
    if where.kernels is not None:
        found = kernel_for(where.kernels, name, language)
        if found is None and name != _PYTHON:
            names = ", ".join(kernel.name for kernel in where.kernels) or "none"
            raise KernelUnavailable(
                f"The image has no kernel {name!r}; it has {names}. Choose one of them, or none.",
                code="kernel_not_in_image",
                kernel=name,
            )
        return _of_kernel(found) if found else _choice(_PYTHON, "python", _PYTHON)
    try:
        return _of_kernel(kernels.kernel(name))
    except KernelUnavailable:
        program = shutil.which(_PYTHON)
        if name != _PYTHON or program is None:
            raise
        return _choice(_PYTHON, "python", str(Path(program).absolute()))


def _of_kernel(kernel: KernelChoice) -> KernelChoice:
    if kernel.language.lower() != "python":
        raise KernelUnavailable(
            f"The kernel {kernel.name!r} is {kernel.language}, and the script is Python. Choose a kernel of Python.",
            code="no_kernel_for_script",
            kernel=kernel.name,
        )
    return replace(_choice(kernel.name, "python", kernel.argv[0]), env=kernel.env)


def _choice(name: str, language: str, program: str) -> KernelChoice:
    return KernelChoice(name=name, language=language, display_name=f"{_DISPLAYED[language]} ({name})", argv=(program,))
