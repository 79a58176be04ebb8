"""The files that a hostile notebook can leave in a run directory, and the result of reading them."""

import json
import os
import socket
import tracemalloc
from pathlib import Path

import pytest

from dataops_lab.engine.launch import OUTPUT_LIMITS
from dataops_lab.rundir import reading
from dataops_lab.rundir.journal import Journal
from dataops_lab.rundir.protocol import MAX_ARTIFACTS, MAX_DEPTH
from dataops_lab.rundir.reading import (
    MAX_JSON_DEPTH,
    MAX_LINE_BYTES,
    LineSplitter,
    RunFolder,
    decode_json,
    open_plain,
    parse_event,
    read_json,
)
from dataops_lab.runner.outputs import output
from dataops_lab.testing import MemoryBlobs

from ..hostile import deep, hollow


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


NO_FILES = {
    "a pipe": os.mkfifo,
    "a folder": os.mkdir,
    "a socket": a_socket,
    "a link": lambda path: path.symlink_to("/etc/hostname"),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a file that was never written": hollow,
    "nothing": lambda path: None,
    "below a file": lambda path: path.parent.rmdir() or path.parent.write_text(""),
}


@pytest.mark.parametrize("what", NO_FILES)
def test_what_is_no_plain_file_is_as_good_as_absent_and_nobody_waits_for_it(tmp_path, what):
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "file"
    NO_FILES[what](path)
    with pytest.raises(FileNotFoundError) as error:
        open_plain(path)
    assert error.value.filename == str(path)


def test_what_was_opened_is_looked_at_and_not_the_path(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("plain")
    kept = os.open

    def replaced_before(opened, *args):
        path.unlink()
        os.mkfifo(path)
        return kept(opened, *args)

    monkeypatch.setattr(os, "open", replaced_before)
    with pytest.raises(FileNotFoundError):
        open_plain(path)


def test_trouble_that_no_notebook_makes_is_not_taken_for_absence(tmp_path, monkeypatch):
    def too_many(*args):
        raise OSError(24, "Too many open files")

    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "open", too_many)
    with pytest.raises(OSError, match="Too many open files") as error:
        open_plain(tmp_path / "file")
    assert not isinstance(error.value, FileNotFoundError)


def test_only_plain_files_that_no_link_leads_to_and_whose_path_is_unicode_are_listed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").touch()
    root = tmp_path / "artifacts"
    (root / "b").mkdir(parents=True)
    for name in ("z.txt", "b/a.txt", b"b/\xff"):
        Path(os.fsdecode(os.fsencode(root) + b"/" + os.fsencode(name))).touch()
    (root / "b" / "link").symlink_to("/etc/hostname")
    (root / "folder").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(root / "pipe")
    assert reading.plain_files(root, pytest.fail) == ["b/a.txt", "z.txt"]
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    assert reading.plain_files(tmp_path / "linked", pytest.fail) == []
    assert reading.plain_files(tmp_path / "missing", pytest.fail) == []


def test_folders_may_lie_inside_one_another_deeper_than_python_may_call(tmp_path):
    (tmp_path / "run").mkdir()
    with deep(tmp_path / "run"):
        below = tmp_path.joinpath("run", *["d"] * MAX_DEPTH)
        (below / "file").touch()
        (below / "d" / "too-deep").touch()
        assert reading.plain_files(tmp_path / "run", pytest.fail) == ["d/" * MAX_DEPTH + "file"]


