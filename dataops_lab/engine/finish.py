"""Finishing: the run directory becomes a record, and only then the run ends."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..domain.records import Record, RecordFile, RecordFileKind, record_digest
from ..domain.retries import run_state_after
from ..domain.runs import Attempt, AttemptState, Progress, Reason, Run, RunState, Usage
from ..domain.time import Timestamp
from ..domain.versions import canonical_json
from ..ports import AttemptFiles, Transaction
from ..rundir import protocol
from ..rundir.journal import encode_json
from ..rundir.reading import (
    DISK_ERRORS,
    has_members,
    is_count,
    is_flag,
    is_list_of_modules,
    is_seconds,
    is_size,
    is_text,
    optional,
    read_json,
    strip_escapes,
)
from ..services import Services
from ..services.messages import tell_retries
from ..services.reactions import move_runs
from .watch import JournalFollower

TRACEBACK_LINES = 5

MAX_TEXT_CHARS = 25_000
"""The most characters of each text of a reason, because every list of runs carries it.

Notebook and log hold the whole text.
"""

MAX_CODE_CHARS = 100

_FIXED_FILES = {
    protocol.OUTPUT: RecordFileKind.NOTEBOOK,
    protocol.JOURNAL: RecordFileKind.JOURNAL,
    protocol.LOG: RecordFileKind.LOG,
    protocol.RESULT: RecordFileKind.RESULT,
}


@dataclass(frozen=True)
class Outcome:
    """The end of an attempt, as far as its files tell. `succeeded` is None when they do not tell."""

    succeeded: bool | None
    reason: Reason | None
    nothing_to_do: bool
    progress: Progress | None
    usage: Usage
    imports: Sequence[str] = ()
    """The modules that the run imported, for `LastImports`."""

    @classmethod
    def unknown(cls) -> Outcome:
        return cls(None, None, False, None, Usage())


def read_outcome(files: AttemptFiles) -> Outcome:
    """Read the outcome from `result.json`, which the runner writes last; without it from the journal.

    The notebook can write these files too, so every value is checked before it is used.
    """
    try:
        with files.open(protocol.RESULT) as file:
            result = read_json(file)
    except (OSError, ValueError):
        return _partial_outcome(files)
    if not has_members(result, _RESULT):
        return _partial_outcome(files)
    reason = _parse_reason(result["failure"]) if result["failure"] else None
    if reason is None and isinstance(cut_off := result.get("cut_off"), str):
        reason = Reason("kernel_killed", _truncate(cut_off))
    return Outcome(
        succeeded={"succeeded": True, "failed": False}.get(result["state"]),
        reason=reason,
        nothing_to_do=result["nothing_to_do"],
        progress=Progress(result["done"], result["total"]),
        usage=Usage(result["peak_memory_bytes"], result["cpu_seconds"]),
        imports=imports if is_list_of_modules(imports := result.get("imports")) else (),
    )


_RESULT = {
    "state": is_text,
    "nothing_to_do": is_flag,
    "failure": optional(lambda failure: has_members(failure, {"code": is_text, "message": is_text})),
    "done": is_count,
    "total": is_count,
    "peak_memory_bytes": optional(is_size),
    "cpu_seconds": optional(is_seconds),
}


def _parse_reason(failure: dict[str, Any]) -> Reason:
    """Build the reason of a failure. Values that are not texts become texts, and values without sense are left out.

    Each kernel has errors of its own kind.
    """
    detail: dict[str, Any] = {}
    if "cell" in failure and optional(is_count)(failure["cell"]):
        detail["cell"] = failure["cell"]
    for name in ("ename", "evalue"):
        if name in failure:
            detail[name] = _truncate(failure[name])
    traceback = failure.get("traceback")
    if traceback and isinstance(traceback, list):
        detail["traceback"] = _relevant_traceback([_truncate(line) for line in traceback])
    return Reason(failure["code"][:MAX_CODE_CHARS], _truncate(failure["message"]), detail)


def _relevant_traceback(traceback: list[str]) -> list[str]:
    """Return the last entries of the traceback, which tell where the error was raised and what it says.

    The entry of the notebook's own cell is always among them, when there is one.
    """
    last = traceback[-TRACEBACK_LINES:]
    own_entry = next((entry for entry in traceback if entry.startswith("Cell In")), None)
    return last if own_entry is None or own_entry in last else [own_entry, *last[1:]]


def _truncate(text: Any) -> str:
    text = strip_escapes(str(text))
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]} […]"


def _partial_outcome(files: AttemptFiles) -> Outcome:
    """Read progress and usage from the journal, for a runner that wrote no usable result."""
    journal = JournalFollower(files)
    journal.read_all()
    progress = journal.progress if journal.progress.total else None
    return replace(Outcome.unknown(), progress=progress, usage=journal.usage)


@dataclass(frozen=True)
class AttemptEnd:
    """The end of an attempt that is gone, as it is to be written. `ran` tells that its backend saw it start."""

    state: AttemptState
    outcome: Outcome
    record: Record
    reason: Reason | None
    ran: bool


def store_record(ctx: Services, attempt: Attempt, files: AttemptFiles, threads: Executor) -> Record:
    """Store the files of an attempt, and return its record. Every byte is in the blobs then.

    A second call stores the same. A file that the disk cannot read is left out, and a note in log and journal says so.
    """
    notes: list[str] = []
    found = [(kind, name, name) for name, kind in _FIXED_FILES.items()]
    names = files.list_artifacts(notes.append)
    found += [(RecordFileKind.ARTIFACT, name, f"{protocol.ARTIFACTS}/{name}") for name in names]
    # Each put waits until the disk has the file, and the puts can wait together.
    stored = threads.map(lambda file: _put_file(ctx, files, notes.append, *file), found)
    kept = [file for file in stored if file is not None]
    if notes:
        kept = _append_notes(ctx, files, kept, sorted(notes))
    values = _read_values(files)
    return Record(
        run_id=attempt.run_id,
        attempt=attempt.number,
        digest=record_digest(attempt.run_id, attempt.number, kept, values),
        files=tuple(kept),
        values=values,
        stored_at=ctx.clock.now(),
    )


def write_ends(
    ctx: Services, tx: Transaction, ends: Sequence[tuple[Attempt, Run, AttemptEnd]], now: Timestamp
) -> list[Attempt]:
    """Write record, attempt and run of each end in this transaction, so that no run succeeds without its record.

    `ends` holds attempts and runs as they were read last. The attempts come back as they are after their end.
    """
    tx.pipelines.lock_parents([run.id for _, run, _ in ends])
    cancels = tx.runs.cancel_requests([run.id for _, run, _ in ends])
    retried_run_ids = [attempt.run_id for attempt, *_ in ends if attempt.number > 1]
    earlier_attempts = tx.attempts.list_for_runs(retried_run_ids) if retried_run_ids else {}
    step_lists, moves = [], []
    for attempt, run, end in ends:
        step_lists.append(_steps_to_end(attempt, end, now))
        before = run.with_cancel_request(cancels.get(run.id))
        moves.append((before, _run_after(before, earlier_attempts.get(run.id, ())[:-1], end, now)))
    tx.records.add(*(end.record for *_, end in ends))
    tx.attempts.transition_all([(attempt, steps) for (attempt, *_), steps in zip(ends, step_lists, strict=True)])
    move_runs(ctx, tx, moves, at=now.wall_time)
    tell_retries(tx, [after for _, after in moves if after.state is RunState.RETRY_WAIT], at=now.wall_time)
    return [steps[-1] for steps in step_lists]


def _steps_to_end(attempt: Attempt, end: AttemptEnd, now: Timestamp) -> list[Attempt]:
    *steps, last = steps_to(attempt, end.state, now, ran=end.ran)
    progress = end.outcome.progress or attempt.progress
    return [
        *steps,
        replace(last, finished_at=now.wall_time, reason=end.reason, usage=end.outcome.usage, progress=progress),
    ]


def _run_after(run: Run, earlier_attempts: Sequence[Attempt], end: AttemptEnd, now: Timestamp) -> Run:
    reason, after = end.reason, run_state_after(run, earlier_attempts, end.state, end.reason)
    if after is RunState.CANCELLED and end.state is not AttemptState.CANCELLED:
        reason = Reason("cancelled", f"Cancelled by {run.cancel_requested_by}: no other attempt was made.")
    changes = {"finished_at": now.wall_time, "nothing_to_do": end.outcome.nothing_to_do} if after.is_terminal else {}
    return run.transition_to(after, reason=reason, **changes)


def steps_to(attempt: Attempt, state: AttemptState, now: Timestamp, *, ran: bool) -> list[Attempt]:
    """Return the attempt in each state on its way to `state`, without the state in which it is now."""
    passed_states: Sequence[AttemptState] = ()
    if state in (_State.FINALIZING, _State.SUCCEEDED, _State.FAILED) and ran:
        # An attempt can be too short for the engine to see that it runs or that its record is stored. It did both.
        passed_states = {
            _State.LAUNCHING: (_State.RUNNING, _State.FINALIZING),
            _State.RUNNING: (_State.FINALIZING,),
        }.get(attempt.state, ())
    elif state is _State.LOST and attempt.state in (_State.CANCELLING, _State.TIMING_OUT):
        passed_states = (_State.UNCONFIRMED,)
    steps = [attempt]
    for next_state in passed_states if state in passed_states else (*passed_states, state):
        started_fields = (
            {"started_at": now.wall_time, "started_boot": now.boot, "started_tick": now.tick}
            if next_state is _State.RUNNING
            else {}
        )
        steps.append(steps[-1].transition_to(next_state, **started_fields))
    return steps[1:]


_State = AttemptState


def _put_file(
    ctx: Services, files: AttemptFiles, note: Callable[[str], None], kind: RecordFileKind, name: str, path: str
) -> RecordFile | None:
    """Put a file of the attempt into the blobs. None when there is no such plain file, or the disk cannot read it.

    Links are not followed: a notebook may leave one that would bring any file of this machine into the record.
    """
    try:
        return RecordFile(kind, name, *files.put(path, ctx.blobs))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        note(f"The file {name} is not kept: {error.strerror}.")
        return None


def _append_notes(
    ctx: Services, files: AttemptFiles, kept: Sequence[RecordFile], notes: Sequence[str]
) -> list[RecordFile]:
    """Return `kept` with a log and a journal that hold `notes` too, as the runner notes the files it does not keep."""
    t = ctx.clock.now().timestamp()
    note = {"t": t, "kind": "note", "code": "artifact_not_kept", "cell": None}
    added_lines = {
        protocol.LOG: [f"[dataops] {message}".encode() for message in notes],
        protocol.JOURNAL: [encode_json({**note, "message": message}) for message in notes],
    }
    others = [file for file in kept if file.path not in added_lines or file.kind is RecordFileKind.ARTIFACT]
    return others + [_put_with_added_lines(ctx, files, name, lines) for name, lines in added_lines.items()]


def _put_with_added_lines(ctx: Services, files: AttemptFiles, name: str, lines: Sequence[bytes]) -> RecordFile:
    """Store the readable part of the file with `lines` after it. The file itself stays as it is, for another try."""
    with tempfile.NamedTemporaryFile() as copy:
        last = b""
        with suppress(OSError), files.open(name) as file:
            while chunk := file.read(1024 * 1024):
                copy.write(chunk)
                last = chunk
        if last and not last.endswith(b"\n"):
            copy.write(b"\n")
        copy.writelines(line + b"\n" for line in lines)
        copy.flush()
        return RecordFile(_FIXED_FILES[name], name, *ctx.blobs.put_file(Path(copy.name)))


def _read_values(files: AttemptFiles) -> dict[str, Any]:
    try:
        with files.open(protocol.VALUES) as file:
            values = read_json(file)
        canonical_json(values)
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
