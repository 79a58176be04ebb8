"""List the packages in the environment of a kernel of this machine, as pip requirements."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ..domain.images import FrozenPackages
from ..errors import KernelUnavailable
from .kernels import resolve_kernel

_WITHIN_S = 60

# This runs in that interpreter, which need not have our code: it uses the standard library of Python 3.8.
_LIST = """
import json, platform
from importlib.metadata import distributions
found = {}
for dist in distributions():
    name = dist.metadata["Name"]
    if name and name not in found:
        found[name] = {"version": dist.version, "direct": json.loads(dist.read_text("direct_url.json") or "null")}
print(json.dumps({"python": platform.python_version(), "packages": found}))
"""


def list_requirements(name: str) -> FrozenPackages:
    chosen = resolve_kernel(name)
    program = Path(chosen.argv[0])
    if not program.name.startswith("python"):
        raise KernelUnavailable(
            f"The kernel {name!r} does not run Python: its packages cannot be listed. Write a requirements file.",
            code="kernel_not_python",
            kernel=name,
        )
    try:
        # With -I the current folder and the variables of this process do not change the answer.
        done = subprocess.run(
            [str(program), "-I", "-c", _LIST],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_WITHIN_S,
            check=True,
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise KernelUnavailable(
            f"The Python of the kernel {name!r} does not tell its packages ({error}). Does the kernel start?",
            code="kernel_not_python",
            kernel=name,
        ) from None
    requirements, left_out = [], []
    for package, about in sorted(answer["packages"].items(), key=lambda item: item[0].lower()):
        direct = about["direct"]
        if direct is None:
            requirements.append(f"{package}=={about['version']}")
        elif "vcs_info" in direct:
            vcs = direct["vcs_info"]
            requirements.append(f"{package} @ {vcs['vcs']}+{direct['url']}@{vcs['commit_id']}")
        elif direct["url"].startswith("file:"):
            what = "installed for development" if direct.get("dir_info", {}).get("editable") else "installed"
            left_out.append((package, f"it is {what} from a folder of this machine"))
        else:
            requirements.append(f"{package} @ {direct['url']}")
    return FrozenPackages(name, answer["python"], tuple(requirements), tuple(left_out))
