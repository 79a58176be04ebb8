"""Records whose bytes changed. A read or a check finds the damage, names it, and notes it with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from ..domain.actors import Actor
from ..domain.inputs import Inputs
from ..domain.policy import ObjectKind, Verb
from ..domain.records import RecordFile, record_digest
from ..errors import Damaged, NotFound, StoreBusy
from .context import Services
from .permissions import require
from .runs import RunView, get

MISSING = "Its bytes are missing."
CHANGED = "Its bytes are not those that were stored."
_RECORD = "record"
_RECORD_CHANGED = "The list of its files and values is not what was stored."


def verify(ctx: Services, run_id: str, *, by: Actor) -> Mapping[str, str]:
    """Check every byte of the record. Return the damage by path, with inputs below `input/`.

    The result is empty when all is whole, and for a run without a record. It is noted with the run, also when all is
    whole again.
    """
    view = get(ctx, run_id)
    require(ctx, by, Verb.VERIFY, ObjectKind.RUN, owner=view.run.created_by, what=f"Run {view.run.id}")
    if view.record is None:
        return {}
    found = {} if _is_intact(view) else {_RECORD: _RECORD_CHANGED}
    manifest = view.version.manifest
    blobs = {file.path: file.digest for file in view.record.files}
    if manifest.source_digest is not None:
        blobs[f"input/{manifest.path}"] = manifest.source_digest
    inputs = inputs_of(ctx, view)
    blobs |= {f"input/{file.path}": file.digest for file in (*manifest.files, *inputs.files)}
    if inputs.digest != view.run.inputs_digest:
        found["inputs"] = "The list of its inputs is not what was stored."
    if manifest.digest != view.version.digest:
        found["version"] = "Its files are not those that were stored."
    for path, digest in blobs.items():
        if problem := _check_blob(ctx.blobs.verify, digest):
            found[path] = problem
    _store_integrity_errors(ctx, view, found)
    return found


def inputs_of(ctx: Services, view: RunView) -> Inputs:
    with ctx.store.read() as tx:
        return tx.inputs.get(view.run.inputs_digest)


@contextmanager
def verified_read(ctx: Services, view: RunView, file: RecordFile) -> Iterator[None]:
    """Guard a block that reads `file` from the blobs: Damaged, with its name, when it is not as it was stored."""
    if not _is_intact(view):
        _store_integrity_errors(ctx, view, {_RECORD: _RECORD_CHANGED})
        raise _damaged_error(view, "the record itself", _RECORD_CHANGED, file.digest)
    try:
        yield
    except (NotFound, Damaged) as error:
        problem = _describe_error(error)
        _store_integrity_errors(
            ctx, view, {**(view.record.integrity_errors if view.record else {}), file.path: problem}
        )
        raise _damaged_error(view, file.path, problem, file.digest) from error


def _is_intact(view: RunView) -> bool:
    record = view.record
    return record is None or record_digest(record.run_id, record.attempt, record.files, record.values) == record.digest


def _check_blob(check: Callable[[str], None], digest: str) -> str | None:
    try:
        check(digest)
    except (NotFound, Damaged) as error:
        return _describe_error(error)
    return None


def _describe_error(error: NotFound | Damaged) -> str:
    return MISSING if isinstance(error, NotFound) else CHANGED


def _damaged_error(view: RunView, what: str, problem: str, digest: str) -> Damaged:
    return Damaged(
        f"Run {view.run.id}, {what}: {problem} `jupyter dataops restore FILE` brings it back from a backup.",
        run=view.run.id,
        path=what,
        digest=digest,
    )


def _store_integrity_errors(ctx: Services, view: RunView, errors: Mapping[str, str]) -> None:
    record = view.record
    if record is None or errors == record.integrity_errors:
        return
    # It is only a note: the caller learns of the damage even when the note cannot be written.
    with suppress(StoreBusy), ctx.store.begin() as tx:
        tx.records.record_damage(record.run_id, record.attempt, errors)
