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
from ..runner import keeper, protocol
from ..runner.files import remove_all
from ..runner.forked import ask
from ..runner.reading import RunFolder, json_of, open_plain
from ..runner.secrets import offered
from .forgotten import Forgotten
from .warm import Files, Warm


class ProcessExecutor:
    """The executor. `python` runs the runner, and has dataops_lab and papermill; `warm` has preloaded interpreters."""

    def __init__(self, folder: Path, blobs: Blobs, *, python: str = sys.executable, warm: Warm | None = None) -> None:
        self._folder = folder
        self._blobs = blobs
        self._python = python
        self._warm = warm or Warm(0)
        self._children: dict[str, _Spawned | _Forked] = {}
        self._dead: set[str] = set()
        """The attempts of which no process was left when `stop` had killed all that belongs to them."""
        self._forgotten = Forgotten(folder)
        self._new = folder / ".new"

    def start(self, bundle: Bundle) -> None:
        directory = self.directory(bundle.name)
        try:
            if not directory.exists():
                self._lay_out(bundle, directory)
        except OSError:
            if bundle.name not in self._forgotten:
                raise
        # This is asked after `_lay_out`: this engine may sleep meanwhile, and wake when another has ended the attempt.
        if bundle.name in self._forgotten:
            remove_all(directory)
        elif not (directory / protocol.LOCK).exists():  # With a lock it runs, or has run.
            self._children[bundle.name] = self._run(bundle, directory)

    def _run(self, bundle: Bundle, directory: Path) -> _Spawned | _Forked:
        # -P: nothing in the run directory may shadow modules that the runner imports.
        command = [self._python, "-P", "-m", "dataops_lab.runner", str(directory)]
        # Without this git would find a repository above the state folder, which does not belong to the run.
        ceiling = {"GIT_CEILING_DIRECTORIES": str(self._folder.resolve())}
        environment = _with_locale({**ceiling, **bundle.environment, protocol.ATTEMPT_VARIABLE: bundle.name})
        kernel = bundle.spec["kernel"]
        with ExitStack() as opened:
            said = opened.enter_context((directory / _RUNNER_LOG).open("ab"))
            stdin = opened.enter_context(offered(bundle.secrets))
            for_kernel = []
            beside = Files.of((file.path for file in bundle.files), bundle.spec["folder"])
            variables = {**environment, **kernel["env"]}
            if preloaded := self._warm.connect(kernel["argv"], variables, imports=bundle.imports, files=beside):
                for_kernel = [opened.enter_context(preloaded).fileno()]
            if fork := self._warm.connect(command, environment):
                descriptors = [stdin.fileno(), said.fileno(), said.fileno(), *for_kernel]
                if ask(fork, command, environment, str(directory), descriptors):
                    return _Forked(fork)
                fork.close()
            return _Spawned(
                [*command, *map(str, for_kernel)],
                cwd=directory,
                env=environment,
                stdin=stdin,
                stdout=said,
                stderr=said,
                pass_fds=for_kernel,
                start_new_session=True,
            )

    def look(self, name: str) -> Observation:
        child = self._children.get(name)
        exit_code = child.poll() if child else None
        claim = self._claim(name)
        if claim is None:
            if exit_code is None:
                # The attempt is still starting, or a notebook removed the file.
                return Observation(AttemptStatus.NOT_FOUND)
            claim = _BARRED  # The process ended before it could take the lock.
        if claim.is_held:
            has_ended = "exit_code" in claim.said and "dead" not in claim.said
            return Observation(AttemptStatus.EXITED if has_ended else AttemptStatus.RUNNING, claim.ran, claim.said)
        is_dead = claim.said.get("dead") is True or name in self._dead
        detail = {} if exit_code is None else {"exit_code": exit_code}
        return Observation(
            AttemptStatus.CONFIRMED_DEAD if is_dead else AttemptStatus.EXITED,
            claim.ran,
            {**detail, **claim.said, **self._last_words(name)},
        )

    def stop(self, name: str, *, force: bool) -> None:
        if self._told_keeper(name, force=force):
            return
        if force:
            self._bar(name)
            if _kill_by_name(name):
                self._dead.add(name)
        elif (seen := self.look(name)).status is AttemptStatus.RUNNING:
            # Only the runner gets the signal: it interrupts its kernel and saves the results so far.
            for process in _processes_of(name):
                if process.pid == seen.detail.get("pid"):
                    _send(process, signal.SIGTERM)
        elif isinstance(child := self._children.get(name), _Spawned):
            child.terminate()

    def ends(self, name: str) -> int | None:
        child = self._children.get(name)
        return child.end if child else None

    def _told_keeper(self, name: str, *, force: bool) -> bool:
        """Let the keeper end its runner. Return False when there is no keeper, or no longer one."""
        claim = self._claim(name)
        if claim is None or not claim.is_held or type(claim.said.get("keeper")) is not int:
            return False
        try:
            process = psutil.Process(claim.said["keeper"])
            # The system reuses pids, and a notebook may have written anything there.
            if not _is_keeper(process) or process.environ().get(protocol.ATTEMPT_VARIABLE) != name:
                return False
            process.send_signal(keeper.KILL if force else signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
        except (psutil.Error, ValueError):
            return False
        return True

    def _claim(self, name: str) -> _Claim | None:
        try:
            with open_plain(self.directory(name) / protocol.LOCK) as file:
                # The order matters: lines that are written before the lock is given back are read then.
                is_held = _is_locked(file.fileno())
                text = file.read(_OWNER_BYTES)
        except FileNotFoundError:
            return None
        return _Claim(ran=bool(text), is_held=is_held, said=_members_of(text))

    def files(self, name: str) -> AttemptFiles:
        return RunFolder(self.directory(name))

    def directory(self, name: str) -> Path:
        return self._folder / name

    def forget(self, name: str) -> None:
        if child := self._children.pop(name, None):
            child.wait()
        self._dead.discard(name)
        self._forgotten.add(name)
        for left in (self.directory(name), *self._new.glob(f"{name}.*")):
            remove_all(left)

    def names(self) -> Iterator[str]:
        found = set()
        if self._folder.is_dir():
            found = {entry.name for entry in self._folder.iterdir() if not entry.name.startswith(".")}
        if self._new.is_dir():
            found |= {entry.name.partition(".")[0] for entry in self._new.iterdir()}
        yield from sorted(found)

    def _bar(self, name: str) -> None:
        """Make an empty lock file where no runner has taken the lock, so that no later runner can take it."""
        directory = self.directory(name)
        directory.mkdir(parents=True, exist_ok=True)
        lock = directory / protocol.LOCK
        try:
            open_plain(lock).close()
        except FileNotFoundError:
            if lock.is_dir() and not lock.is_symlink():
                remove_all(lock)
            elif lock.is_symlink() or lock.exists():
                lock.unlink()  # The notebook put it there: only a plain file is a lock.
            with suppress(FileExistsError):
                lock.touch(exist_ok=False)

    def _lay_out(self, bundle: Bundle, directory: Path) -> None:
        """Write the run directory. It gets its name when it is complete, unless another engine was faster."""
        self._new.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{bundle.name}.", dir=self._new) as new:
            files = Path(new, protocol.FILES)
            (files / str(bundle.spec["folder"])).mkdir(parents=True)
            for file in bundle.files:
                target = files / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                self._blobs.copy_to(file.digest, target)
                target.chmod(0o755 if file.executable else 0o644)
            Path(new, protocol.INPUT).write_bytes(bundle.notebook)
            spec = {**bundle.spec, "libraries": sorted(self._warm.libraries)}
            Path(new, protocol.SPEC).write_text(json.dumps(spec))
            try:
                Path(new).rename(directory)
            except OSError:
                if not directory.exists():
                    raise

    def _last_words(self, name: str) -> dict[str, str]:
        try:
            with open_plain(self.directory(name) / _RUNNER_LOG) as said:
                said.seek(max(0, os.fstat(said.fileno()).st_size - 2000))
                return {"said": said.read(2000).decode(errors="replace")}
        except FileNotFoundError:
            return {}


def _with_locale(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment with a locale. An interpreter without one gives itself and its children this one.

    With it in the environment, the locale is the same for all of them.
    """
    effective = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or "C"
    if effective in ("C", "POSIX") and not environment.get("LC_ALL"):
        return {**environment, "LC_CTYPE": "C.UTF-8"}
    return environment


class _Forked:
    """A keeper that was forked. Its end of `connection` is open for as long as it lives."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @property
    def end(self) -> int | None:
        """The descriptor that becomes readable when the keeper has ended; None after `wait`."""
        number = self._connection.fileno()
        return number if number >= 0 else None

    def poll(self) -> int | None:
        """Return 0 when it has ended and None while it lives. Nobody knows its exit code."""
        return 0 if wait([self._connection], timeout=0) else None

    def wait(self) -> None:
        wait([self._connection])
        self._connection.close()


class _Spawned(subprocess.Popen[bytes]):
    """A keeper that was started as a program."""

    _end: int | None = None

    @property
    def end(self) -> int | None:
        """The same as `_Forked.end`. None also where the system has no such descriptors for processes."""
        if self._end is None and self.returncode is None and hasattr(os, "pidfd_open"):
            with suppress(OSError):
                self._end = os.pidfd_open(self.pid)
        return self._end

    def wait(self, timeout: float | None = None) -> int:
        exit_code = super().wait(timeout)
        if self._end is not None:
            os.close(self._end)
            self._end = None
        return exit_code


_RUNNER_LOG = "runner.log"
"""The file with the output of the runner's process itself; empty unless the runner could not even start."""


_OWNER_BYTES = 10_000


class _Claim(NamedTuple):
    """The state of an attempt's lock. `ran` is true if a runner took it; an empty lock was made by `_bar`."""

    ran: bool
    is_held: bool
    said: Mapping[str, Any]


_BARRED = _Claim(ran=False, is_held=False, said={})


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _members_of(text: bytes) -> dict[str, Any]:
    """Merge the members of all lines; skip a line that is not an object: a notebook may have written anything there."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        with suppress(ValueError):
            members = json_of(line)
            found |= members if isinstance(members, dict) else {}
    return found


def _is_keeper(process: psutil.Process) -> bool:
    try:
        return bool(process.name() == keeper.NAME)
    except psutil.Error:
        return False


def _processes_of(name: str) -> list[psutil.Process]:
    """Find all processes with the attempt's name in their environment, also those that have left its session."""
    found = []
    for pid in _named(name) if _PROC.is_dir() else psutil.pids():
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
        left = _processes_of(name)
        if not left:
            return True
        for process in left:
            _send(process, keeper.KILL if _is_keeper(process) else signal.SIGKILL)
        psutil.wait_procs(left, timeout=KILL_ROUND_S)
    return False


KILL_ROUNDS = 5
KILL_ROUND_S = 1.0

_PROC = Path("/proc/self")


def _named(name: str) -> Iterator[int]:
    """Yield the pids of processes that may have the attempt's name in their environment, from /proc.

    This is quicker than psutil. It is asked for every attempt that ends, on machines with many processes.
    """
    mark = f"{protocol.ATTEMPT_VARIABLE}={name}".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                if mark in Path(entry.path, "environ").read_bytes():
                    yield int(entry.name)


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass
