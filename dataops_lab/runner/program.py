"""A program of a run: a script with its interpreter, or a command. It has no kernel and no cells.

It gets no input. Its stdout and stderr go to journal and log, masked and within the limits of a run.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..rundir.journal import encode_json
from ..rundir.parameters import parameter_variables
from ..rundir.protocol import PARAMETER_PREFIX, PARAMETERS_VARIABLE, Failure, Spec
from . import processes
from .helpers import write_helpers
from .memory import describe_signal, explain_kill, used_memory
from .recorder import Recorder
from .termination import Termination
from .usage import Meter

FLUSH_S = 0.05
"""The time that output may wait for more of it before it is written."""

MESSAGE_LENGTH = 2_000

KILL_S = 5.0
"""The time that the processes which the program left running may take to die."""

PIECE_BYTES = 1 << 16
TAIL_CHARACTERS = 20_000
"""The end of stderr that is kept to tell why the program failed."""

LAST_LINES = 20
"""The most lines of stderr that a failure without a traceback shows."""

SHELL_SIGNAL = 128
"""Shells end with this plus the number of the signal that ended their last command."""


class Program:
    """The program of `spec`. The recorder is told what it writes and how it ended.

    `home` is a folder for what the program is given beside its files.
    """

    def __init__(self, spec: Spec, home: Path, recorder: Recorder, termination: Termination, meter: Meter) -> None:
        self._program = spec["program"]
        self._parameters = spec["program"]["parameters"]
        self._grace_s = spec["interrupt_grace_s"]
        self._memory_limit_bytes = spec.get("memory_bytes")
        self._home = home
        self._recorder = recorder
        self._termination = termination
        self._meter = meter
        self._process: subprocess.Popen[bytes] | None = None
        self._streams: list[_Stream] = []
        self._stopping: asyncio.Task[None] | None = None
        self._flush: asyncio.TimerHandle | None = None
        self._tail = ""

    @property
    def exit_status(self) -> int | None:
        """The exit status, that of a signal negative; None for a program that did not start."""
        return self._process.returncode if self._process else None

    def run(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Run the program in `folder` to its end. No process of it is left then, unless nobody can kill it."""
        if self._termination.requested:
            return
        self._recorder.notebook_started([])
        write_helpers(self._home)
        asyncio.run(self._run(folder, self._with_parameters(environment)))

    def _with_parameters(self, environment: Mapping[str, str]) -> dict[str, str]:
        file = self._home / "parameters.json"
        file.write_bytes(encode_json(self._parameters, indent=1))
        paths = [path for path in (environment.get("PYTHONPATH"), str(self._home)) if path]
        return {
            **{name: value for name, value in environment.items() if not name.startswith(PARAMETER_PREFIX)},
            "PYTHONPATH": os.pathsep.join(paths),
            # People watch the log: text must not wait in the program for more of it.
            "PYTHONUNBUFFERED": "1",
            **self._program["env"],
            **parameter_variables(self._parameters),
            PARAMETERS_VARIABLE: str(file),
        }

    async def _run(self, folder: Path, environment: Mapping[str, str]) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._process = process = subprocess.Popen(
                self._program["argv"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=processes.death_signal_preexec(),  # noqa: PLW1509  (no other thread runs Python here yet)
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._recorder.failure = self._not_started(error)
            self._meter.stop()
            return
        assert process.stdout and process.stderr
        self._streams = [
            _Stream(name, pipe.fileno(), self)
            for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr))
        ]
        for stream in self._streams:
            stream.listen(loop)
        self._meter.start(loop, None)
        self._termination.on_request(partial(_wake, loop, self._stop))
        try:
            await loop.run_in_executor(None, process.wait)
            # A program that ended by itself, a moment before somebody wanted to stop it, has a result.
            self._recorder.completed = self._stopping is None
        finally:
            self._end(loop)

    # --- output ---

    def take(self, name: str, text: str) -> None:
        """Record a piece of a stream. Its end waits for more of it, as long as it may be the beginning of a secret."""
        self._record(name, self._recorder.masking.mask_stream(name, text))
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self._flush_now)

    def _record(self, name: str, text: str) -> None:
        if not text:
            return
        if name == "stderr":
            self._tail = (self._tail + text)[-TAIL_CHARACTERS:]
        kept, _ = self._recorder.admit("stream", {"name": name, "text": text})
        if kept is not None:
            self._recorder.output(None, {"output_type": "stream", **kept}, None)

    def _flush_now(self) -> None:
        self._flush = None
        self._recorder.flush()

    # --- the end ---

    def _stop(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._interrupt_then_kill())

    async def _interrupt_then_kill(self) -> None:
        """Ask the program to end as Ctrl-C does; then as a shutdown does, which background processes also hear."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._send(number)
            await asyncio.sleep(self._grace_s / 2)
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        self._termination.on_request(lambda: None)  # The loop is closed soon, and hears nobody then.
        if self._stopping is not None:
            self._stopping.cancel()
        self._send(signal.SIGKILL)
        for stream in self._streams:
            stream.read_rest(loop)
        if not processes.kill_descendants(KILL_S):
            self._recorder.note("processes_left", f"Some processes of the {self._kind} could not be killed.")
        for stream in self._streams:
            stream.end()
        for name, text in self._recorder.masking.flush("stdout", "stderr"):
            self._record(name, text)
        if self._flush is not None:
            self._flush.cancel()
        self._recorder.flush()
        self._meter.stop()
        if self.exit_status:
            self._recorder.failure = self._failure(self.exit_status)

    @property
    def _kind(self) -> str:
        return self._program["kind"]

    def _not_started(self, error: Exception) -> Failure:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"The {self._kind} did not start. {self._program['argv'][0]}: {why}"
        return Failure(code="program_start_failed", message=message, cell=None)

    def _failure(self, status: int) -> Failure:
        lines = self._tail.rstrip().splitlines()[-LAST_LINES:]
        failure = Failure(code="exit_status", message="", cell=None, traceback=["\n".join(lines)] if lines else [])
        error = python_error(self._tail)
        if error is not None:
            failure["ename"], failure["evalue"], traceback = error
            failure["traceback"] = [traceback]
        said = ": ".join(filter(None, error[:2])) if error else (lines[-1].strip() if lines else "")
        failure["code"], failure["message"] = self._explain(status, failure.get("ename"), said)
        return failure

    def _explain(self, status: int, ename: str | None, said: str) -> tuple[str, str]:
        """Return the code and the sentence for an exit status. `said` is what the program itself said last."""
        if status in (-signal.SIGKILL, SHELL_SIGNAL + signal.SIGKILL):
            code, message = explain_kill(
                self._kind,
                before=self._meter.oom_kills,
                peak_bytes=self._meter.peak_memory_bytes,
                limit_bytes=self._memory_limit_bytes,
            )
            if code or status < 0:
                return code or "program_died", message
        if status < 0:
            return "program_died", f"The {self._kind} {describe_signal(-status)}."
        if ename == "EOFError" and said.endswith(_NO_INPUT):
            return "input_requested", (
                f"The {self._kind} asks for input, which nobody can give in a run. Make it a parameter."
            )
        ended = f"The {self._kind} ended with exit status {status}"
        message = (f"{ended}: {said}" if said else f"{ended}.")[:MESSAGE_LENGTH]
        if ename == "MemoryError":
            message = f"{message}. {used_memory(self._meter.peak_memory_bytes)}"
        return "exit_status", message


def _wake(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(call)


class _Stream:
    """One of the two pipes of the program. UTF-8 comes in pieces; bytes that are not UTF-8 are replaced."""

    def __init__(self, name: str, descriptor: int, program: Program) -> None:
        self._name = name
        self._descriptor = descriptor
        self._program = program
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        os.set_blocking(self._descriptor, False)
        loop.add_reader(self._descriptor, self._read, loop)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._read_piece():
            loop.remove_reader(self._descriptor)

    def read_rest(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop listening, and read what is in the pipe now. A process that goes on writing is not waited for."""
        loop.remove_reader(self._descriptor)
        for _ in range(_MOST_PIECES):
            if not self._read_piece():
                break

    def end(self) -> None:
        """Read what came until the last process died."""
        for _ in range(_MOST_PIECES):
            if not self._read_piece():
                break
        self._take(b"", final=True)

    def _read_piece(self) -> bool:
        try:
            data = os.read(self._descriptor, PIECE_BYTES)
        except BlockingIOError:
            return False
        self._take(data)
        return bool(data)

    def _take(self, data: bytes, *, final: bool = False) -> None:
        text = self._decode(data, final)
        if text:
            self._program.take(self._name, text)


