"""The event stream: runs as they change, and journals as they grow.

One connection carries both. Each frame's `id` is a cursor over everything the connection follows; a
client that comes back with it as `Last-Event-ID` misses nothing and gets nothing twice.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from tornado.iostream import StreamClosedError

from ..errors import InvalidRequest, NotFound
from ..services import Services, records, runs
from ..services.records import Journal, JournalLine
from ..services.runs import RunView
from .base import DataOpsHandler, operation
from .broadcaster import Batch
from .runs import RUNS

T = TypeVar("T")

JOURNAL_POLL_S = 0.05
HEARTBEAT_INTERVAL_S = 15.0
MAX_JOURNALS = 20
MAX_CHUNK_BYTES = 1024 * 1024

CURSOR_HEADER = "Last-Event-ID"
CURSOR = r"^(\d{1,18}(;[^;=]+=\d{1,18}\.\d{1,18})*)?$"
EVENT_STREAM = "text/event-stream"
FRAME = {
    "type": "object",
    "description": "One frame. A comment (a line that begins with a colon) says that the stream is still there",
    "properties": {
        "id": {"type": "string", "description": "To come back with, as Last-Event-ID"},
        "event": {"enum": ["ready", "run", "deleted", "journal", "schedule", "notification"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "`ready`: nothing; `run`: a RunSummaryModel; `deleted`: run_id; `journal`: run_id, attempt, "
            "events, complete; `schedule`: schedule_id, kinds; `notification`: kind, schedule, job, owner, run, reason",
        },
    },
    "required": ["id", "event", "data"],
}
"""The schema of the stream, for the OpenAPI document."""


class EventsQuery(BaseModel):
    """A query for the stream. `journal` lists, with commas, the ids of runs whose journals are wanted too."""

    model_config = ConfigDict(extra="forbid")

    journal: str = ""


class EventsHandler(DataOpsHandler):
    @cached_property
    def _wakeup(self) -> asyncio.Event:
        """An event that is set when there may be changes to send, and when the connection is closed."""
        return asyncio.Event()

    @operation(
        "Server-sent events: `ready`, `run` (a run that changed, in short), `deleted` (one that is gone), `journal` "
        "(new events of a followed journal), `schedule` (one that changed or decided), `notification` (a message)",
        action="read",
        resource=RUNS,
        answers={200: EVENT_STREAM},
        query=EventsQuery,
        headers=(CURSOR_HEADER,),
    )
    async def get(self, query: EventsQuery) -> None:
        wanted = [run_id for run_id in query.journal.split(",") if run_id]
        if len(wanted) > MAX_JOURNALS:
            raise InvalidRequest(f"One stream follows at most {MAX_JOURNALS} journals.")
        await self.broadcaster.subscribe(self._wakeup)
        try:
            begin = partial(Follower.begin, at=self.broadcaster.seq)
            cursor = self.request.headers.get(CURSOR_HEADER)
            follower = await self._in_stream_thread(begin, self.services, cursor, wanted)
            try:
                await self._serve(follower)
            finally:
                follower.close()
        finally:
            self.broadcaster.unsubscribe(self._wakeup)

    async def _serve(self, follower: Follower) -> None:
        self.set_header("Content-Type", EVENT_STREAM)
        self.set_header("X-Accel-Buffering", "no")  # A proxy that collects frames would delay them.
        try:
            await self._send(follower.frame("ready", b"{}"))
            await self._stream(follower)
        except StreamClosedError:
            pass

    async def _stream(self, follower: Follower) -> None:
        sent_at = time.monotonic()
        while not self.request.connection.stream.closed():
            self._wakeup.clear()
            batch = await self.broadcaster.next_batch(follower.seq)
            if batch is not None or follower.has_more():
                async for frames in self._frames(follower, batch):
                    await self._send(frames)
                sent_at = time.monotonic()
                continue
            silent = time.monotonic() - sent_at
            if silent >= HEARTBEAT_INTERVAL_S:
                await self._send(b": still here\n\n")
                sent_at, silent = time.monotonic(), 0.0
            # A journal grows without a change in the store.
            timeout = JOURNAL_POLL_S if follower.is_reading else HEARTBEAT_INTERVAL_S - silent
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wakeup.wait(), timeout)

    async def _frames(self, follower: Follower, batch: Batch | None) -> AsyncIterator[bytes]:
        if not follower.journals:
            if batch is not None:
                yield b"".join(follower.batch_frames(batch))
            return
        frames_iterator = follower.new_frames(batch)
        # Send one part at a time: a journal can be larger than the memory.
        while frames := await self._in_stream_thread(_next_chunk, frames_iterator):
            yield frames

    async def _in_stream_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.lanes.streams, partial(call, *arguments))

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._wakeup.set()

    async def _send(self, frame: bytes) -> None:
        self.write(frame)
        await self.flush()


@dataclass
class _FollowedJournal:
    """The journal of a run's latest attempt. `seq` is the number of the last event that was sent."""

    run_id: str
    attempt: int = 0
    seq: int = 0
    journal: Journal | None = None
    complete: bool = False


