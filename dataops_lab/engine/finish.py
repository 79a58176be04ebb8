"""Finishing: the run directory becomes a record, and only then the run gets its end."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..domain.records import Record, RecordFile, RecordFileKind, record_digest
from ..domain.retries import run_state_after
from ..domain.runs import Attempt, AttemptState, Progress, Reason, RunState, Usage
from ..domain.versions import canonical_json
from ..runner import protocol
from ..services import Services

TRACEBACK_LINES = 5
PUTS_AT_ONCE = 4

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


def store_record(ctx: Services, attempt: Attempt, directory: Path) -> Record:
    """Every byte is in the blobs when this returns. Doing it twice stores the same."""
    found = [(kind, name, directory / name) for name, kind in _FIXED.items()]
    artifacts = directory / protocol.ARTIFACTS
    for path in sorted(artifacts.rglob("*")):
        found.append((RecordFileKind.ARTIFACT, path.relative_to(artifacts).as_posix(), path))
    found = [(kind, name, path) for kind, name, path in found if _is_plain(path)]
    # Each waits until the disk has it, and they can wait together.
    with ThreadPoolExecutor(PUTS_AT_ONCE) as threads:
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


def finish(
    ctx: Services,
    attempt: Attempt,
    state: AttemptState,
    outcome: Outcome,
    record: Record,
    reason: Reason | None,
    *,
    fence: int,
) -> Attempt:
    """Record, attempt and run in one transaction: `succeeded` never stands without its record."""
    now = ctx.clock.now()
    ended = replace(attempt, progress=outcome.progress or attempt.progress).moved_to(
        state, finished_at=now, reason=reason, usage=outcome.usage
    )
    with ctx.store.begin(fence=fence) as tx:
        run = tx.runs.get(attempt.run_id)
        tx.records.add(record)
        tx.attempts.move(attempt, ended)
        after = run_state_after(run, tx.attempts.of_run(run.id)[:-1], state, reason)
        end = {"finished_at": now, "nothing_to_do": outcome.nothing_to_do} if after.is_terminal else {}
        if after is RunState.CANCELLED and state is not AttemptState.CANCELLED:
            reason = Reason("cancelled", f"Cancelled by {run.cancel_requested_by}: no other attempt was made.")
        tx.runs.move(run, run.moved_to(after, reason=reason, **end))
    return ended


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
