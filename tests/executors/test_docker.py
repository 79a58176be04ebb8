"""The Docker executor, with a real daemon, real images and the real runner."""

from __future__ import annotations

import io
import json
import re
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
from requests.adapters import BaseAdapter

from dataops_lab.domain.environments import Mount, Resources
from dataops_lab.errors import Refused, Unavailable
from dataops_lab.executors.docker import (
    INSTALLATION_LABEL,
    KERNEL_NAME_PREFIX,
    Daemon,
    DockerExecutor,
    container_name_prefix,
    init,
    installation_id,
    stream,
)
from dataops_lab.executors.docker.session import container_state
from dataops_lab.executors.docker.stream import (
    FileQuota,
    QuotaExceeded,
    Stream,
    StreamCut,
    is_expected_path,
    write_frame,
)
from dataops_lab.ports import AttemptStatus, Bundle, BundleFile, Container, Observation
from dataops_lab.rundir import protocol
from dataops_lab.rundir.files import MAX_HOLE_BYTES
from dataops_lab.testing import MemoryBlobs

from ..waiting import eventually

NAME = "01TESTTESTTESTTESTTESTTEST-1"
NewExecutor = Callable[..., DockerExecutor]
FOR_EVER = "import time\nwhile True: time.sleep(0.1)"


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def executor(docker_executor: NewExecutor, blobs: MemoryBlobs) -> DockerExecutor:
    return docker_executor(blobs)


@pytest.fixture
def bundle(docker_images) -> Callable[..., Bundle]:
    def made(*sources: str, image: str = "lean", name: str = NAME, files=(), **more: Any) -> Bundle:
        common = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        cells = [{"id": f"c{number}", **common, "source": source} for number, source in enumerate(sources)]
        argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        if image == "bash":
            argv = ["python", "-m", "bash_kernel", "-f", "{connection_file}"]
        spec = {
            "format": 1,
            "attempt": name,
            "kernel": {
                "name": "kernel",
                "language": "bash" if image == "bash" else "python",
                "argv": argv,
                "env": {},
                "interrupt_mode": "signal",
            },
            "folder": "work",
            "files": [file.path for file in files],
            "output_limits": {"cell_bytes": 10**7, "run_bytes": 10**8},
            "secrets": sorted(more.get("secrets", ())),
            "startup_timeout_s": 60.0,
            "interrupt_grace_s": 2.0,
        }
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        at = {key: more.pop(key) for key in ("user", "resources", "network", "mounts", "warm") if key in more}
        container = Container(docker_images[image], **{"user": "1000:1000", **at})
        return Bundle(name, spec, json.dumps(notebook).encode(), list(files), container=container, **more)

    return made


@pytest.fixture
def said(executor: DockerExecutor, bundle) -> Callable[..., str]:
    """A function that runs a notebook to its successful end and returns the text that it printed."""

    def run(*sources: str, **more: Any) -> str:
        executor.start(bundle(*sources, **more))
        eventually(lambda: executor.observe(NAME).is_dead)
        result = result_of(executor)
        assert result["state"] == "succeeded", result
        return log_of(executor)

    return run


def result_of(executor: DockerExecutor, name: str = NAME) -> dict[str, Any]:
    return json.loads((executor.directory(name) / protocol.RESULT).read_text())


def log_of(executor: DockerExecutor, name: str = NAME) -> str:
    path = executor.directory(name) / protocol.LOG
    return path.read_text() if path.exists() else ""


def journal_of(executor: DockerExecutor) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (executor.directory(NAME) / protocol.JOURNAL).read_text().splitlines()]


def container_of(client: docker.DockerClient, installation: str, name: str = NAME):
    return client.containers.get(f"dataops-{installation}-{name}")


# --- input and output ---------------------------------------------------------------------------


def test_what_pid_1_hands_out_is_what_may_come():
    assert (init.MAX_DEPTH, init.MAX_ARTIFACTS) == (protocol.MAX_DEPTH, protocol.MAX_ARTIFACTS)
    assert init.MAX_HOLE_BYTES == MAX_HOLE_BYTES
    assert all(map(is_expected_path, (*init.APPENDED_FILES, *init.FINAL_FILES)))


