"""Environments of the programs that we are measured beside, each without what it does not need."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

PACKAGES = {
    # What our sales report needs; papermill is quickest where nothing else is installed.
    "lean": ["papermill", "ipykernel", "pandas", "matplotlib", "jinja2"],
    "scheduler": ["jupyter-scheduler", "ipykernel"],
}


@cache
def program(name: str, environment: str = "lean") -> Path:
    """Installed when it is first asked for, and kept."""
    folder, packages = Path(sys.prefix) / f"bench-{environment}", PACKAGES[environment]
    done = folder / ".done"
    if not done.exists() or done.read_text().split() != packages:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = ["uv", "pip", "install", "--quiet", "--python", str(folder / "bin/python"), *packages]
        if not shutil.which("uv") or subprocess.run(pip, check=False).returncode:
            subprocess.run([str(folder / "bin/pip"), "install", "--quiet", *packages], check=True)
        done.write_text(" ".join(packages))
    return folder / "bin" / name
