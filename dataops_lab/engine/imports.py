"""The modules that a job imported last time, so that a backend may have them ready."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import TypeVar

from ..domain.records import RecordFileKind
from ..domain.runs import Run, RunState
from ..domain.versions import Manifest, canonical_json, digest_of
from ..errors import DataOpsError
from ..ports import Blobs, Transaction
from ..rundir.reading import MAX_MODULES, decode_json, is_list_of_modules
from ..services import Services

MAX_ENTRIES = 1000

Key = tuple[str, str]
T = TypeVar("T")


class LastImports:
    """The last imports, by job and by the code that decides about them.

    Other code may set, before it imports, a variable that a library then reads.
    """

    def __init__(self, ctx: Services) -> None:
        self._ctx = ctx
        self._imports: OrderedDict[Key, Sequence[str]] = OrderedDict()
        self._keys: OrderedDict[Key, Key] = OrderedDict()
        self._lock = Lock()

    def note(self, run: Run, imports: Sequence[str]) -> None:
        """Add the imports of a run that succeeded. A run that had them ready may name fewer, so none are removed."""
        key = self._keys.get((run.job_id, run.version_digest))
        if key is None:
            with self._ctx.store.read() as tx:
                key = self._key(tx, run)
        self._note(key, imports)

    def get(self, run: Run) -> Sequence[str]:
        """Return the noted imports, else those in the record of the newest run that succeeded.

        Empty when nothing is known.
        """
        with self._ctx.store.read() as tx:
            key = self._key(tx, run)
            known = self._imports.get(key)
            digest = self._newest_result(tx, run, key) if known is None else None
        if known is None:
            known = self._read_from_record(digest) if digest else ()
            self._note(key, known)
        return known

    def _note(self, key: Key, imports: Sequence[str]) -> None:
        with self._lock:
            known = self._imports.get(key, ())
            names = [*known, *(name for name in imports if name not in known)][:MAX_MODULES]
            _remember(self._imports, key, names)

    def _key(self, tx: Transaction, run: Run) -> Key:
        version = (run.job_id, run.version_digest)
        found = self._keys.get(version)
        if found is None:
            manifest = tx.versions.get(*version).manifest
            found = (run.job_id, import_code_digest(manifest, self._ctx.blobs) or run.version_digest)
            with self._lock:
                _remember(self._keys, version, found)
        return found

    def _newest_result(self, tx: Transaction, run: Run, key: Key) -> str | None:
        for newest in tx.runs.newest_per_job([run.job_id], RunState.SUCCEEDED):
            record = tx.records.find_for_run(newest.id) if self._key(tx, newest) == key else None
            if record is not None and (result := record.find_file(RecordFileKind.RESULT)) is not None:
                return result.digest
        return None

    def _read_from_record(self, digest: str) -> Sequence[str]:
        try:
            result = decode_json(self._ctx.blobs.read(digest))
        except (DataOpsError, OSError, ValueError):
            return ()
        imports: Sequence[str] = result.get("imports", ()) if isinstance(result, dict) else ()
        return imports if is_list_of_modules(imports) else ()


def import_code_digest(manifest: Manifest, blobs: Blobs) -> str | None:
    """Return a digest of the code that decides about imports: other modules or another order give another digest.

    None when all of the code decides: it may set a variable, or it cannot be read.
    """
    files = [(manifest.path, manifest.source_digest or "")]
    files += [(file.path, file.digest) for file in manifest.files if file.path.endswith(".py")]
    found = {}
    try:
        for path, digest in files:
            content = blobs.read(digest)
            code = list(_code_lines(content) if path.endswith(".ipynb") else content.decode().splitlines())
            if any(_SETS_VARIABLES.search(line) for line in code):
                return None
            found[path] = [line.strip() for line in code if "import" in line]
    except (DataOpsError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return digest_of(canonical_json(found))


_SETS_VARIABLES = re.compile(r"environ|putenv|setenv|set_env|[%!]\s*env|dotenv")


def _code_lines(notebook: bytes) -> Iterator[str]:
    for cell in json.loads(notebook)["cells"]:
        if cell["cell_type"] == "code":
            source: str | Iterable[str] = cell["source"]
            yield from (source if isinstance(source, str) else "".join(source)).splitlines()


def _remember(known: OrderedDict[Key, T], key: Key, value: T) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > MAX_ENTRIES:
        known.popitem(last=False)
