"""papermill where nothing else is installed: the environment that it is quickest in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

FOLDER = Path(sys.prefix) / "bench-lean"
PACKAGES = ["papermill", "ipykernel", "pandas", "matplotlib", "jinja2"]


@cache
def program(name: str) -> Path:
    """Installed when it is first asked for, and kept. The packages are what our sales report needs."""
    done = FOLDER / ".done"
    if not done.exists() or done.read_text().split() != PACKAGES:
        shutil.rmtree(FOLDER, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
        pip = ["uv", "pip", "install", "--quiet", "--python", str(FOLDER / "bin/python"), *PACKAGES]
        if not shutil.which("uv") or subprocess.run(pip, check=False).returncode:
            subprocess.run([str(FOLDER / "bin/pip"), "install", "--quiet", *PACKAGES], check=True)
        done.write_text(" ".join(PACKAGES))
    return FOLDER / "bin" / name
