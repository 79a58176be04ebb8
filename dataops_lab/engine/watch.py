"""Watching one attempt: what its backend and its journal say, and what is due because of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from ..domain.runs import Attempt, AttemptState, Progress, Reason, Run
from ..ports import Look

FORCE_AFTER_S = 15.0
UNCONFIRMED_AFTER_S = 60.0
LOST_AFTER_S = 3600.0
"""How long it is tried to end what does not end."""

PROGRESS_EVERY_S = 0.25


class Step(StrEnum):
    """What is to be done with an attempt now."""

    WAIT = "wait"
    RUNNING = "running"
    CANCEL = "cancel"
    TIME_OUT = "time_out"
    FORCE = "force"
    FINISH = "finish"
    DOUBT = "doubt"
    GIVE_UP = "give_up"


@dataclass
class Times:
    """On `Clock.monotonic`: a wall clock that is set must end no run. Taken anew by each engine that follows it.

    `since`: its launch, then its start. `ends`: when the run has taken as long as it may in all.
    """

    since: float
    ends: float
    stopping_since: float | None = None


def next_step(attempt: Attempt, run: Run, look: Look, times: Times, *, now: float) -> Step:
    """The decision alone, from what is known; `loop` acts."""
    stopping = attempt.state in (AttemptState.CANCELLING, AttemptState.TIMING_OUT, AttemptState.UNCONFIRMED)
    if look.gone:
        return Step.FINISH
    if look.ended:
        # The runner is no more, but something that its notebook started still is.
        return Step.FORCE
    if stopping:
        waited = now - (times.stopping_since or now)
        if attempt.state is AttemptState.UNCONFIRMED:
            if waited >= LOST_AFTER_S:
                return Step.GIVE_UP
        elif waited >= UNCONFIRMED_AFTER_S:
            return Step.DOUBT
        return Step.FORCE if look.lost or waited >= FORCE_AFTER_S else Step.WAIT
    if look.lost and attempt.state is not AttemptState.LAUNCHING:
        # What it was known by is gone. Whatever of it is still there has to go too.
        return Step.FORCE
    if run.cancel_requested_at is not None:
        return Step.CANCEL
    if attempt.state is AttemptState.LAUNCHING and look.started:
        return Step.RUNNING
    return Step.TIME_OUT if now >= times.ends or now - times.since >= _longest(run, look) else Step.WAIT


def end_of(
    attempt: Attempt, run: Run, succeeded: bool | None, reason: Reason | None, look: Look, *, took_s: float
) -> tuple[AttemptState, Reason | None]:
    """How an attempt that is gone ended, and why in words. `took_s` since its start, or its launch."""
    match attempt.state:
        case AttemptState.CANCELLING | AttemptState.UNCONFIRMED if run.cancel_requested_at is not None:
            by = run.cancel_requested_by or "somebody"
            return AttemptState.CANCELLED, Reason("cancelled", f"Cancelled by {by}.")
        case AttemptState.TIMING_OUT | AttemptState.UNCONFIRMED:
            return AttemptState.TIMED_OUT, _timeout(run, look, took_s)
    if succeeded is True:
        return AttemptState.SUCCEEDED, None
    if succeeded is False:
        return AttemptState.FAILED, reason or Reason("runner_error", "The runner failed and did not say why.")
    if (counted := look.detail.get("memory")) and counted.get("oom_kills"):
        return AttemptState.FAILED, _out_of_memory(counted)
    if not look.started and attempt.state is AttemptState.LAUNCHING:
        said = str(look.detail.get("said", "")).strip()
        last_line = said.splitlines()[-1] if said else "it said nothing"
        message = f"The runner could not start: {last_line}. `jupyter dataops doctor` checks what it needs."
        return AttemptState.FAILED, Reason("runner_did_not_start", message, {"said": said})
    if reason is not None:
        return AttemptState.FAILED, reason
    why = look.detail.get("why", "The runner was killed before it could finish, by somebody or for want of memory.")
    return AttemptState.LOST, Reason("runner_lost", f"{why} What it had written is kept.")


def _out_of_memory(counted: Mapping[str, int]) -> Reason:
    limit, peak = (f"{counted[key] / 1024**2:.0f} MiB" if key in counted else "?" for key in ("limit", "peak"))
    return Reason(
        "out_of_memory",
        f"It needed more memory than the {limit} it may have; {peak} were in use at most, files that it wrote "
        "included. Give it more, or let it work on less at a time.",
        dict(counted),
    )


def _longest(run: Run, look: Look) -> float:
    return run.settings.timeout_s if look.started else run.settings.start_timeout_s


def _timeout(run: Run, look: Look, took_s: float) -> Reason:
    longest = _longest(run, look)
    if took_s < longest:
        return Reason(
            "total_timeout", f"With all its attempts it took longer than {run.settings.total_timeout_s:g} seconds."
        )
    if not look.started:
        return Reason("start_timeout", f"It did not start within {longest:g} seconds.")
    return Reason("timeout", f"It ran longer than its timeout of {longest:g} seconds.")


class JournalFollower:
    """Progress from a growing journal. Reads every byte once, and parses only the lines that tell of cells."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self.progress = Progress()

    def read(self) -> bool:
        """Whether the progress changed."""
        before = self.progress
        try:
            with self._path.open("rb") as journal:
                journal.seek(self._offset)
                while chunk := journal.read(1024 * 1024):
                    self._offset += len(chunk)
                    *lines, self._rest = (self._rest + chunk).split(b"\n")
                    for line in lines:
                        self._take(line)
        except FileNotFoundError:
            pass
        return self.progress != before

    def _take(self, line: bytes) -> None:
        # `kind` stands in the first bytes of a line, see runner/protocol.py.
        if not any(kind in line[:80] for kind in _KINDS):
            return
        try:
            event = json.loads(line)
            match event["kind"]:
                case "start":
                    self.progress = Progress(0, int(event["code_cells"]))
                case "cell_started":
                    self.progress = replace(self.progress, current=int(event["cell"]))
                case "cell_finished":
                    self.progress = replace(self.progress, done=int(event["done"]), current=None)
        except (ValueError, KeyError, TypeError):
            # The notebook can write to its own journal; it harms nobody but its own progress.
            return


_KINDS = (b'"start"', b'"cell_started"', b'"cell_finished"')
