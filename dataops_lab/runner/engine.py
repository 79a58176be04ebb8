"""papermill's engine `dataops`: it executes as papermill does, but does not write the whole notebook twice per cell."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from papermill.engines import Engine, NotebookExecutionManager
from papermill.iorw import write_ipynb
from papermill.log import logger

from .client import DataOpsClient

SAVE_EVERY_S = 5.0
SAVE_SHARE = 0.02
"""The share of a run's time that may go into saving while it runs."""


class PacedManager(NotebookExecutionManager):
    """papermill's bookkeeping in the metadata of notebook and cells, with a least time between two saves."""

    def __init__(self, nb: Any, *, write: Callable[[Any], None] | None = None, **kwargs: Any) -> None:
        super().__init__(nb, **kwargs)
        self._write = write or self._write_output_path
        self._due = 0.0

    def save(self, **_: Any) -> None:
        started = time.monotonic()
        if started < self._due:
            return
        self._write(self.nb)
        ended = time.monotonic()
        self._due = ended + max(SAVE_EVERY_S, (ended - started) / SAVE_SHARE)

    def _write_output_path(self, nb: Any) -> None:
        if self.output_path:
            write_ipynb(nb, self.output_path)

    def autosave_cell(self) -> None:
        if self.autosave_cell_every:
            self.save()

    def notebook_complete(self, **_: Any) -> None:
        """Finish as papermill does, but leave a cell that was never reached pending."""
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        self.cleanup_pbar()
        self._due = 0.0
        self.save()


class DataOpsEngine(Engine):
    """The engine of the runner, and of `papermill --engine dataops`."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        write: Callable[[Any], None] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Execute the notebook and return it.

        `write` takes the notebook whenever it is to be saved, instead of papermill's writer to `output_path`.
        """
        manager = PacedManager(
            nb,
            write=write,
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
        """Execute the notebook of `nb_man`. `kwargs` go to `DataOpsClient` and from there to nbclient's client."""
        client = DataOpsClient(
            nb_man,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            timeout=execution_timeout,
            log=logger,
            **kwargs,
        )
        client.execute()
