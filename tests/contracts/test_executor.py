"""The contract that every implementation of the port `Executor` keeps. The docstrings of `ports.Executor` say it."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.executors.fork_server import ForkServerPool
from dataops_lab.executors.process import ProcessExecutor
from dataops_lab.ports import AttemptStatus, Bundle, BundleFile, Container, Executor, Observation
from dataops_lab.rundir import protocol
from dataops_lab.testing import FakeExecutor, MemoryBlobs

from ..waiting import eventually
from ..written import FOR_EVER

pytestmark = pytest.mark.slow

NAME = "01CONTRACTCONTRACTCONTRACT-1"


SCRIPT = """\
import json, os, sys
from dataops_lab import record

record("month", os.environ["DATAOPS_PARAM_MONTH"])
record("file", json.load(open(os.environ["DATAOPS_PARAMS_FILE"])))
open("out.txt", "w").write(open("in.txt").read())
print("to stdout", flush=True)
sys.exit("to stderr")
"""


def bundle(image: str | None = None, *, source: str = "notebook") -> Bundle:
    cell = {"id": "c", "cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": FOR_EVER}
    argv = ["python" if image else sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec: protocol.Spec = {
        "format": 1,
        "attempt": NAME,
        "folder": "",
        "files": [],
        "output_limits": {"cell_bytes": 10**6, "run_bytes": 10**7},
        "secrets": [],
        "startup_timeout_s": 60.0,
        "interrupt_grace_s": 1.0,
    }
    notebook = None
    if source == "notebook":
        spec["kernel"] = {"name": "python3", "language": "python", "argv": argv, "env": {}, "interrupt_mode": "signal"}
        notebook = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    else:
        spec["program"] = {"kind": "command", "argv": [argv[0], "-c", FOR_EVER], "env": {}, "parameters": {}}
    if image:
        return Bundle(NAME, spec, notebook, [], container=Container(image, "1000:1000"))
    return Bundle(NAME, spec, notebook, [], {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]})


@pytest.fixture(params=["process", "preloaded", "docker", "fake"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["notebook", "program"])
def work(kind: str, request: pytest.FixtureRequest) -> Bundle:
    image = request.getfixturevalue("docker_images")["lean"] if kind == "docker" else None
    return bundle(image, source=request.param)


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


class Patient(ForkServerPool):
    """Warm interpreters that make the caller wait until one stands ready, instead of saying that none does."""

    def connect(self, command: Sequence[str], environment: Mapping[str, str], **more: Any) -> socket.socket:
        for _ in range(3):
            if (connection := super().connect(command, environment, **more)) is not None:
                return connection
            assert self.wait(60)
        raise AssertionError("None was handed out.")


@pytest.fixture(scope="module")
def preloaded() -> Iterator[ForkServerPool]:
    warm = Patient(2)
    yield warm
    warm.close()


@pytest.fixture
def executor(kind: str, blobs: MemoryBlobs, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Executor]:
    folder = tmp_path / "runs"
    made: Executor
    if kind == "docker":
        made = request.getfixturevalue("docker_executor")(blobs)
    elif kind == "preloaded":
        made = ProcessExecutor(folder, blobs, fork_servers=request.getfixturevalue("preloaded"))
    else:
        made = ProcessExecutor(folder, blobs) if kind == "process" else FakeExecutor(folder)
    yield made
    made.stop(NAME, force=True)
    made.forget(NAME)


def test_every_verb_is_safe_for_what_is_unknown(executor: Executor):
    assert executor.observe(NAME) == Observation(AttemptStatus.NOT_FOUND)
    executor.stop(NAME, force=False)
    executor.forget(NAME)
    executor.forget(NAME)


def test_started_twice_it_runs_once_and_is_named_until_forgotten(executor: Executor, work: Bundle):
    executor.start(work)
    executor.start(work)
    eventually(lambda: executor.observe(NAME).ran)
    look = executor.observe(NAME)
    assert look.status is AttemptStatus.RUNNING
    assert list(executor.list_names()) == [NAME]


def test_killed_it_is_gone_for_good_and_is_not_started_again(executor: Executor, work: Bundle):
    executor.start(work)
    eventually(lambda: executor.observe(NAME).ran)
    executor.stop(NAME, force=True)
    eventually(lambda: executor.observe(NAME).is_dead)
    executor.stop(NAME, force=True)
    executor.stop(NAME, force=False)
    executor.start(work)
    look = executor.observe(NAME)
    assert (look.ran, look.status) == (True, AttemptStatus.CONFIRMED_DEAD)


def test_what_has_ended_can_be_read_until_it_is_forgotten(executor: Executor, work: Bundle):
    executor.start(work)
    eventually(lambda: executor.observe(NAME).ran)
    executor.stop(NAME, force=True)
    eventually(lambda: executor.observe(NAME).is_dead)
    assert executor.files(NAME).list_artifacts(pytest.fail) == []
    with pytest.raises(FileNotFoundError):
        executor.files(NAME).open(protocol.RESULT)
    executor.forget(NAME)
    assert NAME not in executor.list_names()
    executor.start(work)
    assert executor.observe(NAME).status is AttemptStatus.NOT_FOUND
    assert NAME not in executor.list_names()


def test_what_was_ended_before_it_started_is_gone_and_is_not_started(executor: Executor, work: Bundle):
    executor.stop(NAME, force=True)
    look = executor.observe(NAME)
    assert (look.ran, look.status) == (False, AttemptStatus.CONFIRMED_DEAD)
    executor.start(work)
    look = executor.observe(NAME)
    assert (look.ran, look.status) == (False, AttemptStatus.CONFIRMED_DEAD)
    assert list(executor.list_names()) == [NAME]


@pytest.mark.parametrize("kind", ["process", "preloaded", "docker"], indirect=True)
def test_a_script_leaves_log_values_artifacts_and_its_exit_status(
    executor: Executor, kind: str, blobs: MemoryBlobs, request: pytest.FixtureRequest
):
    work = bundle(request.getfixturevalue("docker_images")["lean"] if kind == "docker" else None, source="script")
    name = "größe und mehr.py"
    work.spec["program"] |= {
        "kind": "script",
        "argv": [work.spec["program"]["argv"][0], name],
        "parameters": {"month": "2026-10-01", "n": 3},
    }
    work.spec["folder"] = "jobs"
    texts = {f"jobs/{name}": SCRIPT, "jobs/in.txt": "read"}
    work.files.extend(BundleFile(path, blobs.put(text.encode())) for path, text in texts.items())
    executor.start(work)
    eventually(lambda: executor.observe(NAME).is_dead)
    files = executor.files(NAME)
    result = json.loads(files.open(protocol.RESULT).read())
    assert (result["state"], result["failure"]["code"]) == ("failed", "exit_status")
    assert result["failure"]["message"] == "The script ended with exit status 1: to stderr"
    assert json.loads(files.open(protocol.VALUES).read()) == {
        "month": "2026-10-01",
        "file": {"month": "2026-10-01", "n": 3},
    }
    assert files.list_artifacts(pytest.fail) == ["jobs/out.txt"]
    assert sorted(files.open(protocol.LOG).read().decode().splitlines()[:2]) == ["to stderr", "to stdout"]
    with pytest.raises(FileNotFoundError):
        files.open(protocol.OUTPUT)
