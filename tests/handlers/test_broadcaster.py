"""One reader of the store for all event streams of a server."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dataops_lab.domain.events import run_subject
from dataops_lab.handlers import broadcaster
from dataops_lab.handlers.broadcaster import Broadcaster, changes_after
from dataops_lab.handlers.lanes import Lanes


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def change(ctx, submit):
    """A function that changes a run, and returns the number of the event."""
    run = submit().run

    def changed() -> int:
        with ctx.store.begin() as tx:
            tx.events.add(run_subject(run.id), "run.progress", at=dt.datetime.now(dt.UTC))
            return tx.events.last_seq()

    return changed


async def told(caster: Broadcaster, listener: asyncio.Event, seq: int) -> int:
    """Wait until all events up to `seq` are told, and return the number of the last one that the listener has."""
    reached = caster.seq
    while reached < seq:
        await asyncio.wait_for(listener.wait(), 60)
        listener.clear()
        while batch := await caster.next_batch(reached):
            reached = batch.seq
    return reached


def test_many_streams_read_the_store_once(ctx, threads, change, monkeypatch):
    reads = []

    def counted(*given, **more):
        reads.append(given)
        return changes_after(*given, **more)

    monkeypatch.setattr(broadcaster, "changes_after", counted)

    async def listen() -> None:
        caster = Broadcaster(lambda: ctx, threads)
        listeners = [asyncio.Event() for _ in range(50)]
        for listener in listeners:
            await caster.subscribe(listener)
        before = caster.seq
        reads.clear()
        seq = await asyncio.to_thread(change)
        await told(caster, listeners[0], seq)
        found = [await caster.next_batch(before) for _ in listeners]
        # It reads once when it begins, once to find the change, and once to find no more.
        assert len(reads) <= 3
        assert all(batch is found[0] for batch in found)
        assert found[0].seq == seq
        for listener in listeners:
            caster.unsubscribe(listener)

    asyncio.run(listen())


def test_a_stream_that_was_away_is_told_what_it_missed_up_to_what_is_told_to_all(ctx, threads, change, monkeypatch):
    monkeypatch.setattr(broadcaster, "MAX_BUFFERED_BYTES", 0)

    async def listen() -> None:
        caster, listener = Broadcaster(lambda: ctx, threads), asyncio.Event()
        await caster.subscribe(listener)
        first = caster.seq
        for _ in range(3):
            last = await told(caster, listener, await asyncio.to_thread(change))
        missed = await caster.next_batch(first)
        assert first == missed.after < missed.seq < last
        assert (await caster.next_batch(missed.seq)).seq == last
        assert await caster.next_batch(last) is None
        caster.unsubscribe(listener)

    asyncio.run(listen())


def test_what_happened_while_nobody_listened_is_read_by_who_comes_back(ctx, threads, change):
    async def listen() -> None:
        caster, listener = Broadcaster(lambda: ctx, threads), asyncio.Event()
        await caster.subscribe(listener)
        seen = caster.seq
        caster.unsubscribe(listener)
        seq = await asyncio.to_thread(change)
        await caster.subscribe(listener)
        assert (await caster.next_batch(seen)).seq == seq
        caster.unsubscribe(listener)

    asyncio.run(listen())


def test_what_takes_long_leaves_threads_to_what_is_quick():
    lanes, block = Lanes(quick=2), threading.Event()
    held = [lanes.pool(lane).submit(block.wait) for lane in ("slow", "files", "submit") for _ in range(20)]
    try:
        assert lanes.pool("quick").submit(lambda: 1).result(60) == 1
        assert lanes.streams.submit(lambda: 2).result(60) == 2
        assert not any(work.done() for work in held)
    finally:
        block.set()
        lanes.shutdown()