def test_files_go_in_and_what_the_run_made_comes_out(executor, bundle, blobs):
    files = [
        BundleFile("data/a.csv", blobs.put(b"a,b\n1,2\n")),
        BundleFile("x.sh", blobs.put(b"#!/bin/sh\necho hi"), True),
    ]
    source = (
        "import subprocess, pathlib\nprint(open('../data/a.csv').read(), subprocess.check_output('../x.sh'))\n"
        "pathlib.Path('empty').touch(); pathlib.Path('deep/er').mkdir(parents=True)\n"
        "pathlib.Path('deep/er/große datei').write_bytes(bytes(range(256)) * 40_000)"
    )
    executor.start(bundle(source, files=files))
    eventually(lambda: executor.observe(NAME).is_dead)
    assert result_of(executor)["state"] == "succeeded"
    assert "1,2" in log_of(executor)
    assert "hi" in log_of(executor)
    artifacts = executor.directory(NAME) / protocol.ARTIFACTS
    made = {
        path.relative_to(artifacts).as_posix(): path.read_bytes() for path in artifacts.rglob("*") if path.is_file()
    }
    assert made == {"work/empty": b"", "work/deep/er/große datei": bytes(range(256)) * 40_000}
    notebook = json.loads((executor.directory(NAME) / protocol.OUTPUT).read_text())
    assert notebook["cells"][0]["outputs"]
    assert [event["seq"] for event in journal_of(executor)] == list(range(1, len(journal_of(executor)) + 1))


def test_what_is_written_is_there_while_it_runs(executor, bundle):
    executor.start(bundle("print('early')\n" + FOR_EVER))
    eventually(lambda: "early" in log_of(executor))
    assert executor.observe(NAME).status is AttemptStatus.RUNNING


def test_a_notebook_of_another_kernel_runs(said):
    assert "Darwin" not in said("echo $((6 * 7)); uname", image="bash")


def test_variables_are_those_of_image_and_environment_and_none_of_this_machine(said, monkeypatch):
    monkeypatch.setenv("OF_THE_ENGINE", "canary")
    shown = json.loads(said("import os, json; print(json.dumps(dict(os.environ)))", environment={"REGION": "eu"}))
    assert shown["REGION"] == "eu"
    assert shown["PATH"].startswith("/opt/python/bin")
    assert "OF_THE_ENGINE" not in shown
    assert Path(shown["HOME"]).is_relative_to("/dataops")


def test_secrets_reach_the_kernel_and_stand_nowhere_else(executor, bundle, docker_client, installation):
    source = "import os, time\nassert os.environ['TOKEN'] == 'ca' + 'nary-5309'\nprint('seen')\n" + FOR_EVER
    executor.start(bundle(source, secrets={"TOKEN": "canary-5309"}))
    eventually(lambda: "seen" in log_of(executor))
    container = container_of(docker_client, installation)
    assert "canary-5309" not in json.dumps(container.attrs)
    assert "canary-5309" not in container.logs().decode()
    # The search runs as the run's own user, who may look at its own processes.
    search = (
        "import os, pathlib\n"
        "for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):\n"
        "    assert b'canary' not in path.read_bytes() or int(path.parent.name) == os.getpid(), path\n"
        "for root in ('/dataops', '/tmp', '/dev/shm'):\n"
        "    for path in pathlib.Path(root).rglob('*'):\n"
        "        assert not path.is_file() or b'canary-' + b'5309' not in path.read_bytes(), path\n"
        "try:\n"
        "    pathlib.Path('/proc/1/environ').read_bytes()\n"
        "except PermissionError: pass\n"
        "else: raise AssertionError('anybody reads the environment of PID 1')"
    )
    exit_code, output = container.exec_run(["python3", "-c", search])
    assert exit_code == 0, output
    here = [path for path in executor.directory(NAME).rglob("*") if path.is_file()]
    assert not [path for path in here if b"canary-5309" in path.read_bytes()]


@pytest.mark.parametrize(
    "path", ["../escaped", "/etc/passwd", "artifacts/../../escaped", "spec.json", "container.json", ""]
)
def test_a_container_can_write_to_no_other_files_than_a_runner_leaves(tmp_path, path):
    with pytest.raises(ValueError):
        write_frame(tmp_path / "run", {"is": "data", "path": path, "at": 0}, b"x")
    assert not (tmp_path / "escaped").exists()


