"""The recorder of a run: it writes journal, log and values while the client sees things happen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..rundir.journal import Journal
from ..rundir.protocol import Failure, OutputLimits
from .limits import Content, OutputLimit
from .log import Log
from .masking import Masking
from .values import Values

NOTES = 100
"""The most notes of one run."""

UNLIMITED = OutputLimits(cell_bytes=1 << 62, run_bytes=1 << 62)


class Recorder:
    """A recorder. Outputs reach the files with the next `flush`, everything else at once. Cells are counted from 0."""

    def __init__(self, journal: Journal, log: Log, limits: OutputLimits = UNLIMITED) -> None:
        self.journal = journal
        self.log = log
        self.masking = Masking()
        self.values = Values(self._value_recorded, lambda why: self.note("value_refused", why), self._masked)
        self.done = 0
        self.total = 0
        self.cell: int | None = None
        """The code cell that is being executed; None between cells."""
        self.kernel_began_cell = False
        self.last_cell: int | None = None
        self.completed = False
        self.nothing_to_do = False
        self.failure: Failure | None = None
        self.imports: list[str] = []
        self.cut_off: str | None = None
        """The sentence that says what was ended by force after the last cell; None if nothing was."""
        self._notes_left = NOTES
        self._new_values: dict[str, Any] = {}
        self._limit = OutputLimit(limits)

    @classmethod
    def discarding(cls) -> Recorder:
        """Make a recorder that keeps nothing, for papermill's own command, which has neither journal nor limits."""
        null = Path(os.devnull)
        return cls(Journal(null), Log(null))

    def limit_outputs(self, limits: OutputLimits) -> None:
        self._limit = OutputLimit(limits)

    def mask(self, masking: Masking) -> None:
        """Mask from now on; call it before anything is recorded. Outputs come here masked; the rest is masked here."""
        self.masking = masking
        self.log.mask(masking)

    def notebook_started(self, kinds: list[str]) -> None:
        """Write the start into the journal. `kinds` are the types of all cells; a program has none."""
        self.total = kinds.count("code")
        self.journal.write("start", cells=len(kinds), code_cells=self.total)

    def cell_started(self, index: int) -> None:
        self.cell = self.last_cell = index
        self.kernel_began_cell = False
        self._limit.cell_started()
        self.journal.write("cell_started", cell=index, done=self.done)

    def cell_finished(self, index: int, *, ok: bool, execution_count: int | None) -> None:
        self.done += 1
        self.cell = None
        self.flush()
        self.journal.write("cell_finished", cell=index, ok=ok, execution_count=execution_count, done=self.done)

    def admit(self, kind: str, content: Content) -> tuple[Content | None, str | None]:
        """Admit an output as `OutputLimit.admit` does, and note it when the output is cut."""
        content_kept, notice = self._limit.admit(kind, content)
        if notice:
            self.note("output_cut", notice, self.cell)
        return content_kept, notice

    def output(self, index: int | None, output: dict[str, Any], display_id: str | None) -> None:
        if output["output_type"] == "stream":
            self.journal.stream(index, output["name"], output["text"])
            self.log.stream(output["text"])
            return
        if display_id:
            output = {**output, "transient": {"display_id": display_id}}
        self.journal.write("output", cell=index, output=output)

    def outputs_cleared(self, index: int) -> None:
        self._limit.cell_cleared()
        self.journal.write("clear", cell=index)

    def display_updated(self, display_id: str, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.journal.write("update", display_id=display_id, data=data, metadata=metadata)

    def note(self, code: str, message: str, cell: int | None = None, *, in_log: bool = True) -> None:
        """Write a note into the journal and, if `in_log`, into the log, too, which people read first.

        Notes beyond the first NOTES are dropped; the last one that is kept tells so.
        """
        self._notes_left -= 1
        if self._notes_left < 0:
            return
        message = self.masking.mask_text(message)
        if self._notes_left == 0:
            code, message, cell = "notes_cut", "There is more to note than is kept.", None
        self.journal.write("note", code=code, message=message, cell=cell)
        if in_log:
            self.log.write_message(f"[dataops] {message}")

    def usage_measured(self, peak_memory_bytes: int, cpu_seconds: float) -> None:
        self.journal.write("usage", peak_memory_bytes=peak_memory_bytes, cpu_seconds=cpu_seconds)

    def run_ended(self, state: str) -> None:
        self.flush()
        self.journal.write("end", state=state)

    def flush(self) -> None:
        self.journal.flush()
        # A value that a loop records again and again is written only as often as outputs are.
        while self._new_values:
            name = next(iter(self._new_values))
            self.journal.write("value", name=name, value=self._new_values.pop(name))
        self.log.flush()

    def _masked(self, value: Any) -> Any:
        return self.masking.mask_value(value)

    def _value_recorded(self, name: str, value: Any) -> None:
        self._new_values[name] = value
