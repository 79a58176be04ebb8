"""Kills at random, and then counts: `python -m tests.faults.chaos --minutes 5 --seed 1`.

A real server with its engine, real notebooks; people who submit, repeat submits whose answer was lost, and
cancel; somebody who follows the event stream through everything; and a monkey that ends engine, server,
runners and kernels with SIGKILL, and stops engine and runners for a while. It begins with each of its tricks in turn.
When it is quiet again, the books must balance.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from dataops_lab.client import HttpClient
from dataops_lab.client.stream import frames
from dataops_lab.domain.records import RecordFileKind, record_digest
from dataops_lab.domain.runs import AttemptState, RunState
from dataops_lab.engine.leader_election import LEASE_DURATION_S
from dataops_lab.engine.process import start_engine
from dataops_lab.errors import Conflict, DataOpsError, Unavailable
from dataops_lab.ports import RunFilter
from dataops_lab.rundir import protocol
from dataops_lab.services import Services, runs
from dataops_lab.services.runs import RunView
from dataops_lab.wiring import Home, build_services

from .. import written
from ..client.conftest import TOKEN, Server

QUIET_WITHIN_S = 300.0
LONG_S = 120.0
"""The time of unrest from which an engine is also stopped past its lease, beside another one that stands by."""
MOST_AT_ONCE = 12
"""The most runs that have not ended. More are not submitted, so that the test ends soon after the last one."""

# Each execution holds a lock while it lives and writes down that it began. So two at once are noticed.
WITNESS = """
import fcntl, os
attempt = os.environ[{variable!r}]
run = attempt.rpartition("-")[0]
lock = open(os.path.join({folder!r}, run + ".lock"), "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    alone = "alone"
except BlockingIOError:
    alone = "doubled"
with open(os.path.join({folder!r}, "began"), "a") as began:
    began.write(f"{{attempt}} {{os.getpid()}} {{alone}}\\n")
"""

KINDS: dict[str, list[str]] = {
    "short": ["print('done')"],
    "long": [f"import time\nfor _ in range(5): time.sleep(0.05)\nprint({n}, 'x' * 2000)" for n in range(6)],
    "failing": ["x = 1", "1 / 0", "print('never')"],
    "writing": ["open('made.bin', 'wb').write(os.urandom(300_000))", "print('written')"],
}


@dataclass
class Chaos:
    folder: Path
    seed: int
    say: Callable[[str], None] = print
    submitted: dict[str, tuple[str, str]] = field(default_factory=dict)
    """A mapping: key → (run id, kind), for every submit that was answered."""
    cancelled: set[str] = field(default_factory=set)
    seen: dict[str, RunState] = field(default_factory=dict)
    """The last state of each run, as the follower of the event stream heard it."""
    done: Counter[str] = field(default_factory=Counter)
    """The number of hits of each trick of the monkey."""
    trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = Home(self.folder / "home")
        self.workspace = self.folder / "work"
        self.witness = self.folder / "witness"
        for made in (self.workspace, self.witness):
            made.mkdir(parents=True)
        self.server = Server(self.home.folder, self.workspace, self.folder / "server.log")
        self._calm = threading.Event()
        self._over = threading.Event()
        self._hit_all = threading.Event()
        self.tricks: dict[str, tuple[int, Callable[[random.Random], bool]]] = {
            "kill engine": (4, self._kill_engine),
            "kill server": (1, self._kill_server),
            "kill runner": (3, self._kill_runner),
            "kill kernel": (3, self._kill_kernel),
            "stop engine": (2, self._stop_engine),
            "stop runner": (2, self._stop_runner),
        }
        """The tricks by name, each with its weight in the choice. A trick returns whether it hit a process."""
        for kind, cells in KINDS.items():
            self._write_notebook(kind, cells)

    def go(self, seconds: float) -> Services:
        """Make unrest for so long, and until each trick has hit; then wait for quiet.

        Return the services of the installation. Its server has ended then.
        """
        if seconds >= LONG_S:
            self.tricks["stop engine past its lease"] = (1, self._stop_engine_past_its_lease)
        self.server.start()
        threads = [
            threading.Thread(target=self._guarded, args=(work, random.Random(f"{self.seed} {number}")), daemon=True)
            for number, work in enumerate([self._submit, self._submit, self._cancel, self._kill, self._follow])
        ]
        for thread in threads:
            thread.start()
        self._over.wait(seconds)
        self._hit_all.wait(QUIET_WITHIN_S)
        self._calm.set()
        for thread in threads[:-1]:
            thread.join(QUIET_WITHIN_S)
        services = build_services(self.home)
        self._wait_for_quiet(services)
        self._over.set()
        threads[-1].join(QUIET_WITHIN_S)
        self.server.stop()
        return services

    def _guarded(self, work: Callable[[random.Random], None], chance: random.Random) -> None:
        try:
            work(chance)
        except Exception as error:
            self.trouble.append(f"{work.__name__}: {error!r}")
            raise

    # --- people ---------------------------------------------------------------------------------

    def _submit(self, chance: random.Random) -> None:
        mine = 0
        with self._client() as client:
            while not self._calm.wait(chance.uniform(0.05, 0.6)):
                if len(self.submitted) - self._ended() >= MOST_AT_ONCE:
                    continue
                mine += 1
                kind, key = chance.choice(list(KINDS)), f"{threading.get_ident()}-{mine}"
                by_command = chance.random() < 0.15
                run_id = self._by_command(kind, key) if by_command else self._by_http(client, kind, key)
                self.submitted[key] = (run_id, kind)

    def _by_http(self, client: HttpClient, kind: str, key: str) -> str:
        """Submit by HTTP, again and again until it is answered, as people do.

        Then submit once more: the answer must be the same.
        """
        while True:
            with suppress(Unavailable):
                first = client.submit(f"{kind}.ipynb", key=key).id
                break
            self._over.wait(0.1)
        with suppress(Unavailable):
            again = client.submit(f"{kind}.ipynb", key=key).id
            if again != first:
                self.trouble.append(f"the key {key} stands for {first} and {again}")
        return first

    def _by_command(self, kind: str, key: str) -> str:
        command = [sys.executable, "-m", "dataops_lab.cli", "run", f"{kind}.ipynb", "--no-wait", "--json", "--key", key]
        environment = {**os.environ, "DATAOPS_LAB_HOME": str(self.home.folder)}
        while True:
            done = subprocess.run(command, cwd=self.workspace, env=environment, capture_output=True, check=False)
            if done.returncode == 0:
                return str(json.loads(done.stdout)["id"])
            self._over.wait(0.2)

    def _cancel(self, chance: random.Random) -> None:
        with self._client() as client:
            while not self._calm.wait(chance.uniform(0.5, 3.0)):
                open_runs = [run_id for run_id, _ in self.submitted.values() if not self._has_ended(run_id)]
                if open_runs:
                    run_id = chance.choice(open_runs)
                    self.cancelled.add(run_id)
                    with suppress(Unavailable, Conflict):
                        client.cancel(run_id)

    def _follow(self, chance: random.Random) -> None:
        """Follow the event stream from the first frame on, through each server that comes and goes."""
        cursor = "0"
        while not self._over.is_set():
            with suppress(httpx.HTTPError):
                headers = {"Authorization": f"token {TOKEN}", "Last-Event-ID": cursor}
                url = f"{self.server.url}/dataops/api/v1/events"
                with httpx.stream("GET", url, headers=headers, timeout=httpx.Timeout(5, read=30)) as response:
                    if response.status_code != httpx.codes.OK:
                        continue
                    for frame in frames(response.iter_bytes()):
                        if frame.event == "run":
                            told = json.loads(frame.data)
                            self._heard(told["id"], RunState(told["state"]))
                        cursor = frame.id or cursor
                        if self._over.is_set():
                            return
            self._over.wait(0.1)

    def _heard(self, run_id: str, state: RunState) -> None:
        before = self.seen.get(run_id)
        if before is not None and before.is_terminal and state is not before:
            self.trouble.append(f"{run_id} was {before} and is {state}")
        self.seen[run_id] = state

    # --- the monkey -----------------------------------------------------------------------------

    def _kill(self, chance: random.Random) -> None:
        for name, (_, trick) in self.tricks.items():
            while not self.done[name] and not self._calm.wait(0.1):
                self.done[name] += trick(chance)
        self._hit_all.set()
        names, weights = list(self.tricks), [weight for weight, _ in self.tricks.values()]
        while not self._calm.wait(chance.uniform(0.2, 1.2)):
            [name] = chance.choices(names, weights)
            self.done[name] += self.tricks[name][1](chance)

    def _kill_engine(self, _: random.Random) -> bool:
        pid = self._engine()
        return pid is not None and _sent(pid, signal.SIGKILL)

    def _stop_engine(self, chance: random.Random) -> bool:
        pid = self._engine()
        return pid is not None and self._stopped(pid, chance.uniform(0.2, 3.0))

    def _stop_engine_past_its_lease(self, _: random.Random) -> bool:
        """Stop the engine beside another one, which takes over. Then the first wakes up and finds that out."""
        pid = self._engine()
        if pid is None:
            return False
        other = start_engine(self.home.folder, log=self.home.engine_log, exit_when_idle_s=None, ends_with_parent=True)
        try:
            return self._stopped(pid, LEASE_DURATION_S + 5.0) and self._engine() != pid
        finally:
            other.terminate()
            other.wait()

    def _stopped(self, pid: int, seconds: float) -> bool:
        if not _sent(pid, signal.SIGSTOP):
            return False
        try:
            self._over.wait(seconds)
        finally:
            was_alive = _sent(pid, signal.SIGCONT)
        return was_alive

    def _engine(self) -> int | None:
        with self._client() as client, suppress(Unavailable):
            return client.status().engine.pid
        return None

    def _kill_server(self, chance: random.Random) -> bool:
        self.server.kill()
        self._over.wait(chance.uniform(0, 1.0))
        self.server.start()
        return True

    def _kill_runner(self, chance: random.Random) -> bool:
        pid = self._runner(chance)
        return pid is not None and _sent(pid, signal.SIGKILL)

    def _stop_runner(self, chance: random.Random) -> bool:
        pid = self._runner(chance)
        return pid is not None and self._stopped(pid, chance.uniform(0.2, 2.0))

    def _kill_kernel(self, chance: random.Random) -> bool:
        alive = [pid for _, pid, _ in self._begun() if self._is_ours(pid)]
        return bool(alive) and _sent(chance.choice(alive), signal.SIGKILL)

    def _runner(self, chance: random.Random) -> int | None:
        pids = []
        for lock in sorted((self.home.runs / "process").glob(f"*/{protocol.LOCK}")):
            with suppress(OSError, ValueError):
                pids.append(int(json.loads(lock.read_bytes())["pid"]))
        alive = [pid for pid in pids if self._is_ours(pid)]
        return chance.choice(alive) if alive else None

    def _is_ours(self, pid: int) -> bool:
        """Tell whether the process works in a run directory of this test: the pid may belong to another one by now."""
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(self.home.runs)
        return False

    # --- quiet ----------------------------------------------------------------------------------

    def _wait_for_quiet(self, services: Services) -> None:
        deadline = time.monotonic() + QUIET_WITHIN_S
        wanted = {run_id for run_id, _ in self.submitted.values()}
        while time.monotonic() < deadline:
            ended = {view.run.id for view in all_runs(services) if view.run.state.is_terminal}
            heard = {run_id for run_id, state in self.seen.items() if state.is_terminal}
            if wanted <= ended and wanted <= heard and not self._left():
                return
            self._over.wait(0.2)
        self.trouble.append("it did not become quiet")

    def _left(self) -> list[str]:
        return [entry.name for entry in (self.home.runs / "process").iterdir() if not entry.name.startswith(".")]

    # --- the books ------------------------------------------------------------------------------

    def faults(self, services: Services) -> Iterator[str]:
        """Yield a sentence for each promise that was not kept. The test passes if there is none."""
        yield from self.trouble
        for name in self.tricks:
            if not self.done[name]:
                yield f"nothing was tried: {name}"
        views = {view.run.id: view for view in all_runs(services)}
        wanted = {run_id for run_id, _ in self.submitted.values()}
        if len(wanted) != len(self.submitted):
            yield f"{len(self.submitted)} keys stand for {len(wanted)} runs"
        for run_id in sorted(wanted - views.keys()):
            yield f"{run_id} was answered and is lost"
        for run_id in sorted(views.keys() - wanted):
            # The thread stopped in the moment of the calm, before the answer. It was a submit all the same.
            self.say(f"{run_id} was never answered")
        kinds = dict(self.submitted.values())
        for view in views.values():
            yield from self._faults_of(view, kinds.get(view.run.id), services)
        began = Counter(attempt for attempt, _, _ in self._begun())
        for attempt, times in began.items():
            if times > 1:
                yield f"attempt {attempt} was executed {times} times"
        for attempt, _, alone in self._begun():
            if alone != "alone":
                yield f"{attempt} ran while another attempt of its run was alive"
        for name in self._left():
            yield f"the run directory {name} was left behind"
        for process in self._processes():
            yield f"a process was left behind: {process}"

    def _faults_of(self, view: RunView, kind: str | None, services: Services) -> Iterator[str]:
        run = view.run
        if not run.state.is_terminal:
            yield f"{run.id} has not ended: {run.state}"
        if self.seen.get(run.id) is not run.state and run.id in {run_id for run_id, _ in self.submitted.values()}:
            yield f"{run.id} is {run.state}; the stream said {self.seen.get(run.id)}"
        code = run.reason.code if run.reason else None
        fine: dict[RunState, bool] = {
            RunState.SUCCEEDED: kind != "failing",
            RunState.FAILED: code == "kernel_died" or (kind == "failing" and code == "cell_error"),
            RunState.CANCELLED: run.id in self.cancelled,
            # Only a run that was killed again and again is given up.
            RunState.LOST: len(view.attempts) > 3,
        }
        if kind is not None and not fine.get(run.state, False):
            yield f"{run.id} ({kind}) ended as {run.state}: {run.reason}"
        if run.state in (RunState.SUCCEEDED, RunState.FAILED):
            yield from self._faults_of_record(view, services)
        if sum(attempt.state is AttemptState.SUCCEEDED for attempt in view.attempts) > 1:
            yield f"{run.id} succeeded twice"

    def _faults_of_record(self, view: RunView, services: Services) -> Iterator[str]:
        state, record = view.run.state, view.record
        if record is None:
            yield f"{view.run.id} {state} without a record"
            return
        if record.digest != record_digest(record.run_id, record.attempt, record.files, record.values):
            yield f"{view.run.id}: its record is not what its digest says"
        for kind in (RecordFileKind.NOTEBOOK, RecordFileKind.JOURNAL, RecordFileKind.LOG, RecordFileKind.RESULT):
            if record.find_file(kind) is None:
                yield f"{view.run.id} {state} without its {kind}"
        for file in record.files:
            try:
                content = services.blobs.read(file.digest)
            except DataOpsError as error:
                yield f"{view.run.id} {file.path}: {error}"
                continue
            if len(content) != file.size:
                yield f"{view.run.id} {file.path}: {len(content)} bytes instead of {file.size}"
            if file.kind is RecordFileKind.NOTEBOOK:
                cells = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]
                if state is RunState.SUCCEEDED and not all(cell["execution_count"] for cell in cells):
                    yield f"{view.run.id} succeeded with cells that did not run"
                said = [output["output_type"] for cell in cells for output in cell["outputs"]]
                if view.run.reason and view.run.reason.code == "cell_error" and "error" not in said:
                    yield f"{view.run.id} failed with an error that its notebook does not show"

    def _processes(self) -> list[str]:
        """List the processes that still work for this installation, after time for server and engine to end."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and str(self.home.folder) in " ".join(process.cmdline()):
                    found.append(process)
        _, alive = psutil.wait_procs(found, timeout=60)
        return [f"{process.pid} {process.name()}" for process in alive if process.is_running()]

    def table(self, services: Services) -> str:
        ends = Counter(str(view.run.state) for view in all_runs(services))
        attempts = sum(len(view.attempts) for view in all_runs(services))
        rows = {
            "submitted": len(self.submitted),
            **dict(sorted(ends.items())),
            "attempts": attempts,
            "executions": len(self._begun()),
            **{name: self.done[name] for name in self.tricks},
        }
        return "\n".join(f"{name:26} {value:6}" for name, value in rows.items())

    # --- helpers --------------------------------------------------------------------------------

    def _client(self) -> HttpClient:
        return HttpClient(self.server.url, TOKEN)

    def _has_ended(self, run_id: str) -> bool:
        return run_id in self.seen and self.seen[run_id].is_terminal

    def _ended(self) -> int:
        return sum(self._has_ended(run_id) for run_id, _ in list(self.submitted.values()))

    def _begun(self) -> list[tuple[str, int, str]]:
        """List every execution: (attempt, pid of its kernel, "alone" or "doubled")."""
        path = self.witness / "began"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(attempt, int(pid), alone) for attempt, pid, alone in (line.split() for line in lines)]

    def _write_notebook(self, name: str, sources: list[str]) -> None:
        witness = WITNESS.format(variable=protocol.ATTEMPT_VARIABLE, folder=str(self.witness))
        (self.workspace / f"{name}.ipynb").write_text(written.notebook(witness, *sources))


def all_runs(services: Services) -> list[RunView]:
    views: list[RunView] = []
    cursor = None
    while True:
        page = runs.page(services, RunFilter(), limit=200, cursor=cursor)
        views += runs.get_many(services, [run.id for run in page.items]).values()
        if (cursor := page.next) is None:
            return views


def _sent(pid: int, number: signal.Signals) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        process.send_signal(number)
        return True
    except psutil.Error:
        return False


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=5.0)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"seed {given.seed}, state and logs in {folder}", flush=True)
    chaos = Chaos(folder, given.seed)
    services = chaos.go(given.minutes * 60)
    print(chaos.table(services))
    faults = list(chaos.faults(services))
    print("\n".join(faults) or "Every promise was kept.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
