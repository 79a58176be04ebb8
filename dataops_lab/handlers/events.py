"""The event stream: runs as they change, and journals as they grow.

One connection carries both. Each frame's `id` is a cursor over everything the connection follows; a
client that comes back with it as `Last-Event-ID` misses nothing and gets nothing twice.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict
from tornado.iostream import StreamClosedError

from ..api_models import RunModel
from ..domain.events import Event, SubjectKind
from ..errors import InvalidRequest, NotFound
from ..services import Services, records, runs
from ..services.records import Journal, Told
from ..services.runs import RunView
from .base import DataOpsHandler, operation
from .runs import RUNS

LOOK_EVERY_S = 0.05
HEARTBEAT_EVERY_S = 15.0
MAX_JOURNALS = 20
SEND_AT_ONCE = 1024 * 1024

CURSOR_HEADER = "Last-Event-ID"
CURSOR = r"^(\d{1,18}(;[^;=]+=\d{1,18}\.\d{1,18})*)?$"
EVENT_STREAM = "text/event-stream"
FRAME = {
    "type": "object",
    "description": "One frame. A comment (a line that begins with a colon) says that the stream is still there",
    "properties": {
        "id": {"type": "string", "description": "To come back with, as Last-Event-ID"},
        "event": {"enum": ["ready", "run", "deleted", "journal"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "`ready`: nothing; `run`: a RunModel; `deleted`: run_id; `journal`: run_id, attempt, "
            "events, complete",
        },
    },
    "required": ["id", "event", "data"],
}
"""Of the stream, for the OpenAPI document."""


class EventsQuery(BaseModel):
    """`journal` is a list of run ids with commas, whose journals are wanted too."""

    model_config = ConfigDict(extra="forbid")

    journal: str = ""


class EventsHandler(DataOpsHandler):
    @operation(
        "Server-sent events: `ready`, `run` (a run that changed, whole), `deleted` (one that is gone), `journal` (new "
        "events of a followed journal)",
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
        follower = await self.in_thread(Follower.begin, self.services, self.request.headers.get(CURSOR_HEADER), wanted)
        self.set_header("Content-Type", EVENT_STREAM)
        self.set_header("X-Accel-Buffering", "no")  # A proxy that collects frames makes nothing live.
        try:
            await self._send(follower.frame("ready", b"{}"))
            await self._stream(follower)
        except StreamClosedError:
            pass
        finally:
            follower.close()

    async def _stream(self, follower: Follower) -> None:
        sent_at = time.monotonic()
        while not self.request.connection.stream.closed():
            # The look itself is two or three system calls; only when there is something is a thread needed.
            if follower.may_have_news():
                news = follower.news()
                # A part at a time: a journal can be larger than the memory.
                while frames := await self.in_thread(_next, news):
                    for frame in frames:
                        await self._send(frame)
                    sent_at = time.monotonic()
            if time.monotonic() - sent_at >= HEARTBEAT_EVERY_S:
                await self._send(b": still here\n\n")
                sent_at = time.monotonic()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _send(self, frame: bytes) -> None:
        self.write(frame)
        await self.flush()


@dataclass
class _Followed:
    """The journal of a run's latest attempt: `seq` is that of the last event sent."""

    run_id: str
    attempt: int = 0
    seq: int = 0
    journal: Journal | None = None
    complete: bool = False