def test_no_more_files_are_listed_than_a_run_may_leave(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for number in range(MAX_ARTIFACTS - 1):
            (tmp_path / folder / str(number)).touch()
    assert len(reading.plain_files(tmp_path, pytest.fail)) == MAX_ARTIFACTS


# --- lines ---


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_however_they_are_cut(size):
    data = b"one\n\ntwo\n0123456789\n01234567890\nthree\n" + b"x" * 30 + b"\nlast\nunfinished"
    lines = LineSplitter(longest=10)
    found = [line for start in range(0, len(data), size) for line in lines.feed(data[start : start + size])]
    assert found == [b"one", b"", b"two", b"0123456789", b"", b"three", b"", b"last"]


def test_a_line_without_end_costs_no_memory():
    lines, piece = LineSplitter(), b"x" * 1024**2
    lines.feed(piece)
    tracemalloc.start()
    for _ in range(200):
        assert lines.feed(piece) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * MAX_LINE_BYTES
    assert lines.feed(b"\nnext\n") == [b"", b"next"]


@pytest.mark.parametrize("letter", ["x", "\x1b", "€", '"'])
def test_no_line_that_the_runner_writes_is_too_long(tmp_path, letter):
    journal = Journal(tmp_path / "journal.jsonl")
    text = letter * (OUTPUT_LIMITS["cell_bytes"] // len(letter.encode()))
    journal.stream(0, "stdout", text)
    if letter == "x":
        journal.write(
            "output", cell=0, output={"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}
        )
    journal.flush()
    data = (tmp_path / "journal.jsonl").read_bytes()
    assert data.count(b"\n") == len([line for line in LineSplitter().feed(data) if parse_event(line)])
    texts = [json.loads(line)["output"].get("text", "") for line in data.splitlines()]
    assert "".join(texts) == text


# --- JSON ---

NO_JSON = {
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "cut off": b'{"a": ',
    "two values": b"{} {}",
    "half of a pair": rb'{"a": "\ud800"}',
    "half of a pair in capitals": rb'{"a": "\uDFFF"}',
    "half of a pair as a name": rb'{"\udc00": 1}',
    "half of a pair in bytes": b'{"a": "\xed\xa0\x80"}',
    "no UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a control character": b'{"a": "\r"}',
    "a number too long to read": b"[" + b"9" * 5_000 + b"]",
    "too deep": b"[" * (MAX_JSON_DEPTH + 1) + b"]" * (MAX_JSON_DEPTH + 1),
    "too deep, in objects": b'{"a":' * (MAX_JSON_DEPTH + 1) + b"1" + b"}" * (MAX_JSON_DEPTH + 1),
    "so deep that parsers break": b"[" * 100_000 + b"]" * 100_000,
    "deep and cut off": b"[" * 100_000,
}


@pytest.mark.parametrize("what", NO_JSON)
def test_what_cannot_be_sent_on_is_no_json(what):
    with pytest.raises(ValueError):
        decode_json(NO_JSON[what])


@pytest.mark.parametrize(
    "value", [1, None, [], {"a": [[1], {"b": "\0 \U0001f600 \\ud800"}]}, ["[" * 1_000], [[]] * 1_000, 10**4000]
)
def test_all_other_json_is_read(value):
    assert decode_json(json.dumps(value).encode()) == value
    assert decode_json(json.dumps(value, ensure_ascii=False).encode()) == value


def test_json_may_be_as_deep_as_that():
    text = b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH
    assert json.dumps(decode_json(text)).encode() == text


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "file").write_text('"0123456789"')
    with open_plain(tmp_path / "file") as file:
        assert read_json(file) == "0123456789"
    monkeypatch.setattr(reading, "MAX_JSON_BYTES", 11)
    with open_plain(tmp_path / "file") as file, pytest.raises(ValueError):
        read_json(file)


# --- events ---


def line(**members):
    return json.dumps({"seq": 1, "t": 0.5, **members}).encode()


SHOWN = {"data": {"text/plain": "a"}, "metadata": {}}


@pytest.mark.parametrize(
    "members",
    [
        {"kind": "start", "cells": 3, "code_cells": 2},
        {"kind": "cell_started", "cell": 0, "done": 0},
        {"kind": "output", "cell": 0, "output": {"output_type": "stream", "name": "stdout", "text": "a"}},
        {"kind": "output", "cell": 0, "output": output("display_data", SHOWN)},
        {"kind": "output", "cell": 0, "output": output("execute_result", {**SHOWN, "execution_count": 1})},
        {"kind": "output", "cell": 0, "output": output("error", {"ename": "E", "evalue": "", "traceback": ["line"]})},
        {"kind": "update", "display_id": "a", **SHOWN},
        {"kind": "cell_finished", "cell": 0, "ok": True, "execution_count": None, "done": 1},
        {"kind": "usage", "peak_memory_bytes": 10**12, "cpu_seconds": 1.5},
        {"kind": "note", "code": "c", "message": "m", "cell": None},
        {"kind": "end", "state": "succeeded"},
        {"kind": "something of a newer runner"},
    ],
)
def test_what_a_runner_writes_is_an_event(members):
    assert parse_event(line(**members)) == {"seq": 1, "t": 0.5, **members}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'"text"',
        b"[]",
        b"7",
        b"{}",
        line(kind=None),
        line(kind=["start"]),
        line(kind="start", cells=1),
        line(kind="start", cells=1, code_cells=10**23),
        line(kind="start", cells=1, code_cells=-1),
        line(kind="start", cells=1, code_cells=1.0),
        line(kind="start", cells=1, code_cells=True),
        line(kind="start", cells=1, code_cells="1"),
        b'{"kind":"start","cells":1,"code_cells":Infinity}',
        b'{"kind":"start","cells":1,"code_cells":1e400}',
        line(kind="cell_started", cell={}, done=0),
        line(kind="output", cell=0, output=None),
        line(kind="output", cell=0, output={"output_type": 1}),
        line(kind="output", cell=0, output={"output_type": "another"}),
        line(kind="output", cell=0, output={"output_type": "stream", "name": "stdout"}),
        line(kind="output", cell=0, output={"output_type": "display_data", "data": "<b>", "metadata": {}}),
        line(kind="output", cell=0, output={"output_type": "error", "ename": "E", "evalue": "", "traceback": "line"}),
        line(kind="usage", peak_memory_bytes=1 << 63, cpu_seconds=1),
        b'{"kind":"usage","peak_memory_bytes":1,"cpu_seconds":1e400}',
    ],
)
def test_what_a_runner_does_not_write_is_none(text):
    assert parse_event(text) is None


# --- the folder as a whole ---


def test_a_folder_gives_its_plain_files_and_says_where_the_notebook_saw_its_workspace(tmp_path):
    (tmp_path / "artifacts" / "below").mkdir(parents=True)
    (tmp_path / "artifacts" / "below" / "out.csv").write_text("1")
    (tmp_path / "log.txt").write_text("said")
    (tmp_path / "journal.jsonl").symlink_to(tmp_path / "log.txt")
    blobs = MemoryBlobs()
    files = RunFolder(tmp_path)

    with files.open("log.txt") as log:
        assert log.seek(2) == 2
        assert log.read() == b"id"
    assert files.list_artifacts(pytest.fail) == ["below/out.csv"]
    assert files.put("artifacts/below/out.csv", blobs) == (blobs.put(b"1"), 1)
    for path in ("journal.jsonl", "missing", "artifacts"):
        with pytest.raises(FileNotFoundError):
            files.open(path)
        with pytest.raises(FileNotFoundError):
            files.put(path, blobs)
    assert files.workspace == str(tmp_path / "files")
    assert RunFolder(tmp_path, workspace="/there").workspace == "/there"
