"""People who ask are told in words why a run does not start warm."""

from __future__ import annotations

import json

import pytest

from dataops_lab.cli.warm_start import describe, read_report

from ..waiting import eventually

READY = {
    "role": "runner",
    "python": "/bin/python",
    "imports": [],
    "state": "ready",
    "problem": "",
    "memory_bytes": 2**25,
}
LIBRARIES = {**READY, "role": "kernel", "imports": ["pandas", "matplotlib.pyplot", "pandas.io"]}
FAILED = {**READY, "state": "failed", "problem": "The import of pyarrow starts threads."}
LEFT_OUT = {"python": "/bin/python", "library": "noisy", "problem": "noisy says something while it is imported."}


def report(*interpreters, left_out=(), **more):
    told = {"pid": 7, "size": 2, "library_bytes": 10, "interpreters": list(interpreters), "left_out": list(left_out)}
    return {**told, **more}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (report(READY), (True, "Runner of /bin/python: ready, 33.6 MB.")),
        (report(LIBRARIES), (True, "Kernel of /bin/python with matplotlib, pandas: ready, 33.6 MB.")),
        (report({**READY, "state": "starting"}), (True, "Runner of /bin/python: starting.")),
        (report(FAILED), (False, "Runner of /bin/python starts cold. The import of pyarrow starts threads.")),
        (
            report(left_out=[LEFT_OUT]),
            (False, "noisy is not imported ahead by /bin/python: noisy says something while it is imported."),
        ),
        (report(size=0), (False, "Every run starts cold: the engine was started with --warm 0.")),
        (None, (True, "No interpreter is preloaded yet; the first run begins them.")),
    ],
)
def test_a_sentence_says_how_each_interpreter_is(told, expected):
    assert list(describe(told)) == [expected]


def test_what_another_engine_has_written_does_not_count(tmp_path):
    file = tmp_path / "warm.json"
    assert read_report(file, 7) is None
    file.write_text(json.dumps(report()))
    assert read_report(file, 7) == report()
    assert read_report(file, 8) is None
    file.write_text("{")
    assert read_report(file, 7) is None


def test_status_and_doctor_tell_of_the_engine_that_leads(own_shell):
    own_shell.start("engine", "run", "--warm", "0")
    eventually(lambda: own_shell.invoke("engine", "status", "--json").json["leading"])

    ran = own_shell.invoke("run", own_shell.notebook("a.ipynb", "1"))
    status = own_shell.invoke("engine", "status")
    found = own_shell.invoke("doctor", "--json").json["checks"]
    own_shell.invoke("engine", "stop")

    assert ran.code == 0, ran.err
    assert "Every run starts cold: the engine was started with --warm 0." in status.out
    (check,) = (finding for finding in found if finding["what"] == "warm start")
    assert check["state"] == "note"
    assert "--warm 0" in check["message"]