@dataclass
class Follower:
    """What one connection has seen, and what it has not seen yet."""

    services: Services
    seq: int
    journals: list[_Followed]
    changes: int | None = field(default=None)

    @classmethod
    def begin(cls, services: Services, cursor: str | None, wanted: list[str]) -> Follower:
        seq, seen = _read_cursor(cursor)
        if seq is None:
            with services.store.read() as tx:
                seq = tx.events.last_seq()
        else:
            with services.store.read() as tx:
                if seq + 1 < tx.events.first_seq():
                    raise InvalidRequest(
                        "`Last-Event-ID` is older than the events that are kept; connect again without it, and read "
                        "anew what you show.",
                        code="events_trimmed",
                    )
        return cls(services, seq, [_Followed(run_id, *seen.get(run_id, (0, 0))) for run_id in wanted])

    def may_have_news(self) -> bool:
        return self.services.store.changes() != self.changes or any(
            it.journal is not None and not it.complete and it.journal.has_more() for it in self.journals
        )

    def news(self) -> Iterator[bytes]:
        """Frames. Call it in one thread at a time."""
        changes = self.services.store.changes()
        # A journal appears, and is complete, with a change of its run; in between it only grows.
        changed, self.changes = changes != self.changes, changes
        following = [followed for followed in self.journals if not followed.complete]
        # Asked before the runs are told: whoever hears that a journal is complete has heard how its run ended.
        views = {followed.run_id: self._view(followed.run_id) for followed in following} if changed else {}
        if changed:
            yield from self._runs()
        for followed in following:
            yield from self._look_at_run(followed, views[followed.run_id]) if changed else self._read_on(followed)

    def frame(self, event: str, data: bytes) -> bytes:
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (self._cursor().encode(), event.encode(), data)

    def close(self) -> None:
        for followed in self.journals:
            if followed.journal is not None:
                followed.journal.close()

    def _runs(self) -> Iterator[bytes]:
        while new := self._new_events():
            # Several changes of one run make one frame: it carries the run as it is now.
            changed = list(dict.fromkeys(it.subject.id for it in new if it.subject.kind is SubjectKind.RUN))
            if not changed:
                self.seq = new[-1].seq
                continue
            views = runs.of(self.services, changed)
            for run_id in changed:
                if run_id == changed[-1]:
                    self.seq = new[-1].seq  # Who breaks off before this frame is told all of them again.
                if view := views.get(run_id):
                    yield self.frame("run", RunModel.of(view).model_dump_json().encode())
                else:
                    yield self.frame("deleted", json.dumps({"run_id": run_id}).encode())

    def _new_events(self) -> Sequence[Event]:
        with self.services.store.read() as tx:
            return tx.events.after(self.seq)

    def _view(self, run_id: str) -> RunView | None:
        try:
            return runs.get(self.services, run_id)
        except NotFound:
            return None

    def _look_at_run(self, it: _Followed, view: RunView | None) -> Iterator[bytes]:
        if view is None:
            it.complete = True
            return
        yield from self._read_on(it)
        if view.attempts and view.attempts[-1].number != it.attempt:
            self._turn_to(it, view.attempts[-1].number)
        if it.journal is None:
            it.journal = records.open_journal(self.services, view, after=it.seq)
            yield from self._read_on(it)
        if view.run.state.is_terminal:
            it.complete = True
            yield self._journal_frame(it, [], complete=True)

    def _turn_to(self, it: _Followed, attempt: int) -> None:
        if it.journal is not None:
            it.journal.close()
        it.attempt, it.seq, it.journal = attempt, 0, None

    def _read_on(self, it: _Followed) -> Iterator[bytes]:
        while it.journal is not None and (told := it.journal.read()):
            it.seq = told[-1].seq
            yield self._journal_frame(it, told, complete=False)

    def _journal_frame(self, it: _Followed, told: Sequence[Told], *, complete: bool) -> bytes:
        data = b'{"run_id":%b,"attempt":%d,"events":[%b],"complete":%b}' % (
            json.dumps(it.run_id).encode(),
            it.attempt,
            b",".join(text for *_, text in told),
            b"true" if complete else b"false",
        )
        return self.frame("journal", data)

    def _cursor(self) -> str:
        return ";".join([str(self.seq), *(f"{it.run_id}={it.attempt}.{it.seq}" for it in self.journals)])


def _next(frames: Iterator[bytes]) -> list[bytes]:
    """Some of them; empty when there are no more."""
    part: list[bytes] = []
    size = 0
    for frame in frames:
        part.append(frame)
        size += len(frame)
        if size >= SEND_AT_ONCE:
            break
    return part


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
