"""Runs of pipelines from their submission to their end, by the command line alone."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from ..waiting import eventually
from .conftest import TIMEOUT_S

CHAIN = """\
version: 1
parameters: {good: {type: boolean, default: true}}
steps:
  check: {notebook: check.ipynb, with: {good: {cel: params.good}}}
  each: {notebook: each.ipynb, needs: [check], for_each: {inputs: [North, South]}, with: {region: {cel: item}}}
  never: {command: [echo, never], needs: [check], if: "steps.check.values.rows > 5"}
  tell: {command: [echo, it failed], needs: [each], run_if: at_least_one_failed}
"""
APPROVAL = """\
version: 1
steps:
  check: {notebook: check.ipynb}
  ok: {approve: {ask: Publish?}, needs: [check]}
  after: {notebook: check.ipynb, needs: [ok]}
"""


@pytest.fixture(scope="module")
def chain(shell):
    """A shell in whose folder the pipelines `chain` and `approval` lie."""
    leave = "from dataops_lab import record\nrecord('rows', 3)\nassert good, 'not plausible'"
    shell.notebook("check.ipynb", leave, parameters="good = True")
    shell.notebook("each.ipynb", "print(region)", parameters="region = 'none'")
    shell.text("chain.pipeline.yaml", CHAIN)
    shell.text("approval.pipeline.yaml", APPROVAL)
    return shell


ELYRA = Path(__file__).parents[1] / "pipelines/elyra/corpus"


def steps_of(shell, run_id: str) -> dict[str, str]:
    shown = shell("runs", "show", run_id)
    assert shown.code == 0, shown.err
    table = shown.out.split("STEP", 1)[1].splitlines()[1:]
    return {line.split()[0]: line.split()[1] for line in table if line and ":" not in line.split()[0]}


def test_a_pipeline_is_followed_step_by_step_and_ends_with_its_table(chain):
    ran = chain("run", "chain.pipeline.yaml")

    assert ran.code == 0, ran.err
    told = ran.err.splitlines()
    assert told.index("check: running") < next(
        i for i, line in enumerate(told) if line.startswith("check: succeeded in ")
    )
    assert "never: skipped. Its condition does not hold." in told
    assert ran.out.startswith("✓ succeeded in ")
    table = [line.split()[:3] for line in ran.out.splitlines()[2:]]
    assert [row[:2] for row in table] == [
        ["check", "succeeded"],
        ["each", "succeeded"],
        ["never", "skipped"],
        ["tell", "skipped"],
    ]
    assert table[1][2] == "2/2"


def test_a_step_that_fails_is_named_with_its_run_and_the_others_say_why_they_did_not_run(chain):
    ran = chain("pipeline", "run", "chain.pipeline.yaml", "-p", "good", "false")

    assert ran.code == 1
    assert any(line.startswith("check: failed in ") and "not plausible" in line for line in ran.err.splitlines())
    assert "each: skipped. `check` failed." in ran.err.splitlines()
    [command] = [line for line in ran.out.splitlines() if line.startswith("check: jupyter dataops runs show ")]
    failed = chain("runs", "show", command.split()[-1])
    assert "AssertionError: not plausible" in failed.out


def test_json_is_the_run_of_the_pipeline_and_nothing_else(chain):
    run = chain("run", "chain.pipeline.yaml", "--json").json

    assert (run["kind"], run["state"], run["kernel"], run["parent"]) == ("pipeline", "succeeded", None, None)
    assert run["progress"] == {"done": 4, "total": 4, "current": None}


def test_what_the_pipeline_does_not_take_is_refused_before_anything_is_there(chain):
    before = len(chain.runs())

    for wrong in (("-p", "god", "true"), ("-p", "good", "3"), ("-o", "out.ipynb"), ("--kernel", "cobol")):
        refused = chain("run", "chain.pipeline.yaml", *wrong)
        assert refused.code == 2, wrong

    assert len(chain.runs()) == before


def test_lists_show_a_pipeline_as_one_row_and_the_runs_of_its_steps_on_request(chain):
    run = chain("run", "chain.pipeline.yaml", "--json").json

    listed = [each["id"] for each in chain.runs()]
    children = chain("runs", "list", "--parent", run["id"], "--json").json["items"]
    each = chain("runs", "list", "--parent", run["id"], "--step", "each")

    assert run["id"] in listed
    assert {child["id"] for child in children}.isdisjoint(listed)
    assert sorted(child["parent"]["key"] for child in children) == ["check", "each/North", "each/South"]
    assert sorted(line.split()[0] for line in each.out.splitlines()) == ["STEP", "each/North", "each/South"]
    assert chain("runs", "list", "--step", "each").code == 2


@pytest.mark.parametrize(("verb", "code", "state"), [("approve", 0, "succeeded"), ("reject", 1, "rejected")])
def test_a_pipeline_that_awaits_a_decision_says_how_to_take_it_and_goes_on(chain, verb, code, state):
    following = chain.start("run", "approval.pipeline.yaml")
    assert following.stderr is not None
    hint = next(line for line in following.stderr if "runs approve" in line)
    run_id = next(run["id"] for run in chain.runs() if run["phase"] == "awaiting_approval")
    assert hint == f"  jupyter dataops runs approve {run_id} ok   or: runs reject {run_id} ok\n"
    assert f"runs approve {run_id} ok" in chain("runs", "show", run_id).out

    decided = chain("runs", verb, run_id, "ok", "--comment", "as agreed")

    assert (decided.code, decided.out.split()[:2]) == (0, [run_id, "ok"])
    out, err = following.communicate(timeout=TIMEOUT_S)
    assert following.returncode == code, err
    assert "as agreed" in out
    assert steps_of(chain, run_id)["ok"] == state
    again = chain("runs", "approve" if verb == "reject" else "reject", run_id, "ok")
    assert again.code == 2


def test_approvals_lists_what_waits_and_history_shows_the_runs_beside_one_another(chain):
    run_id = chain("run", "approval.pipeline.yaml", "--no-wait").out.strip()
    eventually(lambda: steps_of(chain, run_id)["ok"] == "awaiting_approval")

    waiting = chain("approvals")
    line = next(line for line in waiting.out.splitlines() if run_id in line)
    assert line.split()[:3] == [run_id, "ok", "approval"]
    assert line.endswith("Publish?")
    [listed] = [each for each in chain("approvals", "--json").json["items"] if each["run"]["id"] == run_id]
    assert [each["id"] for each in listed["before"]] == ["check"]

    assert chain("runs", "reject", run_id, "ok").code == 0
    assert run_id not in chain("approvals").out
    shown = chain("pipeline", "history", "approval.pipeline.yaml", "--limit", "1")
    assert shown.code == 0, shown.err
    rows = {line.split()[0]: line for line in shown.out.splitlines()}
    assert run_id[-8:] in rows["run"]
    assert rows["check"].split()[1] == "succeeded"
    assert "rejected" in rows["ok"]
    assert chain("pipeline", "history", "check.ipynb").code == 2


def test_a_pipeline_is_cancelled_as_a_whole(chain):
    run_id = chain("run", "approval.pipeline.yaml", "--no-wait").out.strip()
    eventually(lambda: steps_of(chain, run_id)["ok"] == "awaiting_approval")

    assert chain("runs", "cancel", run_id).code == 0

    eventually(lambda: chain("runs", "show", run_id, "--json").json["state"] == "cancelled")
    assert steps_of(chain, run_id) == {"check": "succeeded", "ok": "cancelled", "after": "skipped"}


def test_a_pipeline_runs_again_in_the_same_versions(chain):
    first = chain("run", "chain.pipeline.yaml", "--json").json
    chain.text("chain.pipeline.yaml", "broken")

    again = chain("runs", "rerun", first["id"], "--json")
    chain.text("chain.pipeline.yaml", CHAIN)

    assert again.code == 0, again.out
    assert again.json["version"] == first["version"]
    assert again.json["trigger"] == {"kind": "rerun", "ref": first["id"]}


def test_a_pipeline_has_no_log_of_its_own_and_says_where_there_are_some(chain):
    run = chain("run", "chain.pipeline.yaml", "--json").json

    logs = chain("runs", "logs", run["id"])

    assert (logs.code, logs.out) == (0, "")
    assert f"runs show {run['id']}" in logs.err


def test_the_same_key_is_the_same_run_of_the_pipeline(chain):
    runs = {chain("run", "chain.pipeline.yaml", "--key", "once", "--json").json["id"] for _ in range(2)}
    assert len(runs) == 1


REPAIRED = """\
version: 1
steps:
  first: {command: [sh, -c, "echo first >> $WITNESS"]}
  each:
    command: [sh, -c, "echo $DATAOPS_PARAM_N >> $WITNESS; test $DATAOPS_PARAM_N -ne 2 || test -e $WITNESS.fixed"]
    needs: [first]
    for_each: {inputs: [1, 2, 3]}
    with: {n: {cel: item}}
  last: {command: [sh, -c, "echo last >> $WITNESS"], needs: [each]}
