"""PID 1 of a container: it takes a bundle in, runs the runner, and sends out the files that the runner leaves.

Its source is the container's command, so it uses the standard library of Python 3.8 and nothing of dataops_lab.
An engine that wants to talk to it executes `RELAY_PROGRAM` of stream.py in here, which lends its stdin and stdout.
Both directions carry frames: a line of JSON and, if it has a `size`, so many bytes behind it.

    in    hello                         answered at once
          preload kernel                body: tar of the runner's code; import the modules that a run needs, and let
                                        an interpreter stand ready for a kernel of this command
          start  environment, secrets   body: tar of code and run directory; once, later ones change nothing
          follow have                   send the runner's files, without the bytes that are there: path → size
          stop, kill                    SIGTERM to the runner; SIGKILL to everything
          end                           all of it has arrived: exit
    out   hello  state                  empty, running or ended
          loaded, started, failed       the answers to preload and start; `failed` has a message
          data   path, at               body: bytes of a file, from `at` on
          file   path                   body: a whole file, instead of the one before
          ended  exit_code, killed_by, said, memory   when all files have been sent and nothing of the run is alive;
                                        `killed_by`: the signal that ended the runner, unless it was asked to end

Several relays may come, and one that hangs does not block the others: an engine may be stopped, and another one
take over. Secrets reach the runner through a pipe and lie in no file. There is only one thread, because this process
forks.

The notebook runs beside this process as the same user. So that user cannot read its memory and its descriptors. It
hears only relays from outside the container, and nothing that the notebook sends ends it.
"""

from __future__ import annotations

import array
import contextlib
import functools
import gc
import itertools
import json
import os
import runpy
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import time
import traceback
from typing import Any, BinaryIO, Callable, Iterator, NoReturn

WORK = "/dataops"
"""A folder that no image has. If an image had it, its mode and owner would be those of the image."""

CODE = WORK + "/code"
RUN = WORK + "/run"
RUNNER_LOG = RUN + "/runner.log"
ADDRESS = "\0dataops-lab"

APPENDED_FILES = ("journal.jsonl", "log.txt")
REPLACED_FILES = ("output.ipynb",)
FINAL_FILES = ("values.json", "result.json")

MAX_DEPTH, MAX_ARTIFACTS = 100, 2000
"""The most folders inside one another, and the most files, as in rundir/protocol.py. A notebook may make any number."""

MAX_HOLE_BYTES = 1024**3
"""The most bytes of a file that were never written, as in runner/files.py: one call makes a file of terabytes."""

EXIT_NOTHING_STARTED = 75
"""The exit code that proves that no runner was started: the container may be started again."""

CHUNK = 256 * 1024
CHUNKS_PER_TURN = 16
"""The chunks that are sent to one relay before it is the turn of the others."""

POLL_INTERVAL_S = 0.02
SIGTERM_CHECK_INTERVAL_S = 1.0
"""The longest time before a SIGTERM is heard. It is blocked and wakes nobody: only so the kernel tells its sender."""

STALL_TIMEOUT_S = 60.0


PR_SET_DUMPABLE = 4


class ConnectionLost(Exception):
    """The other end of a relay is gone."""


