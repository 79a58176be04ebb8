"""Containers, daemons and engines that die while a run goes on.

The engines are real, and so is the daemon. A second daemon is there to be stopped.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from dataops_lab.domain.environments import DockerSettings, ExecutorKind, Mount, Resources, RunLimits
from dataops_lab.domain.images import Image
from dataops_lab.domain.runs import AttemptState, RunState
from dataops_lab.errors import Unavailable
from dataops_lab.executors.docker import installation_id
from dataops_lab.executors.docker.images import DockerImages
from dataops_lab.services import Services, runs
from dataops_lab.testing import person

from ..waiting import TIMEOUT_S

GO_ON = "import pathlib, time\nwhile not pathlib.Path('/data/go_on').exists(): time.sleep(0.02)\n"
TELL = "open('/data/witness', 'a').write('ran\\n')\n"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """The folder that is /data in the containers."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def in_docker(real: Services, home, docker_images, shared: Path, monkeypatch) -> Iterator[Callable[..., None]]:
    """A function that lets the sandbox run containers of the lean image. At the end, the containers are removed."""
    monkeypatch.setenv("DATAOPS_LAB_MOUNT_ROOTS", str(shared))
    hosts = []

    def offer(*, host: str | None = None, warm: int = 0, **resources: int) -> None:
        backend, now = DockerImages(host), real.clock.now()
        hosts.append(host)
        pinned = backend.find(docker_images["lean"])
        probe = backend.probe(pinned, user="1000:1000", at=now)
        by = person("someone")
        with real.store.begin() as tx:
            tx.images.put(Image("lean", "lean", pinned, now, by, probe=probe, host=host), at=now, by=person("someone"))
            sandbox = replace(
                tx.environments.get("sandbox"),
                executor=ExecutorKind.DOCKER,
                docker=DockerSettings(host=host, warm=warm),
                limits=RunLimits(Resources(**{"memory_bytes": 512 * 2**20, **resources})),
                images=("lean",),
                default_image="lean",
                network=False,
                mounts=(Mount(str(shared), "/data", read_only=False),),
            )
            tx.environments.put(sandbox, at=now, by=person("someone"))

    yield offer
    for host in hosts:
        with_label = {"label": f"dataops-lab.installation={installation_id(home.folder)}"}
        client = docker.DockerClient(host) if host else docker.from_env()
        for container in client.containers.list(all=True, ignore_removed=True, filters=with_label):
            # The engine may still remove it, too.
            with suppress(docker.errors.APIError):
                container.remove(force=True, v=True)


def left_in_docker(home) -> list:
    label = {"label": f"dataops-lab.installation={installation_id(home.folder)}"}
    return docker.from_env().containers.list(all=True, ignore_removed=True, filters=label)


@pytest.mark.parametrize("warm", [0, 1])
def test_a_run_in_a_container_ends_with_its_record_and_leaves_nothing(
    in_docker, start_engine, submitted, until, home, warm
):
    in_docker(warm=warm)
    engine = start_engine()
    for _ in range(2):
        ended = until(submitted("print(6 * 7)").run.id, lambda view: view.run.state.is_terminal)
        assert ended.run.state is RunState.SUCCEEDED
        assert ended.record is not None
        assert ended.run.image.name == "lean"
    engine.terminate()
    engine.wait()
    assert left_in_docker(home) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "open('journal.jsonl', 'a').write('{\"kind\":\"start\",\"code_cells\":Infinity}\\n')",
        "for name in ('journal.jsonl', 'log.txt', 'values.json', 'runner.log', 'result.json'):\n"
        "    if os.path.exists(name): os.unlink(name)\n    os.mkfifo(name)",
        "os.unlink('journal.jsonl')\nos.symlink('/etc/passwd', 'journal.jsonl')",
        "os.makedirs('artifacts/work', exist_ok=True)\nos.chdir('artifacts/work')\n"
        "for _ in range(1500): os.mkdir('d'); os.chdir('d')\nopen('file', 'w').write('down there')",
        "os.makedirs('artifacts', exist_ok=True)\n"
        "for name in ('log.txt', 'artifacts/made', 'files/made'): open(name, 'a').truncate(10**13)",
    ],
    ids=["a line", "pipes", "a link", "deep folders", "terabytes"],
)
def test_whatever_a_notebook_does_to_its_run_directory_all_runs_have_their_end(
    in_docker, start_engine, submitted, until, home, shared, hostile
):
    in_docker()
    start_engine()
    bad = submitted(f"import os\nos.chdir('/dataops/run')\n{hostile}\n{TELL}{GO_ON}").run.id
    until(bad, lambda view: (shared / "witness").exists())
    good = submitted("1").run.id
    assert until(good, lambda view: view.run.state.is_terminal).run.state is RunState.SUCCEEDED
    (shared / "go_on").touch()
    assert len(until(bad, lambda view: view.run.state.is_terminal).attempts) == 1
    until(bad, lambda view: not left_in_docker(home))
    assert "Traceback" not in (home.folder / "engine.log").read_text()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("commit", ["running", "finalizing", "ended"])
def test_an_engine_killed_at_a_commit_leaves_one_container_that_the_next_one_finds(
    in_docker, start_engine, submitted, until, shared, commit, moment
):
    in_docker()
    run_id = submitted(TELL).run.id
    assert start_engine(kill_at=f"{moment} {commit}").wait(TIMEOUT_S) == -signal.SIGKILL
    start_engine()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert [attempt.state for attempt in ended.attempts] == [AttemptState.SUCCEEDED]
    assert (shared / "witness").read_text() == "ran\n"


