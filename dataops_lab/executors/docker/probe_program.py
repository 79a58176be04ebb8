"""The program that runs in a container of an image, with the image's Python (3.8 or newer) and without dataops_lab.

It prints one JSON object that tells what the image has, as the user sees it as whom runs will run.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import sys
from typing import Any

TIMEOUT_S = 120


def packages() -> dict[str, str]:
    from importlib.metadata import distributions

    found = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name and name not in found:
            found[name] = str(distribution.version)
    return found


def papermill() -> tuple[str | None, str | None]:
    """Return the version, or None and the reason; both None when papermill is missing.

    papermill is imported, because an installed package need not work.
    """
    try:
        import papermill
    except ModuleNotFoundError as error:
        return (None, None) if error.name == "papermill" else (None, str(error))
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"
    return str(papermill.__version__), None


def kernels() -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the kernels that can be started, with their commands, and the others with the reason, by name."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager
    except Exception:
        return [], {}
    manager = KernelSpecManager()
    usable, broken = [], {}
    for name in sorted(manager.find_kernel_specs()):
        try:
            usable.append(kernel_entry(name, manager.get_kernel_spec(name)))
        except Exception as error:
            # Anybody may have written the file, and jupyter_client checks little of it: any error may come.
            broken[name] = " ".join(str(error).split()) or type(error).__name__
    return usable, broken


def kernel_entry(name: str, spec: Any) -> dict[str, Any]:
    if not spec.argv or not all(isinstance(argument, str) for argument in spec.argv):
        raise ValueError("argv is not a list of texts that begins with a program")
    if not all(isinstance(value, str) for value in spec.env.values()):
        raise ValueError("env is not a mapping of names to texts")
    native = ("python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    program = sys.executable if spec.argv[0] in native else shutil.which(spec.argv[0])
    if program is None:
        raise ValueError(f"it starts {spec.argv[0]}, which is not there")
    argv = [program]
    for argument in spec.argv[1:]:
        argv.append(argument.replace("{prefix}", sys.prefix).replace("{resource_dir}", spec.resource_dir))
    return {
        "name": name,
        "language": spec.language or "",
        "display_name": spec.display_name or name,
        "argv": argv,
        "env": dict(spec.env),
        "interrupt_mode": spec.interrupt_mode or "signal",
    }


def main() -> None:
    # Imports may print. That goes to stderr, so that stdout has the answer alone.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.alarm(TIMEOUT_S)
    version, problem = papermill()
    usable, broken = kernels()
    tools = {name: shutil.which(name) for name in ("pip", "conda", "mamba", "micromamba")}
    found = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "papermill": version,
        "papermill_problem": problem,
        "kernels": usable,
        "broken_kernels": broken,
        "packages": packages(),
        "user": f"{os.getuid()}:{os.getgid()}",
        "cuda": os.environ.get("CUDA_VERSION"),
        "tools": {name: place for name, place in tools.items() if place},
    }
    json.dump(found, answer)
    answer.close()


main()