class Relay:
    """One stream to an engine. `have` is None while the engine does not follow."""

    def __init__(self, link: socket.socket) -> None:
        self.pid: int = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        self.have: dict[str, int] | None = None
        self.pending_files: list[str] | None = None
        self.end_sent = False
        self.notebook_signature: tuple[int, int] | None = None
        self._link = link
        self._in = b""
        self._out = bytearray()

    def set_descriptors(self, source: int, target: int) -> None:
        self.source, self.target = source, target
        os.set_blocking(source, False)
        os.set_blocking(target, False)

    def close(self) -> None:
        os.close(self.source)
        os.close(self.target)
        self._link.close()

    def receive(self) -> None:
        """Take the bytes that can be read now. Raise ConnectionLost at the end of the stream."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self.source, CHUNK)
            if not data:
                raise ConnectionLost
            self._in += data

    def next_command(self) -> dict[str, Any] | None:
        line, newline, rest = self._in.partition(b"\n")
        if not newline:
            return None
        self._in = rest
        command: dict[str, Any] = json.loads(line)
        return command

    def read(self, size: int) -> bytes:
        """Read between 1 and `size` bytes of a body. Raise ConnectionLost when none come for STALL_TIMEOUT_S."""
        if not self._in:
            if not select.select([self.source], [], [], STALL_TIMEOUT_S)[0]:
                raise ConnectionLost
            self.receive()
        data, self._in = self._in[:size], self._in[size:]
        return data

    @property
    def is_idle(self) -> bool:
        return not self._out

    def send(self, kind: str, body: bytes | None = None, **header: Any) -> None:
        header["is"] = kind
        if body is not None:
            header["size"] = len(body)
        self._out += json.dumps(header).encode() + b"\n" + (body or b"")
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._out:
                try:
                    del self._out[: os.write(self.target, self._out[:CHUNK])]
                except BrokenPipeError:
                    raise ConnectionLost from None


class Body:
    """The bytes behind a command, as a file from which a tar can be read."""

    def __init__(self, relay: Relay, size: int) -> None:
        self._relay, self._remaining = relay, size

    def read(self, size: int) -> bytes:
        parts = []
        size = min(size, self._remaining)
        while size:
            part = self._relay.read(size)
            parts.append(part)
            size -= len(part)
            self._remaining -= len(part)
        return b"".join(parts)

    def skip(self) -> None:
        while self.read(CHUNK):
            pass


class Init:
    def __init__(self, linger_s: float, idle_s: float) -> None:
        self._linger_s = linger_s
        self._exit_at = time.monotonic() + idle_s
        self._relays: list[Relay] = []
        self._runner: int | None = None
        self._exit_code: int | None = None
        self._killed_by: str | None = None
        self._asked_to_end = False
        self._is_over = False
        self._has_more = False
        self._must_exit = False
        self._kernel_fork_server: socket.socket | None = None
        self._wake, wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        # SIGINT is not ignored: processes that are started here would inherit that, and kernels must be interruptible.
        signal.signal(signal.SIGINT, lambda *_: None)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(ADDRESS)
        self._server.listen(8)

    def serve(self) -> int:
        """Serve relays until one says `end`, or none comes for too long. Return the exit code of the container."""
        while True:
            self._wait()
            self._reap()
            for relay in list(self._relays):
                try:
                    if not self._serve_relay(relay):
                        return 0
                except (ConnectionLost, OSError):
                    self._drop(relay)
                except Exception:
                    # The relay sent something that is not a command. The next relay repeats what it wanted.
                    traceback.print_exc()
                    self._drop(relay)
            if self._must_exit or (time.monotonic() >= self._exit_at and not self._is_busy()):
                return self._shut_down()

    def _check_sigterm(self) -> None:
        signal_info = signal.sigtimedwait([signal.SIGTERM], 0)
        # A signal from outside comes when the daemon is stopped: all files are sent now, because the container ends
        # soon. Processes outside have no pid in here. Those inside have one, and are not obeyed.
        if signal_info is not None and signal_info.si_pid == 0:
            self._must_exit = self._asked_to_end = True

    def _wait(self) -> None:
        sources = [relay.source for relay in self._relays]
        targets = [relay.target for relay in self._relays if not relay.is_idle]
        growing = (
            self._runner is not None and not self._is_over and any(relay.have is not None for relay in self._relays)
        )
        timeout = 0.0 if self._has_more else POLL_INTERVAL_S if growing else max(0.0, self._exit_at - time.monotonic())
        # If a process cannot be killed at once, the next round tries again.
        timeout = POLL_INTERVAL_S if self._exit_code is not None and not self._is_over else timeout
        awaited: list[Any] = [self._server, self._wake, *sources]
        ready, writable, _ = select.select(awaited, targets, [], min(timeout, SIGTERM_CHECK_INTERVAL_S))
        self._check_sigterm()
        if self._wake in ready:
            os.read(self._wake, 4096)
        if self._server in ready:
            with contextlib.suppress(OSError, ValueError, struct.error):
                self._relays.append(accept_relay(self._server))
        for relay in list(self._relays):
            try:
                if relay.target in writable:
                    relay.flush()
                if relay.source in ready:
                    relay.receive()
            except (ConnectionLost, OSError):
                self._drop(relay)

    def _drop(self, relay: Relay) -> None:
        self._relays.remove(relay)
        relay.close()
        # Without its engine, a container that stands ready is of no use.
        self._exit_at = time.monotonic() + (0.0 if self._runner is None else self._linger_s)

    def _is_busy(self) -> bool:
        return bool(self._relays) or (self._runner is not None and not self._is_over)

    # --- commands ---

    def _serve_relay(self, relay: Relay) -> bool:
        """Execute the commands of a relay, and send it what is new. Return False when it said `end`."""
        while True:
            command = relay.next_command()
            if command is None:
                break
            action = command["do"]
            if action == "hello":
                relay.send("hello", state=self._state())
            elif action == "preload":
                self._unpack(relay, command["size"], "loaded", functools.partial(self._preload, command["kernel"]))
            elif action == "start":
                self._unpack(relay, command["size"], "started", functools.partial(self._start, command))
            elif action == "follow":
                relay.have = dict(command["have"])
            elif action == "stop" and self._runner is not None and self._exit_code is None:
                self._asked_to_end = True
                os.kill(self._runner, signal.SIGTERM)
            elif action == "kill":
                self._asked_to_end = True
                self._kill_all()
            elif action == "end":
                return False
        if relay.have is not None and self._runner is not None:
            self._send_files(relay, relay.have)
        return True

    def _state(self) -> str:
        return "empty" if self._runner is None else "ended" if self._is_over else "running"

    def _unpack(self, relay: Relay, size: int, answer: str, on_unpacked: Callable[[], None]) -> None:
        body = Body(relay, size)
        if self._runner is None:
            try:
                with tarfile.open(fileobj=body, mode="r|") as tar:  # type: ignore[call-overload]
                    tar.extractall(WORK)  # noqa: S202  # made by the engine
                body.skip()
                on_unpacked()
            except ConnectionLost:
                shutil.rmtree(RUN, ignore_errors=True)
                raise
            except Exception as error:
                shutil.rmtree(RUN, ignore_errors=True)
                body.skip()
                relay.send("failed", message=getattr(error, "strerror", None) or repr(error))
                return
        else:
            body.skip()
        relay.send(answer)

    def _preload(self, kernel: list[str]) -> None:
        os.makedirs(os.environ["HOME"], exist_ok=True)
        preload()
        self._kernel_fork_server = start_kernel_fork_server(kernel)

    def _start(self, command: dict[str, Any]) -> None:
        os.makedirs(os.environ["HOME"], exist_ok=True)
        kernel = request_kernel_fork(self._kernel_fork_server)
        source, target = os.pipe()
        self._runner = os.fork()
        if self._runner == 0:
            os.close(target)
            become_runner(source, kernel, command["environment"])
        if kernel is not None:
            os.close(kernel)
        os.close(source)
        with contextlib.suppress(BrokenPipeError), open(target, "wb") as secrets:
            secrets.write(json.dumps(command["secrets"]).encode())

    # --- processes ---

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self._runner:
                    self._exit_code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                    if os.WIFSIGNALED(status) and not self._asked_to_end:
                        self._killed_by = signal_name(os.WTERMSIG(status))
        if self._exit_code is not None and not self._is_over:
            self._kill_all()
            self._is_over = not self._living_pids()
            self._exit_at = time.monotonic() + self._linger_s

    def _living_pids(self) -> list[int]:
        """List all living processes in the container but this one and the relays."""
        excluded = {os.getpid(), *(relay.pid for relay in self._relays)}
        pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
        return [pid for pid in pids if pid not in excluded and is_alive(pid)]

    def _kill_all(self) -> None:
        for pid in self._living_pids():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def _shut_down(self) -> int:
        """Leave before the work is done: kill the run and send its files to all that follow, as far as they take them.

        Return the exit code of the container.
        """
        if self._runner is None:
            return EXIT_NOTHING_STARTED
        self._asked_to_end = True
        deadline = time.monotonic() + 5.0
        while not self._is_over and time.monotonic() < deadline:
            self._kill_all()
            time.sleep(0.005)
            self._reap()
        for relay in self._relays:
            with contextlib.suppress(ConnectionLost, OSError):
                while relay.have is not None and not (relay.end_sent and relay.is_idle):
                    if time.monotonic() > deadline:
                        break
                    self._send_files(relay, relay.have)
                    select.select([], [relay.target], [], 0.05)
                    relay.flush()
        return 128 + signal.SIGTERM

    # --- the files of the runner ---

    def _send_files(self, relay: Relay, have: dict[str, int]) -> None:
        """Tell a relay more that it has not sent yet; nothing while earlier bytes are still on their way."""
        self._has_more = False
        if relay.end_sent:
            return
        if self._is_over and relay.pending_files is None:
            relay.pending_files = [
                *FINAL_FILES,
                *reversed(list(itertools.islice(artifact_paths(), MAX_ARTIFACTS))),
                *APPENDED_FILES,
            ]
        for name in APPENDED_FILES if relay.pending_files is None else ():
            self._send_new(relay, have, name)
        for name in REPLACED_FILES:
            self._send_changed(relay, name)
        while relay.pending_files and relay.is_idle:
            if not self._send_new(relay, have, relay.pending_files[-1], whole=True):
                return
            relay.pending_files.pop()
        if relay.pending_files == [] and relay.is_idle:
            relay.end_sent = True
            killed: dict[str, Any] = {} if self._killed_by is None else {"killed_by": self._killed_by}
            relay.send("ended", exit_code=self._exit_code, **killed, said=runner_log_tail(), memory=memory_counts())

    def _send_new(self, relay: Relay, have: dict[str, int], name: str, *, whole: bool = False) -> bool:
        """Send new bytes of a file, with `whole` also an empty file. Tell whether all of it has been sent."""
        try:
            with open_plain(name) as file:
                for _ in range(CHUNKS_PER_TURN):
                    size, offset = os.fstat(file.fileno()).st_size, have.get(name)
                    if offset == size or (size == 0 and not whole):
                        return True
                    if not relay.is_idle:
                        return False
                    # The file shrinks when the runner has no space to write a whole line.
                    offset = min(offset or 0, size)
                    file.seek(offset)
                    data = file.read(CHUNK)
                    have[name] = offset + len(data)
                    relay.send("data", data, path=name, at=offset)
                self._has_more = True
                return False
        except OSError:
            return True

    def _send_changed(self, relay: Relay, name: str) -> None:
        if not relay.is_idle:
            return
        with contextlib.suppress(OSError), open_plain(name) as file:
            status = os.fstat(file.fileno())
            if relay.notebook_signature != (status.st_ino, status.st_mtime_ns):
                relay.notebook_signature = (status.st_ino, status.st_mtime_ns)
                relay.send("file", file.read(), path=name)


def accept_relay(server: socket.socket) -> Relay:
    link, _ = server.accept()
    relay = Relay(link)
    if not is_from_outside(relay.pid):
        link.close()
        raise ValueError("not a relay")
    descriptors = array.array("i")
    link.settimeout(5.0)
    _, ancillary, _, _ = link.recvmsg(1, socket.CMSG_SPACE(2 * descriptors.itemsize))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    relay.set_descriptors(*descriptors)
    return relay


def is_from_outside(pid: int) -> bool:
    """Tell whether the daemon executed this process in here: its parent is not visible. A run's processes have one."""
    with open("/proc/%d/stat" % pid, errors="replace") as status:
        return status.read().rpartition(")")[2].split()[1] == "0"


