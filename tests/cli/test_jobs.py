from __future__ import annotations

import pytest


@pytest.fixture
def job(own_shell):
    """A job with one run that waits, for there is no engine."""
    shell = own_shell
    assert shell.here("projects", "set", "default", "--concurrency", "0").code == 0
    run = shell.here("run", shell.notebook("sales.ipynb", "1"), "--no-wait", "--priority", "3", "--json").json
    assert run["priority"] == 3
    return run["job"]["id"]


def test_a_job_is_set_shown_and_taken_back(own_shell, job):
    shell = own_shell
    changed = shell.here(
        "jobs", "set", "sales", "--retries", "2", "--timeout", "60", "--concurrency", "1", "--json"
    ).json
    assert (changed["id"], changed["max_retries"], changed["timeout_s"], changed["concurrency"]) == (job, 2, 60, 1)
    assert changed["priority"] is None

    shown = shell.here("jobs", "show", job).out
    assert (
        "max retries        2" in shown
        and "timeout            60 s" in shown
        and "priority           0 (default)" in shown
    )

    back = shell.here("jobs", "set", job, "--retries", "default", "--concurrency", "default", "--json").json
    assert (back["max_retries"], back["timeout_s"], back["concurrency"]) == (None, 60, None)


def test_jobs_are_listed_with_their_last_run(own_shell, job):
    [line] = [line for line in own_shell.here("jobs", "list").out.splitlines() if line.startswith(job)]
    assert line.split()[1:3] == ["sales", "queued"]
    assert own_shell.here("jobs", "list", "--text", "nothing", "--json").json["items"] == []


def test_files_are_pinned_and_taken_fresh_by_patterns(own_shell, job):
    shell = own_shell
    shell.text("stock.csv", "1")
    shell.text("limits.yaml", "a: 1")
    assert "of the version: limits.yaml" in shell.here("inspect", "sales.ipynb").out
    changed = shell.here("jobs", "set", job, "--pin", "*.csv", "--fresh", "*.yaml", "--json").json
    assert changed["pinned"] == ["*.csv", "!*.yaml"]
    assert "pinned             *.csv !*.yaml" in shell.here("jobs", "show", job).out
    shown = shell.here("inspect", "sales.ipynb").out
    assert "of the version: stock.csv" in shown
    assert "fresh in each run: limits.yaml" in shown
    assert shell.here("jobs", "set", job, "--pin", "*.yaml", "--json").json["pinned"] == ["*.csv", "*.yaml"]
    assert shell.here("jobs", "set", job, "--no-pins", "--fresh", "a", "--json").json["pinned"] == ["!a"]
    assert shell.here("jobs", "set", job, "--pin", "/").code == 2


def test_the_files_that_a_run_found_are_listed(own_shell):
    shell = own_shell
    shell.text("stock.csv", "1")
    shell.text("helper.py", "a = 1")
    shell.here("projects", "set", "default", "--concurrency", "0")
    shell.here("run", shell.notebook("sales.ipynb", "1"), "--no-wait")
    rows = [line.split()[:2] for line in shell.here("runs", "inputs", "last").out.splitlines()]
    assert rows[1:] == [["helper.py", "version"], ["stock.csv", "fresh"]]


def test_a_project_has_a_limit(own_shell, job):
    shell = own_shell
    assert shell.here("projects", "show", "default", "--json").json == {"name": "default", "concurrency": 0}
    assert shell.here("projects", "set", "default", "--concurrency", "default", "--json").json["concurrency"] is None
    assert "as many as there are slots" in shell.here("projects", "show", "default").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set", "sales"], "Nothing to change"),
        (["set", "sales", "--priority", "101"], "101 is not in the range"),
        (["set", "sales", "--timeout", "nan"], "more than 0"),
        (["set", "sales", "--concurrency", "-1"], "-1 is not in the range"),
        (["set", "nothing", "--priority", "1"], "There is no job"),
        (["show", "nothing"], "There is no job"),
    ],
)
def test_what_makes_no_sense_is_refused(shell, arguments, said):
    answer = shell.here("jobs", *arguments)
    assert answer.code == 2
    assert said in answer.err