def test_bytes_arrive_in_order_or_not_at_all(tmp_path):
    write_frame(tmp_path, {"is": "data", "path": "log.txt", "at": 0}, b"one")
    write_frame(tmp_path, {"is": "data", "path": "log.txt", "at": 3}, b"two")
    with pytest.raises(ValueError):
        write_frame(tmp_path, {"is": "data", "path": "log.txt", "at": 10**15}, b"x")
    write_frame(tmp_path, {"is": "data", "path": "log.txt", "at": 2}, b"!")
    assert (tmp_path / "log.txt").read_bytes() == b"on!"


def test_more_than_a_container_can_hold_does_not_arrive(tmp_path):
    memory, most = 2 * MAX_HOLE_BYTES, 2 * MAX_HOLE_BYTES
    room = FileQuota(tmp_path, memory)
    for _ in range(3):  # The notebook is sent whole, again and again.
        room.reserve({"is": "file", "path": "output.ipynb"}, most // 2)
    room.reserve({"is": "data", "path": "artifacts/a", "at": 0}, most // 2)
    with pytest.raises(QuotaExceeded):
        room.reserve({"is": "data", "path": "artifacts/b", "at": 0}, 1)
    (tmp_path / "artifacts").mkdir()
    with (tmp_path / "artifacts" / "a").open("wb") as file:
        file.truncate(most)
    with pytest.raises(QuotaExceeded):  # The files that an earlier engine took count, too.
        FileQuota(tmp_path, memory).reserve({"is": "data", "path": "log.txt", "at": 0}, 1)


def test_more_files_than_a_runner_leaves_do_not_arrive(tmp_path):
    room = FileQuota(tmp_path, None)
    with pytest.raises(QuotaExceeded):
        for number in range(protocol.MAX_ARTIFACTS + 100):
            room.reserve({"is": "data", "path": f"artifacts/{number}", "at": 0}, 0)


# --- attacks of a notebook on PID 1 -------------------------------------------------------------

AT_PID_1 = r"""
import array, os, signal, socket, sys
def refused(attempt):
    try:
        attempt()
    except PermissionError:
        return True
    return False
print("memory", refused(lambda: open("/proc/1/mem", "r+b")), refused(lambda: open("/proc/1/environ", "rb")))
there = [number for number in range(64) if os.path.exists(f"/proc/1/fd/{number}")]
print("descriptors", refused(lambda: os.listdir("/proc/1/fd")), there)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP):
    os.kill(1, number)
def relay(said):
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(chr(0) + "dataops-lab")
        source, target = os.pipe()
        os.write(target, said)
        try:
            link.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [source, target]))])
            print("answered", link.recv(1))
        except OSError:
            print("answered", b"")
for said in (b'{"do": "end"}\n', b'{"do": "kill"}\n', b'{}\n', b'[]\n', b'{"do": "start"}\n'):
    relay(said)
"""


def test_a_notebook_neither_looks_into_pid_1_nor_speaks_to_it(said):
    told = said(AT_PID_1)
    assert told.splitlines() == ["memory True True", "descriptors True []", *["answered b''"] * 5]


def test_a_notebook_that_kills_its_runner_is_found_out(executor, bundle):
    executor.start(bundle("import os, signal\nprint('on', flush=True)\nos.kill(os.getppid(), signal.SIGKILL)"))
    eventually(lambda: executor.observe(NAME).is_dead)
    detail = executor.observe(NAME).detail
    assert (detail["exit_code"], detail["killed_by"], detail["memory"]["oom_kills"]) == (-9, "SIGKILL", 0)
    assert not (executor.directory(NAME) / protocol.RESULT).exists()


def test_a_courier_that_says_what_nobody_understands_ends_nothing(executor, bundle, docker_client, installation):
    executor.start(bundle("while not __import__('os').path.exists('/tmp/go_on'): __import__('time').sleep(0.02)"))
    container = container_of(docker_client, installation)
    for nonsense in ("{}", "[]", '{"do": "follow"}', '{"do": "follow", "have": 1}', '{"do": "start"}'):
        opened = Stream(docker_client.api, container.id)
        opened._socket.settimeout(60)
        opened._socket.sendall(nonsense.encode() + b"\n")
        with pytest.raises(StreamCut):
            while True:
                opened.receive()
        opened.close()
    container.exec_run(["touch", "/tmp/go_on"])
    eventually(lambda: executor.observe(NAME).is_dead)
    assert result_of(executor)["state"] == "succeeded"


def test_a_container_that_leaves_more_than_it_can_hold_is_ended_and_it_is_said_why(executor, bundle, monkeypatch):
    monkeypatch.setattr(stream.init, "MAX_HOLE_BYTES", 0)
    monkeypatch.setattr(stream, "tmpfs_bytes", lambda _: 1024**2)
    executor.start(bundle("print('x' * 5_000_000)\n" + FOR_EVER, resources=Resources(memory_bytes=256 * 2**20)))
    eventually(lambda: executor.observe(NAME).is_dead)
    assert "more than 1 MiB" in executor.observe(NAME).detail["left_too_much"]
    left = [path.stat().st_size for path in executor.directory(NAME).rglob("*") if path.is_file()]
    assert sum(left) < 2 * 1024**2


# --- hardening ----------------------------------------------------------------------------------

INSIDE = """
import json, os, pathlib, socket
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
def writable(path):
    try:
        pathlib.Path(path, "probe").write_text("x")
        return True
    except OSError:
        return False
group = pathlib.Path("/sys/fs/cgroup")
def limit(v1, v2):
    path = group / v1 if (group / v1).exists() else group / v2
    return path.read_text().split()[0]
folders = ("/", "/etc", "/usr", "/opt/python", "/root", "/var", "/tmp", "/dataops")
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
    "capabilities": int(status["CapBnd"], 16) | int(status["CapEff"], 16),
    "no_new_privileges": status["NoNewPrivs"], "seccomp": status["Seccomp"],
    "writable": [path for path in folders if writable(path)],
    "memory": int(limit("memory/memory.limit_in_bytes", "memory.max")),
    "pids": int(limit("pids/pids.max", "pids.max")),
    "interfaces": [name for _, name in socket.if_nameindex()], "docker": os.path.exists("/var/run/docker.sock"),
    "data": os.listdir("/data"), "data_writable": writable("/data"),
}))
"""


def test_what_really_runs_is_hardened(said, docker_client, installation, executor, tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "in.csv").write_text("1")
    (tmp_path / "shared").chmod(0o777)
    resources = Resources(cpus=0.5, memory_bytes=400 * 2**20, pids=99)
    found = json.loads(said(INSIDE, resources=resources, mounts=(Mount(str(tmp_path / "shared"), "/data"),)))
    assert found == {
        "uid": 1000,
        "gid": 1000,
        "groups": found["groups"],
        "capabilities": 0,
        "no_new_privileges": "1",
        "seccomp": "2",
        "writable": ["/tmp", "/dataops"],
        "memory": 400 * 2**20,
        "pids": 99,
        "interfaces": ["lo"],
        "docker": False,
        "data": ["in.csv"],
        "data_writable": False,
    }
    assert set(found["groups"]) <= {1000}


def test_what_the_daemon_says_of_it_is_hardened_too(executor, bundle, docker_client, installation):
    executor.start(bundle(FOR_EVER, image="root", resources=Resources(cpus=0.5)))
    attrs = container_of(docker_client, installation).attrs
    host = attrs["HostConfig"]
    assert attrs["Config"]["User"] == "1000:1000"
    assert (host["ReadonlyRootfs"], host["Privileged"], host["NetworkMode"]) == (True, False, "none")
    assert (host["CapDrop"], host["CapAdd"], host["NanoCpus"]) == (["ALL"], None, 500_000_000)
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert attrs["Config"]["Labels"]["dataops-lab.attempt"] == NAME
    assert attrs["Config"]["Labels"]["dataops-lab.installation"] == installation
    assert not attrs["Mounts"]


def test_an_image_that_says_root_runs_as_root_only_when_that_is_asked_for(said):
    assert said("import os; print(os.getuid())", image="root", user="0:0").strip() == "0"


# --- one attempt, one container -----------------------------------------------------------------


def test_two_engines_that_start_it_start_it_once(executor, docker_executor, bundle, blobs, docker_client, installation):
    work = bundle("import pathlib, uuid; pathlib.Path(str(uuid.uuid4())).touch()")
    other = docker_executor(blobs)

    def start(each: DockerExecutor) -> None:
        with suppress(Unavailable):  # A start during another one may raise this; the engine tries again.
            each.start(work)

    threads = [threading.Thread(target=start, args=(each,)) for each in (executor, other, executor)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: executor.observe(NAME).is_dead and other.observe(NAME).is_dead)
    assert len(list((executor.directory(NAME) / protocol.ARTIFACTS / "work").iterdir())) == 1


def test_an_engine_that_comes_after_the_end_starts_nothing(executor, docker_executor, bundle, blobs, monkeypatch):
    work = bundle("import pathlib, uuid; pathlib.Path(str(uuid.uuid4())).touch()")
    late = docker_executor(blobs)
    create = DockerExecutor._create

    def create_late(self, *args):
        if self is late:  # It has slept since it looked for the container.
            executor.start(work)
            eventually(lambda: executor.observe(NAME).is_dead)
            eventually(lambda: container_state(late._daemon.client, late._container_name(NAME)) is None)
        create(self, *args)

    monkeypatch.setattr(DockerExecutor, "_create", create_late)
    with pytest.raises(Unavailable, match="faster"):
        late.start(work)
    assert len(list((executor.directory(NAME) / protocol.ARTIFACTS / "work").iterdir())) == 1
    assert late.observe(NAME) == executor.observe(NAME)
    assert container_state(late._daemon.client, late._container_name(NAME)) is None


def test_the_next_engine_adopts_it_and_misses_nothing(executor, docker_executor, bundle, tmp_path):
    source = "import time, pathlib\nfor i in range(100_000_000):\n    print('line', i)\n    time.sleep(0.01)\n"
    executor.start(bundle(source + "    if pathlib.Path('/tmp/enough').exists(): break"))
    eventually(lambda: "line 20\n" in log_of(executor))
    executor.close()
    adopting = docker_executor()
    assert not adopting.observe(NAME).has_ended
    before = log_of(executor)
    eventually(lambda: len(log_of(adopting)) > len(before) + 100)
    adopting._daemon.client.exec_start(  # the test makes the file, because no folder is shared with the container
        adopting._daemon.client.exec_create(adopting._container_name(NAME), ["touch", "/tmp/enough"])["Id"]
    )
    eventually(lambda: adopting.observe(NAME).is_dead)
    numbers = [int(line.split()[1]) for line in log_of(adopting).splitlines()]
    assert numbers == list(range(len(numbers)))
    assert [event["seq"] for event in journal_of(adopting)] == list(range(1, len(journal_of(adopting)) + 1))
    assert result_of(adopting)["state"] == "succeeded"


def test_what_ended_while_nobody_looked_is_collected_whole(
    executor, docker_executor, bundle, docker_client, installation
):
    executor.start(
        bundle("import time, pathlib\nprint('on')\ntime.sleep(1)\npathlib.Path('made').write_text('x' * 10**6)")
    )
    eventually(lambda: "on" in log_of(executor))
    executor.close()
    # The container keeps its files until an engine collects them.
    eventually(lambda: ended_inside(container_of(docker_client, installation)))
    later = docker_executor()
    eventually(lambda: later.observe(NAME).is_dead)
    assert result_of(later)["state"] == "succeeded", result_of(later)
    assert (later.directory(NAME) / protocol.ARTIFACTS / "work" / "made").stat().st_size == 10**6


def ended_inside(container) -> bool:
    return container.exec_run(["test", "-e", "/dataops/run/result.json"])[0] == 0


def test_how_it_ended_is_known_to_the_engine_after_the_one_that_saw_it(executor, docker_executor, bundle):
    executor.start(bundle("print(1)"))
    eventually(lambda: executor.observe(NAME).is_dead)
    executor.close()
    look = docker_executor().observe(NAME)
    assert (look.ran, look.status) == (True, AttemptStatus.CONFIRMED_DEAD)


class Lossy:
    """A client that loses answers: for each of these calls, one answer of the daemon does not arrive."""

    def __init__(self, client, *calls: str) -> None:
        self._client = client
        self.lost = list(calls)

    def __getattr__(self, name: str):
        call = getattr(self._client, name)

        def lossy(*args, **kwargs):
            answer = call(*args, **kwargs)
            if name in self.lost:
                self.lost.remove(name)
                raise requests.ReadTimeout("the answer never came")
            return answer

        return lossy if callable(call) else call


@pytest.mark.parametrize("call", ["create_container_from_config", "start", "exec_create"])
def test_an_answer_that_was_lost_makes_no_second_container(docker_executor, bundle, docker_client, installation, call):
    lossy = Lossy(docker.from_env().api, call)
    executor = docker_executor(daemon=Daemon(connect=lambda host: lossy))
    work = bundle("print('ran')")
    with pytest.raises(Unavailable):
        executor.start(work)
    assert lossy.lost == []
    executor.start(work)
    eventually(lambda: executor.observe(NAME).is_dead)
    assert log_of(executor) == "ran\n"
    executor.forget(NAME)
    assert list(executor.list_names()) == []


class Moody(BaseAdapter):
    """An adapter to a daemon that answers each request with `status` when it is made for the first time."""

    def __init__(self, client: docker.APIClient, status: int) -> None:
        super().__init__()
        self._daemon = client.get_adapter("http+docker://")
        self._status = status
        self.refused: set[tuple[str, str]] = set()
        client.mount("http+docker://", self)

    def send(self, request, **options):
        asked = (request.method, re.sub("[0-9a-f]{64}", "…", request.url.partition("?")[0]))
        if asked in self.refused:
            return self._daemon.send(request, **options)
        self.refused.add(asked)
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = self._status, request, request.url
        answer.raw = io.BytesIO(b'{"message": "not now"}')
        return answer

    def close(self) -> None:
        self._daemon.close()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_daemon_that_is_too_busy_or_fails_is_asked_again_and_nothing_is_concluded(docker_executor, bundle, status):
    client = docker.from_env().api
    moody = Moody(client, status)
    executor = docker_executor(daemon=Daemon(connect=lambda host: client))
    work = bundle("print('ran')")

    def started() -> bool:
        with suppress(Unavailable):
            executor.start(work)
            return True
        return False

    def ended() -> Observation | None:
        with suppress(Unavailable):
            look = executor.observe(NAME)
            assert look.status is not AttemptStatus.NOT_FOUND
            return look if look.is_dead else None
        return None

    eventually(started)
    look = eventually(ended)
    assert (look.ran, look.has_ended) == (True, True)
    assert result_of(executor)["state"] == "succeeded"
    assert log_of(executor) == "ran\n"
    assert len(moody.refused) > 5


def test_an_engine_that_died_before_the_bundle_arrived_leaves_a_container_that_the_next_one_uses(
    docker_executor, bundle, docker_client, installation
):
    first = docker_executor()
    work = bundle("print('ran')")
    first._create(first._daemon.client, first._container_name(NAME), work)
    container = container_of(docker_client, installation)
    container.start()
    second = docker_executor()
    second.start(work)
    eventually(lambda: second.observe(NAME).is_dead)
    assert log_of(second) == "ran\n"


def test_installations_on_one_daemon_do_not_see_each_other(executor, bundle, tmp_path):
    executor.start(bundle(FOR_EVER))
    other = DockerExecutor(tmp_path / "other", MemoryBlobs(), installation="ffffffff", daemon=Daemon())
    assert list(other.list_names()) == []
    assert other.observe(NAME) == Observation(AttemptStatus.NOT_FOUND)


def test_what_is_forgotten_has_left_nothing_in_the_daemon(executor, bundle, docker_client, installation):
    executor.start(bundle(FOR_EVER))
    executor.forget(NAME)
    label = {"label": f"dataops-lab.installation={installation}"}
    assert docker_client.containers.list(all=True, ignore_removed=True, filters=label) == []
    assert not executor.directory(NAME).exists()


def test_the_id_of_an_installation_is_made_once(tmp_path):
    assert installation_id(tmp_path / "new") == installation_id(tmp_path / "new")
    assert installation_id(tmp_path / "other") != installation_id(tmp_path / "new")


# --- ends ---------------------------------------------------------------------------------------


def test_a_run_that_is_stopped_keeps_what_it_has(executor, bundle):
    executor.start(bundle("print('so far')", FOR_EVER))
    eventually(lambda: "so far" in log_of(executor))
    executor.stop(NAME, force=False)
    eventually(lambda: executor.observe(NAME).is_dead)
    assert result_of(executor)["state"] == "terminated"
    notebook = json.loads((executor.directory(NAME) / protocol.OUTPUT).read_text())
    assert "so far" in str(notebook["cells"][0]["outputs"])


def test_force_ends_what_does_not_want_to_and_keeps_the_log(executor, bundle):
    source = (
        "import signal, subprocess, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'], start_new_session=True)\n"
        "print('on')\n"
    )
    executor.start(bundle(source + FOR_EVER))
    eventually(lambda: "on" in log_of(executor))
    executor.stop(NAME, force=True)
    eventually(lambda: executor.observe(NAME).is_dead)
    assert not (executor.directory(NAME) / protocol.RESULT).exists()
    assert "on" in log_of(executor)


def test_what_a_notebook_leaves_running_ends_with_it(executor, bundle):
    source = "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)"
    executor.start(bundle(source))
    eventually(lambda: executor.observe(NAME).is_dead)
    assert result_of(executor)["state"] == "succeeded"


def test_a_container_that_somebody_kills_has_ended_without_a_result(executor, bundle, docker_client, installation):
    executor.start(bundle("print('on')\n" + FOR_EVER))
    eventually(lambda: "on" in log_of(executor))
    container_of(docker_client, installation).kill()
    eventually(lambda: executor.observe(NAME).is_dead)
    look = executor.observe(NAME)
    assert (look.ran, look.detail["exit_code"]) == (True, 137)
    assert not (executor.directory(NAME) / protocol.RESULT).exists()
    assert "on" in log_of(executor)


def test_a_container_that_is_told_to_end_from_outside_hands_out_what_it_has_and_blames_nobody(
    executor, bundle, docker_client, installation
):
    executor.start(bundle("print('on')\n" + FOR_EVER))
    eventually(lambda: "on" in log_of(executor))
    container_of(docker_client, installation).kill(signal="SIGTERM")
    eventually(lambda: executor.observe(NAME).is_dead)
    look = executor.observe(NAME)
    assert look.ran
    assert "killed_by" not in look.detail
    assert "on" in log_of(executor)


def test_a_container_that_somebody_removes_has_ended_and_says_so(executor, bundle, docker_client, installation):
    executor.start(bundle(FOR_EVER))
    container_of(docker_client, installation).remove(force=True)
    eventually(lambda: executor.observe(NAME).is_dead)
    detail = executor.observe(NAME).detail
    # The daemon kills the container before it removes it, and may be asked in between.
    assert "removed" in detail.get("why", "") or detail["exit_code"] == 128 + signal.SIGKILL


def test_an_image_that_is_gone_is_named_and_not_waited_for(executor, bundle):
    work = bundle("print(1)")
    with pytest.raises(Refused) as refused:
        executor.start(replace(work, container=replace(work.container, image="sha256:" + "0" * 64)))
    assert refused.value.precise_code == "image_gone"


def test_files_that_do_not_fit_are_refused_before_anything_runs(executor, bundle, blobs):
    large = BundleFile("large", blobs.put(bytes(40 * 2**20)))
    with pytest.raises(Refused) as refused:
        executor.start(bundle("print(1)", files=[large], resources=Resources(memory_bytes=64 * 2**20)))
    assert refused.value.precise_code == "container_full"
    assert "No space left" in refused.value.message


def test_a_daemon_that_does_not_answer_leaves_everything_open(docker_executor, bundle, tmp_path):
    executor = docker_executor(daemon=Daemon(f"unix://{tmp_path}/docker.sock"))
    for verb in (
        lambda: executor.start(bundle("1")),
        lambda: executor.observe("x"),
        lambda: list(executor.list_names()),
    ):
        with pytest.raises(Unavailable) as unavailable:
            verb()
        assert unavailable.value.precise_code == "docker_unreachable"


# --- warm ---------------------------------------------------------------------------------------


def ready(executor: DockerExecutor) -> bool:
    return any(group.ready for group in executor._pool._groups.values())


def test_a_warm_container_serves_one_run_and_is_followed_by_another(executor, bundle, docker_client, installation):
    names = [f"01WARMWARMWARMWARMWARMWARM-{number}" for number in range(3)]
    used = []
    for name in names:
        executor.start(bundle("print(open('/proc/1/stat').read().split()[21])", name=name, warm=1))
        eventually(lambda name=name: executor.observe(name).is_dead)
        assert result_of(executor, name)["state"] == "succeeded"
        used.append(log_of(executor, name))
        eventually(lambda: ready(executor))
    # The start time of PID 1 tells the containers apart.
    assert len(set(used)) == len(names)
    assert sorted(executor.list_names()) == names


def test_whatever_is_started_in_a_container_can_be_asked_to_end(executor, bundle):
    """Check that PID 1 blocks SIGTERM for itself alone."""
    print_mask = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('SigBlk')))"
    for number, begin in enumerate(("cold", "warm")):
        name = f"01WARMWARMWARMWARMWARMWARM-{number}"
        executor.start(bundle(print_mask, name=name, warm=1))
        eventually(lambda name=name: executor.observe(name).is_dead)
        assert not int(log_of(executor, name), 16) & 1 << (signal.SIGTERM - 1), begin
        eventually(lambda: ready(executor))


def test_a_warm_container_is_used_only_for_runs_of_its_kind(executor, bundle):
    executor.start(bundle("print(1)", name="01A-1", warm=1))
    eventually(lambda: ready(executor))
    other = bundle("print(1)", name="01B-1", warm=1, resources=Resources(memory_bytes=300 * 2**20)).container
    assert executor._pool.take(other, ["python"], "nobody") is None


def test_a_warm_container_has_a_kernel_at_hand(executor, bundle):
    source = (
        "import pathlib, os\npid, line = os.getppid(), []\n"
        "while pid > 1:\n"
        "    line.append(pathlib.Path(f'/proc/{pid}/cmdline').read_text())\n"
        "    pid = int(pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])\n"
        "print('preload.py\\0kernel' in ' '.join(line))"
    )
    cold, warm = (bundle(source, name=f"01HAND-{number}", warm=1) for number in range(2))
    executor.start(cold)
    eventually(lambda: executor.observe(cold.name).is_dead and ready(executor))
    executor.start(warm)
    eventually(lambda: executor.observe(warm.name).is_dead)
    assert (log_of(executor, cold.name), log_of(executor, warm.name)) == ("False\n", "True\n")


def test_warm_and_cold_leave_the_same(executor, bundle):
    source = (
        "import os, sys, threading, signal, resource, json\n"
        "print(json.dumps([sorted(os.environ), sys.path, sys.argv[1:2], os.getcwd(), sys.flags[:], os.umask(18),\n"
        "  signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, threading.active_count(), os.getuid(),\n"
        "  resource.getrlimit(resource.RLIMIT_NOFILE), oct(os.stat('.').st_mode),\n"
        "  sorted(m for m in sys.modules if 'papermill' in m or 'dataops' in m)]))"
    )
    cold, warm = (bundle(source, name=f"01SAME-{number}", warm=1) for number in range(2))
    executor.start(cold)
    eventually(lambda: executor.observe(cold.name).is_dead and ready(executor))
    executor.start(warm)
    eventually(lambda: executor.observe(warm.name).is_dead)
    assert json.loads(log_of(executor, warm.name)) == json.loads(log_of(executor, cold.name))