def set_dumpable(value: int) -> None:
    """Set whether the same user may look into this process (0: no), until it executes another program."""
    # Where an image's Python cannot do this, only the limits of the engine apply.
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, value, 0, 0, 0)


def preload() -> None:
    # See runner/main.py.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    sys.path.insert(0, CODE)
    for module in ("run", "bare_papermill", "engine"):
        __import__("dataops_lab.runner." + module)
    __import__("nbformat.v4")
    gc.freeze()


def start_kernel_fork_server(command: list[str]) -> socket.socket | None:
    """Start an interpreter that forks kernels (runner/preload.py) and return the socket to it when it is ready.

    None for a kernel that always starts cold.
    """
    program = shutil.which(command[0]) or ""
    is_own_python = os.path.dirname(program) == os.path.dirname(sys.executable)
    if not is_own_python or command[1:3] != ["-m", "ipykernel_launcher"] or sys.version_info < (3, 10):
        return None
    from dataops_lab.runner import preload as module  # type: ignore[import-not-found,unused-ignore]

    # A fork writes its own command and environment into this room.
    environment = {**module.startup_variables(dict(os.environ)), module.ATTEMPT_VARIABLE: " " * 16384}
    control, remote_end = socket.socketpair()
    with remote_end:
        subprocess.Popen(
            [program, module.__file__, "kernel", str(remote_end.fileno()), " " * 2048],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[remote_end.fileno()],
            start_new_session=True,
            preexec_fn=unblock_sigterm,  # noqa: PLW1509  # there is one thread
        )
    select.select([control], [], [], STALL_TIMEOUT_S)  # The interpreter says when it is ready.
    return control


