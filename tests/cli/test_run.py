from __future__ import annotations

import json
from dataclasses import fields

import pytest

from dataops_lab.domain.settings import RunSettings

from .conftest import ENDLESS


def test_a_run_that_succeeds_ends_with_0_and_tells_its_values(shell):
    notebook = shell.notebook("good.ipynb", "from dataops_lab import record\nrecord('auc', 0.75)")

    answer = shell("run", notebook)

    assert answer.code == 0
    assert "succeeded" in answer.out
    assert "auc = 0.75" in answer.out


def test_json_is_the_run_and_nothing_else(shell):
    notebook = shell.notebook("json.ipynb", "print('noise')", parameters="x: int = 1")

    answer = shell("run", notebook, "-p", "x", "3", "--json")

    run = answer.json
    assert answer.code == 0
    assert (run["state"], run["reason"], run["parameters"], run["values"]) == ("succeeded", None, {"x": 3}, {})
    assert run["created_at"] <= run["started_at"] <= run["finished_at"]
    assert all(run[name].endswith("Z") for name in ("created_at", "started_at", "finished_at"))
    assert len(run["attempts"]) == 1
    assert all(run["digests"][name].startswith("sha256:") for name in ("version", "source", "output", "record"))


def test_a_run_that_fails_ends_with_1_and_tells_the_cell_and_its_error(shell):
    notebook = shell.notebook("bad.ipynb", "fine = 1", "wrong = fine / 0", parameters="x = 1")

    answer = shell("run", notebook, "-p", "x", "2")

    assert answer.code == 1
    # People count the cells of their notebook, which does not have our cell with the parameters.
    assert "Cell 3 failed:\n    wrong = fine / 0\n" in answer.out
    assert "ZeroDivisionError: division by zero" in answer.out
    assert "\x1b" not in answer.out + answer.err


def test_a_failure_as_json_has_the_cell_and_the_error_in_its_reason(shell):
    answer = shell("run", shell.notebook("bad_json.ipynb", "1 / 0"), "--json")

    reason = answer.json["reason"]
    assert answer.code == 1
    assert (reason["code"], reason["detail"]["cell"], reason["detail"]["ename"]) == (
        "cell_error",
        0,
        "ZeroDivisionError",
    )


def test_a_timeout_ends_with_3(shell):
    answer = shell("run", shell.notebook("slow.ipynb", ENDLESS), "--timeout", "0.5", "--json")

    assert answer.code == 3
    assert answer.json["state"] == "timed_out"


def test_a_run_can_be_given_every_setting_there_is(shell):
    given = {
        "--priority": 3,
        "--retries": 2,
        "--retry-on-timeout": "yes",
        "--queue-timeout": 101,
        "--start-timeout": 102,
        "--timeout": 103,
        "--total-timeout": 104,
    }
    options = [text for option, value in given.items() for text in (option, str(value))]

    run = shell("run", shell.notebook("settings.ipynb", "1"), *options, "--json").json

    assert {field.name: run[field.name] for field in fields(RunSettings)} == {
        "priority": 3,
        "max_retries": 2,
        "retry_on_timeout": True,
        "queue_timeout_s": 101,
        "start_timeout_s": 102,
        "timeout_s": 103,
        "total_timeout_s": 104,
    }


def test_a_setting_that_a_run_is_given_goes_before_that_of_its_job(shell):
    notebook = shell.notebook("own.ipynb", "1")
    job = shell("run", notebook, "--json").json["job"]["id"]
    assert shell.invoke("jobs", "set", job, "--retry-on-timeout", "yes", "--start-timeout", "50").code == 0

    run = shell("run", notebook, "--retry-on-timeout", "no", "--json").json

    assert (run["retry_on_timeout"], run["start_timeout_s"]) == (False, 50)


def test_parameters_of_a_file_are_overridden_by_those_typed(shell):
    notebook = shell.notebook("files.ipynb", "1", parameters="a: int = 1\nb: list = []\nday: str = ''\nc: str = ''")
    held = shell.text("given.yaml", "a: 2\nb: [1, x]\nday: 2026-01-31\n")

    from_yaml = shell("run", notebook, "--params", held, "-p", "a", "3", "-p", "c", "-x", "--json").json
    from_json = shell("run", notebook, "--params", shell.text("given.json", '{"a": 7}'), "--json").json

    assert from_yaml["parameters"] == {"a": 3, "b": [1, "x"], "day": "2026-01-31", "c": "-x"}
    assert from_json["parameters"] == {"a": 7}


def test_each_row_of_a_file_is_a_run_and_the_worst_end_is_the_exit_code(shell):
    notebook = shell.notebook("rows.ipynb", "assert n < 3", parameters="n: int = 0")
    (shell.folder / "rows.csv").write_text("n\n1\n3\n2\n")

    answer = shell("run", notebook, "--params-file", "rows.csv")

    assert answer.code == 1
    assert answer.out.startswith("2 succeeded, 1 failed\n")


def test_the_same_rows_with_the_same_key_are_the_same_runs(shell):
    notebook = shell.notebook("keyed.ipynb", "1", parameters="n: int = 0")
    (shell.folder / "keyed.csv").write_text("n\n1\n2\n")
    asked = ("run", notebook, "--params-file", "keyed.csv", "--no-wait", "--key", "rows")

    ids = [run["id"] for run in shell.invoke(*asked, "--json").json["items"]]

    assert len(set(ids)) == 2
    assert shell.invoke(*asked).out.split() == ids


