"""The kernel: a process that is started from a resolved command, not looked up by name."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec as Command
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from ..rundir import protocol
from .fork_client import ForkedKernel
from .memory import describe_signal
from .processes import death_signal_preexec

SOCKET_PATH_BYTES = 100
"""The most bytes of a socket's path before the kernel adds its number; the path of a Unix socket may have 107."""


_start_kernel = inspect.unwrap(AsyncKernelManager.start_kernel)
"""The bare method. Its wrapper sleeps for a hundredth of a second, for the tests of jupyter_client."""


class KernelNotStarted(RuntimeError):
    """A kernel that did not start. The message tells people why."""


class _Provisioner(LocalProvisioner):
    """A provisioner that lets the interpreter at the other end of `preloaded` fork the kernel, or starts it itself."""

    preloaded: socket.socket | None = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        if self.preloaded is not None:
            descriptors = [os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), kwargs["stdout"], kwargs["stderr"]]
            forked = ForkedKernel.start(self.preloaded, cmd, kwargs["env"], kwargs["cwd"], descriptors)
            os.close(descriptors[0])
            if forked is not None:
                self.process, self.cwd = forked, kwargs["cwd"]
                self.pid = self.pgid = forked.pid  # it leads a group of its own from the start
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)


class Kernel(AsyncKernelManager):
    """A kernel of one run. `home` is a folder for its connection file and sockets alone.

    `preloaded` is a connection to an interpreter that is like the spec's and stands ready, see preload.py.
    """

    def __init__(
        self,
        spec: protocol.KernelSpec,
        home: Path,
        *,
        startup_timeout_s: float,
        preloaded: socket.socket | None = None,
    ) -> None:
        sockets = str(home / "s")
        # Ports are picked before the kernel binds them, so kernels that start together may pick the same.
        local = len(os.fsencode(sockets)) <= SOCKET_PATH_BYTES and spec["language"].lower() in ("python", "bash")
        context = zmq.asyncio.Context()
        # Outputs are read as fast as they come: a publisher drops the messages that its subscriber does not take.
        context.rcvhwm = 0
        context.reconnect_ivl = 5
        super().__init__(
            kernel_name=spec["name"],
            connection_file=str(home / "connection.json"),
            context=context,
            **({"transport": "ipc", "ip": sockets} if local else {}),
        )
        self._startup_timeout_s = startup_timeout_s
        self._command = Command(
            argv=spec["argv"],
            env=spec["env"],
            display_name=spec["name"],
            language=spec["language"],
            interrupt_mode=spec["interrupt_mode"],
        )
        self.kernel_id = str(uuid.uuid4())
        self.provisioner = _Provisioner(kernel_id=self.kernel_id, kernel_spec=self._command, parent=self)
        self.provisioner.preloaded = preloaded
        self.forked_kernel: ForkedKernel | None = None

    @property
    def kernel_spec(self) -> Command:
        return self._command

    async def start(self, *, cwd: Path, environment: dict[str, str], output: int) -> None:
        """Start the process, whose own stdout and stderr go to the descriptor `output`.

        Raise KernelNotStarted when it cannot be executed.
        """
        try:
            await _start_kernel(
                self,
                # Kernels that run at the same time must not wait for one another's history file.
                extra_arguments=["--HistoryManager.hist_file=:memory:"] if self._is_ipykernel() else [],
                cwd=str(cwd),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=death_signal_preexec(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise KernelNotStarted(f"{self._command.argv[0]}: {error}") from error
        process = self.provisioner.process
        self.forked_kernel = process if isinstance(process, ForkedKernel) else None

    def _is_ipykernel(self) -> bool:
        return any("ipykernel" in argument for argument in self._command.argv)

    async def ready_client(self) -> Any:
        """Wait for the kernel, and return a client whose requests are answered and whose outputs arrive.

        jupyter_client's own `wait_for_ready` goes on until no message came for 0.2 s. That is not needed here, because
        nbclient tells outputs apart by the request to which they belong. Raise KernelNotStarted when the kernel ends,
        or does not answer in time.
        """
        client = self.client(context=self.context)
        client.start_channels(hb=False)
        client.allow_stdin = False
        deadline = time.monotonic() + self._startup_timeout_s
        requested_at = 0.0
        while True:
            if time.monotonic() - requested_at > 1:
                client.kernel_info()
                requested_at = time.monotonic()
            try:
                await client.get_shell_msg(timeout=0.05)
                await client.get_iopub_msg(timeout=0.2)
            except Empty:
                if not await self.is_alive():
                    raise KernelNotStarted(f"It {await self.describe_end()} before it was ready.") from None
                if time.monotonic() > deadline:
                    raise KernelNotStarted(f"It did not answer within {self._startup_timeout_s:g} seconds.") from None
            else:
                return client

    async def end(self, timeout_s: float) -> bool:
        """Let the kernel clean up (atexit functions, unwritten files) and end.

        Kill it and return False when that takes longer than `timeout_s`.
        """
        gracefully = True
        if await self.is_alive():
            await self.request_shutdown()
            deadline = time.monotonic() + timeout_s
            while await self.is_alive() and (gracefully := time.monotonic() < deadline):
                await asyncio.sleep(0.005)
        if not gracefully:
            await self.kill()
        await self.cleanup_resources()
        self.context.destroy(linger=0)
        return gracefully

    async def kill(self) -> None:
        """Kill the kernel's whole process group at once."""
        if await self.is_alive():
            await self.signal_kernel(signal.SIGKILL)

    async def exit_code(self) -> int | None:
        """Return the exit code; that of a signal is negative. None while the kernel is alive."""
        return await self.provisioner.poll() if self.provisioner else None

    async def describe_end(self) -> str:
        """Say how the kernel ended, as words that follow a subject: 'was killed (SIGKILL)'."""
        code = await self.exit_code()
        if code is None:
            return "stopped answering"
        if code < 0:
            return describe_signal(-code)
        return f"ended by itself with exit code {code}"
