"""Reading the results of a run, also while it is alive."""

from __future__ import annotations

import io
import json
import os
import posixpath
import shlex
import threading
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple

from ..domain.inputs import Inputs, RunFiles
from ..domain.jobs import JobKind
from ..domain.records import RecordFile, RecordFileKind
from ..domain.runs import RunState
from ..domain.versions import canonical_json
from ..errors import Conflict, NotFound, ReportUnavailable
from ..ports import PipelineProgress
from ..rundir import protocol
from ..rundir.journal import encode_json
from ..rundir.parameters import parameter_variables
from ..rundir.reading import MAX_JOURNAL_BYTES, LineSplitter, parse_event
from .archive_names import ArchiveNames
from .context import Services
from .integrity import inputs_of, verified_read
from .parameters import inject_parameters
from .runs import RunView, get

PAGE_BYTES = 16 * 1024**2
"""The largest size of the events of one answer. The event that exceeds it is the last."""

_LIVE_FILES = {
    RecordFileKind.NOTEBOOK: protocol.OUTPUT,
    RecordFileKind.JOURNAL: protocol.JOURNAL,
    RecordFileKind.LOG: protocol.LOG,
}


def notebook(ctx: Services, run_id: str) -> bytes:
    """Return the executed notebook, once the record is stored.

    Before that it is the input, filled in and without outputs: the journal has the outputs.
    """
    view = _get_notebook_run(ctx, run_id)
    stored = _stored(view, RecordFileKind.NOTEBOOK)
    return _read(ctx, view, stored) if stored else _input(ctx, view)


def executed_notebook(ctx: Services, run_id: str) -> bytes:
    """Return the executed notebook of a run that has ended. Conflict before."""
    view = _get_notebook_run(ctx, run_id)
    if stored := _stored(view, RecordFileKind.NOTEBOOK):
        return _read(ctx, view, stored)
    raise _not_available(view, "executed notebook")


def open_notebook(ctx: Services, run_id: str, *, executed: bool) -> BinaryIO:
    """Open the bytes of `executed_notebook` or `notebook`, which may be large, to pass them on in pieces."""
    view = _get_notebook_run(ctx, run_id)
    if stored := _stored(view, RecordFileKind.NOTEBOOK):
        return _open_stored(ctx, view, stored)
    if executed:
        raise _not_available(view, "executed notebook")
    return io.BytesIO(_input(ctx, view))


def log(ctx: Services, run_id: str) -> BinaryIO:
    """Open standard output and error of all cells, also while they run. It is empty before the first output."""
    return _open(ctx, get(ctx, run_id), RecordFileKind.LOG) or io.BytesIO()


def report(ctx: Services, run_id: str, *, code: bool, wanted: Callable[[], bool] = lambda: True) -> BinaryIO:
    """Open one HTML page, rendered at the first call and then kept. Unavailable when that takes too long."""
    view = _get_notebook_run(ctx, run_id)
    stored = _stored(view, RecordFileKind.NOTEBOOK)
    if stored is None:
        raise _not_available(view, "report")
    variant = "with_code" if code else "without_code"
    with ctx.store.read() as tx:
        digest = tx.records.find_report(view.run.id, variant)
    if digest is None:
        # Render outside of any transaction: it takes seconds.
        page = ctx.notebooks.render_report(
            _read(ctx, view, stored), title=view.job.name, code=code, pictures=_pictures(ctx, view), wanted=wanted
        )
        digest = ctx.blobs.put(page)
        with ctx.store.begin() as tx:
            tx.runs.get(view.run.id)  # Somebody may have deleted it meanwhile.
            tx.records.store_report(view.run.id, variant, digest)
    return ctx.blobs.open_verified(digest)


def _get_notebook_run(ctx: Services, run_id: str) -> RunView:
    """Return the run. Conflict when it is none of a notebook: a script may have left a file of that name."""
    view = get(ctx, run_id)
    if view.run.kind is not JobKind.NOTEBOOK:
        what, command = ("parts", "show") if view.run.kind.has_steps else ("log", "logs")
        raise Conflict(
            f"Run {view.run.id} is a {view.run.kind}, so it has no notebook and no report. Look at its {what}: "
            f"`jupyter dataops runs {command} {view.run.id}`.",
            code="no_notebook",
            kind=view.run.kind,
        )
    return view


def _pictures(ctx: Services, view: RunView) -> dict[str, str]:
    """Return the digests of all files beside the notebook, before the run or after it; later ones win."""
    folder = view.version.manifest.folder or "."
    files = [(file.path, file.digest) for file in (*view.version.manifest.files, *inputs_of(ctx, view).files)]
    files += [(file.path, file.digest) for file in (view.record.artifacts if view.record else ())]
    return {posixpath.relpath(path, folder): digest for path, digest in files}


