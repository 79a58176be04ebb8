"""One run of a run directory, from the spec to the result."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..rundir import protocol
from ..rundir.files import write_atomically
from ..rundir.journal import Journal, encode_json
from ..rundir.protocol import Failure, Result, Spec
from ..rundir.reading import is_list_of_modules, open_plain, read_json
from . import artifacts, processes
from .log import Log, LogHandler
from .masking import Masking
from .memory import explain_kill, used_memory
from .program import Program
from .recorder import Recorder
from .secrets import read_secrets
from .termination import Termination
from .usage import Meter

if TYPE_CHECKING:
    from .kernel import Kernel  # This takes time, and a program needs no kernel.

SHUTDOWN_S = 5.0
"""The time that a Python kernel may take to clean up after the last cell."""

OTHERS_SHUTDOWN_S = 1.0
"""The same for other kernels. They have no atexit functions, and some, as bash, never end when they are asked to."""

KILL_S = 5.0
"""The time that the processes which the notebook left running may take to die."""


def run(directory: Path, termination: Termination, preloaded: socket.socket | None = None) -> None:
    """Do what spec.json says. result.json tells how it ended, also when the runner itself failed."""
    started_at = time.time()
    recorder = Recorder(Journal(directory / protocol.JOURNAL), Log(directory / protocol.LOG))
    logging.basicConfig(level=logging.WARNING, handlers=[LogHandler(recorder.log)], format="[dataops] %(message)s")
    meter = Meter(recorder)
    collected: list[dict[str, Any]] = []
    try:
        spec: Spec = json.loads((directory / protocol.SPEC).read_bytes())
        recorder.limit_outputs(spec["output_limits"])
        secrets = read_secrets(spec.get("secrets", []))
        recorder.mask(Masking(secrets.values()))
        collected = Run(directory, spec, secrets, recorder, termination, meter, preloaded).execute()
        write_atomically(directory / protocol.VALUES, recorder.values.to_json())
        state = _state(recorder, termination)
        recorder.run_ended(state)
    except Exception as error:
        recorder.log.write_message(traceback.format_exc())
        why = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
        recorder.failure = Failure(code="runner_error", message=f"The runner failed: {why}", cell=recorder.last_cell)
        state = _state(recorder, termination)
        with suppress(OSError):
            recorder.run_ended(state)
    if not (directory / protocol.OUTPUT).exists():  # A program has no notebook: there is nothing to copy.
        with suppress(OSError):
            shutil.copyfile(directory / protocol.INPUT, directory / protocol.OUTPUT)
    if recorder.failure:
        # A program has written its error into the log itself.
        lines = [] if recorder.failure.get("cell") is None else recorder.failure.get("traceback", [])
        recorder.log.write_message("\n".join([*lines, f"[dataops] {recorder.failure['message']}"]))
    recorder.log.close()
    logging.disable()  # messages of libraries would come after the result from here on
    result = Result(
        format=1,
        state=state,
        nothing_to_do=recorder.nothing_to_do,
        failure=recorder.masking.mask_value(recorder.failure),
        cut_off=recorder.cut_off,
        started_at=started_at,
        finished_at=time.time(),
        done=recorder.done,
        total=recorder.total,
        peak_memory_bytes=meter.peak_memory_bytes,
        cpu_seconds=meter.cpu_seconds,
        artifacts=collected,
        imports=recorder.imports,
    )
    write_atomically(directory / protocol.RESULT, encode_json(result, indent=1), durable=True)


async def _read_kernel_end(kernel: Kernel) -> tuple[int | None, str]:
    return await kernel.exit_code(), await kernel.describe_end()


def _imports(path: Path) -> list[str]:
    """Read the names of the imported modules. The notebook could write there, too: anything else counts as no names."""
    try:
        with open_plain(path) as file:
            names = read_json(file)
    except (OSError, ValueError):
        return []
    return names if is_list_of_modules(names) else []


def _state(recorder: Recorder, termination: Termination) -> str:
    if termination.requested and not recorder.completed and not recorder.nothing_to_do:
        recorder.failure = Failure(code="terminated", message="The run was stopped.", cell=recorder.last_cell)
        return "terminated"
    return "failed" if recorder.failure else "succeeded"


def _folder_in(files: Path, name: str) -> Path:
    """Return the folder `name`, and make it if it is missing. Raise ValueError when it lies outside of `files`."""
    folder = (files / name).resolve()
    if not folder.is_relative_to(files.resolve()):
        raise ValueError(f"the folder {name!r} lies outside files/")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Run:
    """The files of a run, and the notebook or program that works on them. The recorder is told how that ended."""

    def __init__(
        self,
        directory: Path,
        spec: Spec,
        secrets: dict[str, str],
        recorder: Recorder,
        termination: Termination,
        meter: Meter,
        preloaded: socket.socket | None = None,
    ) -> None:
        self._directory = directory
        self._spec = spec
        self._secrets = secrets
        self._recorder = recorder
        self._termination = termination
        self._meter = meter
        self._kernel_end: tuple[int | None, str] | None = None
        self._preloaded = preloaded
        self._home = directory / "kernel"
        self._stopping: asyncio.Task[None] | None = None
        self._loop: Any

    def execute(self) -> list[dict[str, Any]]:
        """Execute the notebook or program, and return the artifacts that it made."""
        files = self._directory / protocol.FILES
        folder, *_ = [_folder_in(files, name) for name in (self._spec["folder"], *self._spec.get("folders", []))]
        before = artifacts.fingerprint_files(files)
        self._home.mkdir()
        try:
            processes.adopt_orphans()
            if "program" in self._spec:
                program = Program(self._spec, self._home, self._recorder, self._termination, self._meter)
                program.run(folder, self._environment())
            else:
                self._run_notebook(folder)
            if not folder.is_dir():
                self._recorder.note("folder_deleted", "The run deleted the folder in which it ran.")
            self._recorder.values.take_from_file(self._home / "values.jsonl")
            self._recorder.imports = _imports(self._home / "imports.json")
        finally:
            shutil.rmtree(self._home, ignore_errors=True)
        note = lambda message: self._recorder.note("artifact_not_kept", message)  # noqa: E731
        return artifacts.collect(files, before, self._directory / protocol.ARTIFACTS, note, self._recorder.masking)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self._secrets,
            protocol.ATTEMPT_VARIABLE: self._spec["attempt"],
            protocol.VALUES_VARIABLE: str(self._home / "values.jsonl"),
            # Without this git finds a repository above, which may be another project or somebody's home folder.
            "GIT_CEILING_DIRECTORIES": str(self._directory),
        }

    def _run_notebook(self, folder: Path) -> None:
        from jupyter_core.utils import ensure_event_loop

        from .kernel import Kernel, KernelNotStarted

        self._loop = ensure_event_loop()  # the one that nbclient runs its coroutines on
        shutil.copyfile(Path(__file__).with_name("record.py"), self._home / "dataops_lab.py")
        log = self._recorder.log
        log_size = log.size()
        kernel = Kernel(
            self._spec["kernel"],
            self._home,
            startup_timeout_s=self._spec["startup_timeout_s"],
            preloaded=self._preloaded,
        )
        try:
            environment = self._environment()
            self._loop.run_until_complete(kernel.start(cwd=folder, environment=environment, output=log.descriptor))
            self._termination.on_request(lambda: self._loop.call_soon_threadsafe(self._stop, kernel))
            self._meter.start(self._loop, kernel.forked_kernel)
            self._execute_notebook(kernel)
        except KernelNotStarted as error:
            kernel_output = log.tail(log_size) if kernel.has_kernel else ""
            message = f"The kernel {self._spec['kernel']['name']} did not start. {error}"
            self._recorder.failure = Failure(
                code="kernel_start_failed",
                message=f"{message}\n{kernel_output}" if kernel_output else message,
                cell=None,
            )
        finally:
            self._end_kernel(kernel)

    def _execute_notebook(self, kernel: Kernel) -> None:
        # These imports take time; the kernel starts meanwhile. papermill is imported before the engine, because it
        # looks the engine up while it is imported.
        from nbclient.exceptions import DeadKernelError

        from . import bare_papermill  # noqa: F401
        from .engine import DataOpsEngine

        if self._termination.requested:
            return
        try:
            DataOpsEngine.execute_notebook(
                self._notebook(),
                self._spec["kernel"]["name"],
                progress_bar=False,
                write=lambda nb: write_atomically(self._directory / protocol.OUTPUT, encode_json(nb, indent=1)),
                km=kernel,
                recorder=self._recorder,
                helpers=self._home,
                libraries=self._spec.get("libraries", []),
                should_stop=lambda: self._termination.requested,
            )
        except DeadKernelError:
            self._kernel_end = self._loop.run_until_complete(_read_kernel_end(kernel))

    def _notebook(self) -> Any:
        import nbformat.v4
        from papermill import __version__

        # The notebook is not validated: it was before it came here, and that takes longer than a short run.
        notebook = nbformat.v4.reads((self._directory / protocol.INPUT).read_text(encoding="utf-8"))
        notebook.metadata.papermill = {
            "default_parameters": {},
            "environment_variables": {},
            "parameters": {},
            "version": __version__,
        }
        return notebook

    def _stop(self, kernel: Kernel) -> None:
        self._stopping = self._loop.create_task(self._interrupt_then_kill(kernel))

    async def _interrupt_then_kill(self, kernel: Kernel) -> None:
        if self._recorder.cell is not None:
            begun = time.monotonic()
            # Kernels ignore an interrupt between cells, so one that comes a moment too early is lost.
            while not self._recorder.kernel_began_cell and time.monotonic() - begun < 1:
                await asyncio.sleep(0.01)
            if await kernel.is_alive():
                await kernel.interrupt_kernel()
            await asyncio.sleep(self._spec["interrupt_grace_s"])
        await kernel.kill()

    def _end_kernel(self, kernel: Kernel) -> None:
        language = self._spec["kernel"]["language"].lower()
        patience = SHUTDOWN_S if language == "python" else OTHERS_SHUTDOWN_S
        if self._termination.requested_at is not None:
            passed = time.monotonic() - self._termination.requested_at
            patience = max(0.0, self._spec["interrupt_grace_s"] - passed)
        ended = self._loop.run_until_complete(kernel.end(patience))
        if not ended and language != "bash" and not self._termination.requested:
            self._recorder.cut_off = (
                f"The kernel had not ended {patience:g} seconds after the last cell and was killed: what it was to do "
                "at its end may be missing, as functions of atexit and files that were not closed."
            )
            self._recorder.note("kernel_killed", self._recorder.cut_off)
        if self._stopping is not None:
            self._stopping.cancel()
        if kernel.forked_kernel is not None:
            kernel.forked_kernel.reap()
        if not processes.kill_descendants(KILL_S):
            self._recorder.note("processes_left", "Some processes of the notebook could not be killed.")
        self._meter.stop()
        self._report_memory()

    def _report_memory(self) -> None:
        """Tell why the kernel died, or how much memory a MemoryError met. The use is known only after the run's end."""
        used = used_memory(self._meter.peak_memory_bytes)
        failure = self._recorder.failure
        if self._kernel_end is not None:
            exit_code, end_text = self._kernel_end
            code, message = None, f"The kernel {end_text}. {used}"
            if exit_code == -signal.SIGKILL:
                code, message = explain_kill(
                    "kernel",
                    before=self._meter.oom_kills,
                    peak_bytes=self._meter.peak_memory_bytes,
                    limit_bytes=self._spec.get("memory_bytes"),
                )
            self._recorder.failure = Failure(code=code or "kernel_died", message=message, cell=self._recorder.last_cell)
        elif failure is not None and failure.get("ename") == "MemoryError":
            failure["message"] = f"{failure['message']}. {used}"
