"""Modules that a version imported last time, so that a backend may have them ready."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from ..domain.records import RecordFileKind
from ..domain.runs import Run, RunState
from ..errors import DataOpsError
from ..ports import Transaction
from ..runner.reading import MOST_MODULES, is_list_of_modules, json_of
from ..services import Services

MOST = 1000

Key = tuple[str, str]


class LastImports:
    """By version and not by job: other code may set, before it imports, a variable that a library then reads."""

    def __init__(self, ctx: Services) -> None:
        self._ctx = ctx
        self._known: OrderedDict[Key, Sequence[str]] = OrderedDict()
        self._lock = Lock()

    def note(self, run: Run, imports: Sequence[str]) -> None:
        """Add what a run that succeeded has told. One that had them ahead may tell less."""
        with self._lock:
            known = self._known.get(_key(run), ())
            self._known[_key(run)] = [*known, *(name for name in imports if name not in known)][:MOST_MODULES]
            self._known.move_to_end(_key(run))
            if len(self._known) > MOST:
                self._known.popitem(last=False)

    def of(self, run: Run) -> Sequence[str]:
        """As noted here, or as the record of the newest run tells; empty when nobody knows."""
        with self._lock:
            known = self._known.get(_key(run))
        if known is None:
            with self._ctx.store.read() as tx:
                digest = self._newest_result(tx, run)
            known = self._told_in(digest) if digest else ()
            self.note(run, known)
        return known

    def _newest_result(self, tx: Transaction, run: Run) -> str | None:
        for newest in tx.runs.newest_of([run.job_id], RunState.SUCCEEDED):
            record = tx.records.of_run(newest.id) if _key(newest) == _key(run) else None
            if record is not None and (result := record.file(RecordFileKind.RESULT)) is not None:
                return result.digest
        return None

    def _told_in(self, digest: str) -> Sequence[str]:
        try:
            result = json_of(self._ctx.blobs.read(digest))
        except (DataOpsError, OSError, ValueError):
            return ()
        imports: Sequence[str] = result.get("imports", ()) if isinstance(result, dict) else ()
        return imports if is_list_of_modules(imports) else ()


def _key(run: Run) -> Key:
    return run.job_id, run.version_digest