def artifact(ctx: Services, run_id: str, path: str) -> tuple[RecordFile, BinaryIO]:
    """Return the artifact of that name in the list of the record. NotFound when there is none.

    No path of a caller reaches a file system.
    """
    view = get(ctx, run_id)
    for file in view.record.artifacts if view.record else ():
        if file.path == path:
            return file, _open_stored(ctx, view, file)
    raise NotFound(f"Run {view.run.id} has no artifact {path!r}.", code="artifact_not_found")


def files(ctx: Services, run_id: str) -> RunFiles:
    """Return the files of the version and of the run, as they were when these were made."""
    view = get(ctx, run_id)
    return RunFiles(view.version.manifest.files, inputs_of(ctx, view))


class JournalLine(NamedTuple):
    """A line of a journal for readers: `text` is `event` as JSON, on one line, without a carriage return.

    `seq` is the number of the line, and that of the event. A line that no runner writes becomes an event
    `unreadable`, so that the numbers have no gap.
    """

    seq: int
    event: dict[str, Any]
    text: bytes


OFFSET_EVERY_BYTES = 1024 * 1024
"""The distance between two known places of a journal, in bytes."""


class LineOffsets:
    """The places where some lines of a journal begin.

    Readers note them, so that nobody reads the bytes before them again. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._found = [(0, 0)]
        self._lock = threading.Lock()

    def nearest(self, after: int) -> tuple[int, int]:
        """Return a number of lines to skip, at most `after`, and their size in bytes."""
        with self._lock:
            return self._found[bisect_right(self._found, after, key=itemgetter(0)) - 1]

    def add(self, lines: int, size: int) -> None:
        with self._lock:
            if size >= self._found[-1][1] + OFFSET_EVERY_BYTES:
                self._found.append((lines, size))


@lru_cache(64)
def _line_offsets(_digest: str) -> LineOffsets:
    """Return the known places of a stored journal, which never changes."""
    return LineOffsets()


class Journal:
    """The journal of a run from line `after` on. Each read goes on where the last one ended.

    It returns whole lines only, also while the journal grows.
    """

    def __init__(self, source: BinaryIO, *, after: int = 0, offsets: LineOffsets | None = None) -> None:
        self._source = source
        self._lines = LineSplitter()
        self._after = after
        self._offsets = offsets or LineOffsets()
        self._seq, begin = self._offsets.nearest(after)
        source.seek(begin)

    def read(self, max_bytes: int = 1024 * 1024) -> list[JournalLine]:
        """Return the lines in a piece of this size; empty at the end, which may be the end only for now."""
        while piece := self._source.read(min(max_bytes, MAX_JOURNAL_BYTES - self._source.tell())):
            first, lines = self._seq + 1, self._lines.feed(piece)
            self._seq += len(lines)
            self._offsets.add(self._seq, self._source.tell() - self._lines.unfinished_bytes)
            known = max(0, self._after + 1 - first)
            if journal_lines := [_journal_line(seq, line) for seq, line in enumerate(lines[known:], first + known)]:
                return journal_lines
        return []

    def has_more(self) -> bool:
        position = self._source.tell()
        end = self._source.seek(0, os.SEEK_END)
        self._source.seek(position)
        return min(end, MAX_JOURNAL_BYTES) > position

    def close(self) -> None:
        self._source.close()


def _journal_line(seq: int, line: bytes) -> JournalLine:
    event = parse_event(line) or {"t": 0, "kind": protocol.UNREADABLE}
    stated_seq = event.pop("seq", None)
    event = {"seq": seq, **event}
    # Encode it again only where it must be: nearly always the bytes of the runner are right.
    is_unchanged = type(stated_seq) is int and stated_seq == seq and b"\r" not in line
    return JournalLine(seq, event, line if is_unchanged else encode_json(event))


def open_journal(ctx: Services, view: RunView, *, after: int = 0) -> Journal | None:
    """Open the journal; None before the latest attempt has written to it."""
    source = _open(ctx, view, RecordFileKind.JOURNAL)
    stored = _stored(view, RecordFileKind.JOURNAL)
    return Journal(source, after=after, offsets=_line_offsets(stored.digest) if stored else None) if source else None


@dataclass(frozen=True)
class JournalSlice:
    """Events of the run's latest attempt (0 before the first). `complete`: the run has ended, and no events follow."""

    attempt: int
    events: list[dict[str, Any]]
    last_seq: int
    complete: bool


