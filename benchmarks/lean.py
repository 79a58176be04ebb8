"""The environments of the measured programs, each without packages that it does not need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

PROJECT = Path(__file__).parents[1]

LIBRARIES = ["pandas", "pyarrow", "scikit-learn", "matplotlib", "jinja2"]
"""The libraries of a data scientist's environment; all rows but the lean ones are measured with them."""

PACKAGES = {
    "lean": ["papermill", "ipykernel"],
    "libraries": ["papermill", "ipykernel", *LIBRARIES],
    "scheduler": ["jupyter-scheduler", "ipykernel", *LIBRARIES],
    # dataops_lab alone, with nothing that it does not need.
    "ours": tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"],
}


def _install_project(folder: Path) -> None:
    """Install this checkout without its dependencies. The frontend is not needed."""
    pip = [str(folder / "bin/pip"), "install", "--quiet", "--no-deps", "--editable", str(PROJECT)]
    subprocess.run(pip, check=True, env={**os.environ, "SKIP_JUPYTER_BUILDER": "1"})


def missing_libraries() -> list[str]:
    """List the libraries that are missing in this environment, in which dataops_lab runs."""
    return [name for name in LIBRARIES if not any(distributions(name=name))]


@cache
def program(name: str, environment: str = "lean") -> Path:
    """Return the path of a program. The first call installs its environment; later calls use it again."""
    folder, packages = Path(sys.prefix) / f"bench-{environment}", PACKAGES[environment]
    done = folder / ".done"
    if not done.exists() or done.read_text().split("\n") != packages:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [
            "uv",
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            str(folder / "bin/python"),
            *packages,
        ]
        if not shutil.which("uv") or subprocess.run(pip, check=False).returncode:
            subprocess.run([str(folder / "bin/pip"), "install", "--quiet", *packages], check=True)
        if environment == "ours":
            _install_project(folder)
        done.write_text("\n".join(packages))
    return folder / "bin" / name
