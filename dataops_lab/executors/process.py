"""The process executor: each attempt is a runner in a session of its own, which goes on when the engine ends.

Runner and keeper hold a lock on `runner.json` while they live (see runner/lock.py). That lock, not a pid, is the proof
of life: it outlasts the engine, cannot be left behind, and lets a second start find the first.

The proof of death is the line that the keeper writes into the same file (see runner/keeper.py). It is missing when the
keeper was killed or the system has no keeper. Then `stop` looks for processes with the attempt's name in their
environment.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from ..ports import AttemptFiles, AttemptStatus, Blobs, Bundle, Observation
from ..rundir import protocol
from ..rundir.files import remove_tree
from ..rundir.reading import RunFolder, decode_json, open_plain
from ..runner import keeper
from ..runner.fork_client import request_fork
from ..runner.secrets import open_secrets
from .fork_server import ForkServerPool, NotebookFiles
from .tombstones import Tombstones


class ProcessExecutor:
    """The executor. `python` runs the runner, and has dataops_lab and papermill. `fork_servers` are preloaded."""

    def __init__(
        self, folder: Path, blobs: Blobs, *, python: str = sys.executable, fork_servers: ForkServerPool | None = None
    ) -> None:
        self._folder = folder
        self._blobs = blobs
        self._python = python
        self._fork_servers = fork_servers or ForkServerPool(0)
        self._keepers: dict[str, _SpawnedKeeper | _ForkedKeeper] = {}
        self._confirmed_dead: set[str] = set()
        """The attempts of which no process was left when `stop` had killed all that belongs to them."""
        self._tombstones = Tombstones(folder)
        self._staging = folder / ".new"

    def start(self, bundle: Bundle) -> None:
        directory = self.directory(bundle.name)
        try:
            if not directory.exists():
                self._create_run_directory(bundle, directory)
        except OSError:
            if bundle.name not in self._tombstones:
                raise
        # Ask this after `_create_run_directory`: meanwhile this engine may sleep, and another one end the attempt.
        if bundle.name in self._tombstones:
            remove_tree(directory)
        elif not (directory / protocol.LOCK).exists():  # With a lock it runs, or has run.
            self._keepers[bundle.name] = self._launch(bundle, directory)

    def _launch(self, bundle: Bundle, directory: Path) -> _SpawnedKeeper | _ForkedKeeper:
        # -P: nothing in the run directory may shadow modules that the runner imports.
        command = [self._python, "-P", "-m", "dataops_lab.runner", str(directory)]
        # Without this git would find a repository above the state folder, which does not belong to the run.
        git_variables = {"GIT_CEILING_DIRECTORIES": str(self._folder.resolve())}
        environment = _add_locale({**git_variables, **bundle.environment, protocol.ATTEMPT_VARIABLE: bundle.name})
        kernel = bundle.spec.get("kernel")
        with ExitStack() as opened:
            log_file = opened.enter_context((directory / _RUNNER_LOG).open("ab"))
            stdin = opened.enter_context(open_secrets(bundle.secrets))
            kernel_descriptors = []
            notebook_files = NotebookFiles.from_paths((file.path for file in bundle.files), bundle.spec["folder"])
            # A program starts anew: nothing stands ready for it.
            if kernel and (
                kernel_fork := self._fork_servers.connect(
                    kernel["argv"],
                    {**environment, **kernel["env"]},
                    imports=bundle.imports,
                    notebook_files=notebook_files,
                )
            ):
                kernel_descriptors = [opened.enter_context(kernel_fork).fileno()]
            if runner_fork := self._fork_servers.connect(command, environment):
                descriptors = [stdin.fileno(), log_file.fileno(), log_file.fileno(), *kernel_descriptors]
                if request_fork(runner_fork, command, environment, str(directory), descriptors):
                    return _ForkedKeeper(runner_fork)
                runner_fork.close()
            return _SpawnedKeeper(
                [*command, *map(str, kernel_descriptors)],
                cwd=directory,
                env=environment,
                stdin=stdin,
                stdout=log_file,
                stderr=log_file,
                pass_fds=kernel_descriptors,
                start_new_session=True,
            )

    def observe(self, name: str) -> Observation:
        keeper_process = self._keepers.get(name)
        exit_code = keeper_process.poll() if keeper_process else None
        lock_state = self._read_lock(name)
        if lock_state is None:
            if exit_code is None:
                # The attempt is still starting, or a notebook removed the file.
                return Observation(AttemptStatus.NOT_FOUND)
            lock_state = _BLOCKED_LOCK  # The process ended before it could take the lock.
        if lock_state.is_held:
            has_ended = "exit_code" in lock_state.members and "dead" not in lock_state.members
            return Observation(
                AttemptStatus.EXITED if has_ended else AttemptStatus.RUNNING, lock_state.ran, lock_state.members
            )
        is_dead = lock_state.members.get("dead") is True or name in self._confirmed_dead
        detail = {} if exit_code is None else {"exit_code": exit_code}
        return Observation(
            AttemptStatus.CONFIRMED_DEAD if is_dead else AttemptStatus.EXITED,
            lock_state.ran,
            {**detail, **lock_state.members, **self._runner_log_tail(name)},
        )

    def stop(self, name: str, *, force: bool) -> None:
        if self._signal_keeper(name, force=force):
            return
        if force:
            self._block_start(name)
            if _kill_by_name(name):
                self._confirmed_dead.add(name)
        elif (observation := self.observe(name)).status is AttemptStatus.RUNNING:
            # Only the runner gets the signal: it interrupts its kernel and saves the results so far.
            for process in _find_processes_by_environ(name):
                if process.pid == observation.detail.get("pid"):
                    _send_signal(process, signal.SIGTERM)
        elif isinstance(keeper_process := self._keepers.get(name), _SpawnedKeeper):
            keeper_process.terminate()

    def end_descriptor(self, name: str) -> int | None:
        keeper_process = self._keepers.get(name)
        return keeper_process.end_descriptor if keeper_process else None

    def _signal_keeper(self, name: str, *, force: bool) -> bool:
        """Let the keeper end its runner. Return False when there is no keeper, or no longer one."""
        lock_state = self._read_lock(name)
        if lock_state is None or not lock_state.is_held or type(lock_state.members.get("keeper")) is not int:
            return False
        try:
            process = psutil.Process(lock_state.members["keeper"])
            # The system reuses pids, and a notebook may have written anything there.
            if not _is_keeper(process) or process.environ().get(protocol.ATTEMPT_VARIABLE) != name:
                return False
            process.send_signal(keeper.KILL_SIGNAL if force else signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
        except (psutil.Error, ValueError):
            return False
        return True

    def _read_lock(self, name: str) -> _LockState | None:
        try:
            with open_plain(self.directory(name) / protocol.LOCK) as file:
                # The order matters: lines that are written before the lock is given back are read then.
                is_held = _is_locked(file.fileno())
                text = file.read(_MAX_LOCK_BYTES)
        except FileNotFoundError:
            return None
        return _LockState(ran=bool(text), is_held=is_held, members=_merge_members(text))

    def files(self, name: str) -> AttemptFiles:
        return RunFolder(self.directory(name))

    def directory(self, name: str) -> Path:
        return self._folder / name

    def forget(self, name: str) -> None:
        if keeper_process := self._keepers.pop(name, None):
            keeper_process.wait()
        self._confirmed_dead.discard(name)
        self._tombstones.add(name)
        for leftover in (self.directory(name), *self._staging.glob(f"{name}.*")):
            remove_tree(leftover)

    def list_names(self) -> Iterator[str]:
        found = set()
        if self._folder.is_dir():
            found = {entry.name for entry in self._folder.iterdir() if not entry.name.startswith(".")}
        if self._staging.is_dir():
            found |= {entry.name.partition(".")[0] for entry in self._staging.iterdir()}
        yield from sorted(found)

    def _block_start(self, name: str) -> None:
        """Make an empty lock file where no runner has taken the lock, so that no later runner can take it."""
        directory = self.directory(name)
        directory.mkdir(parents=True, exist_ok=True)
        lock = directory / protocol.LOCK
        try:
            open_plain(lock).close()
        except FileNotFoundError:
            if lock.is_dir() and not lock.is_symlink():
                remove_tree(lock)
            elif lock.is_symlink() or lock.exists():
                lock.unlink()  # The notebook put it there: only a plain file is a lock.
            with suppress(FileExistsError):
                lock.touch(exist_ok=False)

    def _create_run_directory(self, bundle: Bundle, directory: Path) -> None:
        """Write the run directory. It gets its name when it is complete, unless another engine was faster."""
        self._staging.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{bundle.name}.", dir=self._staging) as new:
            files = Path(new, protocol.FILES)
            (files / str(bundle.spec["folder"])).mkdir(parents=True)
            for file in bundle.files:
                target = files / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                self._blobs.copy_to(file.digest, target)
                target.chmod(0o755 if file.executable else 0o644)
            if bundle.notebook is not None:
                Path(new, protocol.INPUT).write_bytes(bundle.notebook)
            spec = {**bundle.spec, "libraries": sorted(self._fork_servers.libraries)}
            Path(new, protocol.SPEC).write_text(json.dumps(spec))
            try:
                Path(new).rename(directory)
            except OSError:
                if not directory.exists():
                    raise

    def _runner_log_tail(self, name: str) -> dict[str, str]:
        try:
            with open_plain(self.directory(name) / _RUNNER_LOG) as log_file:
                log_file.seek(max(0, os.fstat(log_file.fileno()).st_size - 2000))
                return {"said": log_file.read(2000).decode(errors="replace")}
        except FileNotFoundError:
            return {}


def _add_locale(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment with a locale. An interpreter without one gives itself and its children this one.

    With it in the environment, the locale is the same for all of them.
    """
    effective = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or "C"
    if effective in ("C", "POSIX") and not environment.get("LC_ALL"):
        return {**environment, "LC_CTYPE": "C.UTF-8"}
    return environment


