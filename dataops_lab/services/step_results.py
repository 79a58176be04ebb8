"""Results of steps that a pipeline run takes over from other runs: whether they are whole, and copies of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ulid import ULID

from ..domain.records import Record, RecordFileKind, record_digest
from ..domain.runs import Run, Trigger, TriggerKind
from ..domain.time import Timestamp
from ..errors import Damaged, NotFound
from ..ports import Transaction
from .context import Services


def find_damage(ctx: Services, record: Record | None, *, reads_bytes: bool) -> str:
    """Say why a result cannot be taken over; empty when it can.

    With `reads_bytes` the bytes of artifacts are read and checked; otherwise it is enough that they are there.
    """
    if record is None:
        return "Its record is gone."
    if record.integrity_errors or record.digest != _digest_of(record):
        return "Its record is damaged."
    for file in record.files:
        try:
            if reads_bytes and file.kind is RecordFileKind.ARTIFACT:
                ctx.blobs.open_verified(file.digest).close()
            elif not ctx.blobs.exists(file.digest):
                return f"Its record is damaged: {file.path} is missing."
        except (Damaged, NotFound):
            return f"Its record is damaged: {file.path} is not what was stored."
    return ""


def taken_over(source: Run) -> Trigger:
    """Return the trigger of a copy. The run that really ran stays the reference, through any number of copies."""
    origin = source.trigger.ref if source.trigger.kind is TriggerKind.TAKEN_OVER else source.id
    return Trigger(TriggerKind.TAKEN_OVER, origin)


def copy_records(tx: Transaction, pairs: Sequence[tuple[str, str]]) -> None:
    """Copy attempts and records of runs to their copies, which were just added: pairs of the old and the new id."""
    old_ids = list(dict.fromkeys(old_id for old_id, _ in pairs))
    attempts, records = tx.attempts.list_for_runs(old_ids), tx.records.find_for_runs(old_ids)
    copied = [[replace(each, run_id=new_id)] for old_id, new_id in pairs for each in attempts[old_id]]
    if copied:
        tx.attempts.add_all(copied)
    new_records = [_copy(records[old_id], new_id) for old_id, new_id in pairs if old_id in records]
    if new_records:
        tx.records.add(*new_records)


def with_ids(parts: Sequence[Run], at: Timestamp) -> list[Run]:
    """Give an id to each run. The queue starts runs in the order of ids, and those of one moment have none."""
    ids = sorted(str(ULID.from_datetime(at.wall_time)) for _ in parts)
    return [replace(part, id=run_id) for part, run_id in zip(parts, ids, strict=True)]


def _copy(record: Record, run_id: str) -> Record:
    copy = replace(record, run_id=run_id)
    return replace(copy, digest=_digest_of(copy))


def _digest_of(record: Record) -> str:
    return record_digest(record.run_id, record.attempt, record.files, record.values)
