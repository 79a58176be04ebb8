import json
import resource
import signal

import pytest

from dataops_lab.rundir.journal import COALESCE_BYTES, Journal, append, encode_json


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl")


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]


def test_events_are_numbered_and_can_be_read_at_once(journal, tmp_path):
    journal.write("start", cells=2, code_cells=1)
    journal.write("end", state="succeeded")

    assert [(e["seq"], e["kind"]) for e in lines(tmp_path)] == [(1, "start"), (2, "end")]
    assert list(lines(tmp_path)[0]) == ["seq", "t", "kind", "cells", "code_cells"]


def test_stream_pieces_of_one_kind_become_one_line(journal, tmp_path):
    journal.stream(0, "stdout", "a")
    journal.stream(0, "stdout", "b")
    journal.stream(0, "stderr", "c")
    journal.stream(1, "stderr", "d")
    assert [e["output"]["text"] for e in lines(tmp_path)] == ["ab", "c"]

    journal.write("end", state="succeeded")

    assert [e.get("output", {}).get("text") for e in lines(tmp_path)] == ["ab", "c", "d", None]


def test_a_flood_is_written_in_parts(journal, tmp_path):
    for _ in range(5):
        journal.stream(0, "stdout", "x" * (COALESCE_BYTES // 2))

    assert [len(e["output"]["text"]) for e in lines(tmp_path)] == [COALESCE_BYTES, COALESCE_BYTES]


def test_a_long_text_is_written_in_parts_too(journal, tmp_path):
    text = "0123456789" * COALESCE_BYTES
    journal.stream(0, "stdout", text)
    journal.flush()
    parts = [e["output"]["text"] for e in lines(tmp_path)]
    assert "".join(parts) == text
    assert {len(part) for part in parts} == {COALESCE_BYTES}


def test_flushing_nothing_writes_nothing(journal, tmp_path):
    journal.flush()
    journal.stream(0, "stdout", "a")
    journal.flush()
    journal.flush()

    assert len(lines(tmp_path)) == 1


def test_json_has_neither_nan_nor_lone_surrogates():
    assert json.loads(encode_json({"a": [float("nan"), 1.5, float("inf")], "b": "x\ud800"})) == {
        "a": [None, 1.5, None],
        "b": "x?",
    }


def test_what_cannot_be_written_whole_is_not_written_at_all(tmp_path):
    path = tmp_path / "file"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with path.open("ab", buffering=0) as file:
        append(file.fileno(), b"whole\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                append(file.fileno(), b"more than fits\n")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        append(file.fileno(), b"next\n")

    assert path.read_bytes() == b"whole\nnext\n"
