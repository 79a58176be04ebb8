from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def job(own_shell):
    """A job with one run, which waits because there is no engine."""
    shell = own_shell
    assert shell.invoke("projects", "set", "default", "--concurrency", "0").code == 0
    run = shell.invoke("run", shell.notebook("sales.ipynb", "1"), "--no-wait", "--priority", "3", "--json").json
    assert run["priority"] == 3
    return run["job"]["id"]


def test_a_job_is_set_shown_and_taken_back(own_shell, job):
    shell = own_shell
    changed = shell.invoke(
        "jobs", "set", "sales", "--retries", "2", "--timeout", "60", "--concurrency", "1", "--json"
    ).json
    assert (changed["id"], changed["max_retries"], changed["timeout_s"], changed["concurrency"]) == (job, 2, 60, 1)
    assert changed["priority"] is None

    shown = shell.invoke("jobs", "show", job).out
    assert (
        "max retries        2" in shown
        and "timeout            60 s" in shown
        and "priority           0 (default)" in shown
    )

    back = shell.invoke("jobs", "set", job, "--retries", "default", "--concurrency", "default", "--json").json
    assert (back["max_retries"], back["timeout_s"], back["concurrency"]) == (None, 60, None)


def test_jobs_are_listed_with_their_last_run(own_shell, job):
    [line] = [line for line in own_shell.invoke("jobs", "list").out.splitlines() if line.startswith(job)]
    assert line.split()[1:3] == ["sales", "queued"]
    assert own_shell.invoke("jobs", "list", "--text", "nothing", "--json").json["items"] == []


def test_files_are_pinned_and_taken_fresh_by_patterns(own_shell, job):
    shell = own_shell
    shell.text("stock.csv", "1")
    shell.text("limits.yaml", "a: 1")
    assert "of the version: limits.yaml" in shell.invoke("inspect", "sales.ipynb").out
    changed = shell.invoke("jobs", "set", job, "--pin", "*.csv", "--fresh", "*.yaml", "--json").json
    assert changed["pinned"] == ["*.csv", "!*.yaml"]
    assert "pinned             *.csv !*.yaml" in shell.invoke("jobs", "show", job).out
    shown = shell.invoke("inspect", "sales.ipynb").out
    assert "of the version: stock.csv" in shown
    assert "fresh in each run: limits.yaml" in shown
    assert shell.invoke("jobs", "set", job, "--pin", "*.yaml", "--json").json["pinned"] == ["*.csv", "*.yaml"]
    assert shell.invoke("jobs", "set", job, "--no-pins", "--fresh", "a", "--json").json["pinned"] == ["!a"]
    assert shell.invoke("jobs", "set", job, "--pin", "/").code == 2


def test_the_files_that_a_run_found_are_listed(own_shell):
    shell = own_shell
    shell.text("stock.csv", "1")
    shell.text("helper.py", "a = 1")
    shell.invoke("projects", "set", "default", "--concurrency", "0")
    shell.invoke("run", shell.notebook("sales.ipynb", "1"), "--no-wait")
    rows = [line.split()[:2] for line in shell.invoke("runs", "inputs", "last").out.splitlines()]
    assert rows[1:] == [["helper.py", "version"], ["stock.csv", "fresh"]]


def test_a_project_has_a_limit(own_shell, job):
    shell = own_shell
    assert shell.invoke("projects", "show", "default", "--json").json == {"name": "default", "concurrency": 0}
    assert shell.invoke("projects", "set", "default", "--concurrency", "default", "--json").json["concurrency"] is None
    assert "as many as there are slots" in shell.invoke("projects", "show", "default").out


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
    answer = shell.invoke("jobs", *arguments)
    assert answer.code == 2
    assert said in answer.err


def test_a_job_is_named_by_the_path_of_its_notebook_and_listed_by_workspace_and_path(own_shell, job):
    shell = own_shell
    source = shell.invoke("jobs", "show", job, "--json").json["source"]
    assert shell.invoke("jobs", "show", source, "--json").json["id"] == job
    [line] = [line for line in shell.invoke("jobs", "list").out.splitlines() if line.startswith(job)]
    assert line.split()[-2:] == [Path(source).parent.name, "sales.ipynb"]


def test_jobs_that_were_parted_are_relinked(own_shell, job):
    shell = own_shell
    old = Path(shell.invoke("jobs", "show", job, "--json").json["source"])
    new = old.rename(old.with_name("turnover.ipynb"))
    other = shell.invoke("run", str(new), "--no-wait", "--json").json
    refused = shell.invoke("jobs", "relink", job, "turnover")
    assert refused.code != 0
    assert "has not ended" in refused.err
    shell.invoke("runs", "cancel", other["id"])
    assert shell.invoke("jobs", "relink", job, "turnover", "--json").json["source"] == str(new)
    shown = shell.invoke("jobs", "show", job).out
    assert f"relinked, with {other['job']['id']}" in shown
    assert str(old) in shown
    assert shell.invoke("runs", "show", other["id"], "--json").json["job"]["id"] == job


def test_a_job_is_relinked_to_a_notebook_that_is_no_job_yet(own_shell, job):
    shell = own_shell
    old = Path(shell.invoke("jobs", "show", job, "--json").json["source"])
    new = old.rename(old.with_name("turnover.ipynb"))
    assert shell.invoke("jobs", "relink", job, str(new), "--json").json["source"] == str(new)
    assert shell.invoke("jobs", "relink", job, "nowhere").err