def test_a_file_with_one_row_that_does_not_fit_starts_nothing(shell):
    notebook = shell.notebook("refused.ipynb", "1", parameters="n: int = 0")
    (shell.folder / "wrong.csv").write_text("n\n1\nx\n")

    answer = shell.invoke("run", notebook, "--params-file", "wrong.csv")

    assert answer.code == 2
    assert "Row 2: 'n'" in answer.err
    assert shell.invoke("runs", "list", "--text", "refused", "--json").json["items"] == []


def test_the_executed_notebook_is_written_at_the_end_also_of_a_run_that_failed(shell):
    old = shell.text("out.ipynb", "an older one")

    failed = shell("run", shell.notebook("bad_out.ipynb", "print('so far')\n1 / 0"), "-o", old)

    executed = json.loads((shell.folder / old).read_text())
    assert failed.code == 1
    assert executed["cells"][0]["outputs"][0]["text"] in ("so far\n", ["so far\n"])


def test_the_source_is_left_as_it_is(shell):
    notebook = shell.folder / shell.notebook("untouched.ipynb", "print(1)", parameters="x = 1")
    before = notebook.read_bytes(), notebook.stat().st_mtime_ns

    assert shell("run", notebook.name, "-p", "x", "5").code == 0

    assert (notebook.read_bytes(), notebook.stat().st_mtime_ns) == before


def test_the_same_key_is_the_same_run(shell):
    notebook = shell.notebook("keyed.ipynb", "1", parameters="x = 1")

    first = shell("run", notebook, "--key", "k 1", "--json")
    second = shell("run", notebook, "--key", "k 1", "--json")
    other = shell("run", notebook, "--key", "k 1", "-p", "x", "2", "--json")

    assert (first.code, second.code, other.code) == (0, 0, 2)
    assert second.json == first.json
    assert other.json["error"]["code"] == "key_reused"
    assert other.json["error"]["detail"]["run"] == first.json["id"]


def test_no_wait_returns_at_once_and_an_engine_takes_the_run(own_shell):
    notebook = own_shell.notebook("later.ipynb", "print('done')")

    submitted = own_shell("run", notebook, "--no-wait")

    run_id = submitted.out.strip()
    assert submitted.code == 0
    assert own_shell("runs", "logs", "-f", run_id).out.endswith("done\n")
    assert own_shell("runs", "show", run_id, "--json").json["state"] == "succeeded"


def test_a_notebook_without_parameters_says_so(shell):
    answer = shell("run", shell.notebook("plain.ipynb", "1"), "-p", "x", "1")

    assert answer.code == 2
    assert "no cell tagged 'parameters'" in answer.err


def test_what_will_be_missing_is_told_beside_the_answer(shell):
    notebook = shell.notebook("missing.ipynb", "import os\nif False:\n    open('/home/nobody/data.csv')")

    answer = shell("run", notebook)

    assert answer.code == 0
    assert "/home/nobody/data.csv" in answer.err
    assert "/home/nobody" not in answer.out


@pytest.mark.parametrize(
    "name", ["Größe 100 % 'x' \"y\".ipynb", "-dash.ipynb", "[red]a[bold].ipynb", "a\x1b]0;title\x07.ipynb"]
)
def test_a_notebook_may_be_called_anything(shell, name):
    shell.notebook(name, "print(1)")

    answer = shell("run", "--", name)

    assert answer.code == 0
    assert "\x1b" not in shell("runs", "list").out + answer.out + answer.err


SCRIPT = """\
# /// dataops
# [parameters]
# n = {default = 1, description = "how often"}
# ///
import os
from dataops_lab import record

n = int(os.environ["DATAOPS_PARAM_N"])
print("said " * n)
record("doubled", 2 * n)
if n > 2:
    raise ValueError("too often")
"""


def test_a_script_runs_with_its_parameters_and_shows_the_end_of_its_log(shell):
    script = shell.text("often.py", SCRIPT)
    answer = shell("run", script, "-p", "n", "2")
    assert answer.code == 0, answer.err
    assert "    said said \n" in answer.out
    assert "doubled = 4" in answer.out


def test_a_script_that_fails_tells_its_error_and_has_no_notebook(shell):
    script = shell.text("too_often.py", SCRIPT)
    answer = shell("run", script, "-p", "n", "3")
    assert answer.code == 1
    assert "The script ended with exit status 1: ValueError: too often" in answer.out
    assert answer.out.count("Traceback (most recent call last)") == 1
    shown = shell("runs", "show", "last")
    assert "interpreter" in shown.out
    assert "script" in shown.out
    refused = shell("runs", "output", "last", "-o", "-")
    assert refused.code == 2
    assert "has no notebook and no report. Look at its log" in refused.err


def test_a_broken_header_is_refused_with_its_line_before_anything_starts(shell):
    script = shell.text("broken.py", SCRIPT.replace("{default = 1,", "{default = ,"))
    answer = shell("run", script)
    assert answer.code == 2
    assert "broken.py, line 3: the declaration of parameters is not TOML" in answer.err


def test_an_executed_notebook_of_a_script_cannot_be_asked_for(shell):
    answer = shell("run", shell.text("plain.sh", "echo\n"), "-o", "out.ipynb")
    assert answer.code == 2
    assert "a script leaves a log" in answer.err


def test_the_check_of_a_script_shows_its_interpreter_and_parameters(shell):
    answer = shell("inspect", shell.text("looked_at.py", SCRIPT))
    assert "runs with  Python (python3)" in answer.out
    assert "how often" in answer.out
    assert "cells" not in answer.out
