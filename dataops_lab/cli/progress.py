"""One line on stderr that tells how far a run is."""

from __future__ import annotations

import datetime as dt
import shutil
import sys
from types import TracebackType
from typing import TYPE_CHECKING

from ..domain.jobs import JobKind
from .text import duration, one_line

if TYPE_CHECKING:
    from ..api_models import RunBase


class ProgressLine:
    """A line of progress: a terminal has one line that is drawn again, elsewhere every new phase gets its own line."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._terminal = sys.stderr.isatty()
        self._quiet = quiet and not self._terminal
        self._last_text = ""

    def show(self, run: RunBase) -> None:
        if self._quiet or run.is_terminal:
            return
        if self._terminal:
            self.draw(progress_text(run))
        elif (phase := _phase_text(run)) != self._last_text:
            self._last_text = phase
            sys.stderr.write(f"{run.id} {phase}\n")
            sys.stderr.flush()

    def show_text(self, text: str) -> None:
        """Write the text as `show` writes the progress of one run; it is for several runs."""
        if self._quiet or text == self._last_text:
            return
        self._last_text = text
        sys.stderr.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        sys.stderr.flush()

    def note(self, text: str) -> None:
        """Write a line that stays."""
        if not self._quiet:
            self.clear()
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def draw(self, text: str) -> None:
        """Draw the text on a terminal, in place of the line that is there. Elsewhere `note` says enough."""
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r\x1b[K{one_line(text, width)}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.clear()


def progress_text(run: RunBase) -> str:
    line = f"{run.job.name}: {_phase_text(run)}"
    if run.progress.total:
        parts = "points" if run.kind is JobKind.SWEEP else "cells"
        line += f", {run.progress.done} of {run.progress.total} {parts}"
    started_at = run.started_at or run.created_at
    return f"{line}, {duration(max(0.0, (dt.datetime.now(dt.UTC) - started_at).total_seconds()))}"


def _phase_text(run: RunBase) -> str:
    if run.phase != "queued" or run.reason is None or run.reason.code == "starting":
        return run.phase
    # The command is starting an engine; the advice in the reason is for people without one.
    return "queued: no engine yet" if run.reason.code == "no_engine" else f"queued: {run.reason.message}"
