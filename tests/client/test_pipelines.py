"""The promises of every client about pipelines, on real kernels; the same tests for each implementation."""

from __future__ import annotations

import pytest

from dataops_lab.domain.repairs import RepairWish
from dataops_lab.domain.runs import RunState
from dataops_lab.errors import Conflict, NotFound, Refused

from ..pipelines.elyra.flows import as_bytes, flow, node
from ..waiting import eventually

STEPS = """\
version: 1
title: The month
parameters: {top: {type: integer, default: 2}}
steps:
  extract: {notebook: extract.ipynb, with: {top: {cel: params.top}}}
  each:
    notebook: each.ipynb
    needs: [extract]
    for_each: {item: region, inputs: {cel: steps.extract.values.regions}}
    with: {region: {cel: region}}
  never: {notebook: each.ipynb, needs: [extract], if: "steps.extract.values.regions.size() > 5"}
  ok: {approve: {ask: Publish?}, needs: [each]}
  report: {notebook: each.ipynb, needs: [ok]}
"""


def a_pipeline(installation, name: str, text: str = STEPS) -> str:
    folder = f"{name}/"
    leave = "from dataops_lab import record\nrecord('regions', ['North', 'South', 'East'][:top])"
    installation.notebook(f"{folder}extract.ipynb", leave, parameters="top = 1")
    installation.notebook(f"{folder}each.ipynb", "print(region)", parameters="region = 'none'")
    (installation.workspace / folder / "month.pipeline.yaml").write_text(text)
    return installation.path_of(f"{folder}month.pipeline.yaml")


def ended(client, run):
    return client.run(list(client.follow(run.id))[-1].run.id)


def steps_of(client, run) -> dict:
    return {step.id: step for step in client.pipelines.steps(run.id)}


def test_a_pipeline_is_checked_with_the_notebooks_that_it_names(installation, client):
    path = a_pipeline(installation, "checked")

    assert client.pipelines.validate(path).problems == []
    wrong = client.pipelines.validate(path, content=STEPS.replace("top: {cel", "tip: {cel"))

    [problem] = wrong.problems
    assert (problem.line, problem.step) == (5, "extract")
    assert [step.id for step in wrong.steps] == ["extract", "each", "never", "ok", "report"]
    with pytest.raises(Refused):
        client.pipelines.validate(installation.path_of("gone.pipeline.yaml"))


def test_a_pipeline_is_suggested_for_notebooks(installation, client):
    paths = [
        installation.notebook("new/1_load.ipynb", "open('all.csv', 'w').write('1')"),
        installation.notebook("new/2_report.ipynb", "open('all.csv').read()"),
    ]

    found = client.pipelines.suggest(paths)

    assert found.name == "new.pipeline.yaml"
    assert [(guess.giver, guess.taker, guess.path) for guess in found.guesses] == [("load", "report", "all.csv")]


def test_a_pipeline_of_elyra_is_imported_with_a_report(installation, client):
    installation.notebook("elyra/load.ipynb", "open('all.csv', 'w').write('1')")
    installation.notebook("elyra/report.ipynb", "open('all.csv').read()")
    chain = flow(node("load.ipynb"), node("report.ipynb", after=("load.ipynb",)))
    (installation.workspace / "elyra/month.pipeline").write_bytes(as_bytes(chain))

    found = client.pipelines.import_elyra(installation.path_of("elyra/month.pipeline"))

    assert (found.name, found.folder.endswith("elyra")) == ("month.pipeline.yaml", True)
    assert "{from: load, paths: [all.csv], into: .}  # guessed" in found.content
    assert {(note.kind, note.step) for note in found.notes} >= {("carried_over", "load"), ("changed", "report")}
    with pytest.raises(Refused):
        client.pipelines.import_elyra(installation.path_of("elyra/load.ipynb"))


def test_a_pipeline_with_problems_is_refused_with_the_place_of_each(installation, client):
    path = a_pipeline(installation, "wrong", STEPS.replace("top: {cel", "tip: {cel"))

    with pytest.raises(Refused) as refused:
        client.submit(path)

    [problem] = refused.value.detail["problems"]
    assert (problem["line"], problem["step"]) == (5, "extract")
    assert client.runs(text="wrong").items == []


def test_a_pipeline_runs_awaits_its_approval_and_goes_on(installation, client):
    run = client.submit(a_pipeline(installation, "walk"), parameters={"top": 2}, key="walk")
    assert (run.kind, run.parameters) == ("pipeline", {"top": 2})
    assert (
        client.submit(installation.path_of("walk/month.pipeline.yaml"), parameters={"top": 2}, key="walk").id == run.id
    )

    eventually(lambda: steps_of(client, run)["ok"].state == "awaiting_approval")
    steps = steps_of(client, run)
    assert {name: step.state for name, step in steps.items()} == {
        "extract": "succeeded",
        "each": "succeeded",
        "never": "skipped",
        "ok": "awaiting_approval",
        "report": "waiting",
    }
    assert steps["each"].items.model_dump() == {"total": 2, "succeeded": 2, "failed": 0, "active": 0, "waiting": 0}
    assert steps["never"].reason.code == "condition_not_met"
    assert steps["ok"].approval.may_decide
    assert client.run(run.id).phase == "awaiting_approval"

    [waiting] = [each for each in client.pipelines.approvals() if each.run.id == run.id]
    assert (waiting.step, waiting.ask, waiting.who, waiting.may_decide) == ("ok", "Publish?", [], True)
    [column] = client.pipelines.step_matrix(run.job.id, limit=1).runs
    assert {cell.step: cell.state for cell in column.cells} == {name: step.state for name, step in steps.items()}
    with pytest.raises(NotFound):
        client.pipelines.step_matrix("none")

    decided = client.pipelines.decide(run.id, "ok", approved=True, comment="Looks right")
    assert run.id not in [each.run.id for each in client.pipelines.approvals()]
    assert (decided.approval.comment, decided.state) == ("Looks right", "succeeded")
    with pytest.raises(Conflict):
        client.pipelines.decide(run.id, "ok", approved=False)

    last = list(client.follow(run.id))[-1].run
    assert last.state is RunState.SUCCEEDED
    assert (last.progress.done, last.progress.total) == (5, 5)
    report = steps_of(client, run)["report"]
    assert client.run(report.run_id).parent.id == run.id
    assert b"none" in b"".join(client.log(report.run_id))


