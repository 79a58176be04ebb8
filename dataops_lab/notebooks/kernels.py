"""Resolve kernel names on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..domain.snapshots import LOCAL_RUNTIME, KernelChoice, TargetRuntime, find_kernel
from ..errors import KernelUnavailable
from .read import Notebook

# In a kernelspec these names mean "the Python that runs Jupyter", as in jupyter_client.
_NATIVE = frozenset({"python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}"})


class _Unusable(Exception):
    """The kernel cannot be started. The message tells people why; `code` tells programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def installed_kernels() -> tuple[str, ...]:
    """List the names of the kernels that can be started."""
    return tuple(survey_kernels()[0])


def survey_kernels() -> tuple[dict[str, KernelChoice], dict[str, str]]:
    """Return the kernels that can be started, by name, and for every other kernelspec the reason why it cannot."""
    manager = _manager()
    usable, problems = {}, {}
    for name in sorted(manager.find_kernel_specs()):
        try:
            usable[name] = _resolve_choice(manager, name)
        except _Unusable as problem:
            problems[name] = str(problem)
    return usable, problems


def resolve_kernel(name: str) -> KernelChoice:
    try:
        return _resolve_choice(_manager(), name)
    except _Unusable as problem:
        raise _unavailable(str(problem), code=problem.code, language=None, kernel=name) from None


def select_kernel(notebook: Notebook, chosen: str | None, where: TargetRuntime = LOCAL_RUNTIME) -> KernelChoice:
    """Return the chosen kernel, else the notebook's own; never a guess.

    When the kernelspec names no language, the language is the notebook's. Raise KernelUnavailable when the kernel
    cannot be used, or nothing names one.
    """
    if where.kernels is not None:
        choice = _select_from_image(where.kernels, notebook, chosen)
    elif name := chosen or notebook.kernel_name:
        try:
            choice = _resolve_choice(_manager(), name)
        except _Unusable as problem:
            language = None if _is_python_2(notebook) else notebook.language
            raise _unavailable(str(problem), code=problem.code, language=language, kernel=name) from None
    else:
        message = "The notebook does not say which kernel it needs."
        raise _unavailable(message, code="no_kernelspec", language=notebook.language)
    return choice if choice.language else replace(choice, language=notebook.language or "")


def _select_from_image(image: Sequence[KernelChoice], notebook: Notebook, chosen: str | None) -> KernelChoice:
    """Return the chosen kernel of an image, else one of its kernels that fits this notebook."""
    wanted = chosen or notebook.kernel_name
    if found := find_kernel(image, wanted, None if chosen else notebook.language):
        return found
    names = [kernel.name for kernel in image]
    raise KernelUnavailable(
        f"The image has no kernel {wanted or notebook.language!r}; it has {_join_names(names)}. Choose another "
        "image, or one of its kernels with --kernel.",
        code="kernel_not_in_image",
        kernel=wanted,
        installed=names,
    )


def _manager() -> Any:
    # This import takes a third of a second.
    from jupyter_client.kernelspec import KernelSpecManager

    return KernelSpecManager()


def _resolve_choice(manager: Any, name: str) -> KernelChoice:
    # jupyter_client also looks names up in lower case.
    folder = manager.find_kernel_specs().get(name.lower())
    if folder is None:
        raise _Unusable(f"The kernel {name!r} is not installed here.", "kernel_not_installed")
    try:
        spec = manager.get_kernel_spec(name)
        problem = _shape_problem(spec)
    except Exception as error:
        # Other people wrote the file, and jupyter_client checks little of it, so any error is possible.
        problem = " ".join(str(error).split()) or type(error).__name__
    if problem:
        raise _Unusable(
            f"The kernel {name!r} cannot be used: {os.path.join(folder, 'kernel.json')}: {problem}. Fix that file.",  # noqa: PTH118
            "kernelspec_broken",
        )
    return KernelChoice(
        name=name,
        language=spec.language,
        display_name=spec.display_name or name,
        argv=_argv(name, spec),
        env=dict(spec.env),
        interrupt_mode=spec.interrupt_mode or "signal",
    )


def _shape_problem(spec: Any) -> str | None:
    if not spec.argv or not all(isinstance(argument, str) for argument in spec.argv):
        return "argv is not a list of texts that begins with a program"
    if not all(isinstance(value, str) for value in spec.env.values()):
        return "env is not a mapping of names to texts"
    return None


def _argv(name: str, spec: Any) -> tuple[str, ...]:
    """Resolve the command now: the run may start later, with another PATH. `{connection_file}` stays."""
    program = sys.executable if spec.argv[0] in _NATIVE else shutil.which(spec.argv[0])
    if program is None:
        raise _Unusable(
            f"The kernel {name!r} starts {spec.argv[0]}, which is not there: its environment was removed.",
            "kernel_not_installed",
        )
    known = {"{prefix}": sys.prefix, "{resource_dir}": spec.resource_dir}
    return (os.path.abspath(program), *(_substitute(argument, known) for argument in spec.argv[1:]))  # noqa: PTH100


def _substitute(argument: str, known: dict[str, str]) -> str:
    for field, value in known.items():
        argument = argument.replace(field, value)
    return argument


def _unavailable(problem: str, *, code: str, language: str | None, **detail: Any) -> KernelUnavailable:
    """Make an error that names the installed kernels, and proposes the only one for `language`."""
    usable, _ = survey_kernels()
    alike = [choice.name for choice in usable.values() if language and choice.language.lower() == language.lower()]
    suggested = alike[0] if len(alike) == 1 else None
    advice = (
        f"{suggested} is the only kernel for {language} here: choose it, on the command line with --kernel {suggested}."
        if suggested
        else "Choose one that is installed, on the command line with --kernel."
    )
    return KernelUnavailable(
        f"{problem} {advice} Installed: {_join_names(list(usable))}.",
        code=code,
        installed=list(usable),
        suggested=suggested,
        **detail,
    )


def _is_python_2(notebook: Notebook) -> bool:
    """Tell whether the notebook is in Python 2, which kernels named python cannot run today."""
    return notebook.kernel_name == "python2" or (notebook.language_version or "").startswith("2.")


def _join_names(names: list[str]) -> str:
    return ", ".join(names) or "none"
