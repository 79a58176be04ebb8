from __future__ import annotations

import json
import subprocess
import zipfile

import pytest

from .conftest import ENDLESS, wait_for_file


@pytest.fixture(scope="module")
def good(shell):
    """A run that has succeeded."""
    notebook = shell.notebook(
        "sales report.ipynb",
        "print('é said')\nfrom dataops_lab import record\nrecord('total', 12)\nopen('out.csv', 'w').write('a')",
        parameters="month: str = '2026-01'\ntop: int = 3",
    )
    answer = shell("run", notebook, "-p", "month", "2026-02", "--json")
    assert answer.code == 0
    return answer.json


@pytest.fixture(scope="module")
def bad(shell):
    """A run that has failed."""
    return shell("run", shell.notebook("stock.ipynb", "{}['no such key']"), "--json").json


def test_lists_are_pages_newest_first(shell, good, bad):
    first = shell.invoke("runs", "list", "--limit", "1", "--json").json
    rest = shell.invoke("runs", "list", "--limit", "1", "--cursor", first["next"], "--json").json

    assert first["items"][0]["id"] > rest["items"][0]["id"]
    assert {good["id"], bad["id"]} <= {run["id"] for run in shell.runs()}


def test_a_list_shows_a_line_for_each_run(shell, good, bad):
    lines = shell.invoke("runs", "list").out.splitlines()

    assert lines[0].split() == ["RUN", "STATE", "JOB", "DONE", "TOOK", "SUBMITTED", "BY"]
    assert any(line.startswith(f"{good['id']}  succeeded  sales report  3/3") for line in lines)
    assert any(line.startswith(f"{bad['id']}  failed ") for line in lines)


def test_a_list_is_filtered(shell, good, bad):
    def found(*options):
        return {run["id"] for run in shell.invoke("runs", "list", *options, "--json").json["items"]}

    assert bad["id"] in found("--state", "failed", "--state", "lost") and good["id"] not in found("--state", "failed")
    assert found("--job", "sales report") == found("--job", good["job"]["id"])
    assert good["id"] in found("--job", "sales report") and bad["id"] not in found("--job", "sales report")
    assert bad["id"] in found("--text", "no such key") and good["id"] not in found("--text", "no such key")
    assert good["id"] in found("--user", good["created_by"]["id"]) and not found("--user", "nobody at all")


def test_a_run_is_shown_with_everything_it_left(shell, good):
    shown = shell.invoke("runs", "show", good["id"][:20]).out

    for expected in ("succeeded", "sales report.ipynb", "month = 2026-02", "total = 12", "out.csv", "Python 3"):
        assert expected in shown
    assert "where      sandbox\n" in shown
    assert shell.invoke("runs", "show", good["id"], "--json").json == good


def test_last_is_the_newest_run(shell, good):
    newest = shell.runs()[0]["id"]

    assert shell.invoke("runs", "show", "last", "--json").json["id"] == newest


def test_a_failed_run_is_shown_with_its_cell_and_error(shell, bad):
    shown = shell.invoke("runs", "show", bad["id"]).out

    assert "Cell 1 failed:\n    {}['no such key']" in shown
    assert "KeyError: 'no such key'" in shown


def test_the_log_is_what_the_cells_said(shell, good):
    assert shell("runs", "logs", good["id"]).out.endswith("é said\n")


def test_a_log_is_followed_while_it_grows(shell):
    go_on = shell.folder / "go_on"
    notebook = shell.notebook("grows.ipynb", "print('first')", wait_for_file(go_on), "print('second')")
    run_id = shell("run", notebook, "--no-wait").out.strip()

    following = shell.start("runs", "logs", "-f", run_id)
    said = ""
    while "first" not in said:
        said += following.stdout.readline()
    go_on.touch()
    rest, err = following.communicate()

    assert rest == "second\n"
    assert (following.returncode, err) == (0, "")


def test_the_executed_notebook_goes_to_a_file_or_to_stdout(shell, good):
    named = shell.invoke("runs", "output", good["id"], "-o", "named.ipynb", "--json").json
    by_default = shell.invoke("runs", "output", good["id"])
    to_stdout = shell("runs", "output", good["id"], "-o", "-")

    executed = json.loads(to_stdout.out)
    assert executed["cells"][-1]["execution_count"] == 3
    assert named["path"] == str(shell.folder / "named.ipynb")
    assert json.loads((shell.folder / "named.ipynb").read_text()) == executed
    assert by_default.out.startswith(f"sales report-{good['id']}.ipynb")
    assert json.loads((shell.folder / f"sales report-{good['id']}.ipynb").read_text()) == executed


