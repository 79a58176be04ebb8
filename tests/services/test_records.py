"""The journal as readers get it: the notebook can write to it too."""

from __future__ import annotations

import io
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from dataops_lab.api_models import JournalPage
from dataops_lab.domain.runs import AttemptState, RunState
from dataops_lab.rundir import reading
from dataops_lab.services import records, runs
from dataops_lab.services.records import Journal

from ..hostile import a_pipe

NONE = [
    b"",
    b"]]",
    b"[]",
    b'"text"',
    b"7",
    b"{}",
    b'{"seq":1',
    b'{"seq":1,"kind":"start","cells":1,"code_cells":Infinity}',
    b'{"seq":1,"kind":"x","x":' + b"[" * 100_000,
    b'{"seq":1,"kind":"x","x":' + b"[" * 300 + b"]" * 300 + b"}",
    b'{"seq":1,"kind":"x","x":NaN}',
    b'{"seq":1,"kind":"x","x":"\\ud800"}',
    b'{"seq":1,"kind":"x","x":"\xff"}',
    b'{"seq":1,"kind":"x","x":"\r"}',
    b'{"seq":0}],"run_id":"OTHER","attempt":1,"events":[{"seq":1,"kind":"x"}',
    b'{"seq":0}]}\r\revent: run\rid: 999999999\rdata: {"id":"OTHER","state":"succeeded"}\r\r',
]
"""Lines that are not an event."""

ODD = [
    b'{"seq":"a","kind":"x"}',
    b'{"seq":1e400,"kind":"x"}',
    b'{"seq":true,"kind":"x"}',
    b'{"kind":"x"}',
    b'{"seq":999999999999999999,"kind":"x"}',
    b'{"seq":2,\r"kind":"x"}\r',
    b'{"seq":1,"kind":"x","x":1e400}',
    b'{"seq":1,"kind":"x","x":"\\u0000"}',
    b'{"seq":1,"kind":"x","x":' + b"9" * 4000 + b"}",
    b'{"kind":"x","run_id":"OTHER","seq":1}',
]
"""Events that no runner writes, and that do no harm."""


@pytest.fixture
def database(sqlite: str) -> str:
    """SQLite alone: other tests send all these statements to both databases."""
    return sqlite


def end(seq):
    return b'{"seq": %d, "t": 0.5, "kind": "end", "state": "succeeded"}' % seq


def told(data: bytes, *, after: int = 0, piece: int = 1024 * 1024):
    journal = Journal(io.BytesIO(data), after=after)
    found = []
    while more := journal.read(piece):
        found += more
    return found


def test_the_lines_of_a_runner_are_told_as_they_are():
    lines = [end(1), end(2), end(3)]
    assert [line.text for line in told(b"\n".join(lines) + b"\n")] == lines
    assert [line.event for line in told(lines[0] + b"\n" + b'{"cut')] == [json.loads(lines[0])]


@pytest.mark.parametrize("line", [*NONE, *ODD])
def test_each_line_is_told_as_one_event_with_the_number_of_the_line(line):
    for journal_line in told(end(1) + b"\n" + line + b"\n" + end(2) + b"\n"):
        assert not {10, 13} & set(journal_line.text)
        event = json.loads(journal_line.text, parse_constant=pytest.fail)
        assert (event["seq"], journal_line.event["seq"]) == (journal_line.seq, journal_line.seq)
        assert event["kind"] == journal_line.event["kind"]
        page = JournalPage(attempt=1, events=[journal_line.event], last_seq=journal_line.seq, complete=False)
        assert json.loads(page.model_dump_json())["last_seq"] == journal_line.seq
    assert [journal_line.seq for journal_line in told(end(1) + b"\n" + line + b"\n" + end(2) + b"\n")] == [1, 2, 3]


@pytest.mark.parametrize("line", NONE)
def test_in_the_place_of_a_line_that_is_no_event_it_is_said_so(line):
    assert [journal_line.event for journal_line in told(line + b"\n")] == [{"seq": 1, "t": 0, "kind": "unreadable"}]


@pytest.mark.parametrize("piece", [1, 7, 64, 1024])
@pytest.mark.parametrize("after", [0, 1, 3, 4, 5, 99])
def test_a_reader_goes_on_after_the_line_it_has_seen_however_the_journal_is_cut(piece, after):
    data = b"\n".join([end(1), b"]]", b"", end(3), end(4)]) + b"\n"
    assert [line.seq for line in told(data, after=after, piece=piece)] == list(range(after + 1, 6))


def test_a_line_that_is_too_long_is_one_line(monkeypatch):
    data = end(1) + b"\n" + b" " * (reading.MAX_LINE_BYTES + 1) + b"\n" + end(3) + b"\n"
    assert [(line.seq, line.event["kind"]) for line in told(data)] == [(1, "end"), (2, "unreadable"), (3, "end")]


def test_a_journal_without_end_is_not_read_to_its_end(tmp_path, monkeypatch):
    (tmp_path / "journal").write_bytes(end(1) + b"\n")
    with (tmp_path / "journal").open("ab") as file:
        file.truncate(10 * 1024**4)
    monkeypatch.setattr(records, "MAX_JOURNAL_BYTES", 50 * 1024**2)
    journal = Journal((tmp_path / "journal").open("rb"))
    assert [line.seq for line in journal.read()] == [1]
    assert journal.has_more()
    assert journal.read() == []
    assert not journal.has_more()


