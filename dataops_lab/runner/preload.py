"""A preloaded interpreter: it imports the modules of a runner or a kernel, then forks one for each connection it gets.

It is a program of its own, started by its path in the interpreter that is to stand ready, which may not have
dataops_lab: `python [OPTION …] preload.py ROLE DESCRIPTOR PADDING [IMPORT …]`. On the Unix socket DESCRIPTOR it first
says that it is ready, or why it cannot be used. Then it receives one end of a connection at a time; the process at the
other end asks there for one process (fork_client.py). It ends when DESCRIPTOR is closed, after a time without requests,
or when it is old. The processes that it forked go on.

A fork differs from a fresh start: the system and the interpreter read some variables of the environment only once.
So an interpreter is preloaded for their values (`startup_variables`), and refuses a request with others.
A library may read any variable while it is imported. So with IMPORTs (libraries.py), the values of all variables have
to be those of the request, except for the ones that differ from run to run.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import importlib.util
import io
import json
import os
import resource
import runpy
import select
import signal
import site
import socket
import struct
import sys
import sysconfig
import threading
import time
import types
import warnings
from pathlib import Path
from typing import Any

MAX_IDLE_S = 300.0
MAX_AGE_S = 4 * 3600.0

ATTEMPT_VARIABLE = "DATAOPS_LAB_ATTEMPT"

MODULES = {
    "runner": [
        "dataops_lab.runner.run",
        "dataops_lab.runner.kernel",
        "dataops_lab.runner.bare_papermill",
        "dataops_lab.runner.engine",
        "nbformat.v4",
        "tornado.platform.asyncio",
    ],
    # A kernel has imported these when its first cell runs.
    "kernel": [
        "ipykernel.kernelapp",
        "ipykernel.debugger",
        "IPython.core.completerlib",
        "IPython.core.debugger",
        "IPython.core.oinspect",
        "IPython.extensions.storemagic",
        "encodings.ascii",
        "encodings.idna",
        "encodings.latin_1",
        "faulthandler",
        "http.server",
        "pydoc",
        "sqlite3",
        "tornado.platform.asyncio",
        "tornado.queues",
    ],
}

_FIXED_PREFIXES = (
    *("PYTHON", "_PYTHON", "LD_", "LC_", "LANG", "GLIBC_", "MALLOC_", "OPENSSL_"),
    *("PYZMQ_", "TORNADO_", "TRAITLETS_", "JUPYTER_", "IPYTHON", "PYDEVD_", "DEBUGPY"),
)
_FIXED_NAMES = {"HOME", "PATH", "TERM", "TMPDIR", "TZ", "USER"}

_PER_RUN_NAMES = {ATTEMPT_VARIABLE, "DATAOPS_LAB_VALUES", "GIT_CEILING_DIRECTORIES", "JPY_PARENT_PID"}

ALL_REAPED = b"."
"""The last byte on a connection: the process that was forked for it is dead, with all that it started."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def startup_variables(environment: dict[str, str]) -> dict[str, str]:
    """Return the variables that the system's loader, the interpreter or a preloaded module reads while it starts."""
    return {
        name: value for name, value in environment.items() if name in _FIXED_NAMES or name.startswith(_FIXED_PREFIXES)
    }


def run_independent(environment: dict[str, str]) -> dict[str, str]:
    """Return the variables that are the same for all runs of an environment."""
    return {name: value for name, value in environment.items() if name not in _PER_RUN_NAMES}


def is_compatible(own: dict[str, str], wanted: dict[str, str], prefixes: tuple[str, ...] | None) -> bool:
    """Tell whether a process with the variables `own` is like a new one with `wanted`.

    With libraries, `prefixes` are those of the variables that they read while they are imported. Then all variables
    have to be the same. `wanted` may have more, with other prefixes: secrets.
    """
    if startup_variables(own) != startup_variables(wanted):
        return False
    if prefixes is None:
        return True
    own, wanted = run_independent(own), run_independent(wanted)
    more = wanted.keys() - own.keys()
    return all(wanted.get(name) == value for name, value in own.items()) and not any(
        name.startswith(prefixes) for name in more
    )


def send(connection: socket.socket, message: dict[str, Any], descriptors: list[int]) -> None:
    body = json.dumps(message).encode()
    data = struct.pack("!I", len(body)) + body
    sent = socket.send_fds(connection, [data], descriptors)
    connection.sendall(data[sent:])


def receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Receive a message and its descriptors. The message is None when the other side is gone."""
    head, descriptors, _, _ = socket.recv_fds(connection, 4, 8)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    if len(head) < 4:
        return None, descriptors
    (size,) = struct.unpack("!I", head)
    data = bytearray()
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            return None, descriptors
        data += chunk
    return json.loads(data), descriptors


class _CannotPreload(Exception):
    """The reason why nothing can be forked from this process. The process that started it is told `detail`."""

    def __init__(self, **detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def serve(role: str, control: socket.socket, imports: list[str]) -> None:
    """Serve requests until the end of this program. Return only in a forked process that has become what was asked."""
    own, started = dict(os.environ), time.monotonic()
    try:
        packages, set_by_modules, preloaded_libraries = _import_all(role, imports)
    except _CannotPreload as unfit:
        with contextlib.suppress(OSError):
            send(control, unfit.detail, [])
        sys.exit(0)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # nobody waits for this process any more
        send(
            control,
            {"packages": packages, "names": preloaded_libraries.top_level_names(), "memory_bytes": _memory_bytes()},
            [],
        )
    while time.monotonic() - started < MAX_AGE_S and select.select([control], [], [], MAX_IDLE_S)[0]:
        try:
            _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        except ConnectionResetError:  # gone before it has read what we sent
            break
        if not descriptors:
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Newer Pythons warn of threads, but libraries take care of theirs.
            forked = os.fork()
        if forked == 0:
            control.detach()
            connection = socket.socket(fileno=descriptors[0])
            connection.set_inheritable(False)
            try:
                connection.sendall(b"+")
                request, fds = receive(connection)
            except OSError:  # the process that asked has started it cold meanwhile
                request, fds = None, []
            if request is None or not is_compatible(
                own, request["environment"], preloaded_libraries.prefixes if imports else None
            ):
                with contextlib.suppress(OSError):
                    connection.sendall(ALL_REAPED)
                os._exit(0)
            os.environ.clear()  # `_set_proc_title` overwrites the memory in which the C library has them
            _set_proc_title(request["command"], request["environment"])
            connection.sendall(b"+")
            if role == "kernel":
                _fork_and_supervise_kernel(connection, request, fds)
            os.environ.update(request["environment"] | {**set_by_modules, **request["environment"]})
            preloaded_libraries.start_in_fork()
            _apply_request(request, fds, liveness_fd=connection.detach())
            return
        os.close(descriptors[0])
    sys.exit(0)


def _import_all(role: str, imports: list[str]) -> tuple[dict[str, int | None], dict[str, str], Any]:
    """Import everything. Return the paths that this depends on, each with the time of its last change; the variables
    that modules set; and the `Libraries`, whose type this file cannot name. Raise _Unfit when nothing can be forked."""
    before = dict(os.environ)
    packages = {path: changed_at(path) for path in [*site.getsitepackages(), site.getusersitepackages()]}
    libraries = _load_sibling_module("libraries")
    sys.modules.pop("resource", None)  # Nobody but this program has imported it.
    module_with_threads = None
    for module in MODULES[role]:
        # A module writes its messages only once, while it is imported. They belong to no run's log.
        with contextlib.suppress(ImportError), contextlib.redirect_stderr(io.StringIO()):
            importlib.import_module(module)
        if module_with_threads is None and libraries.threads() > 1:
            module_with_threads = module
    set_by_modules = {name: value for name, value in os.environ.items() if before.get(name) != value}
    if role == "kernel":
        # This module reads the id of its parent from the environment while it is imported.
        sys.modules.pop("ipykernel.kernelapp", None)
        vars(sys.modules["ipykernel"]).pop("kernelapp", None)
    if module_with_threads is not None and libraries.threads() > 1:
        # A fork of a process with threads may hang.
        raise _CannotPreload(problem=f"The import of {module_with_threads} starts threads.")
    preloaded_libraries = libraries.Libraries()
    try:
        preloaded_libraries.load(imports)
    except libraries.UnsafeLibrary as unsafe:
        raise _CannotPreload(library=unsafe.library, problem=f"{unsafe}.") from None
    preloaded_libraries.hide()
    packages |= {path: changed_at(path) for path in preloaded_libraries.settings_paths()}
    return packages, set_by_modules, preloaded_libraries


def _load_sibling_module(name: str) -> types.ModuleType:
    """Import a module beside this file, without an entry in `sys.modules`, where the notebook would find it."""
    spec = importlib.util.spec_from_file_location(f"dataops_lab.runner.{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _memory_bytes() -> int:
    """Return the memory of this process in bytes: its own, and its share of shared pages. 0 where nothing tells it."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def changed_at(path: str) -> int | None:
    """Return the time of the path's last change in nanoseconds; None when there is no such path."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return None


def _fork_and_supervise_kernel(connection: socket.socket, request: dict[str, Any], fds: list[int]) -> None:
    """Fork the kernel and be its parent: tell how it ends, and let nothing of it outlive this process.

    The function returns only in the kernel. The process that asked is not an ancestor of the kernel. So this process
    adopts the kernel's orphans, and ends all of them when the other side is done or dead.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    keeper = os.getpid()
    kernel = os.fork()
    if kernel == 0:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(1)
        request["environment"]["JPY_PARENT_PID"] = str(keeper)
        _set_proc_title(request["command"], request["environment"])
        os.close(connection.detach())
        return
    os.setsid()
    for descriptor in fds:
        os.close(descriptor)
    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    os.set_blocking(wakeup_read, False)
    signal.set_wakeup_fd(wakeup_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        send(connection, {"pid": kernel, "keeper": keeper}, [])
        while True:
            if (code := _reap_children(kernel)) is not None:
                send(connection, {"exit": code}, [])
            ready = select.select([connection.fileno(), wakeup_read], [], [])[0]
            if connection.fileno() in ready:
                break
            os.read(wakeup_read, 4096)
    except OSError:
        pass
    _kill_descendants()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with contextlib.suppress(OSError):
        send(connection, {"peak_kib": used.ru_maxrss, "cpu_s": used.ru_utime + used.ru_stime}, [])
        connection.sendall(ALL_REAPED)
    os._exit(0)


def _reap_children(kernel: int) -> int | None:
    """Reap all children that have ended; return the kernel's exit code if it is one of them."""
    code = None
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == kernel:
                code = os.waitstatus_to_exitcode(ended[1])
    except ChildProcessError:
        pass
    return code


def _kill_descendants() -> None:
    """Kill all descendants in rounds. A process that loses its parent becomes a child, and the next round finds it."""
    while True:
        try:
            children = [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
        except OSError:
            children = _children_by_stat()
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


def _children_by_stat() -> list[int]:
    own, found = str(os.getpid()), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1] == own:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _apply_request(request: dict[str, Any], fds: list[int], *, liveness_fd: int | None = None) -> None:
    """Set everything that exec would have set. `liveness_fd` stays open for as long as the process lives."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpriority(os.PRIO_PROCESS, 0, request["priority"])
    os.umask(request["umask"])
    for number, bounds in request["limits"].items():
        resource.setrlimit(int(number), tuple(bounds))
    for number, descriptor in enumerate(fds[:3]):
        os.dup2(descriptor, number)
    keep_open = {0, 1, 2, liveness_fd, *fds[3:]}
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if descriptor not in keep_open:
            try:
                os.close(descriptor)
            except OSError:  # the one that listed the folder
                continue
    os.chdir(request["cwd"])
    sys.orig_argv[:] = request["command"]
    sys.argv[:] = ["-m", *request["arguments"], *map(str, fds[3:])]
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        sys.path.insert(0, str(Path.cwd()))
    sys.modules["__main__"] = types.ModuleType("__main__")
    importlib.invalidate_caches()


def exit_fast(code: object, preloaded: set[str]) -> None:
    """End as the interpreter does, but without taking apart what was preloaded.

    To do so would copy all the memory that is still shared. The objects of the notebook and of its own modules are
    taken apart: files get their last bytes, and finalizers run. Libraries are left as they are.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.last_type = sys.last_value = sys.last_traceback = None
    libraries = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    for name in set(sys.modules) - preloaded:
        file = getattr(sys.modules[name], "__dict__", {}).get("__file__")
        if isinstance(file, str) and not file.startswith(libraries):
            del sys.modules[name]
    vars(sys.modules["__main__"]).clear()
    gc.collect()
    if code is not None and not isinstance(code, int):
        print(code, file=sys.__stderr__)
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
    os._exit(0 if code is None else code & 0xFF if isinstance(code, int) else 1)


def _set_proc_title(command: list[str], environment: dict[str, str]) -> None:
    """Let /proc tell of this process and not of the one from which it was forked.

    Everything of an attempt is found by the attempt's name there. Without it this process must not go on, and exits.
    """
    fields = Path("/proc/self/stat").read_text(errors="replace").rpartition(")")[2].split()
    arguments, arguments_end, variables, variables_end = map(int, fields[45:49])
    names = sorted(environment, key=lambda name: name != ATTEMPT_VARIABLE)
    _overwrite(arguments, arguments_end, [os.fsencode(argument) for argument in command])
    _overwrite(variables, variables_end, [os.fsencode(f"{name}={environment[name]}") for name in names])
    attempt = environment.get(ATTEMPT_VARIABLE)
    shown = Path("/proc/self/environ").read_bytes()
    if attempt is None or not shown.startswith(os.fsencode(f"{ATTEMPT_VARIABLE}={attempt}\0")):
        os._exit(1)


def _overwrite(start: int, end: int, texts: list[bytes]) -> None:
    """Write the texts that fit into the memory from `start` to `end`, and zeros after them."""
    data = b""
    for text in texts:
        if len(data) + len(text) + 1 <= end - start:
            data += text + b"\0"
    ctypes.memmove(start, data.ljust(end - start, b"\0"), end - start)


if __name__ == "__main__":
    if sys.path and Path(sys.path[0]) == Path(__file__).parent:
        del sys.path[0]
    _role, _descriptor = sys.argv[1], int(sys.argv[2])
    if _role == "runner":
        sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # see main.py
    serve(_role, socket.socket(fileno=_descriptor), sys.argv[4:])
    _preloaded = set(sys.modules)
    _module = sys.argv.pop(1)
    try:
        runpy.run_module(_module, run_name="__main__", alter_sys=True)
    except SystemExit as _exit:
        _code = _exit.code
    else:
        _code = None
    exit_fast(_code, _preloaded)