def test_the_record_is_one_file_with_everything(shell, good):
    written = shell.invoke("runs", "record", good["id"], "-o", "record.zip", "--json").json

    assert written["size"] == (shell.folder / "record.zip").stat().st_size
    with zipfile.ZipFile(shell.folder / "record.zip") as held:
        assert {
            *("notebook.ipynb", "report.html", "report-without-code.html", "parameters.json", "values.json"),
            *("artifacts/out.csv", "log.txt", "record.json", "reproduce.sh"),
        } <= set(held.namelist())
        assert json.loads(held.read("values.json")) == {"total": 12}


@pytest.mark.parametrize("verb", ["output", "record"])
def test_what_could_not_be_written_is_refused_and_leaves_nothing(shell, good, verb):
    for target in (".", "nowhere/file", "/dev/null"):
        answer = shell.invoke("runs", verb, good["id"], "-o", target, "--json")
        assert (answer.code, answer.json["error"]["code"]) == (2, "invalid_request")


def test_a_rerun_keeps_the_parameters_that_are_not_given(shell, good):
    again = shell("runs", "rerun", good["id"], "-p", "top", "5", "--json")

    assert again.code == 0
    assert again.json["trigger"] == {"kind": "rerun", "ref": good["id"]}
    assert again.json["version"] == good["version"]
    assert again.json["parameters"] == {"month": "2026-02", "top": 5}


def test_a_rerun_goes_to_another_environment(shell, good):
    again = shell("runs", "rerun", good["id"], "--env", "production", "--cpus", "2", "--json")

    assert again.code == 0
    assert (again.json["environment"], again.json["version"]) == ("production", good["version"])
    assert again.json["resources"]["cpus"] == 2
    refused = shell.invoke("runs", "rerun", good["id"], "--image", "none-here", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "image_not_allowed")


def test_a_rerun_with_parameters_that_do_not_fit_is_refused(shell, good):
    for given in (["-p", "top", "many"], ["-p", "other", "1"]):
        answer = shell.invoke("runs", "rerun", good["id"], *given, "--json")
        assert (answer.code, answer.json["error"]["code"]) == (2, "invalid_parameters")


def test_cancelling_ends_what_runs_and_what_waits(own_shell):
    endless = own_shell.notebook("endless.ipynb", ENDLESS)
    started = [own_shell("run", endless, "--no-wait").out.strip() for _ in range(2)]

    answer = own_shell.invoke("runs", "cancel", *started, "--json")
    for run_id in started:
        own_shell("runs", "logs", "-f", run_id)

    assert answer.code == 0
    assert [run["id"] for run in answer.json["items"]] == started
    assert {run["state"] for run in own_shell.runs()} == {"cancelled"}


def test_a_mistyped_id_cancels_none(own_shell):
    run_id = own_shell("run", own_shell.notebook("endless.ipynb", ENDLESS), "--no-wait").out.strip()

    assert own_shell.invoke("runs", "cancel", run_id, "nothing").code == 2
    assert own_shell.invoke("runs", "show", run_id, "--json").json["cancel_requested_at"] is None
    assert own_shell.invoke("runs", "cancel", run_id).code == 0
    own_shell("runs", "logs", "-f", run_id)


def test_what_has_ended_cannot_be_cancelled(shell, good):
    answer = shell.invoke("runs", "cancel", good["id"], "--json")

    assert answer.code == 2
    assert answer.json["items"] == []
    assert answer.json["errors"][0]["code"] == "already_ended"


def test_the_commands_of_a_reproduction_do_what_the_script_did(shell, tmp_path):
    shell.text("count.csv", "1\n2\n")
    header = "#!/bin/bash\n# /// dataops\n# [parameters]\n# region = 'North'\n# ///\n"
    script = f'{header}wc -l < count.csv\necho "$DATAOPS_PARAM_REGION"\nexit 3\n'
    run = shell("run", shell.text("count.sh", script), "-p", "region", "it's $HOME", "--json").json
    shell.text("count.csv", "changed since")

    answer = shell("runs", "reproduce", run["id"], "-o", str(tmp_path / "why"))
    assert answer.code == 0, answer.err
    where, _, commands = answer.out.partition("\n\n")
    assert where.startswith(f"{tmp_path / 'why'} (")
    done = subprocess.run(["bash", "-c", commands], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "2\nit's $HOME\n")
    shown = shell("runs", "reproduce", run["id"], "-o", str(tmp_path / "why"), "--json").json
    assert (shown["created"], shown["cell"]) == (False, None)


def test_the_failing_cell_of_a_reproduction_is_named(shell, bad):
    answer = shell.invoke("runs", "reproduce", bad["id"])
    assert "Cell 1 failed. Run the cells above it first." in answer.out.splitlines()
    assert answer.out.splitlines()[-1] == "jupyter lab stock.ipynb"