class _ForkedKeeper:
    """A keeper that was forked. Its end of `connection` is open for as long as it lives."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @property
    def end_descriptor(self) -> int | None:
        """The descriptor that becomes readable when the keeper has ended; None after `wait`."""
        number = self._connection.fileno()
        return number if number >= 0 else None

    def poll(self) -> int | None:
        """Return 0 when it has ended and None while it lives. Nobody knows its exit code."""
        return 0 if wait([self._connection], timeout=0) else None

    def wait(self) -> None:
        wait([self._connection])
        self._connection.close()


class _SpawnedKeeper(subprocess.Popen[bytes]):
    """A keeper that was started as a program."""

    _pidfd: int | None = None

    @property
    def end_descriptor(self) -> int | None:
        """The same as `_ForkedKeeper.end_descriptor`. None also where the system has no such descriptors."""
        if self._pidfd is None and self.returncode is None and hasattr(os, "pidfd_open"):
            with suppress(OSError):
                self._pidfd = os.pidfd_open(self.pid)
        return self._pidfd

    def wait(self, timeout: float | None = None) -> int:
        exit_code = super().wait(timeout)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        return exit_code


_RUNNER_LOG = "runner.log"
"""The file with the output of the runner's process itself; empty unless the runner could not even start."""


_MAX_LOCK_BYTES = 10_000