def test_the_runs_of_steps_are_listed_with_their_parent_alone(installation, client):
    run = client.submit(a_pipeline(installation, "lists"), key="lists")
    eventually(lambda: steps_of(client, run)["ok"].state == "awaiting_approval")

    everything = client.runs(parent=run.id).items
    each = client.runs(parent=run.id, step="each").items

    assert {found.parent.id for found in everything} == {run.id}
    assert sorted(found.parent.key for found in everything) == ["each/North", "each/South", "extract"]
    assert sorted(found.parent.key for found in each) == ["each/North", "each/South"]
    assert {found.id for found in everything}.isdisjoint(found.id for found in client.iter_runs())
    client.pipelines.decide(run.id, "ok", approved=False)
    assert list(client.follow(run.id))[-1].run.state is RunState.FAILED


def test_a_decision_that_nobody_asks_for_is_refused(installation, client):
    run = client.submit(a_pipeline(installation, "asks"), key="asks")
    with pytest.raises(Conflict):
        client.pipelines.decide(run.id, "ok", approved=True)
    for name in ("extract", "none"):
        with pytest.raises((Conflict, NotFound)):
            client.pipelines.decide(run.id, name, approved=True)
    client.cancel(run.id)
    assert list(client.follow(run.id))[-1].run.state is RunState.CANCELLED


def test_a_run_that_is_not_a_pipeline_has_no_steps(installation, client):
    run = client.submit(installation.notebook("alone.ipynb", "1"))
    with pytest.raises(Refused):
        client.pipelines.steps(run.id)


def test_a_run_is_repaired_and_both_name_each_other(installation, client):
    text = f"{STEPS.partition('  ok:')[0]}  bad: {{command: ['false'], needs: [each]}}\n"
    old = ended(client, client.submit(a_pipeline(installation, "repaired", text)))
    assert old.state is RunState.FAILED

    preview = client.pipelines.preview_repair(old.id)
    assert [(step.id, step.fate, step.items_taken) for step in preview.steps] == [
        ("extract", "taken_over", None),
        ("each", "taken_over", 2),
        ("never", "taken_over", None),
        ("bad", "runs", None),
    ]
    assert (preview.run_id, preview.newer) == (old.id, False)
    assert [step.why for step in preview.steps if step.fate == "runs"] == ["It failed."]
    wish, key = RepairWish(start_from=("each",), until="each"), f"fix {old.id}"
    new = client.pipelines.repair(old.id, wish, key=key)
    assert client.pipelines.repair(old.id, wish, key=key).id == new.id
    new = ended(client, new)

    assert new.state is RunState.SUCCEEDED
    assert (new.trigger.kind, new.trigger.ref) == ("repair", old.id)
    assert client.run(old.id).repairs == [new.id]
    steps = steps_of(client, new)
    assert [steps[name].taken_from for name in ("extract", "each", "never", "bad")] == [old.id, None, old.id, None]
    assert steps["bad"].reason.code == "not_wanted"
    assert client.run(steps["extract"].run_id).values == {"regions": ["North", "South"]}
    with pytest.raises(Refused, match="no step `x`"):
        client.pipelines.repair(old.id, RepairWish(only="x"))
    with pytest.raises(NotFound):
        client.pipelines.preview_repair("0" * 26)


def test_unchanged_steps_are_reused_when_asked_and_a_preview_says_so_before(installation, client):
    text = "version: 1\nsteps:\n  extract: {notebook: extract.ipynb, with: {top: 2}}\n"
    path = a_pipeline(installation, "reused", text)
    [before] = client.pipelines.preview_reuse(path)
    assert (before.fate, before.why) == ("runs", "No earlier run of it succeeded.")
    first = ended(client, client.submit(path))
    assert first.state is RunState.SUCCEEDED

    [after] = client.pipelines.preview_reuse(path, texts=[])
    assert (after.fate, after.taken_from) == ("reused", first.id)
    again = ended(client, client.submit(path, reuse=True))

    step = steps_of(client, again)["extract"]
    assert (step.state, step.taken_from, step.reason.code) == ("succeeded", first.id, "reused")
    assert step.expected_s is not None
    assert client.run(step.run_id).values == client.run(steps_of(client, first)["extract"].run_id).values
    with pytest.raises(Refused, match="Only a pipeline"):
        client.submit(installation.notebook("reused/alone.ipynb", "1"), reuse=True)
