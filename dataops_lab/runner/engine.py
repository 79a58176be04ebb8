"""papermill's engine `dataops`: the same execution, without writing the whole notebook twice per cell.

For `papermill --engine dataops` alone. The runner does without papermill, see bookkeeping.py.
"""

from __future__ import annotations

from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager
from papermill.iorw import write_ipynb
from papermill.log import logger

from .bookkeeping import PacedSave
from .client import DataOpsClient


class PacedManager(NotebookExecutionManager):
    """papermill's own bookkeeping and progress bar, with saves that keep a distance."""

    def __init__(self, nb: Any, **kwargs: Any) -> None:
        super().__init__(nb, **kwargs)
        self._save = PacedSave(self._write)

    def save(self, **_: Any) -> None:
        self._save(self.nb)

    def _write(self, notebook: Any) -> None:
        if self.output_path:
            write_ipynb(notebook, self.output_path)

    def autosave_cell(self) -> None:
        if self.autosave_cell_every:
            self.save()

    def notebook_complete(self, **_: Any) -> None:
        """As papermill's, but a cell that was never reached stays pending."""
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        self.cleanup_pbar()
        self._save.at_once(self.nb)


class LoggingClient(DataOpsClient):
    """Repeats outputs where papermill's command is asked to."""

    log_output_message = PapermillNotebookClient.log_output_message

    def __init__(
        self, nb_man: Any, *, log_output: bool = False, stdout_file: Any = None, stderr_file: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(nb_man, **kwargs)
        self.log_output, self.stdout_file, self.stderr_file = log_output, stdout_file, stderr_file

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        output = super().process_message(msg, cell, cell_index)
        if output and (self.log_output or self.stderr_file or self.stdout_file):
            self.log_output_message(output)
        return output


class DataOpsEngine(Engine):
    """Used by `papermill --engine dataops`."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **kwargs: Any,
    ) -> Any:
        manager = PacedManager(
            nb,
            output_path=output_path,
            progress_bar=progress_bar,
            log_output=log_output,
            autosave_cell_every=autosave_cell_every,
        )
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **kwargs)
        finally:
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: PacedManager,
        kernel_name: str,
        *,
        start_timeout: float = 60,
        execution_timeout: int | None = None,
        input_path: str | None = None,  # noqa: ARG003  papermill passes it to every engine
        **kwargs: Any,
    ) -> None:
        """`kwargs` go to the client and, through it, to nbclient's."""
        client = LoggingClient(
            nb_man,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            timeout=execution_timeout,
            log=logger,
            **kwargs,
        )
        client.execute()