def test_a_warm_container_ends_when_its_engine_does_and_is_swept(
    executor, docker_executor, bundle, docker_client, installation
):
    executor.start(bundle("print(1)", warm=1))
    eventually(lambda: ready(executor))
    (group,) = executor._pool._groups.values()
    (warm,) = group.ready
    # The death of the engine closes the stream. An ordinary end would also remove the container.
    warm.stream.close()
    eventually(lambda: docker_client.containers.get(warm.name).status == "exited")
    later = docker_executor()
    left = [name for name in later.list_names() if name.startswith("pool-")]
    assert len(left) == 1
    assert not later.observe(left[0]).ran
    later.forget(left[0])
    assert not [name for name in later.list_names() if name.startswith("pool-")]


def test_what_stands_ready_is_given_back_when_nobody_needs_it(executor, bundle, docker_client, installation):
    executor.start(bundle("print(1)", warm=2))
    eventually(lambda: ready(executor))
    eventually(lambda: executor.observe(NAME).is_dead)
    executor.forget(NAME)
    executor.close()
    label = {"label": f"dataops-lab.installation={installation}"}
    eventually(lambda: docker_client.containers.list(all=True, ignore_removed=True, filters=label) == [])


def test_a_kernel_is_left_to_its_server_while_it_lives_and_swept_after(
    executor, docker_images, docker_client, installation
):
    name = f"{KERNEL_NAME_PREFIX}01TEST"
    labels, command = {INSTALLATION_LABEL: installation}, ["sleep", "infinity"]
    container = docker_client.containers.create(
        docker_images["lean"], command, entrypoint=[], name=container_name_prefix(installation) + name, labels=labels
    )
    assert name not in executor.list_names()  # A new container is about to be started.
    container.start()
    assert name not in executor.list_names()
    container.kill()
    container.wait()
    assert name in executor.list_names()
    executor.forget(name)
    assert name not in executor.list_names()