def test_a_notebook_goes_on_while_no_engine_lives_and_is_adopted(in_docker, start_engine, submitted, until, shared):
    in_docker()
    first = start_engine()
    run_id = submitted("print('before')\n" + GO_ON + TELL + "print('after')").run.id
    until(run_id, lambda view: view.attempts and view.attempts[-1].progress.current is not None)
    first.kill()
    first.wait()
    (shared / "go_on").touch()
    start_engine()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert (shared / "witness").read_text() == "ran\n"


def test_a_killed_container_is_noticed_and_the_run_is_tried_again(
    in_docker, start_engine, submitted, until, home, shared
):
    in_docker()
    start_engine()
    run_id = submitted(TELL + "while len(open('/data/witness').readlines()) == 1: pass").run.id
    until(run_id, lambda view: (shared / "witness").exists())
    for container in left_in_docker(home):
        container.kill()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert [attempt.state for attempt in ended.attempts] == [AttemptState.LOST, AttemptState.SUCCEEDED]
    assert ended.attempts[0].reason.code == "runner_lost"


EAT = "blocks = []\nwhile True: blocks.append(b'x' * 2**20)"


@pytest.mark.parametrize(
    "source",
    [
        EAT,
        # Here the runner itself is killed, so that it cannot tell of it.
        "import os, signal\nopen(f'/proc/{os.getppid()}/oom_score_adj', 'w').write('1000')\n" + EAT,
    ],
    ids=["kernel", "runner"],
)
def test_out_of_memory_ends_the_run_with_limit_and_peak_and_is_not_tried_again(
    in_docker, start_engine, submitted, until, source
):
    in_docker(memory_bytes=256 * 2**20)
    start_engine()
    ended = until(submitted(source).run.id, lambda view: view.run.state.is_terminal)
    assert (ended.run.state, ended.run.reason.code) == (RunState.FAILED, "out_of_memory"), ended.run.reason
    assert "256 MiB" in ended.run.reason.message.replace("268 MB", "256 MiB")
    assert len(ended.attempts) == 1


def test_a_full_work_folder_fails_the_cell_and_the_rest_is_kept(in_docker, start_engine, submitted, until, real):
    in_docker(memory_bytes=256 * 2**20)
    start_engine()
    source = "print('so far')\nwith open('big', 'wb') as big:\n    while True: big.write(bytes(2**20))"
    ended = until(submitted(source).run.id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.FAILED
    assert "No space left" in ended.run.reason.message
    assert ended.record is not None


def test_an_image_that_is_gone_ends_the_run_at_once_and_says_so(in_docker, start_engine, submitted, until, real):
    in_docker()
    run_id = submitted("print(1)").run.id
    with real.store.begin() as tx:
        run = tx.runs.get(run_id)
    assert run.image is not None
    client = docker.from_env()
    # The test removes a copy of the image, so that no other test loses the image.
    copy = client.containers.create(run.image.id, ["true"])
    gone = copy.commit("dataops-lab-test/gone", "latest")
    copy.remove()
    with real.store.begin() as tx:
        image = tx.images.get("lean")
        pinned = replace(image.pinned, id=gone.id, repo_digest=None)
        tx.images.put(replace(image, pinned=pinned), at=real.clock.now(), by=person("someone"))
    second = submitted("print(2)").run.id
    client.images.remove("dataops-lab-test/gone:latest", force=True)
    start_engine()
    ended = until(second, lambda view: view.run.state.is_terminal)
    assert (ended.run.state, ended.run.reason.code) == (RunState.FAILED, "image_gone")
    assert len(ended.attempts) == 1
    assert until(run_id, lambda view: view.run.state.is_terminal).run.state is RunState.SUCCEEDED


def test_a_daemon_that_is_stopped_and_started_costs_an_attempt_and_no_more(
    in_docker, start_engine, submitted, until, shared, own_daemon
):
    in_docker(host=own_daemon.host)
    start_engine()
    run_id = submitted(TELL + "while len(open('/data/witness').readlines()) == 1: pass").run.id
    until(run_id, lambda view: (shared / "witness").exists())
    own_daemon.stop()
    try:
        with pytest.raises(Unavailable) as unavailable:
            submitted("print(1)")
        assert unavailable.value.precise_code == "docker_unreachable"
    finally:
        own_daemon.start()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert [attempt.state for attempt in ended.attempts] == [AttemptState.LOST, AttemptState.SUCCEEDED]
    assert ended.attempts[0].reason.code == "runner_lost"
    assert (shared / "witness").read_text() == "ran\nran\n"


def test_cancelled_means_that_the_container_is_gone(in_docker, start_engine, submitted, until, home, real):
    in_docker()
    start_engine()
    run_id = submitted("print('so far')\n" + GO_ON).run.id
    until(run_id, lambda view: view.attempts and view.attempts[-1].progress.current is not None)
    runs.cancel(real, run_id, by=person("someone"))
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.CANCELLED
    assert ended.record is not None
    # Nothing of the run was alive when it became cancelled. Its container is removed after that.
    until(run_id, lambda _: left_in_docker(home) == [])
