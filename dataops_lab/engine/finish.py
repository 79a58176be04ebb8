"""Finishing: the run directory becomes a record, and only then the run gets its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from ..ports import Transaction
from ..runner import protocol
from ..services import Services

TRACEBACK_LINES = 5

_FIXED = {
    protocol.OUTPUT: RecordFileKind.NOTEBOOK,
    protocol.JOURNAL: RecordFileKind.JOURNAL,
    protocol.LOG: RecordFileKind.LOG,
    protocol.RESULT: RecordFileKind.RESULT,
}


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, as far as its files tell. `succeeded` is None when they do not."""

    succeeded: bool | None
    reason: Reason | None
    nothing_to_do: bool
    progress: Progress | None
    usage: Usage

    @classmethod
    def unknown(cls) -> Outcome:
        return cls(None, None, False, None, Usage())


def read_outcome(directory: Path) -> Outcome:
    """From `result.json`, which the runner writes last. The notebook can write there too: nothing in it is trusted."""
    try:
        result = json.loads((directory / protocol.RESULT).read_bytes())
        failure = result["failure"]
        reason = None
        if failure:
            detail = {key: failure[key] for key in ("cell", "ename", "evalue") if key in failure}
            if traceback := failure.get("traceback"):
                # Whole in notebook and log; every list of runs carries this one.
                detail["traceback"] = [str(line) for line in traceback[-TRACEBACK_LINES:]]
            reason = Reason(str(failure["code"]), str(failure["message"]), detail)
        return Outcome(
            succeeded={"succeeded": True, "failed": False}.get(result["state"]),
            reason=reason,
            nothing_to_do=bool(result["nothing_to_do"]),
            progress=Progress(int(result["done"]), int(result["total"])),
            usage=Usage(result["peak_memory_bytes"], result["cpu_seconds"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return replace(Outcome.unknown(), usage=_usage_so_far(directory))


@dataclass(frozen=True)
class End:
    """What is left to be written of an attempt that is gone. `ran`: its backend saw it start."""

    state: AttemptState
    outcome: Outcome
    record: Record
    reason: Reason | None
    ran: bool


def store_record(ctx: Services, attempt: Attempt, directory: Path, threads: Executor) -> Record:
    """Every byte is in the blobs when this returns. Doing it twice stores the same."""
    found = [(kind, name, directory / name) for name, kind in _FIXED.items()]
    artifacts = directory / protocol.ARTIFACTS
    for path in sorted(artifacts.rglob("*")):
        found.append((RecordFileKind.ARTIFACT, path.relative_to(artifacts).as_posix(), path))
    found = [(kind, name, path) for kind, name, path in found if _is_plain(path)]
    # Each waits until the disk has it, and they can wait together.
    stored = threads.map(lambda file: ctx.blobs.put_file(file[2]), found)
    files = [RecordFile(kind, name, *put) for (kind, name, _), put in zip(found, stored, strict=True)]
    values = _values(directory)
    return Record(
        run_id=attempt.run_id,
        attempt=attempt.number,
        digest=record_digest(attempt.run_id, attempt.number, files, values),
        files=tuple(files),
        values=values,
        stored_at=ctx.clock.now(),
    )


def write_ends(tx: Transaction, ends: Sequence[tuple[Attempt, Run, End]], now: Moment) -> list[Attempt]:
    """Record, attempt and run of each in this one transaction: `succeeded` never stands without its record.

    Attempts and runs are given as they were read last; the attempts come back as they are then.
    """
    cancels = tx.runs.cancels([run.id for _, run, _ in ends])
    earlier = tx.attempts.of_runs([attempt.run_id for attempt, *_ in ends if attempt.number > 1])
    ways, moves = [], []
    for attempt, run, end in ends:
        ways.append(_way_to_end(attempt, end, now))
        before = run.cancelled_by(cancels.get(run.id))
        moves.append((before, _run_after(before, earlier.get(run.id, ())[:-1], end, now)))
    tx.records.add(*(end.record for *_, end in ends))
    tx.attempts.move_all([(attempt, way) for (attempt, *_), way in zip(ends, ways, strict=True)])
    tx.runs.move_all(moves)
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
    """The attempt in each state on its way there, `attempt` itself not among them."""
    way: Sequence[AttemptState] = ()
    if state in (_A.FINALIZING, _A.SUCCEEDED, _A.FAILED) and ran:
        # What is so short that nobody sees it run, or store its record, has done so all the same.
        way = {_A.LAUNCHING: (_A.RUNNING, _A.FINALIZING), _A.RUNNING: (_A.FINALIZING,)}.get(attempt.state, ())
    elif state is _A.LOST and attempt.state in (_A.CANCELLING, _A.TIMING_OUT):
        way = (_A.UNCONFIRMED,)
    steps = [attempt]
    for it in way if state in way else (*way, state):
        began = {"started_at": now.at, "started_boot": now.boot, "started_tick": now.tick} if it is _A.RUNNING else {}
        steps.append(steps[-1].moved_to(it, **began))
    return steps[1:]


_A = AttemptState


def _is_plain(path: Path) -> bool:
    # A link that a notebook left would bring any file of this machine into the record.
    return path.is_file() and not path.is_symlink()


def _usage_so_far(directory: Path) -> Usage:
    """What the journal told last, for a runner that could not bring it to an end."""
    usage = Usage()
    with suppress(OSError), (directory / protocol.JOURNAL).open("rb") as journal:
        for line in journal:
            if b'"usage"' in line[:80]:
                with suppress(ValueError, KeyError, TypeError):
                    event = json.loads(line)
                    usage = Usage(int(event["peak_memory_bytes"]), float(event["cpu_seconds"]))
    return usage


def _values(directory: Path) -> dict[str, Any]:
    try:
        values = json.loads((directory / protocol.VALUES).read_bytes())
        canonical_json(values)
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