def journal(ctx: Services, run_id: str, *, after: int, limit: int) -> JournalSlice:
    """Return at most `limit` events, and fewer where they are large. For more, ask for those after `last_seq`."""
    # The state is read first: a run that ended in between is complete only for the next call.
    view = get(ctx, run_id)
    reader = open_journal(ctx, view, after=after)
    page: list[JournalLine] = []
    complete = view.run.state.is_terminal
    if reader is not None:
        try:
            size = 0
            for line in _all_lines(reader):
                if len(page) == limit or size >= PAGE_BYTES:
                    complete = False
                    break
                page.append(line)
                size += len(line.text)
        finally:
            reader.close()
    return JournalSlice(
        view.attempts[-1].number if view.attempts else 0,
        [line.event for line in page],
        page[-1].seq if page else after,
        complete,
    )


def export(ctx: Services, run_id: str, target: BinaryIO) -> None:
    """Write the portable record: a ZIP file with everything, its inputs included, and the command to run it again.

    That of a pipeline or a sweep has its file, and names the records of its parts by their digests.
    """
    view = get(ctx, run_id)
    if view.run.kind.has_steps:
        _export_pipeline(ctx, view, target)
        return
    record = view.record
    if record is None:
        raise _not_available(view, "record")
    manifest, inputs = view.version.manifest, inputs_of(ctx, view)
    names = ArchiveNames()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in record.files:
            with _open_stored(ctx, view, file) as source:
                _add(archive, _ARCHIVE_NAMES.get(file.kind) or names.name_for(f"artifacts/{file.path}"), source)
        if view.run.kind is JobKind.NOTEBOOK and record.find_file(RecordFileKind.NOTEBOOK):
            for code, name in ((True, "report.html"), (False, "report-without-code.html")):
                try:
                    with report(ctx, view.run.id, code=code) as page:
                        _add(archive, name, page)
                except ReportUnavailable as error:  # The rest of the record must not depend on it.
                    archive.writestr(f"{name}.missing.txt", f"{error.message}\n")
        archive.writestr("parameters.json", _pretty(view.run.parameters))
        archive.writestr("values.json", _pretty(record.values))
        if manifest.source_digest is None:
            archive.writestr("reproduce.sh", _reproduce_command(view))
        else:
            source_name = names.name_for(f"input/{manifest.path}")
            archive.writestr("reproduce.sh", _reproduce(view, source_name))
            archive.writestr(source_name, ctx.blobs.read(manifest.source_digest))
        for travelled in (*manifest.files, *inputs.files):
            with ctx.blobs.open(travelled.digest) as source:
                _add(archive, names.name_for(f"input/{travelled.path}"), source)
        for folder in (*manifest.folders, *inputs.folders):
            archive.writestr(names.name_for(f"input/{folder}") + "/", b"")
        archive.writestr("record.json", _pretty({**_summary(view, inputs), "renamed": names.changed}))


def _export_pipeline(ctx: Services, view: RunView, target: BinaryIO) -> None:
    if not view.run.state.is_terminal or view.progress is None:
        raise _not_available(view, "record")
    manifest, names = view.version.manifest, ArchiveNames()
    assert manifest.source_digest is not None
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("parameters.json", _pretty(view.run.parameters))
        archive.writestr(names.name_for(f"input/{manifest.path}"), ctx.blobs.read(manifest.source_digest))
        record = {**_run_summary(view), "steps": _step_summaries(ctx, view, view.progress), "renamed": names.changed}
        if view.progress.sweep is not None:
            record["sweep"] = view.progress.sweep.values
        archive.writestr("record.json", _pretty(record))


def _step_summaries(ctx: Services, view: RunView, progress: PipelineProgress) -> dict[str, Any]:
    """Return for each step its end, and its runs with the digests of their records."""
    with ctx.store.read() as tx:
        parts = tx.pipelines.list_parts(view.run.id, list(progress.statuses))
        records = tx.records.find_for_runs([part.id for of_step in parts.values() for part in of_step])
    versions = dict(view.version.manifest.steps)
    return {
        step_id: {
            "state": status.state,
            "reason": asdict(status.reason) if status.reason else None,
            "version": versions.get(step_id),
            "decided_by": asdict(status.decided_by) if status.decided_by else None,
            "comment": status.comment,
            "runs": [
                {
                    "run": part.id,
                    "item": part.item_key,
                    "state": part.state,
                    "record": records[part.id].digest if part.id in records else None,
                }
                for part in parts.get(step_id, ())
            ],
        }
        for step_id, status in progress.statuses.items()
    }