class Counted(io.BytesIO):
    """Bytes that count how many of them were read."""

    so_far = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.so_far += len(piece)
        return piece


@pytest.mark.parametrize("after", [0, 1, 4, 8, 20, 38, 39, 40, 99])
@pytest.mark.parametrize("piece", [1, 100, 1000])
def test_who_reads_a_journal_again_begins_near_the_line_that_is_wanted(after, piece, monkeypatch):
    monkeypatch.setattr(records, "OFFSET_EVERY_BYTES", 1000)
    data = b"".join(end(seq) + b" " * 300 + b"\n" for seq in range(1, 41)) + b'{"cut'
    marks = records.LineOffsets()
    for wanted in (0, after):
        source = Counted(data)
        journal = Journal(source, after=wanted, offsets=marks)
        first = journal.read(piece)
        read_before = source.so_far
        while more := journal.read(piece):
            first += more
        assert [line.seq for line in first] == list(range(wanted + 1, 41))
    if after < 40:
        assert read_before <= 3 * records.OFFSET_EVERY_BYTES


def test_many_readers_of_one_journal_find_the_same_lines(monkeypatch):
    monkeypatch.setattr(records, "OFFSET_EVERY_BYTES", 1000)
    data = b"".join(end(seq) + b" " * 300 + b"\n" for seq in range(1, 41))
    marks = records.LineOffsets()

    def read(after):
        journal = Journal(io.BytesIO(data), after=after, offsets=marks)
        return [line.seq for piece in iter(lambda: journal.read(500), []) for line in piece]

    with ThreadPoolExecutor(8) as threads:
        wanted = list(range(40)) * 3
        assert list(threads.map(read, wanted)) == [list(range(after + 1, 41)) for after in wanted]


# --- of a run ---


@pytest.fixture
def running(ctx, engine, submit):
    view = submit()
    for _ in range(100):
        engine.step()
        engine.wait_for_threads()
        view = runs.get(ctx, view.run.id)
        if view.attempts and view.attempts[-1].state is AttemptState.RUNNING:
            return view
    raise AssertionError(view)


@pytest.fixture
def folder(executor, running):
    return executor.directory(running.attempts[-1].name)


def test_a_page_ends_where_it_is_large_enough_and_the_next_begins_there(ctx, running, folder, monkeypatch):
    monkeypatch.setattr(records, "PAGE_BYTES", 100)
    (folder / "journal.jsonl").write_bytes(b"".join(end(seq) + b"\n" for seq in range(1, 6)))
    pages, after = [], 0
    while (page := records.journal(ctx, running.run.id, after=after, limit=1000)).events:
        pages.append([event["seq"] for event in page.events])
        after = page.last_seq
    assert pages == [[1, 2], [3, 4], [5]]


def test_numbers_are_those_of_lines_whatever_stands_in_them(ctx, running, folder):
    (folder / "journal.jsonl").write_bytes(b"\n".join([end(1), *NONE, *ODD, end(2)]) + b"\n")
    page = records.journal(ctx, running.run.id, after=0, limit=1000)
    lines = 2 + len(NONE) + len(ODD)
    assert [event["seq"] for event in page.events] == list(range(1, lines + 1))
    assert page.last_seq == lines
    again = records.journal(ctx, running.run.id, after=lines - 1, limit=1000)
    assert [event["kind"] for event in again.events] == ["end"]


@pytest.mark.parametrize("make", [a_pipe, os.mkdir, lambda path: path.symlink_to("/etc/hostname")])
def test_what_is_no_plain_file_is_nothing_yet(ctx, running, folder, make):
    make(folder / "journal.jsonl")
    make(folder / "log.txt")
    assert records.journal(ctx, running.run.id, after=0, limit=10).events == []
    with records.log(ctx, running.run.id) as log:
        assert log.read() == b""


# --- of a run that has ended ---


@pytest.fixture
def ended(ctx, engine, executor, running, folder):
    """A run that left a notebook, and a journal of ten megabytes."""
    (folder / "output.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    (folder / "journal.jsonl").write_bytes(b"".join(end(seq) + b" " * 500_000 + b"\n" for seq in range(1, 21)))
    executor.end(running.attempts[-1].name)
    for _ in range(100):
        engine.step()
        engine.wait_for_threads()
        if (run := runs.get(ctx, running.run.id).run).state is RunState.SUCCEEDED:
            return run
    raise AssertionError(run)


@pytest.fixture
def opened(ctx, ended, monkeypatch):
    """The blobs that are opened from now on."""
    found = []

    def watched(digest):
        found.append(Counted(ctx.blobs.read(digest)))
        return found[-1]

    monkeypatch.setattr(ctx.blobs, "open_verified", watched)
    return found


def test_no_page_of_a_stored_journal_is_read_from_its_first_line(ctx, ended, opened, monkeypatch):
    monkeypatch.setattr(records, "PAGE_BYTES", 1)
    seen, after = [], 0
    while (page := records.journal(ctx, ended.id, after=after, limit=1)).events:
        seen += [event["seq"] for event in page.events]
        after = page.last_seq
    assert seen == list(range(1, 21))
    assert max(source.so_far for source in opened) <= 4 * records.OFFSET_EVERY_BYTES


def test_a_finished_report_is_passed_on_in_pieces(ctx, ended, opened):
    for _ in range(2):  # the first call renders it, the second gets the kept page
        with records.report(ctx, ended.id, code=True) as page:
            assert (opened[-1], page.so_far) == (page, 0)
            assert page.read()
