"""Reading the results of a run, also while it is alive."""

from __future__ import annotations

import io
import os
import posixpath
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple

from ..domain.inputs import RunFiles
from ..domain.jobs import JobKind
from ..domain.records import RecordFile, RecordFileKind
from ..domain.runs import RunState
from ..errors import Conflict, NotFound
from ..rundir import protocol
from ..rundir.journal import encode_json
from ..rundir.reading import MAX_JOURNAL_BYTES, LineSplitter, parse_event
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
    raise not_available(view, "executed notebook")


def open_notebook(ctx: Services, run_id: str, *, executed: bool) -> BinaryIO:
    """Open the bytes of `executed_notebook` or `notebook`, which may be large, to pass them on in pieces."""
    view = _get_notebook_run(ctx, run_id)
    if stored := _stored(view, RecordFileKind.NOTEBOOK):
        return open_stored(ctx, view, stored)
    if executed:
        raise not_available(view, "executed notebook")
    return io.BytesIO(_input(ctx, view))


def log(ctx: Services, run_id: str) -> BinaryIO:
    """Open standard output and error of all cells, also while they run. It is empty before the first output."""
    return _open(ctx, get(ctx, run_id), RecordFileKind.LOG) or io.BytesIO()


def report(ctx: Services, run_id: str, *, code: bool, wanted: Callable[[], bool] = lambda: True) -> BinaryIO:
    """Open one HTML page, rendered at the first call and then kept. Unavailable when that takes too long."""
    view = _get_notebook_run(ctx, run_id)
    stored = _stored(view, RecordFileKind.NOTEBOOK)
    if stored is None:
        raise not_available(view, "report")
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
            return file, open_stored(ctx, view, file)
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


def open_stored(ctx: Services, view: RunView, file: RecordFile) -> BinaryIO:
    """Open a file of the record. Damaged, with its name, when its bytes are not as they were stored."""
    with verified_read(ctx, view, file):
        # Check all bytes before the first one is sent: a stream that has begun cannot be taken back.
        return ctx.blobs.open_verified(file.digest)


def _open(ctx: Services, view: RunView, kind: RecordFileKind) -> BinaryIO | None:
    if stored := _stored(view, kind):
        return open_stored(ctx, view, stored)
    if not view.attempts:
        return None
    try:
        return ctx.attempt_files(view.attempts[-1]).open(_LIVE_FILES[kind])
    except FileNotFoundError:
        return None


def _all_lines(reader: Journal) -> Iterator[JournalLine]:
    while lines := reader.read():
        yield from lines


def not_available(view: RunView, what: str) -> Conflict:
    """Return the error that says why a run has no such thing, or none yet."""
    if view.run.state.is_terminal:
        return Conflict(f"Run {view.run.id} ended before it left a {what}: {view.run.state}.", code="nothing_left")
    return Conflict(
        f"Run {view.run.id} has no {what} yet; it is {view.run.state}. Ask again when it has ended.",
        code="not_finished",
    )
