"""A new image: packages are installed in a container of the base, and the container becomes the image.

No Dockerfile is used, because the settings of the installer (an index with a password, certificates) would stay in the
image's history (docs/decisions/0013).
"""

from __future__ import annotations

import io
import json
import os
import secrets
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...domain.images import BuildRecipe, PinnedImage, Probe
from ...domain.recipes import parse_environment, parse_requirements
from ...errors import DataOpsError, Refused
from ...ports import ProgressCallback
from .container_spec import PYTHON
from .probe import remove_container

if TYPE_CHECKING:
    from docker import APIClient

BUILD_TIMEOUT_S = 2 * 3600
"""The time after which the container ends by itself."""

CANCEL_CHECK_INTERVAL_S = 0.5

_FOLDER = "/tmp/dataops-build"  # noqa: S108
_REQUIRED_PACKAGES = ("papermill", "ipykernel")
_PIP_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy")
_CERTIFICATE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]


@dataclass(frozen=True)
class BuildPlan:
    """The plan of an installation: `commands`, and the `files` that lie in the build folder while they run."""

    commands: tuple[tuple[str, ...], ...]
    files: Mapping[str, str]


def make_plan(recipe: BuildRecipe, base: Probe) -> BuildPlan:
    """Plan the installation. Raise Refused, which names the problem, when it is not possible on this base."""
    if base.python is None:
        raise Refused(f"Nothing can be installed on {recipe.base}: {base.problems[0]}", code="base_unusable")
    if recipe.environment:
        return _plan_from_environment_file(recipe, base)
    requirements = parse_requirements(recipe.requirements)
    return BuildPlan((_pip_install(recipe, base),), {"requirements.txt": "\n".join(requirements) + "\n"})


def build(
    client: APIClient, base: PinnedImage, probe: Probe, recipe: BuildRecipe, report_progress: ProgressCallback
) -> str:
    """Build the image and return its id. It has the user, command and entry point of its base.

    `client` waits for as long as it takes to write a layer.
    """
    plan = make_plan(recipe, probe)
    settings, certificates = installer_settings(os.environ, recipe.variables)
    report_progress(f"Building on {base.digest}.")
    config = client.inspect_image(base.id)["Config"]
    name = f"dataops-lab-build-{secrets.token_hex(6)}"
    container = client.create_container_from_config(_spec(base, config, recipe), name=name)["Id"]
    try:
        with _remove_when_cancelled(client, container, report_progress):
            client.start(container)
            files = {**plan.files, **({"certificates.pem": certificates} if certificates else {})}
            client.put_archive(container, "/", _make_tar(files))
            for command in plan.commands:
                report_progress(f"$ {' '.join(command)}")
                _run(client, container, command, settings, report_progress)
            _run(client, container, (PYTHON, "-c", f"import shutil; shutil.rmtree({_FOLDER!r})"), {}, report_progress)
            report_progress("Writing the image.")
            built: str = client.commit(container, changes=_restore_instructions(config))["Id"]
            return built
    finally:
        remove_container(client, container)