_MOST_PIECES = 64
"""More pieces than the largest pipe that a user may make holds, which has one mebibyte."""


_NO_INPUT = "EOF when reading a line"
"""The message with which `input` of Python fails."""

_TRACEBACK = "Traceback (most recent call last):"
_LAST_LINE = re.compile(r"(?P<ename>[^\W\d][\w.]*)(?:: (?P<evalue>.*))?", re.DOTALL)
_WITHOUT_TRACEBACK = re.compile(r"(?m)^(?P<ename>(?:Syntax|Indentation|Tab)Error): (?P<evalue>.*)\Z", re.DOTALL)


def python_error(stderr: str) -> tuple[str, str, str] | None:
    """Find the error that ended a program of Python: its name, its message and its traceback; None for no traceback.

    A process writes what it likes to stderr, so this is a guess that helps people, and decides nothing.
    """
    text = stderr.rstrip()
    start = text.rfind(_TRACEBACK)
    if start < 0:
        found = _WITHOUT_TRACEBACK.search(text)
        return (found["ename"], found["evalue"], text[text.rfind("  File ", 0, found.start()) :]) if found else None
    lines = text[start:].splitlines()
    last = next((index for index, line in enumerate(lines[1:], 1) if line and not line[0].isspace()), None)
    if last is None:
        return None
    said = _LAST_LINE.fullmatch("\n".join(lines[last:]))
    if said is None:
        return None
    return said["ename"].rpartition(".")[2], said["evalue"] or "", text[start:]
