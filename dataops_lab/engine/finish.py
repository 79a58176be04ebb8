"""Finishing: the run directory becomes a record, and only then the run ends."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..domain.moments import Moment
from ..domain.records import Record, RecordFile, RecordFileKind, record_digest
from ..domain.retries import run_state_after
from ..domain.runs import Attempt, AttemptState, Progress, Reason, Run, RunState, Usage
from ..domain.versions import canonical_json
from ..ports import AttemptFiles, Transaction
from ..runner import protocol
from ..runner.journal import encoded
from ..runner.reading import (
    BROKEN,
    fits,
    is_count,
    is_flag,
    is_list_of_modules,
    is_seconds,
    is_size,
    is_text,
    json_in,
    or_none,
    uncoloured,
)
from ..services import Services
from ..services.reactions import move_runs
from .watch import JournalFollower

TRACEBACK_LINES = 5

LONGEST_TEXT = 25_000
"""The most characters of each text of a reason, because every list of runs carries it.

Notebook and log hold the whole text.
"""

LONGEST_CODE = 100

_FIXED = {
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
            result = json_in(file)
    except (OSError, ValueError):
        return _so_far(files)
    if not fits(result, _RESULT):
        return _so_far(files)
    reason = _reason(result["failure"]) if result["failure"] else None
    if reason is None and isinstance(cut_off := result.get("cut_off"), str):
        reason = Reason("kernel_killed", _shortened(cut_off))
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
    "failure": or_none(lambda failure: fits(failure, {"code": is_text, "message": is_text})),
    "done": is_count,
    "total": is_count,
    "peak_memory_bytes": or_none(is_size),
    "cpu_seconds": or_none(is_seconds),
}


def _reason(failure: dict[str, Any]) -> Reason:
    """Build the reason of a failure. Values that are not texts become texts, and values without sense are left out.

    Each kernel has errors of its own kind.
    """
    detail: dict[str, Any] = {}
    if "cell" in failure and or_none(is_count)(failure["cell"]):
        detail["cell"] = failure["cell"]
    for name in ("ename", "evalue"):
        if name in failure:
            detail[name] = _shortened(failure[name])
    traceback = failure.get("traceback")
    if traceback and isinstance(traceback, list):
        detail["traceback"] = _what_is_needed([_shortened(line) for line in traceback])
    return Reason(failure["code"][:LONGEST_CODE], _shortened(failure["message"]), detail)


def _what_is_needed(traceback: list[str]) -> list[str]:
    """Return the last entries of the traceback, which tell where the error was raised and what it says.

    The entry of the notebook's own cell is always among them, when there is one.
    """
    last = traceback[-TRACEBACK_LINES:]
    own = next((entry for entry in traceback if entry.startswith("Cell In")), None)
    return last if own is None or own in last else [own, *last[1:]]


def _shortened(text: Any) -> str:
    text = uncoloured(str(text))
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} […]"


def _so_far(files: AttemptFiles) -> Outcome:
    """Read progress and usage from the journal, for a runner that wrote no usable result."""
    journal = JournalFollower(files)
    journal.read_all()
    progress = journal.progress if journal.progress.total else None
    return replace(Outcome.unknown(), progress=progress, usage=journal.usage)


@dataclass(frozen=True)
class End:
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
    found = [(kind, name, name) for name, kind in _FIXED.items()]
    names = files.artifacts(notes.append)
    found += [(RecordFileKind.ARTIFACT, name, f"{protocol.ARTIFACTS}/{name}") for name in names]
    # Each put waits until the disk has the file, and the puts can wait together.
    stored = threads.map(lambda file: _put(ctx, files, notes.append, *file), found)
    kept = [file for file in stored if file is not None]
    if notes:
        kept = _noted(ctx, files, kept, sorted(notes))
    values = _values(files)
    return Record(
        run_id=attempt.run_id,
        attempt=attempt.number,
        digest=record_digest(attempt.run_id, attempt.number, kept, values),
        files=tuple(kept),
        values=values,
        stored_at=ctx.clock.now(),
    )


def write_ends(ctx: Services, tx: Transaction, ends: Sequence[tuple[Attempt, Run, End]], now: Moment) -> list[Attempt]:
    """Write record, attempt and run of each end in this transaction, so that no run succeeds without its record.

    `ends` holds attempts and runs as they were read last. The attempts come back as they are after their end.
    """
    tx.pipelines.hold([run.id for _, run, _ in ends])
    cancels = tx.runs.cancels([run.id for _, run, _ in ends])
    tried_before = [attempt.run_id for attempt, *_ in ends if attempt.number > 1]
    earlier = tx.attempts.of_runs(tried_before) if tried_before else {}
    ways, moves = [], []
    for attempt, run, end in ends:
        ways.append(_way_to_end(attempt, end, now))
        before = run.cancelled_by(cancels.get(run.id))
        moves.append((before, _run_after(before, earlier.get(run.id, ())[:-1], end, now)))
    tx.records.add(*(end.record for *_, end in ends))
    tx.attempts.move_all([(attempt, way) for (attempt, *_), way in zip(ends, ways, strict=True)])
    move_runs(ctx, tx, moves, at=now.at)
    return [way[-1] for way in ways]


def _way_to_end(attempt: Attempt, end: End, now: Moment) -> list[Attempt]:
    *steps, last = steps_to(attempt, end.state, now, ran=end.ran)
    progress = end.outcome.progress or attempt.progress
    return [*steps, replace(last, finished_at=now.at, reason=end.reason, usage=end.outcome.usage, progress=progress)]


def _run_after(run: Run, earlier: Sequence[Attempt], end: End, now: Moment) -> Run:
    reason, after = end.reason, run_state_after(run, earlier, end.state, end.reason)
    if after is RunState.CANCELLED and end.state is not AttemptState.CANCELLED:
        reason = Reason("cancelled", f"Cancelled by {run.cancel_requested_by}: no other attempt was made.")
    changes = {"finished_at": now.at, "nothing_to_do": end.outcome.nothing_to_do} if after.is_terminal else {}
    return run.moved_to(after, reason=reason, **changes)


def steps_to(attempt: Attempt, state: AttemptState, now: Moment, *, ran: bool) -> list[Attempt]:
    """Return the attempt in each state on its way to `state`, without the state in which it is now."""
    way: Sequence[AttemptState] = ()
    if state in (_A.FINALIZING, _A.SUCCEEDED, _A.FAILED) and ran:
        # An attempt can be too short for the engine to see that it runs or that its record is stored. It did both.
        way = {_A.LAUNCHING: (_A.RUNNING, _A.FINALIZING), _A.RUNNING: (_A.FINALIZING,)}.get(attempt.state, ())
    elif state is _A.LOST and attempt.state in (_A.CANCELLING, _A.TIMING_OUT):
        way = (_A.UNCONFIRMED,)
    steps = [attempt]
    for it in way if state in way else (*way, state):
        began = {"started_at": now.at, "started_boot": now.boot, "started_tick": now.tick} if it is _A.RUNNING else {}
        steps.append(steps[-1].moved_to(it, **began))
    return steps[1:]


_A = AttemptState


def _put(
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
        if error.errno not in BROKEN:
            raise
        note(f"The file {name} is not kept: {error.strerror}.")
        return None


def _noted(ctx: Services, files: AttemptFiles, kept: Sequence[RecordFile], notes: Sequence[str]) -> list[RecordFile]:
    """Return `kept` with a log and a journal that hold `notes` too, as the runner notes the files it does not keep."""
    t = ctx.clock.now().timestamp()
    note = {"t": t, "kind": "note", "code": "artifact_not_kept", "cell": None}
    told = {
        protocol.LOG: [f"[dataops] {message}".encode() for message in notes],
        protocol.JOURNAL: [encoded({**note, "message": message}) for message in notes],
    }
    others = [file for file in kept if file.path not in told or file.kind is RecordFileKind.ARTIFACT]
    return others + [_put_longer(ctx, files, name, lines) for name, lines in told.items()]


def _put_longer(ctx: Services, files: AttemptFiles, name: str, lines: Sequence[bytes]) -> RecordFile:
    """Store the readable part of the file with `lines` after it. The file itself stays as it is, for another try."""
    with tempfile.NamedTemporaryFile() as copy:
        last = b""
        with suppress(OSError), files.open(name) as file:
            while piece := file.read(1024 * 1024):
                copy.write(piece)
                last = piece
        if last and not last.endswith(b"\n"):
            copy.write(b"\n")
        copy.writelines(line + b"\n" for line in lines)
        copy.flush()
        return RecordFile(_FIXED[name], name, *ctx.blobs.put_file(Path(copy.name)))


def _values(files: AttemptFiles) -> dict[str, Any]:
    try:
        with files.open(protocol.VALUES) as file:
            values = json_in(file)
        canonical_json(values)
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
