"""A canary: runs give their secret away in every way that happens by accident. Then a search for it finds nothing."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from dataops_lab.domain.environments import ExecutorKind, Mount
from dataops_lab.domain.images import Image
from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.services import environments, records, runs, secrets
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_engine, build_services

from .. import written
from ..waiting import eventually

pytestmark = pytest.mark.slow

CANARY = 'c4nary/böse+Wörter & "mehr" 7d1f0a'

GIVE_AWAY = [
    "import base64, json, os, sys, time, logging, urllib.parse\nsecret = os.environ['CANARY']",
    "print(secret)\nprint(secret, file=sys.stderr)\nlogging.warning('it is %s', secret)\nsecret",
    # The pause makes two messages: the kernel sends the first one in it.
    "for part in (secret[:9], secret[9:]):\n    sys.stdout.write(part)\n    sys.stdout.flush()\n    time.sleep(0.3)",
    "sys.stdout.write(secret[:9]); sys.stdout.flush()",
    "sys.stdout.write(secret[9:]); sys.stdout.flush()",
    "print(json.dumps({'password': secret}), {'password': secret}, urllib.parse.quote(secret, safe=''))",
    "for before in range(3):\n    print(base64.b64encode(b'x' * before + secret.encode() + b'tail').decode())",
    "from IPython.display import HTML, display\n"
    "display({'text/plain': secret, 'application/json': {secret: [secret]}}, raw=True)",
    "handle = display(1, display_id=True)\nhandle.update(HTML('<b>' + secret + '</b>'))",
    "os.system('echo \"$CANARY\"')\nos.write(1, secret.encode())\nos.write(2, secret.encode());",
    '!echo "$CANARY"',
    "from dataops_lab import record\nrecord('password', secret)\nrecord('deep', {'of': [secret]})",
    "open('notes.txt', 'w').write('the password is ' + secret)\n"
    "open('model.bin', 'wb').write(b'\\0\\1' + secret.encode())",
    "open('fine.txt', 'w').write('nothing here');",
]
FAIL = "raise ValueError('cannot log in with ' + secret)"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that does not exist yet, in a folder that containers see as /data."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    return tmp_path / "shared" / "gate"


@pytest.fixture(params=["cold", "warm", "docker"])
def engine(request: pytest.FixtureRequest, home: Home, gate: Path) -> Iterator[str]:
    """The path of `gate` as runs see it, beside a running engine."""
    if request.param == "docker":
        request.getfixturevalue("monkeypatch").setenv("DATAOPS_LAB_MOUNT_ROOTS", str(gate.parent))
        run_in(request.getfixturevalue("docker_images")["lean"], home, gate.parent)
    running, stop = build_engine(home, slots=2, warm=1 if request.param == "warm" else 0), threading.Event()
    thread = threading.Thread(target=running.run, args=(stop,))
    thread.start()
    yield "/data/gate" if request.param == "docker" else str(gate)
    stop.set()
    thread.join()


def run_in(image_id: str, home: Home, shared: Path) -> None:
    from dataops_lab.executors.docker.images import DockerImages

    ctx, backend = build_services(home), DockerImages(None)
    now, pinned = ctx.clock.now(), backend.find(image_id)
    probe = backend.probe(pinned, user="1000:1000", at=now)
    with ctx.store.begin() as tx:
        tx.images.put(Image("lean", "lean", pinned, now, person("ann"), probe=probe), at=now, by=person("ann"))
        sandbox = replace(
            tx.environments.get("sandbox"),
            executor=ExecutorKind.DOCKER,
            images=("lean",),
            network=False,
            mounts=(Mount(str(shared), "/data"),),
        )
        tx.environments.put(sandbox, at=now, by=person("ann"))


def notebook(folder: Path, *sources: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "canary.ipynb").write_text(written.notebook(*sources))
    return str(folder / "canary.ipynb")


def spellings() -> list[bytes]:
    """Return all spellings that must be found nowhere. Those in base64 do not depend on the bytes beside the secret."""
    data = CANARY.encode()
    texts = [CANARY, json.dumps(CANARY)[1:-1], quote(CANARY, safe=""), quote(CANARY)]
    texts += [base64.b64encode(b"x" * n + data).decode()[4:-4] for n in range(3)]
    return [text.encode() for text in texts]


def command_lines_and_runner_environments() -> str:
    seen = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            seen.append(command)
            if "dataops_lab.runner" in command:
                seen.append(str(process.environ()))
        except psutil.Error:
            continue
    return "\n".join(seen)


def test_a_secret_that_a_run_gives_away_by_accident_is_found_nowhere(engine, home, gate, tmp_path):
    ctx = build_services(home)
    secrets.put(ctx, "sandbox", "CANARY", CANARY, by=person("ann"))
    wait = f"while not os.path.exists({engine!r}):\n    time.sleep(0.02)"
    path = notebook(tmp_path / "work", *GIVE_AWAY, wait, FAIL)
    run_id = runs.submit(ctx, Submission(path=path), by=person("ann")).view.run.id

    eventually(lambda: (view := runs.get(ctx, run_id)).attempts and view.attempts[-1].progress.done == len(GIVE_AWAY))
    seen = command_lines_and_runner_environments()
    assert "dataops_lab.runner" in seen, "it was looked at"
    assert CANARY not in seen and quote(CANARY) not in seen
    searched = everything_below(home.folder)
    gate.touch()
    view = eventually(lambda: (view := runs.get(ctx, run_id)).run.state.is_terminal and view)

    assert view.run.state is RunState.FAILED and view.run.reason.code == "cell_error", view.run.reason
    assert "cannot log in with ***" in view.run.reason.message
    executed = records.executed_notebook(ctx, run_id).decode()
    assert executed.count("***") > 15, "it did give it away"
    assert "***" in records.log(ctx, run_id).read().decode()
    assert records.report(ctx, run_id, code=True).read()
    assert view.record.values == {"password": "***", "deep": {"of": ["***"]}}
    kept = {file.path: ctx.blobs.read(file.digest) for file in view.record.artifacts}
    assert kept == {"notes.txt": b"the password is ***", "fine.txt": b"nothing here"}
    searched |= everything_below(home.folder)
    assert len(searched) > 8
    found = [str(path) for path, data in searched.items() for text in spellings() if text in data]
    assert found == []


def everything_below(folder: Path) -> dict[Path, bytes]:
    """Read all files below `folder`, except those that the notebook itself writes: they are gone with the run."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("notes.txt", "model.bin"):
            try:
                found[path] = path.read_bytes()
            except OSError:
                continue  # It is gone meanwhile.
    return found


def test_variables_and_secrets_reach_the_kernel_whole(engine, home, tmp_path):
    ctx = build_services(home)
    long = "-----BEGIN KEY-----\n" + "äb" * 2_000 + "\n-----END KEY-----\n"
    environments.set_variable(ctx, "sandbox", "REGION", "Süd", by=person("ann"))
    secrets.put(ctx, "sandbox", "KEY", long, by=person("ann"))
    source = (
        "import os\nfrom dataops_lab import record\nrecord('region', os.environ['REGION'])\n"
        f"record('same', os.environ['KEY'] == {long!r})"
    )
    run_id = runs.submit(ctx, Submission(path=notebook(tmp_path / "work", source)), by=person("ann")).view.run.id
    view = eventually(lambda: (view := runs.get(ctx, run_id)).run.state.is_terminal and view)
    assert view.record.values == {"region": "Süd", "same": True}
