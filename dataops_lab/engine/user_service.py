"""The engine as a service of systemd for one person: it goes on without JupyterLab, and starts with the machine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineUnavailable

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "DOCKER_HOST", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables that the engine needs as the person has them now; those of dataops_lab and Jupyter too."""
_NOT_KEPT = re.compile(r"TOKEN|PASSWORD|SECRET|_KEYS?$")
CONTAINER_PAGE = "docs/guide/keep-schedules-running.md"


@dataclass(frozen=True)
class Installed:
    """`lingers` None: nobody can tell whether the service goes on when the person logs out."""

    path: Path
    lingers: bool | None


def unit_name(folder: Path) -> str:
    """Return the name of the service of a state folder: each folder has its own."""
    from jupyter_core.paths import jupyter_data_dir

    if folder == Path(jupyter_data_dir()) / "dataops_lab":
        return "dataops-lab-engine.service"
    return f"dataops-lab-engine-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}.service"


def unit_path(folder: Path, environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "systemd" / "user" / unit_name(folder)


def unit_text(folder: Path, environment: Mapping[str, str], *, python: str = sys.executable) -> str:
    """Return the file of the service, for the engine of this state folder with this Python."""
    command = [python, "-P", "-m", "dataops_lab.cli", "engine", "run", "--service"]
    kept = {
        name: value
        for name, value in sorted(environment.items())
        if name in _KEPT or (name.startswith(("DATAOPS_LAB_", "JUPYTER_")) and not _NOT_KEPT.search(name))
    }
    variables = {**kept, "DATAOPS_LAB_HOME": str(folder)}
    lines = [
        "[Unit]",
        "Description=Engine of dataops_lab: it starts schedules and follows runs",
        "",
        "[Service]",
        # Each word is quoted: a path may have spaces, and `%` and `$` have a meaning here.
        f"ExecStart={' '.join(_quoted(word, in_command=True) for word in command)}",
        f"WorkingDirectory={str(folder).replace('%', '%%')}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in variables.items() if "\n" not in value),
        "Restart=always",
        "RestartSec=5",
        # Runs go on while the engine is stopped or upgraded, and the next one finds them.
        "KillMode=process",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def install(folder: Path, environment: Mapping[str, str]) -> Installed:
    """Write the service, enable it and start it. Safe to repeat. EngineUnavailable where there is no systemd."""
    path = unit_path(folder, environment)
    _call("--version")
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text() if path.exists() else None
    text = unit_text(folder, environment)
    path.write_text(text)
    try:
        _call("daemon-reload")
        _call("enable", "--now", path.name)
        if before not in (None, text):
            _call("restart", path.name)
    except EngineUnavailable:
        # Leave things as they were: a file that nobody enabled would look like a service.
        if before is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(before)
        raise
    return Installed(path, lingers())


def remove(folder: Path, environment: Mapping[str, str]) -> bool:
    """Stop the service and remove it; its runs go on. Return False when there is none."""
    path = unit_path(folder, environment)
    if not path.exists():
        return False
    _call("disable", "--now", path.name)
    path.unlink()
    _call("daemon-reload")
    return True


def lingers() -> bool | None:
    """Tell whether services of this person go on when they log out; None when nobody can tell."""
    command = shutil.which("loginctl")
    if command is None:
        return None
    asked = [command, "show-user", str(os.getuid()), "--property=Linger", "--value"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() == "yes" if answer.returncode == 0 else None


def _call(*arguments: str) -> None:
    command = shutil.which("systemctl")
    if command is None:
        raise EngineUnavailable(
            "This machine has no systemd, so there are no services of a person. Run `jupyter dataops engine run` under "
            f"what starts programs here, or in a container: see {CONTAINER_PAGE}.",
            code="no_systemd",
        )
    try:
        done = subprocess.run([command, "--user", *arguments], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineUnavailable(f"systemd does not answer: {error}.", code="no_systemd") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise EngineUnavailable(
            f"`systemctl --user {' '.join(arguments)}` failed: {said}. Log in to this machine by yourself, and not by "
            "su or sudo, so that there is a session of systemd; or use a container: "
            f"see {CONTAINER_PAGE}.",
            code="systemd_failed",
        )


def _quoted(word: str, *, in_command: bool = False) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped.replace("$", "$$") if in_command else escaped}"'