"""


def test_a_repair_says_what_runs_again_and_runs_the_failed_item_alone(chain, tmp_path):
    witness = tmp_path / "witness"
    chain.text("repaired.pipeline.yaml", REPAIRED.replace("$WITNESS", str(witness)))
    failed = chain("run", "repaired.pipeline.yaml", "--json")
    assert failed.code == 1, failed.err
    old = failed.json["id"]

    preview = chain("runs", "repair", old, "--dry-run")
    told = {line.split()[0]: " ".join(line.split()[1:]) for line in preview.out.splitlines() if line.strip()}
    assert told["first"] == f"taken over from run {old}"
    assert told["each"].startswith("runs again It failed. 2 of 3 items are taken over.")
    (tmp_path / "witness.fixed").touch()
    repaired = chain("runs", "repair", old, "--json")

    assert repaired.code == 0, repaired.err
    assert repaired.json["trigger"] == {"kind": "repair", "ref": old}
    assert sorted(witness.read_text().split()) == ["1", "2", "2", "3", "first", "last"]
    shown = chain("runs", "show", repaired.json["id"]).out
    assert f"repair of  {old}" in shown
    assert f"Taken from run {old}." in shown
    assert repaired.json["id"] in chain("runs", "show", old).out
    assert chain("runs", "repair", repaired.json["id"]).code == 2
    assert chain("runs", "repair", repaired.json["id"], "--only", "nothing").code == 2


def test_an_imported_pipeline_leaves_what_the_runner_of_elyra_left(shell):
    shutil.copytree(ELYRA, shell.folder / "elyra")
    before = {path.name: path.read_bytes() for path in (shell.folder / "elyra").iterdir()}

    assert shell("pipeline", "import", "elyra/totals.pipeline").code == 0
    ran = shell("run", "elyra/totals.pipeline.yaml", "--json")
    report = shell("runs", "list", "--parent", ran.json["id"], "--json").json["items"][0]
    assert shell("runs", "record", report["id"], "-o", "report.zip").code == 0
    with zipfile.ZipFile(shell.folder / "report.zip") as record:
        [left] = [
            record.read(name)
            for name in record.namelist()
            if name.startswith("artifacts/") and name.endswith("report.txt")
        ]

    assert (ran.code, steps_of(shell, ran.json["id"])) == (
        0,
        dict.fromkeys(("load_rows", "total", "report"), "succeeded"),
    )
    assert left == before["report.txt"]
    assert {name: (shell.folder / "elyra" / name).read_bytes() for name in before} == before


def test_a_decision_starts_an_engine_where_none_leads(chain):
    run = chain("run", "approval.pipeline.yaml", "--no-wait", "--json").json
    eventually(lambda: steps_of(chain, run["id"])["ok"] == "awaiting_approval")
    assert chain("engine", "stop").code == 0

    checks = {check["what"]: check for check in chain("doctor", "--json").json["checks"]}
    assert "1 approval cannot expire meanwhile" in checks["engine"]["message"]
    assert chain("runs", "approve", run["id"], "ok").code == 0

    eventually(lambda: steps_of(chain, run["id"])["after"] == "succeeded")


def test_reuse_says_before_and_after_what_it_takes_over(chain):
    chain.text("again.pipeline.yaml", CHAIN)
    first = chain("run", "again.pipeline.yaml", "--json").json["id"]

    preview = chain("run", "again.pipeline.yaml", "--reuse", "--dry-run", "-p", "good", "true")
    assert preview.code == 0, preview.err
    rows = {line.split()[0]: line for line in preview.out.splitlines()}
    assert rows["check"].split()[1] == "reused"
    assert rows["check"].endswith(f"Nothing has changed since run {first}.")
    assert "does not run" in rows["never"]

    again = chain("run", "again.pipeline.yaml", "--reuse")
    assert again.code == 0, again.err
    assert "check: succeeded (reused)." in again.err
    assert chain("run", "again.pipeline.yaml", "--dry-run").code == 2
    assert chain("run", "check.ipynb", "--reuse").code == 2