_ARCHIVE_NAMES = {
    RecordFileKind.NOTEBOOK: "notebook.ipynb",
    RecordFileKind.JOURNAL: "journal.jsonl",
    RecordFileKind.LOG: "log.txt",
    RecordFileKind.RESULT: "result.json",
}


def _add(archive: zipfile.ZipFile, name: str, source: BinaryIO) -> None:
    with archive.open(name, "w", force_zip64=True) as entry:
        while chunk := source.read(1024 * 1024):
            entry.write(chunk)


def _summary(view: RunView, inputs: Inputs) -> dict[str, Any]:
    record = view.record
    assert record is not None
    return {
        **_run_summary(view),
        "inputs": {"digest": inputs.digest, **inputs.to_json()},
        "record": record.digest,
        "files": [asdict(file) for file in record.files],
    }


def _run_summary(view: RunView) -> dict[str, Any]:
    run = view.run
    return {
        "run": run.id,
        "job": view.job.name,
        "path": view.job.path,
        "state": run.state,
        "reason": asdict(run.reason) if run.reason else None,
        "environment": run.environment,
        "created_by": asdict(run.created_by),
        "trigger": asdict(run.trigger),
        "created_at": run.created_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "kind": run.kind,
        "kernel": {"name": run.kernel.name, "argv": list(run.kernel.argv)} if run.kernel else None,
        "origin": asdict(run.origin),
        "version": view.version.digest,
        "manifest": view.version.manifest.to_json(),
    }


def _reproduce(view: RunView, source: str) -> str:
    kernel = view.run.kernel
    command = ["jupyter", "dataops", "run", source, "--root", "input"]
    # For a script a kernel chooses the Python; no kernel runs a shell or R.
    if kernel and (view.run.kind is JobKind.NOTEBOOK or kernel.language == "python"):
        command += ["--kernel", kernel.name]
    if view.run.parameters:
        command += ["--params", "parameters.json"]
    return f"{_SHELL}{shlex.join(command)}\n"


def _reproduce_command(view: RunView) -> str:
    manifest = view.version.manifest
    variables = parameter_variables(manifest.parameters.complete(view.run.parameters))
    exports = "".join(f"export {name}={shlex.quote(text)}\n" for name, text in variables.items())
    folder = shlex.quote(posixpath.join("input", manifest.folder))
    return f"{_SHELL}mkdir -p {folder} && cd {folder}\n{exports}{shlex.join(manifest.command)}\n"


_SHELL = "#!/bin/sh\n# Run in the folder that this file lies in.\n"


def _pretty(value: Any) -> str:
    # Use the canonical form: it refuses values that JSON cannot hold, before a reader finds them.
    return json.dumps(json.loads(canonical_json(value)), indent=2, ensure_ascii=False) + "\n"


def _input(ctx: Services, view: RunView) -> bytes:
    return inject_parameters(ctx, view.version.manifest, view.run.parameters)


def _stored(view: RunView, kind: RecordFileKind) -> RecordFile | None:
    """Return the stored file; None when there is none.

    None also while another attempt than that of the record is under way: readers then get the files of this attempt.
    """
    record = view.record
    if record is None or (view.run.state is RunState.ACTIVE and view.attempts[-1].number != record.attempt):
        return None
    return record.find_file(kind)


def _read(ctx: Services, view: RunView, file: RecordFile) -> bytes:
    with verified_read(ctx, view, file):
        return ctx.blobs.read(file.digest)


def _open_stored(ctx: Services, view: RunView, file: RecordFile) -> BinaryIO:
    with verified_read(ctx, view, file):
        # Check all bytes before the first one is sent: a stream that has begun cannot be taken back.
        return ctx.blobs.open_verified(file.digest)


def _open(ctx: Services, view: RunView, kind: RecordFileKind) -> BinaryIO | None:
    if stored := _stored(view, kind):
        return _open_stored(ctx, view, stored)
    if not view.attempts:
        return None
    try:
        return ctx.attempt_files(view.attempts[-1]).open(_LIVE_FILES[kind])
    except FileNotFoundError:
        return None


def _all_lines(reader: Journal) -> Iterator[JournalLine]:
    while lines := reader.read():
        yield from lines


def _not_available(view: RunView, what: str) -> Conflict:
    if view.run.state.is_terminal:
        return Conflict(f"Run {view.run.id} ended before it left a {what}: {view.run.state}.", code="nothing_left")
    return Conflict(
        f"Run {view.run.id} has no {what} yet; it is {view.run.state}. Ask again when it has ended.",
        code="not_finished",
    )
