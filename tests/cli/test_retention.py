"""`retention`, `records` and `runs delete|keep|unkeep`."""

from __future__ import annotations

import pytest

from dataops_lab.client.local import LocalClient
from dataops_lab.domain.runs import Submission
from dataops_lab.services import runs
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_services


@pytest.fixture
def ended(own_shell) -> list[str]:
    """Two runs of one job that ended without being executed."""
    path = own_shell.folder / own_shell.notebook("n.ipynb", "1")
    ctx = build_services(Home(own_shell.home))
    made = [runs.submit(ctx, Submission(str(path)), by=person("root")).view.run.id for _ in range(2)]
    for run_id in made:
        runs.cancel(ctx, run_id, by=person("root"))
    return made


def ids(shell) -> list[str]:
    return [run["id"] for run in shell.runs()][::-1]


def test_rules_are_set_shown_previewed_and_applied(own_shell, ended):
    first, second = ended
    here = own_shell.invoke
    assert "every run stays" in here("retention", "show").err
    seen = here("retention", "preview", "--last", "1", "--json").json
    assert (seen["count"], seen["oldest"][0]["id"]) == (1, first)
    assert here("retention", "show", "--json").json == {"rules": []}, "a preview sets nothing"

    assert here("retention", "set", "--last", "1", "--days", "0").code == 0
    assert here("retention", "set", "--state", "failed", "--forever").code == 0
    shown = here("retention", "show").out
    assert "the last 0 days and the newest 1 of each job" in shown and "everything" in shown
    assert "1 run would go" in here("retention", "preview").out
    assert here("retention", "apply").out.startswith("Deleted 1 run ")
    assert ids(own_shell) == [second]

    here("retention", "set", "--last", "5")
    assert {"environment": None, "state": None, "days": None, "last": 5} in here("retention", "show", "--json").json[
        "rules"
    ], "the rule of the same place is replaced"
    assert here("retention", "set", "--state", "failed", "--remove").code == 0
    assert here("retention", "set", "--state", "failed", "--remove").code == 2


@pytest.mark.parametrize(
    "options", [[], ["--remove", "--days", "1"], ["--days", "-1"], ["--state", "queued", "--days", "1"]]
)
def test_a_rule_that_makes_no_sense_is_refused(own_shell, options):
    assert own_shell.invoke("retention", "set", *options).code == 2
    assert own_shell.invoke("retention", "show", "--json").json == {"rules": []}


def test_runs_are_kept_and_deleted_and_nothing_goes_unasked(own_shell, ended):
    first, second = ended
    here = own_shell.invoke
    assert here("runs", "delete", first).code == 2
    assert here("runs", "keep", first).code == 0
    assert "kept" in here("runs", "show", first).out
    answer = here("runs", "delete", first, second, "--yes", "--json")
    assert (answer.code, answer.json["runs"]) == (2, [second])
    assert [(error["run"], error["code"]) for error in answer.json["errors"]] == [(first, "run_kept")]
    assert here("runs", "delete", "last", second, "--yes").code == 2, "one that is mistyped deletes none"
    assert ids(own_shell) == [first]
    assert here("runs", "unkeep", first).code == here("runs", "delete", first, "--yes").code == 0
    assert ids(own_shell) == []


def test_records_are_verified_and_what_is_damaged_is_named(own_shell):
    notebook = own_shell.notebook("n.ipynb", "print('said')")
    run_id = own_shell("run", notebook, "--json").json["id"]
    assert own_shell.invoke("records", "verify", "--all").out == "1 record whole.\n"
    ctx = build_services(Home(own_shell.home))
    with ctx.store.read() as tx:
        [log] = [file for file in tx.records.find_for_run(run_id).files if file.path == "log.txt"]
    ctx.blobs._path(log.digest).unlink()
    answer = own_shell.invoke("records", "verify", run_id)
    assert (answer.code, answer.out) == (1, f"{run_id} log.txt: Its bytes are missing.\n")
    damaged = own_shell.invoke("records", "verify", "--all", "--json").json["damaged"]
    assert damaged == [{"run": run_id, "integrity_errors": {"log.txt": "Its bytes are missing."}}]
    assert "log.txt" in own_shell.invoke("runs", "show", run_id).out
    assert (
        own_shell.invoke("records", "verify").code == own_shell.invoke("records", "verify", run_id, "--all").code == 2
    )


def test_who_verifies_all_records_skips_those_of_other_people_and_is_told_how_many(own_shell):
    notebook = str(own_shell.folder / own_shell.notebook("n.ipynb", "1"))
    ctx = build_services(Home(own_shell.home))
    for name in ("bob", "ann", "ann"):
        LocalClient(ctx, user=person(name)).submit(notebook)
    bob = {"LOGNAME": "bob", "DATAOPS_LAB_ADMINISTRATORS": "eve"}
    answer = own_shell.invoke("records", "verify", "--all", **bob)
    assert (answer.code, answer.out) == (0, "1 record whole.\n")
    assert answer.err.startswith("2 runs of other people skipped")
    assert own_shell.invoke("records", "verify", "--all", "--json", **bob).json["skipped"] == 2
    assert own_shell.invoke("records", "verify", "last", **bob).code == 2
