"""Changes for all event streams of this server: they are read once and written as frames once.

Each stream has its own place in the events, and gets the changes after it from here. Only a stream that was away
for long has the store read for itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, TypeVar

from ..api_models import RunSummaryModel
from ..domain.events import Event, SubjectKind
from ..domain.runs import RunSummary
from ..ports import ChangeSignal
from ..services import Services, runs

T = TypeVar("T")

POLL_INTERVAL_S = 1.0
"""The time between two looks. A change wakes the broadcaster before, unless another host writes to the same file."""

COALESCE_S = 0.05
"""The time to wait after a batch, so that changes in this time come together in the next batch."""

RETRY_DELAY_S = 1.0
MAX_BUFFERED_BYTES = 8 * 1024 * 1024
"""The size of the latest batches that are kept. Older ones are forgotten, and read again for a stream that needs
them."""


@dataclass(frozen=True)
class Batch:
    """All changes behind event `after`, up to event `seq`: each run that changed, once, as it is now."""

    after: int
    seq: int
    runs: Mapping[str, RunSummary | None]
    """The runs by id; None for a run that was deleted."""
    frames: Sequence[tuple[str, bytes]]
    """The kind and the data of each frame."""


def changes_after(services: Services, seq: int, *, until: int | None = None) -> Batch | None:
    """Read what changed behind `seq`, at most up to `until` and a thousand events; None where nothing did."""
    with services.store.read() as tx:
        events = [event for event in tx.events.list_after(seq) if until is None or event.seq <= until]
    if not events:
        return None
    changed = list(dict.fromkeys(event.subject.id for event in events if event.subject.kind is SubjectKind.RUN))
    summaries = runs.summaries(services, changed) if changed else {}
    found = {run_id: summaries.get(run_id) for run_id in changed}
    frames = [_frame(run_id, run) for run_id, run in found.items()]
    return Batch(seq, events[-1].seq, found, [*frames, *_schedule_frames(events)])


def _schedule_frames(events: Sequence[Event]) -> Iterator[tuple[str, bytes]]:
    """Yield a frame for each schedule that changed, with the kinds of its events, and one for each message."""
    changed: dict[str, list[str]] = {}
    for event in events:
        noun, _, what = event.kind.partition(".")
        if noun == "notification":
            yield "notification", json.dumps({"kind": what, **event.data}).encode()
        elif event.subject.kind is SubjectKind.SCHEDULE:
            changed.setdefault(event.subject.id, []).append(event.kind)
    for schedule_id, kinds in changed.items():
        yield "schedule", json.dumps({"schedule_id": schedule_id, "kinds": list(dict.fromkeys(kinds))}).encode()


def _frame(run_id: str, run: RunSummary | None) -> tuple[str, bytes]:
    if run is None:
        return "deleted", json.dumps({"run_id": run_id}).encode()
    return "run", RunSummaryModel.from_domain(run).model_dump_json().encode()


class Broadcaster:
    """A reader of changes that looks for them as long as somebody listens.

    Only the reading is done in threads, all else on the event loop.
    """

    def __init__(self, services: Callable[[], Services], threads: Executor) -> None:
        self._services = services
        self._threads = threads
        self._batches: deque[Batch] = deque()
        self._bytes = 0
        self._listeners: set[asyncio.Event] = set()
        self._poller: asyncio.Task[None] | None = None
        self._seq = 0

    async def subscribe(self, listener: asyncio.Event) -> None:
        """Set `listener` at every new batch, until it leaves. It hears of all changes from now on."""
        if self._poller is None:
            seq = await self._in_thread(_last_seq, self._services)
            # Another listener may have started the look meanwhile.
            if self._poller is None:
                self._seq = seq
                self._poller = asyncio.get_running_loop().create_task(self._poll())
        self._listeners.add(listener)

    @property
    def seq(self) -> int:
        """The number of the last event that is in a batch."""
        return self._seq

    def unsubscribe(self, listener: asyncio.Event) -> None:
        self._listeners.discard(listener)
        if not self._listeners:
            self.stop()

    def stop(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None
            self._batches.clear()
            self._bytes = 0

    async def next_batch(self, seq: int) -> Batch | None:
        """Give the batch that follows `seq`; None where nothing does yet."""
        if not self._batches:
            # There may be events from a time when nobody listened.
            return await self._read(seq, self._seq) if seq < self._seq else None
        if seq < self._batches[0].after:
            return await self._read(seq, self._batches[0].after)
        behind = takewhile(lambda batch: batch.seq > seq, reversed(self._batches))
        return next(iter(deque(behind, maxlen=1)), None)

    async def _poll(self) -> None:
        while True:
            try:
                with closing(self._services().store.change_signal()) as bell:
                    await self._poll_on_bell(bell)
            except Exception:  # After any error the streams go on once reading works again.
                logging.getLogger("dataops_lab").exception("Changes could not be read; trying again.")
                await asyncio.sleep(RETRY_DELAY_S)

    async def _poll_on_bell(self, bell: ChangeSignal) -> None:
        rung = asyncio.Event()

        def on_bell() -> None:
            bell.clear()
            rung.set()

        loop = asyncio.get_running_loop()
        loop.add_reader(bell.fileno(), on_bell)
        try:
            changes: int | None = None
            while True:
                rung.clear()
                # The look itself takes two or three system calls. Only reading a change needs a thread.
                if (now := self._services().store.change_counter()) != changes:
                    while batch := await self._read(self._seq, None):
                        self._publish(batch)
                    changes = now
                    await asyncio.sleep(COALESCE_S)
                with suppress(TimeoutError):
                    await asyncio.wait_for(rung.wait(), POLL_INTERVAL_S)
        finally:
            loop.remove_reader(bell.fileno())

    def _publish(self, batch: Batch) -> None:
        self._batches.append(batch)
        self._seq = batch.seq
        self._bytes += _size(batch)
        while self._bytes > MAX_BUFFERED_BYTES and len(self._batches) > 1:
            self._bytes -= _size(self._batches.popleft())
        for listener in self._listeners:
            listener.set()

    async def _read(self, seq: int, until: int | None) -> Batch | None:
        return await self._in_thread(lambda: changes_after(self._services(), seq, until=until))

    async def _in_thread(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


def _last_seq(services: Callable[[], Services]) -> int:
    with services().store.read() as tx:
        return tx.events.last_seq()


def _size(batch: Batch) -> int:
    return sum(len(data) for _, data in batch.frames)