def request_kernel_fork(kernels: socket.socket | None) -> int | None:
    """Return a descriptor on which the runner can ask for its kernel; None when no interpreter stands ready."""
    if kernels is None:
        return None
    local_end, remote_end = socket.socketpair()
    with local_end, remote_end:
        try:
            socket.send_fds(kernels, [b"+"], [remote_end.fileno()])
        except OSError:  # The interpreter has ended, as it does when nobody asked for long.
            return None
        return local_end.detach()


def become_runner(source: int, kernel: int | None, environment: dict[str, str]) -> NoReturn:
    """Run in the forked child as `python -m dataops_lab.runner` would, with the secrets on stdin, and exit."""
    code: Any = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        unblock_sigterm()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log_descriptor = os.open(RUNNER_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for number, descriptor in enumerate((source, log_descriptor, log_descriptor)):
            os.dup2(descriptor, number)
        if kernel is not None:
            os.dup2(kernel, 3)
        os.closerange(3 if kernel is None else 4, 1024)
        # The runner needs /proc/self, as any runner does. It has nothing that the notebook may not see.
        set_dumpable(1)
        # When memory runs out, the system kills the run and not PID 1, which can tell of it.
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
            score.write("500")
        os.environ.update(environment)
        os.chdir(RUN)
        if CODE not in sys.path:
            sys.path.insert(0, CODE)
        sys.argv = ["dataops_lab.runner", "--kept", RUN, *([] if kernel is None else ["3"])]
        runpy.run_module("dataops_lab.runner", run_name="__main__", alter_sys=True)
    except SystemExit as exit_:
        code = exit_.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def unblock_sigterm() -> None:
    """Let SIGTERM through again in a process that is started here: it inherits that the signal is blocked."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time ones
        return "signal %d" % number


def artifact_paths() -> Iterator[str]:
    for folder, folders, names in os.walk(RUN + "/artifacts"):
        if os.path.relpath(folder, RUN).count("/") >= MAX_DEPTH:
            folders.clear()
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), RUN)
            with contextlib.suppress(UnicodeEncodeError):
                path.encode()
                yield path


def open_plain(name: str) -> BinaryIO:
    """Open a regular file. Raise OSError for anything else that a notebook put there."""
    descriptor = os.open(os.path.join(RUN, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = open(descriptor, "rb")
    if not os.path.isfile("/proc/self/fd/%d" % descriptor) or has_too_many_holes(descriptor):
        file.close()
        raise OSError("not a regular file")
    return file


def has_too_many_holes(descriptor: int) -> bool:
    file = os.fstat(descriptor)
    if file.st_size - 512 * file.st_blocks <= MAX_HOLE_BYTES:
        return False
    first_hole = os.lseek(descriptor, 0, os.SEEK_HOLE)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return first_hole < file.st_size


def is_alive(pid: int) -> bool:
    try:
        with open("/proc/%d/stat" % pid, errors="replace") as status:
            return status.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False


def runner_log_tail() -> str:
    with contextlib.suppress(OSError), open_plain("runner.log") as file:
        return file.read()[-2000:].decode(errors="replace")
    return ""


def memory_counts() -> dict[str, int]:
    """Read the counts of the control group: oom_kills, and limit and peak in bytes, as far as this kernel has them."""
    group = "/sys/fs/cgroup/"
    found = {}
    for name, files in {
        "limit": ("memory.max", "memory/memory.limit_in_bytes"),
        "peak": ("memory.peak", "memory/memory.max_usage_in_bytes"),
        "oom_kills": ("memory.events", "memory/memory.oom_control"),
    }.items():
        for path in files:
            with contextlib.suppress(OSError, ValueError), open(group + path) as file:
                words = file.read().split()
                found[name] = int(words[words.index("oom_kill") + 1] if "oom_kill" in words else words[0])
    return found


if __name__ == "__main__":
    # The working directory may hold files of a notebook, which must not be imported.
    sys.path[:] = [folder for folder in sys.path if folder]
    set_dumpable(0)
    sys.exit(Init(linger_s=float(sys.argv[1]), idle_s=float(sys.argv[2])).serve())