@dataclass
class Follower:
    """The place of one connection in the events and in the journals that it follows."""

    services: Services
    seq: int
    journals: list[_FollowedJournal]
    _has_checked_runs: bool = field(default=False)

    @classmethod
    def begin(cls, services: Services, cursor: str | None, wanted: list[str], *, at: int) -> Follower:
        """Start behind `cursor`, or without one behind event `at`.

        InvalidRequest when the events after `cursor` are no longer kept.
        """
        seq, seen = _read_cursor(cursor)
        if seq is None:
            seq = at
        else:
            with services.store.read() as tx:
                if seq + 1 < tx.events.first_seq():
                    raise InvalidRequest(
                        "`Last-Event-ID` is older than the events that are kept; connect again without it, and read "
                        "anew what you show.",
                        code="events_trimmed",
                    )
        return cls(services, seq, [_FollowedJournal(run_id, *seen.get(run_id, (0, 0))) for run_id in wanted])

    @property
    def is_reading(self) -> bool:
        return any(followed.journal is not None and not followed.complete for followed in self.journals)

    def has_more(self) -> bool:
        """Tell whether there may be frames to send without a batch. It is cheap."""
        return (bool(self.journals) and not self._has_checked_runs) or any(
            followed.journal is not None and not followed.complete and followed.journal.has_more()
            for followed in self.journals
        )

    def new_frames(self, batch: Batch | None) -> Iterator[bytes]:
        """Yield the frames of a batch and of journals that have grown. Call it in one thread at a time."""
        if batch is not None:
            # Send runs before journals: a client that hears that a journal is complete knows how its run ended.
            yield from self.batch_frames(batch)
        must_check, self._has_checked_runs = not self._has_checked_runs, True
        for followed in self.journals:
            if followed.complete:
                continue
            # A journal begins and ends with a change of its run; in between it only grows.
            if batch is not None and followed.run_id in batch.runs:
                run = batch.runs[followed.run_id]
                yield from self._check_run(followed, ended=run is None or run.state.is_terminal)
            elif must_check:
                yield from self._check_run(followed, ended=None)
            else:
                yield from self._read_journal(followed)

    def batch_frames(self, batch: Batch) -> Iterator[bytes]:
        for number, (kind, data) in enumerate(batch.frames, 1):
            if number == len(batch.frames):
                self.seq = batch.seq  # A client that breaks off before this frame gets all of them again.
            yield self.frame(kind, data)
        self.seq = batch.seq

    def frame(self, event: str, data: bytes) -> bytes:
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (self._cursor().encode(), event.encode(), data)

    def close(self) -> None:
        for followed in self.journals:
            if followed.journal is not None:
                followed.journal.close()

    def _view(self, run_id: str) -> RunView | None:
        try:
            return runs.get(self.services, run_id)
        except NotFound:
            return None

    def _check_run(self, followed: _FollowedJournal, *, ended: bool | None) -> Iterator[bytes]:
        """Read on, also in the journal of a later attempt.

        `ended` says whether the batch had the run as ended; None when it had no news of the run.
        """
        view = self._view(followed.run_id)
        if view is None:
            followed.complete = True
            return
        yield from self._read_journal(followed)
        if view.attempts and view.attempts[-1].number != followed.attempt:
            self._switch_attempt(followed, view.attempts[-1].number)
        if followed.journal is None:
            followed.journal = records.open_journal(self.services, view, after=followed.seq)
            yield from self._read_journal(followed)
        if view.run.state.is_terminal and ended is not False:
            followed.complete = True
            yield self._journal_frame(followed, [], complete=True)

    def _switch_attempt(self, followed: _FollowedJournal, attempt: int) -> None:
        if followed.journal is not None:
            followed.journal.close()
        followed.attempt, followed.seq, followed.journal = attempt, 0, None

    def _read_journal(self, followed: _FollowedJournal) -> Iterator[bytes]:
        while followed.journal is not None and (lines := followed.journal.read()):
            followed.seq = lines[-1].seq
            yield self._journal_frame(followed, lines, complete=False)

    def _journal_frame(self, followed: _FollowedJournal, lines: Sequence[JournalLine], *, complete: bool) -> bytes:
        data = b'{"run_id":%b,"attempt":%d,"events":[%b],"complete":%b}' % (
            json.dumps(followed.run_id).encode(),
            followed.attempt,
            b",".join(text for *_, text in lines),
            b"true" if complete else b"false",
        )
        return self.frame("journal", data)

    def _cursor(self) -> str:
        return ";".join(
            [str(self.seq), *(f"{followed.run_id}={followed.attempt}.{followed.seq}" for followed in self.journals)]
        )


def _next_chunk(frames: Iterator[bytes]) -> bytes:
    """Join the next frames up to about MAX_CHUNK_BYTES; empty when there are no more."""
    part: list[bytes] = []
    size = 0
    for frame in frames:
        part.append(frame)
        size += len(frame)
        if size >= MAX_CHUNK_BYTES:
            break
    return b"".join(part)


def _read_cursor(cursor: str | None) -> tuple[int | None, dict[str, tuple[int, int]]]:
    if not cursor:
        return None, {}
    if not re.fullmatch(CURSOR, cursor, re.ASCII):
        raise InvalidRequest("`Last-Event-ID` is none that this stream gave; connect again without it.")
    seq, *journals = cursor.split(";")
    seen = {}
    for part in journals:
        run_id, _, place = part.partition("=")
        attempt, _, last = place.partition(".")
        seen[run_id] = (int(attempt), int(last))
    return int(seq), seen