@contextmanager
def _remove_when_cancelled(client: APIClient, container: str, report_progress: ProgressCallback) -> Iterator[None]:
    """Remove the container as soon as nobody wants the image. This ends its installer, too, even while it is silent."""
    done = threading.Event()

    def watch() -> None:
        try:
            while not done.wait(CANCEL_CHECK_INTERVAL_S):
                report_progress("")
        except DataOpsError:
            remove_container(client, container)

    watcher = threading.Thread(target=watch, name="watches a build", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def installer_settings(
    machine_variables: Mapping[str, str], recipe_variables: Mapping[str, str]
) -> tuple[dict[str, str], str | None]:
    """Return the variables and certificates for the installer: those of this machine, and the given variables."""
    settings = {
        name: machine_variables[name] for name in (*_PIP_VARIABLES, *_PROXY_VARIABLES) if machine_variables.get(name)
    }
    certificates = None
    for name in _CERTIFICATE_VARIABLES:
        if machine_variables.get(name) and Path(machine_variables[name]).is_file():
            certificates = Path(machine_variables[name]).read_text(encoding="utf-8", errors="replace")
            settings |= dict.fromkeys((*_CERTIFICATE_VARIABLES, "GIT_SSL_CAINFO"), f"{_FOLDER}/certificates.pem")
            break
    defaults = {
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return {**defaults, **settings, **recipe_variables}, certificates


def _plan_from_environment_file(recipe: BuildRecipe, base: Probe) -> BuildPlan:
    wanted = parse_environment(recipe.environment)
    conda = next((base.tools[name] for name in ("mamba", "micromamba", "conda") if name in base.tools), None)
    if wanted.conda and conda is None:
        raise Refused(
            f"{recipe.base} has neither conda nor mamba, and these are conda packages: {', '.join(wanted.conda)}. Take "
            "a base that has one of them, or write those that PyPI has below `pip:`.",
            code="needs_conda",
            packages=list(wanted.conda),
        )
    if wanted.python and f"{base.python}.".find(f"{wanted.python}.") != 0:
        raise Refused(
            f"The file asks for Python {wanted.python}, and {recipe.base} has {base.python}. Take another base, or "
            "change the file.",
            code="other_python",
        )
    commands: list[tuple[str, ...]] = []
    if conda is not None and wanted.conda:
        # conda installs into the environment in which the image starts, beside the packages that are there.
        prefix = str(Path(base.executable or "").parents[1])
        commands.append((conda, "install", "--yes", "--prefix", prefix, "--file", f"{_FOLDER}/conda.txt"))
    commands.append(_pip_install(recipe, base))
    lists = {"requirements.txt": wanted.pip, "conda.txt": wanted.conda}
    return BuildPlan(tuple(commands), {name: "\n".join(lines) + "\n" for name, lines in lists.items()})


def _pip_install(recipe: BuildRecipe, base: Probe) -> tuple[str, ...]:
    if "pip" not in {name.lower() for name in base.packages} and "conda" not in base.tools:
        raise Refused(
            f"{recipe.base} has no pip, so nothing can be installed on it. Take a base with pip.", code="base_unusable"
        )
    installed = {name.lower() for name in base.packages}
    missing = [name for name in _REQUIRED_PACKAGES if name not in installed]
    options = ("--no-cache-dir", "--no-input", "--progress-bar", "off", "-r", f"{_FOLDER}/requirements.txt")
    return (PYTHON, "-m", "pip", "install", *options, *missing)


def _spec(base: PinnedImage, config: Mapping[str, Any], recipe: BuildRecipe) -> dict[str, Any]:
    wait = [PYTHON, "-c", f"import time; time.sleep({BUILD_TIMEOUT_S})"]
    return {
        "Image": base.id,
        "User": "0:0",
        **({"Entrypoint": wait, "Cmd": []} if config.get("Entrypoint") else {"Cmd": wait}),
        "HostConfig": {
            # The user is root, because packages go into the folders of the image. But it can do nothing else.
            "CapDrop": ["ALL"],
            "CapAdd": _CAPABILITIES,
            "SecurityOpt": ["no-new-privileges:true"],
            "PidsLimit": 4096,
            "NetworkMode": recipe.network or "default",
            "Init": True,
            # When this process is killed meanwhile, the container ends by itself and leaves nothing.
            "AutoRemove": True,
        },
    }


def _restore_instructions(config: Mapping[str, Any]) -> list[str]:
    """List the instructions that undo the changes of `_spec`. Docker takes an empty list for no instruction."""
    changes = [f"USER {config.get('User') or 'root'}"]
    if entrypoint := config.get("Entrypoint"):
        changes.append(f"ENTRYPOINT {json.dumps(entrypoint)}")
    return [*changes, f"CMD {json.dumps(config.get('Cmd') or [PYTHON])}"]


def _make_tar(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            data = text.encode()
            info = tarfile.TarInfo(f"{_FOLDER.lstrip('/')}/{name}")
            info.size, info.mode = len(data), 0o644
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _run(
    client: APIClient,
    container: str,
    command: tuple[str, ...],
    settings: Mapping[str, str],
    report_progress: ProgressCallback,
) -> None:
    execution_id = client.exec_create(container, list(command), environment=dict(settings))["Id"]
    last = ""
    for line in _lines(client.exec_start(execution_id, stream=True)):
        report_progress(line)
        last = line or last
    code = client.exec_inspect(execution_id)["ExitCode"]
    if code != 0:
        # The message quotes the last line that is not empty.
        raise Refused(
            f"Installing failed with exit code {code}: {last[:500].rstrip(' .')}. The task's log has all of it.",
            code="build_failed",
            exit_code=code,
        )


def _lines(stream: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in lines)
    if rest:
        yield rest.decode(errors="replace")
