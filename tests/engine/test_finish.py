"""The reading of a run directory after the end of its attempt. The notebook can have written all files in it."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dataops_lab.domain.runs import Attempt, AttemptState, Progress, Reason, Usage
from dataops_lab.engine import finish
from dataops_lab.engine.finish import MAX_TEXT_CHARS, read_outcome, store_record
from dataops_lab.rundir import reading
from dataops_lab.rundir.reading import RunFolder
from dataops_lab.services.records import Journal, RecordFileKind

from ..hostile import a_pipe, deep

SUCCEEDED = {
    "format": 1,
    "state": "succeeded",
    "nothing_to_do": False,
    "failure": None,
    "started_at": 0.0,
    "finished_at": 1.0,
    "done": 1,
    "total": 2,
    "peak_memory_bytes": 1024,
    "cpu_seconds": 0.5,
    "artifacts": [],
}


@pytest.fixture
def database(sqlite: str) -> str:
    """A database of SQLite alone: other tests give both databases all statements that these give."""
    return sqlite


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def result(directory: Path, **members: object) -> None:
    (directory / "result.json").write_text(json.dumps(SUCCEEDED | members))


def failed(directory: Path, **failure: object) -> None:
    result(directory, state="failed", failure={"code": "cell_error", "message": "Cell 1 failed.", **failure})


def test_a_result_tells_how_it_ended(directory):
    result(directory)
    outcome = read_outcome(RunFolder(directory))
    assert (outcome.succeeded, outcome.reason, outcome.nothing_to_do) == (True, None, False)
    assert (outcome.progress, outcome.usage) == (Progress(1, 2), Usage(1024, 0.5))


def test_a_success_says_what_was_cut_off_after_its_end(directory):
    result(directory, cut_off="The kernel was killed.")
    outcome = read_outcome(RunFolder(directory))
    assert outcome.succeeded is True
    assert outcome.reason == Reason("kernel_killed", "The kernel was killed.")


@pytest.mark.parametrize("cut_off", [None, 7, ["x"]])
def test_a_success_without_such_a_text_has_no_reason(directory, cut_off):
    result(directory, cut_off=cut_off)
    assert read_outcome(RunFolder(directory)).reason is None


@pytest.mark.parametrize("usage", [{"peak_memory_bytes": None}, {"cpu_seconds": None}, {"cpu_seconds": 1}])
def test_what_it_used_may_be_unknown(directory, usage):
    result(directory, **usage)
    assert read_outcome(RunFolder(directory)).succeeded is True


def test_a_reason_is_text_without_colours_and_names_the_place_in_the_notebook(directory):
    frames = [f"\x1b[36mFile \x1b[32m{name}.py:1\x1b[0m" for name in "abcdef"]
    own = "\x1b[36mCell In[1]\x1b[0m, line 1"
    trace = ["-----", "\x1b[31mE\x1b[0m Traceback", own, *frames, "\x1b[31mE\x1b[0m: no"]
    failed(directory, message="\x1b[31mE\x1b[0m: no", ename="E", evalue="\x1b[1mno\x1b[0m", traceback=trace)
    reason = read_outcome(RunFolder(directory)).reason
    assert (reason.message, reason.detail["evalue"]) == ("E: no", "no")
    assert reason.detail["traceback"] == [
        "Cell In[1], line 1",
        *(f"File {name}.py:1" for name in "def"),
        "E: no",
    ]


BROKEN = {
    "state": [1, None, ["succeeded"]],
    "nothing_to_do": ["no", 1, None],
    "done": [float("inf"), 10**30, -1, 1.5, "1", None, True, {}],
    "total": [float("inf"), 10**30, -1, "1", None],
    "peak_memory_bytes": [{}, "x", 10**30, 1 << 63, -1, float("nan"), 1.5],
    "cpu_seconds": [[1], "x", {}, float("nan"), float("inf"), -1, 10**400],
    "failure": [["code", "message"], "code message", {}, {"code": 1, "message": "m"}, {"code": "c"}, 7],
}


@pytest.mark.parametrize(("member", "value"), [(member, value) for member, of in BROKEN.items() for value in of])
def test_a_broken_result_is_none(directory, member, value):
    result(directory, **{member: value})
    assert read_outcome(RunFolder(directory)).succeeded is None


@pytest.mark.parametrize("member", BROKEN)
def test_a_result_without_one_of_its_members_is_none(directory, member):
    (directory / "result.json").write_text(json.dumps({k: v for k, v in SUCCEEDED.items() if k != member}))
    assert read_outcome(RunFolder(directory)).succeeded is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "7", "\0", "[" * 100_000, '{"a":' * 100_000, json.dumps(SUCCEEDED | {"more": "\ud800"})],
)
def test_what_is_no_result_is_none(directory, text):
    (directory / "result.json").write_text(text)
    assert read_outcome(RunFolder(directory)).succeeded is None


def test_a_result_that_is_too_large_is_none(directory, monkeypatch):
    result(directory, more="x" * 1000)
    monkeypatch.setattr(reading, "MAX_JSON_BYTES", 1000)
    assert read_outcome(RunFolder(directory)).succeeded is None


@pytest.mark.parametrize("make", [a_pipe, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_no_result(directory, make):
    make(directory / "result.json")
    make(directory / "journal.jsonl")
    assert read_outcome(RunFolder(directory)).succeeded is None


def test_an_error_of_any_kernel_is_told_as_text(directory):
    failed(directory, cell=3, ename=None, evalue={"a": 1}, traceback=[*"abcdef", 5])
    assert read_outcome(RunFolder(directory)).reason.detail == {
        "cell": 3,
        "ename": "None",
        "evalue": "{'a': 1}",
        "traceback": ["c", "d", "e", "f", "5"],
    }


@pytest.mark.parametrize("more", [{"cell": "x"}, {"cell": 10**30}, {"traceback": 5}, {"traceback": "text"}, {"x": 1}])
def test_what_makes_no_sense_in_an_error_is_left_out(directory, more):
    failed(directory, **more)
    outcome = read_outcome(RunFolder(directory))
    assert (outcome.succeeded, outcome.reason.code, outcome.reason.detail) == (False, "cell_error", {})


def test_no_text_of_an_error_is_longer_than_lists_can_carry(directory):
    long = "x" * 1_000_000
    result(directory, state="failed", failure={"code": long, "message": long, "evalue": long, "traceback": [long] * 9})
    reason = read_outcome(RunFolder(directory)).reason
    texts = [reason.code, reason.message, reason.detail["evalue"], *reason.detail["traceback"]]
    assert len(texts) == 3 + finish.TRACEBACK_LINES
    assert max(map(len, texts)) <= MAX_TEXT_CHARS + len(" […]")


def test_of_a_runner_that_was_killed_the_journal_tells(directory):
    events = [
        {"kind": "start", "cells": 3, "code_cells": 2},
        {"kind": "usage", "peak_memory_bytes": 7, "cpu_seconds": 1.5},
        {"kind": "usage", "peak_memory_bytes": 10**30, "cpu_seconds": 1.5},
    ]
    (directory / "journal.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    outcome = read_outcome(RunFolder(directory))
    assert (outcome.succeeded, outcome.progress, outcome.usage) == (None, Progress(0, 2), Usage(7, 1.5))


# --- the record ---


@pytest.fixture
def stored(ctx, directory):
    attempt = Attempt("01TESTTESTTESTTESTTESTTEST", 1, AttemptState.FINALIZING, 1, ctx.clock.now())

    def store():
        with ThreadPoolExecutor(2) as threads:
            return store_record(ctx, attempt, RunFolder(directory), threads)

    return store


def test_only_plain_files_come_into_the_record(stored, directory, tmp_path):
    (directory / "log.txt").write_text("said")
    a_pipe(directory / "journal.jsonl")
    (directory / "output.ipynb").symlink_to("/etc/hostname")
    (directory / "result.json").mkdir()
    (directory / "artifacts" / "below").mkdir(parents=True)
    (directory / "artifacts" / "below" / "out.csv").write_text("1")
    a_pipe(directory / "artifacts" / "pipe")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").touch()
    (directory / "artifacts" / "link").symlink_to(tmp_path / "elsewhere")
    (directory / "artifacts" / os.fsdecode(b"\xff")).touch()
    files = [(file.kind, file.path) for file in stored().files]
    assert files == [(RecordFileKind.LOG, "log.txt"), (RecordFileKind.ARTIFACT, "below/out.csv")]


def test_what_is_replaced_after_it_was_listed_does_not_come_into_the_record(stored, directory, monkeypatch):
    (directory / "artifacts").mkdir()
    path = directory / "artifacts" / "out.csv"
    path.touch()
    listed = reading.plain_files

    def then_replaced(folder, note):
        names = listed(folder, note)
        a_pipe(path)
        return names

    monkeypatch.setattr(reading, "plain_files", then_replaced)
    assert stored().files == ()


def test_a_folder_of_artifacts_that_is_a_link_brings_nothing(stored, directory, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").touch()
    (directory / "artifacts").symlink_to(tmp_path / "elsewhere")
    assert stored().files == ()


def test_artifacts_deeper_than_python_may_call_keep_no_run_from_its_end(stored, directory):
    from dataops_lab.rundir.files import remove_tree

    (directory / "artifacts").mkdir()
    deep(directory / "artifacts", 1_500)
    try:
        assert stored().files == ()
    finally:
        remove_tree(directory)


@pytest.fixture
def breaks(monkeypatch, ctx):
    """A function that makes the disk fail from now on when it reads one of the given paths."""

    def do(*broken):
        scandir, put_file = os.scandir, ctx.blobs.put_file

        def read_by(given):
            def read(path):
                if Path(path) in broken:
                    raise OSError(errno.EIO, "Input/output error", str(path))
                return given(path)

            return read

        monkeypatch.setattr(os, "scandir", read_by(scandir))
        monkeypatch.setattr(ctx.blobs, "put_file", read_by(put_file))

    return do


def test_what_the_disk_does_not_give_back_is_left_out_and_noted(stored, directory, ctx, breaks):
    folder = directory / "artifacts"
    (folder / "lost").mkdir(parents=True)
    for name in ("good.csv", "bad.csv", "lost/x.csv"):
        (folder / name).write_text("1")
    (directory / "log.txt").write_text("said")
    (directory / "journal.jsonl").write_text('{"seq": 1, "t": 0.5, "kind": "end", "state": "succeeded"}\n')
    breaks(folder / "bad.csv", folder / "lost")
    record = stored()
    assert [file.path for file in record.artifacts] == ["good.csv"]
    notes = [
        "The file bad.csv is not kept: Input/output error.",
        "The folder lost/ cannot be read: Input/output error.",
    ]
    log = ctx.blobs.read(record.find_file(RecordFileKind.LOG).digest).decode()
    assert log.splitlines() == ["said", *(f"[dataops] {note}" for note in notes)]
    journal = Journal(ctx.blobs.open(record.find_file(RecordFileKind.JOURNAL).digest))
    end, *told = [told.event for told in journal.read()]
    assert end["kind"] == "end"
    assert [(event["seq"], event["kind"], event["code"], event["message"]) for event in told] == [
        (seq, "note", "artifact_not_kept", note) for seq, note in enumerate(notes, 2)
    ]
    assert stored() == record


@pytest.mark.parametrize("name", ["log.txt", "journal.jsonl", "output.ipynb", "result.json"])
def test_a_file_of_the_runner_that_the_disk_does_not_give_back_is_missed_too(stored, directory, ctx, breaks, name):
    (directory / name).write_text("{}\n")
    breaks(directory / name)
    log = ctx.blobs.read(stored().find_file(RecordFileKind.LOG).digest).decode()
    assert f"The file {name} is not kept" in log


@pytest.mark.parametrize(
    "text",
    ["", "[1]", '{"a":' + "[" * 100_000, '{"a":' + "[" * 300 + "]" * 300 + "}", '{"a": NaN}', '{"a": "\\ud800"}'],
)
def test_values_that_cannot_be_told_are_none(stored, directory, text):
    (directory / "values.json").write_text(text)
    assert stored().values == {}


def test_values_are_not_waited_for(stored, directory):
    a_pipe(directory / "values.json")
    assert stored().values == {}