class _LockState(NamedTuple):
    """The state of an attempt's lock. `ran` is true if a runner took it; an empty lock was made by `_block_start`."""

    ran: bool
    is_held: bool
    members: Mapping[str, Any]


_BLOCKED_LOCK = _LockState(ran=False, is_held=False, members={})


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _merge_members(text: bytes) -> dict[str, Any]:
    """Merge the members of all lines; skip a line that is not an object: a notebook may have written anything there."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        with suppress(ValueError):
            members = decode_json(line)
            found |= members if isinstance(members, dict) else {}
    return found


def _is_keeper(process: psutil.Process) -> bool:
    try:
        return bool(process.name() == keeper.NAME)
    except psutil.Error:
        return False


def _find_processes_by_environ(name: str) -> list[psutil.Process]:
    """Find all processes with the attempt's name in their environment, also those that have left its session."""
    found = []
    for pid in _scan_proc_environ(name) if _PROC.is_dir() else psutil.pids():
        try:
            process = psutil.Process(pid)
            if process.environ().get(protocol.ATTEMPT_VARIABLE) == name and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _kill_by_name(name: str) -> bool:
    """Kill all processes with the attempt's name in their environment; return True when none is left."""
    for _ in range(KILL_ROUNDS):
        processes = _find_processes_by_environ(name)
        if not processes:
            return True
        for process in processes:
            _send_signal(process, keeper.KILL_SIGNAL if _is_keeper(process) else signal.SIGKILL)
        psutil.wait_procs(processes, timeout=KILL_ROUND_S)
    return False


KILL_ROUNDS = 5
KILL_ROUND_S = 1.0

_PROC = Path("/proc/self")


def _scan_proc_environ(name: str) -> Iterator[int]:
    """Yield the pids of processes that may have the attempt's name in their environment, from /proc.

    This is quicker than psutil. It is asked for every attempt that ends, on machines with many processes.
    """
    entry_bytes = f"{protocol.ATTEMPT_VARIABLE}={name}".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                if entry_bytes in Path(entry.path, "environ").read_bytes():
                    yield int(entry.name)


def _send_signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass
