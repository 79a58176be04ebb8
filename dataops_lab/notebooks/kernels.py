"""What a kernel name means on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from ..domain.snapshots import HERE, KernelChoice, Surroundings, kernel_for
from ..errors import KernelUnavailable
from .read import Notebook

# Names by which kernelspecs mean "the Python that runs Jupyter", as jupyter_client reads them.
_NATIVE = frozenset({"python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}"})


def installed() -> tuple[str, ...]:
    return tuple(sorted(_manager().find_kernel_specs()))


def kernel(name: str) -> KernelChoice:
    from jupyter_client.kernelspec import NoSuchKernel

    try:
        spec = _manager().get_kernel_spec(name)
    except (NoSuchKernel, OSError, ValueError):
        raise _not_installed(name, f"The kernel {name!r} is not installed here.") from None
    if not isinstance(spec.argv, list) or not spec.argv:
        raise _not_installed(name, f"The kernel {name!r} does not say which program it is.")
    return KernelChoice(
        name=name,
        language=spec.language or "",
        display_name=spec.display_name or name,
        argv=_argv(name, spec),
        env=dict(spec.env),
        interrupt_mode=spec.interrupt_mode or "signal",
    )


def kernel_of(notebook: Notebook, chosen: str | None, where: Surroundings = HERE) -> KernelChoice:
    """The one that was chosen, else the notebook's own; never a guess."""
    if where.kernels is not None:
        return _of_image(where.kernels, notebook, chosen)
    name = chosen or notebook.kernel_name
    if name:
        return kernel(name)
    names = installed()
    alike = _of_language(notebook.language, names)
    hint = f", for example --kernel {alike[0]}" if len(alike) == 1 else ""
    raise KernelUnavailable(
        f"The notebook does not say which kernel it needs. Choose one; on the command line with --kernel{hint}. "
        f"Installed: {_listed(names)}.",
        code="no_kernelspec",
        installed=list(names),
        suggested=alike[0] if len(alike) == 1 else None,
    )


def _of_image(image: Sequence[KernelChoice], notebook: Notebook, chosen: str | None) -> KernelChoice:
    """Of those of an image: the one that was chosen, else one for this notebook."""
    wanted = chosen or notebook.kernel_name
    if found := kernel_for(image, wanted, None if chosen else notebook.language):
        return found
    names = [kernel.name for kernel in image]
    raise KernelUnavailable(
        f"The image has no kernel {wanted or notebook.language!r}; it has {_listed(tuple(names))}. Choose another "
        "image, or one of its kernels with --kernel.",
        code="kernel_not_in_image",
        kernel=wanted,
        installed=names,
    )


def _manager() -> Any:
    # Costs a third of a second.
    from jupyter_client.kernelspec import KernelSpecManager

    return KernelSpecManager()


def _argv(name: str, spec: Any) -> tuple[str, ...]:
    """Resolved now, because the run may start later, elsewhere on the path; `{connection_file}` stays."""
    program = sys.executable if spec.argv[0] in _NATIVE else shutil.which(spec.argv[0])
    if program is None:
        raise _not_installed(
            name, f"The kernel {name!r} starts {spec.argv[0]}, which is not there: its environment was removed."
        )
    known = {"{prefix}": sys.prefix, "{resource_dir}": spec.resource_dir}
    return (os.path.abspath(program), *(_filled(argument, known) for argument in spec.argv[1:]))  # noqa: PTH100


def _filled(argument: str, known: dict[str, str]) -> str:
    for field, value in known.items():
        argument = argument.replace(field, value)
    return argument


def _not_installed(name: str, problem: str) -> KernelUnavailable:
    names = installed()
    return KernelUnavailable(
        f"{problem} Choose another one; on the command line with --kernel. Installed: {_listed(names)}.",
        kernel=name,
        installed=list(names),
    )


def _of_language(language: str | None, names: tuple[str, ...]) -> list[str]:
    if not language:
        return []
    specs = _manager().get_all_specs()
    return [n for n in names if str(specs.get(n, {}).get("spec", {}).get("language")).lower() == language.lower()]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
