"""Watching one attempt: the next step and the end of it, from what its backend and its journal say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from ..domain.actors import ENGINE
from ..domain.runs import Attempt, AttemptState, Progress, Reason, Run, Usage
from ..ports import AttemptFiles, AttemptStatus, Observation
from ..rundir.protocol import JOURNAL
from ..rundir.reading import MAX_JOURNAL_BYTES, LineSplitter, is_size, parse_event

FORCE_AFTER_S = 15.0
UNCONFIRMED_AFTER_S = 60.0
LOST_AFTER_S = 3600.0
"""The time that the engine tries to end an attempt that does not end."""

PROGRESS_INTERVAL_S = 0.25

MAX_READ_BYTES = 1024 * 1024
"""The most bytes of a journal that one look reads, so that a notebook that writes without end delays no other."""

MAX_OUTPUT_CHARS = 2_000
"""The most characters that are kept of what a backend heard from a runner."""


class Step(StrEnum):
    """The next step with an attempt."""

    WAIT = "wait"
    RUNNING = "running"
    CANCEL = "cancel"
    TIME_OUT = "time_out"
    FORCE = "force"
    FINISH = "finish"
    MARK_UNCONFIRMED = "doubt"
    GIVE_UP = "give_up"


@dataclass
class AttemptTimes:
    """The times of an attempt on `Clock.monotonic`, because setting a wall clock must not end a run.

    Each engine that follows the attempt takes them anew. `began_at`: the moment of its launch, and later of its start.
    `deadline`: the moment when the run has taken as long as it may in all.
    """

    began_at: float
    deadline: float
    stopping_since: float | None = None


def next_step(attempt: Attempt, run: Run, observation: Observation, times: AttemptTimes, *, now: float) -> Step:
    """Decide the next step from what is known. `supervisor` takes the step."""
    stopping = attempt.state in (AttemptState.CANCELLING, AttemptState.TIMING_OUT, AttemptState.UNCONFIRMED)
    if observation.is_dead:
        return Step.FINISH
    if stopping:
        waited = now - (times.stopping_since or now)
        if attempt.state is AttemptState.UNCONFIRMED:
            if waited >= LOST_AFTER_S:
                return Step.GIVE_UP
        elif waited >= UNCONFIRMED_AFTER_S:
            return Step.MARK_UNCONFIRMED
        is_over = observation.status in (AttemptStatus.EXITED, AttemptStatus.NOT_FOUND)
        return Step.FORCE if is_over or waited >= FORCE_AFTER_S else Step.WAIT
    has_vanished = observation.status is AttemptStatus.NOT_FOUND and attempt.state is not AttemptState.LAUNCHING
    if (observation.status is AttemptStatus.EXITED or has_vanished) and now < times.deadline:
        # The runner has ended, or its backend no longer knows it. Processes that are left of it have to end too.
        return Step.FORCE
    if run.cancel_requested_at is not None:
        return Step.CANCEL
    if attempt.state is AttemptState.LAUNCHING and observation.status is AttemptStatus.RUNNING:
        return Step.RUNNING
    return (
        Step.TIME_OUT if now >= times.deadline or now - times.began_at >= _time_limit_s(run, observation) else Step.WAIT
    )


def determine_end(
    attempt: Attempt,
    run: Run,
    succeeded: bool | None,
    reason: Reason | None,
    observation: Observation,
    *,
    duration_s: float,
) -> tuple[AttemptState, Reason | None]:
    """Tell the state in which an attempt that is gone has ended, and the reason in words.

    `duration_s`: the seconds since its start, or since its launch when it never started.
    """
    match attempt.state:
        case AttemptState.CANCELLING | AttemptState.UNCONFIRMED if run.cancel_requested_at is not None:
            by = run.cancel_requested_by or "somebody"
            if by == ENGINE:
                # A person cancels a run; the engine does so with a pipeline that took too long.
                by = f"{by}, as its pipeline ended"
            return AttemptState.CANCELLED, Reason("cancelled", f"Cancelled by {by}.")
        case AttemptState.TIMING_OUT | AttemptState.UNCONFIRMED:
            return AttemptState.TIMED_OUT, _timeout_reason(run, observation, duration_s)
    if explanation := observation.detail.get("left_too_much"):
        # Its backend ended it. Its files tell of an end before that.
        return AttemptState.FAILED, Reason("left_too_much", f"{explanation} What had arrived is kept.")
    if succeeded is True:
        return AttemptState.SUCCEEDED, reason
    if succeeded is False:
        return AttemptState.FAILED, reason or Reason("runner_error", "The runner failed and did not say why.")
    if (memory_counts := _memory_counts(observation)).get("oom_kills"):
        return AttemptState.FAILED, _out_of_memory_reason(memory_counts)
    if not observation.ran and attempt.state is AttemptState.LAUNCHING:
        output = str(observation.detail.get("said", ""))[-MAX_OUTPUT_CHARS:].strip()
        last_line = output.splitlines()[-1] if output else "it said nothing"
        message = f"The runner could not start: {last_line}. `jupyter dataops doctor` checks what it needs."
        return AttemptState.FAILED, Reason("runner_did_not_start", message, {"said": output})
    if reason is not None:
        return AttemptState.FAILED, reason
    if (signal := observation.detail.get("killed_by")) and memory_counts.get("oom_kills") == 0:
        return AttemptState.FAILED, Reason("runner_killed", _KILLED_FROM_INSIDE.format(str(signal)[:MAX_OUTPUT_CHARS]))
    explanation = str(observation.detail.get("why", _KILLED))[:MAX_OUTPUT_CHARS]
    return AttemptState.LOST, Reason("runner_lost", f"{explanation} What it had written is kept.")


_KILLED = "The runner was killed before it could finish, by somebody or for want of memory."

_KILLED_FROM_INSIDE = (
    "The notebook, or a program that it started, ended its own runner ({}): the signal came from inside its container, "
    "where nobody else is, and memory was left. Its files are kept. Let it end no process that it has not "
    "started."
)


def _memory_counts(observation: Observation) -> dict[str, int]:
    """Read the memory limit and the peak in bytes, and the number of times that memory ran out. Each may be missing.

    PID 1 of a container tells these numbers. The notebook runs beside it, so they are checked.
    """
    memory = observation.detail.get("memory")
    raw_counts = memory if isinstance(memory, Mapping) else {}
    return {name: raw_counts[name] for name in ("limit", "peak", "oom_kills") if is_size(raw_counts.get(name))}


def _out_of_memory_reason(memory_counts: Mapping[str, int]) -> Reason:
    limit, peak = (
        f"{memory_counts[key] / 1024**2:.0f} MiB" if key in memory_counts else "?" for key in ("limit", "peak")
    )
    return Reason(
        "out_of_memory",
        f"It needed more memory than the {limit} it may have; {peak} were in use at most, files that it wrote "
        "included. Give it more, or let it work on less at a time.",
        dict(memory_counts),
    )


def _time_limit_s(run: Run, observation: Observation) -> float:
    return run.settings.timeout_s if observation.ran else run.settings.start_timeout_s


def _timeout_reason(run: Run, observation: Observation, duration_s: float) -> Reason:
    limit_s = _time_limit_s(run, observation)
    if duration_s < limit_s:
        return Reason(
            "total_timeout", f"With all its attempts it took longer than {run.settings.total_timeout_s:g} seconds."
        )
    if not observation.ran:
        return Reason("start_timeout", f"It did not start within {limit_s:g} seconds.")
    return Reason("timeout", f"It ran longer than its timeout of {limit_s:g} seconds.")


class JournalFollower:
    """The progress and usage in a growing journal. It parses only the lines that tell of them."""

    def __init__(self, files: AttemptFiles) -> None:
        self._files = files
        self._offset = 0
        self._lines = LineSplitter()
        self.progress = Progress()
        self.usage = Usage()

    def read(self) -> bool:
        """Read what was written since the last call, `READ_AT_ONCE` at most. Tell whether there was anything."""
        try:
            with self._files.open(JOURNAL) as journal:
                journal.seek(self._offset)
                chunk = journal.read(MAX_READ_BYTES)
        except OSError:
            return False  # Progress is not worth an error. If the error stays, the end of the run meets it too.
        self._offset += len(chunk)
        for line in self._lines.feed(chunk):
            self._parse_line(line)
        return bool(chunk)

    def read_all(self) -> None:
        while self._offset < MAX_JOURNAL_BYTES and self.read():
            pass

    def _parse_line(self, line: bytes) -> None:
        # `kind` is in the first bytes of a line, see rundir/protocol.py.
        if len(line) > _MAX_LINE_BYTES or not any(kind in line[:80] for kind in _KINDS):
            return
        match parse_event(line):
            case {"kind": "start", "code_cells": total}:
                self.progress = Progress(0, total)
            case {"kind": "cell_started", "cell": cell}:
                self.progress = replace(self.progress, current=cell)
            case {"kind": "cell_finished", "done": done}:
                self.progress = replace(self.progress, done=done, current=None)
            case {"kind": "usage", "peak_memory_bytes": peak, "cpu_seconds": cpu_seconds}:
                self.usage = Usage(peak, cpu_seconds)


_KINDS = (b'"start"', b'"cell_started"', b'"cell_finished"', b'"usage"')
_MAX_LINE_BYTES = 1_000
"""The most bytes of a line of these kinds."""
