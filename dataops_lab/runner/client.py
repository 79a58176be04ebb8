"""The client that executes the cells through papermill's, and tells the recorder everything that happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import zmq
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellExecutionComplete, CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient

from ..rundir.protocol import VALUE_MIME, Failure
from . import outputs, startup
from .kernel import Kernel
from .recorder import Recorder

FLUSH_S = 0.05
"""The time that outputs may wait for more of their kind before they are written."""

MESSAGE_LENGTH = 2_000

_INPUT = "The notebook asks for input, which nobody can give in a run. Make it a parameter."
_DEBUGGER = "The notebook starts a debugger, to which nobody can talk in a run. Remove the breakpoint."


class DataOpsClient(PapermillNotebookClient):
    """One run of one notebook. The client tells the recorder how it ended; DeadKernelError when the kernel dies."""

    def __init__(
        self,
        nb_man: Any,
        *,
        recorder: Recorder | None = None,
        helpers: Path | None = None,
        libraries: Sequence[str] = (),
        should_stop: Callable[[], bool] = lambda: False,
        **kwargs: Any,
    ) -> None:
        # Much output may still be on its way when the reply to its cell is there.
        super().__init__(nb_man, **{"iopub_timeout": 300, **kwargs})
        self.recorder = recorder or Recorder.discarding()
        self._helpers = helpers
        self._libraries = list(libraries)
        self._should_stop = should_stop
        self._exit: dict[str, Any] | None = None
        self._exit_error: dict[str, Any] | None = None
        self._error_shown: dict[str, Any] | None = None
        self._flush: asyncio.TimerHandle | None = None
        self.clear_before_next_output = False

    async def async_start_new_kernel_client(self) -> Any:
        if isinstance(self.km, Kernel):
            self.kc = await self.km.ready_client()
        else:
            await super().async_start_new_kernel_client()
        if self.km.kernel_spec.language.lower() == "python":
            await self._prepare_python()
        return self.kc

    start_new_kernel_client = run_sync(async_start_new_kernel_client)  # the base class binds its own

    async def _prepare_python(self) -> None:
        source = Path(startup.__file__).read_text(encoding="utf-8")
        call = f"prepare({str(self._helpers) if self._helpers else None!r}, {self._libraries!r})"
        # The code runs in a namespace of its own, so that the notebook's stays as empty as it was.
        code = f"exec(compile({source + call!r}, '<dataops_lab>', 'exec'), {{}})"
        reply = await self.async_wait_for_reply(self.kc.execute(code, silent=True, store_history=False))
        if reply and reply["content"]["status"] == "error":
            self.recorder.note("startup_failed", f"The kernel could not be prepared: {reply['content'].get('evalue')}")

    def papermill_execute_cells(self) -> None:
        """Execute the cells in order, until one fails, one exits or the run is to stop."""
        self.recorder.notebook_started([cell.cell_type for cell in self.nb.cells])
        for index, cell in enumerate(self.nb.cells):
            if self._should_stop() or not self._run_cell(cell, index):
                return
        self.recorder.completed = True

    def _run_cell(self, cell: Any, index: int) -> bool:
        is_code, ok = cell.cell_type == "code", False
        self.nb_man.cell_start(cell, index)
        if is_code:
            self.recorder.cell_started(index)
        try:
            self.execute_cell(cell, index)
            ok = True
        except CellExecutionError as error:
            ok = error.ename == "SystemExit" and self._exited_cleanly(error)
            if ok:
                self._exit_error = None
                self.recorder.nothing_to_do = True
            else:
                self.nb_man.cell_exception(cell, index, exception=error)
                self.recorder.failure = self._failure(cell, index, error)
            return False
        except (DeadKernelError, CellTimeoutError) as error:
            self.nb_man.cell_exception(cell, index, exception=error)
            raise
        finally:
            if is_code:
                self._keep_exit_error(cell, index)
                outputs.join(cell.outputs)
                self.recorder.cell_finished(index, ok=ok, execution_count=cell.execution_count)
            self.nb_man.cell_complete(cell, index)
        return True

    # --- the end of a cell ---

    def _exited_cleanly(self, error: CellExecutionError) -> bool:
        # A Python kernel that is not IPython tells nothing but the text.
        return bool(self._exit["clean"]) if self._exit else error.evalue in ("", "0", "None")

    def _failure(self, cell: Any, index: int, error: CellExecutionError) -> Failure:
        # The error is taken as it was kept, which is not more than people can read.
        candidates = [self._exit_error] if self._exit_error and error.ename == "SystemExit" else cell.outputs
        fallback = self.recorder.admit("error", self._error_shown)[0] if self._error_shown else {}
        error_output: Any = next((o for o in reversed(candidates) if o["output_type"] == "error"), fallback)
        evalue = error_output.get("evalue", error.evalue[:MESSAGE_LENGTH])
        code, message = "cell_error", f"{error.ename}: {evalue}" if evalue else error.ename
        if error.ename == "SystemExit":
            value = self._exit["code"] if self._exit else error.evalue
            code = "exit_status"
            message = f"The notebook ended itself{' with exit status' if isinstance(value, int) else ':'} {value}"
        elif error.ename == "StdinNotImplementedError":
            code = "input_requested"
            message = _DEBUGGER if any("bdb.py" in line for line in error_output.get("traceback", [])) else _INPUT
        elif not error.ename:
            message = f"The cell ended with exit status {error.evalue}" if error.evalue else "The cell failed"
        return Failure(
            code=code,
            message=message[:MESSAGE_LENGTH],
            cell=index,
            ename=error.ename,
            evalue=evalue,
            traceback=list(error_output.get("traceback", [])),
        )

    def _keep_exit_error(self, cell: Any, index: int) -> None:
        if self._exit_error is not None:
            cell.outputs.append(self._exit_error)
            self.recorder.output(index, self._exit_error, None)
        self._exit = self._exit_error = self._error_shown = None

    async def _check_raise_for_error(self, cell: Any, cell_index: int, exec_reply: dict[str, Any] | None) -> None:
        reply = self.recorder.masking.mask_value(exec_reply)
        # `%run` and widgets show the error of the code that they call, but the kernel's reply says that all is well.
        shown = self._error_shown
        clean = shown is not None and shown["ename"] == "SystemExit" and self._exit is not None and self._exit["clean"]
        reports_no_error = reply is not None and (
            reply["content"]["status"] == "ok" or reply["content"].get("ename") == "NoneType"
        )
        if reports_no_error and shown is not None and not clean:
            reply = {**reply, "content": {**shown, "status": "error"}}
        await super()._check_raise_for_error(cell, cell_index, reply)

    # --- the messages of a cell ---

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] == "execute_input":
            self.recorder.kernel_began_cell = True
        out = None
        try:
            for masked in self.recorder.masking.mask_message(msg):
                self._collect_values_and_errors(masked)
                out = super().process_message(masked, cell, cell_index)
            return out
        except CellExecutionComplete:
            outputs.join(cell.outputs)
            raise

    def _collect_values_and_errors(self, msg: dict[str, Any]) -> None:
        """Take values and errors from a message, wherever the notebook shows them: in the cell, a widget or nowhere."""
        kind, content = msg["msg_type"], msg["content"]
        if kind in ("display_data", "execute_result", "update_display_data"):
            self.recorder.values.take_from_output(content["data"])
        elif kind == "error" and (content["ename"] != "SystemExit" or self._error_shown is None):
            self._error_shown = content

    def handle_comm_msg(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        try:
            super().handle_comm_msg(outs, msg, cell_index)
        except (AssertionError, AttributeError, LookupError, TypeError) as error:
            # The notebook is responsible for a widget's messages: they never make the runner fail.
            self.log.warning("A message of a widget makes no sense: %r", error)
        self._recheck_sockets()

    async def _async_check_alive(self) -> None:
        self._recheck_sockets()
        await super()._async_check_alive()

    def _recheck_sockets(self) -> None:
        """Wake the coroutines that wait for a message that is here already.

        A socket signals only once that a message came. nbclient's widgets send on the same socket on which nbclient
        waits for the reply, and sending uses up that signal.
        """
        for channel in (self.kc.shell_channel, self.kc.iopub_channel):
            channel.socket.get(zmq.EVENTS)

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        kind, content = msg["msg_type"], msg["content"]
        if kind not in outputs.KINDS:
            return None
        data = content.get("data", {})
        if set(data) == {VALUE_MIME}:
            return None
        if startup.EXIT_MIME in data:
            self._exit = data[startup.EXIT_MIME]
            return None
        if self._captured_by_widget(msg):
            super().output(outs, msg, display_id, cell_index)
            self._recheck_sockets()
            return None
        if self.clear_before_next_output:
            self.clear_before_next_output = False
            self._clear(outs, cell_index)
        kept, notice = self.recorder.admit(kind, content)
        out = outputs.output(kind, kept) if kept is not None else None
        if out is not None and kind == "error" and out["ename"] == "SystemExit":
            # The end of the cell tells whether it is an error.
            self._exit_error = out
        elif out is not None:
            if display_id:
                self._display_id_map.setdefault(display_id, {}).setdefault(cell_index, []).append(len(outs))
            self._add(outs, out, cell_index, display_id)
        if notice:
            self._show_notice(notice, outs, cell_index)
        return out

    def clear_output(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        if self._captured_by_widget(msg) or msg["content"].get("wait"):
            super().clear_output(outs, msg, cell_index)
            self._recheck_sockets()
        else:
            self._clear(outs, cell_index)

    def _clear(self, outs: list[Any], cell_index: int) -> None:
        outs.clear()
        self.clear_display_id_mapping(cell_index)
        self.recorder.outputs_cleared(cell_index)

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        if display_id not in self._display_id_map:
            return
        kept, notice = self.recorder.admit("display_data", msg["content"])
        if kept is not None:
            super()._update_display_id(display_id, msg)
            self.recorder.display_updated(display_id, kept["data"], kept["metadata"])
        if notice and self.recorder.cell is not None:
            cell_index = self.recorder.cell
            self._show_notice(notice, self.nb.cells[cell_index].outputs, cell_index)

    def _captured_by_widget(self, msg: dict[str, Any]) -> bool:
        return bool(self.output_hook_stack.get(msg["parent_header"].get("msg_id")))

    def _show_notice(self, notice: str, outs: list[Any], cell_index: int) -> None:
        self._add(outs, outputs.output("stream", {"name": "stderr", "text": f"[{notice}]\n"}), cell_index)

    def _add(self, outs: list[Any], out: Any, cell_index: int, display_id: str | None = None) -> None:
        outputs.add(outs, out)
        self.recorder.output(cell_index, out, display_id)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self._flush_now)

    def _flush_now(self) -> None:
        self._flush = None
        self.recorder.flush()
