"""The probe of an image: a container of it, as hardened as that of a run, tells what the image has."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...domain.environments import Resources
from ...domain.images import OLDEST_PYTHON, Probe
from ...domain.snapshots import KernelChoice
from ...ports import Container
from .container_spec import PYTHON, container_spec

if TYPE_CHECKING:
    from docker import APIClient

PROGRAM = Path(__file__).with_name("probe_program.py")
_RESOURCES = Resources(memory_bytes=2 * 1024**3, pids=256)
_MAX_OUTPUT_BYTES = 4_000_000
"""The most bytes of an answer; thousands of packages take some hundred thousand."""


def probe(client: APIClient, image: str, *, user: str, at: dt.datetime) -> Probe:
    """Look into the image with the id `image`. An image without Python gives a probe with a problem, not an error."""
    output, stderr = _run_probe(client, image, user)
    try:
        found = json.loads(output)
    except ValueError:
        found = None
    return _make_probe(found, stderr.strip()[-300:], user=user, at=at)


def probe_spec(image: str, user: str) -> dict[str, Any]:
    spec = container_spec(Container(image, user, _RESOURCES), {"dataops-lab.probe": "1"})
    program = PROGRAM.read_text(encoding="utf-8")
    return {
        **spec,
        "Entrypoint": [PYTHON, "-c", program],
        "Cmd": [],
        "Env": ["HOME=/tmp", "PYTHONDONTWRITEBYTECODE=1"],
        "HostConfig": {**spec["HostConfig"], "AutoRemove": True},
    }


def _run_probe(client: APIClient, image: str, user: str) -> tuple[str, str]:
    from docker.errors import APIError

    container = client.create_container_from_config(probe_spec(image, user))["Id"]
    try:
        # Attach before it starts, because it removes itself and its output when it ends.
        stream = client.attach(container, stdout=True, stderr=True, stream=True, demux=True)
        try:
            client.start(container)
        except APIError as error:
            # Docker tells with these words that the program does not exist.
            if "not found" in str(error) or "no such file" in str(error):
                return "", ""
            raise
        out, err = [], []
        size = 0
        for stdout, stderr in stream:
            size += len(stdout or b"") + len(stderr or b"")
            if size > _MAX_OUTPUT_BYTES:
                break
            out.append(stdout or b"")
            err.append(stderr or b"")
        return b"".join(out).decode(errors="replace"), b"".join(err).decode(errors="replace")
    finally:
        remove_container(client, container)


def remove_container(client: APIClient, container: str) -> None:
    """Remove the container, also one that removes itself when it ends. It is gone when this returns."""
    from docker.errors import APIError, NotFound

    with suppress(APIError):
        client.remove_container(container, force=True)
    # Its own removal may have begun already, and takes a moment.
    with suppress(NotFound):
        client.wait(container, condition="removed")


def _make_probe(found: dict[str, Any] | None, stderr: str, *, user: str, at: dt.datetime) -> Probe:
    if found is None:
        problem = "It has no `python3` on its PATH. Take a base with Python, or name its folder: `ENV PATH=…`."
        if stderr:
            problem = f"Its `python3` does not work for user {user}: {stderr}"
        return Probe(at, None, None, None, (), {}, user, (problem,))
    kernels = tuple(KernelChoice(**{**kernel, "argv": tuple(kernel["argv"])}) for kernel in found["kernels"])
    return Probe(
        probed_at=at,
        python=found["python"],
        executable=found["executable"],
        papermill=found["papermill"],
        kernels=kernels,
        packages=found["packages"],
        user=found["user"],
        problems=tuple(_problems(found)),
        cuda=found["cuda"],
        tools=found["tools"],
    )


def _problems(found: dict[str, Any]) -> list[str]:
    problems = []
    if tuple(map(int, found["python"].split(".")[:2])) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        problems.append(f"Its Python is {found['python']}; runs need {oldest} or newer. Take a newer base.")
    if found["papermill_problem"]:
        problems.append(f"papermill is there but does not load: {found['papermill_problem']}. Install it again.")
    elif found["papermill"] is None:
        problems.append(f"papermill is missing. {_install_hint('papermill ipykernel')}")
    if not found["kernels"]:
        problems.append(f"It has no kernel. {_install_hint('ipykernel')}")
    # A kernel that cannot start must not make the others unusable.
    return problems


def _install_hint(packages: str) -> str:
    return (
        f"In its Dockerfile: `RUN {PYTHON} -m pip install {packages}`. Or let `jupyter dataops image build` make one "
        "from it, which then has what runs need."
    )
