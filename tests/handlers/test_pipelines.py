from __future__ import annotations

import asyncio
import json

import pytest

from ..pipelines.elyra.flows import as_bytes, flow, node

STEPS = """\
version: 1
title: The month
parameters:
  month: {type: date, default: 2026-01-01}
steps:
  sales: {notebook: sales.ipynb, with: {region: South}}
  ok: {approve: {ask: Publish?, who: [boss], within: 24h}, needs: [sales]}
  tell: {command: [echo, done], needs: [ok], run_if: all_done, if: "size(params.month) > 0", disabled: true}
"""


@pytest.fixture
def pipeline(jp_root_dir, notebook):
    """A function that writes a pipeline beside the notebook `sales`, and returns its path in the contents API."""

    def write(text: str = STEPS, path: str = "work/month.pipeline.yaml") -> str:
        notebook("1", parameters="region = 'North'", path="work/sales.ipynb")
        (jp_root_dir / path).write_text(text)
        return path

    return write


async def test_a_pipeline_is_checked_and_its_steps_are_shown(api, pipeline):
    found = await api.json("POST", "pipelines/validate", {"path": pipeline()})

    assert (found["title"], found["problems"]) == ("The month", [])
    sales, ok, tell = found["steps"]
    assert (sales["id"], sales["kind"], sales["path"]) == ("sales", "notebook", "sales.ipynb")
    assert sales["state"] == "waiting"
    assert ok["approval"] == {
        **{"ask": "Publish?", "who": ["boss"], "may_decide": False},
        **{"decided_by": None, "decided_at": None, "comment": ""},
    }
    assert (tell["command"], tell["needs"], tell["run_if"]) == (["echo", "done"], ["ok"], "all_done")
    assert (tell["condition"], tell["disabled"], tell["state"]) == ("size(params.month) > 0", True, "disabled")


async def test_a_text_is_checked_in_place_of_the_file(api, pipeline):
    path = pipeline()
    text = STEPS.replace("region: South", "regin: South")

    found = await api.json("POST", "pipelines/validate", {"path": path, "content": text})

    [problem] = found["problems"]
    assert (problem["line"], problem["column"], problem["step"]) == (6, 41, "sales")
    assert "region" in problem["message"]
    assert (await api.json("POST", "pipelines/validate", {"path": path}))["problems"] == []


async def test_the_schema_of_the_file_is_served(api):
    schema = await api.json("GET", "pipelines/schema.json")

    assert schema["$id"] == "urn:dataops-lab:pipeline:1"
    assert "steps" in schema["properties"]


HOSTILE = {
    "nothing": "",
    "no mapping": "- 1",
    "a bomb": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(f"b{n}: &b{n} [{','.join(['*a'] * 9)}]" for n in range(9)),
    "depth": "[" * 5_000,
    "depth in flow": "steps: " + "{a: " * 5_000,
    "a tag": "!!python/object/apply:os.system ['touch /tmp/never']",
    "two documents": "version: 1\n---\nversion: 1",
    "control characters": "version: \x07",
    "half a pair": "version: \ud800",
    "a number of a thousand digits": f"version: {'9' * 1_000}",
    "many steps": "version: 1\nsteps:\n" + "".join(f"  s{n}: {{command: [x]}}\n" for n in range(2_000)),
    "a long expression": f"version: 1\nsteps:\n  a: {{command: [x], if: '{'(' * 20_000}'}}",
    "a loop": "version: 1\nsteps:\n  a: {command: [x], needs: [b]}\n  b: {command: [x], needs: [a]}",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_text_is_answered_with_a_place_and_a_bounded_list(api, pipeline, name):
    body = json.dumps({"path": pipeline(), "content": HOSTILE[name]})
    answer = await api("POST", "pipelines/validate", body)

    if answer.code != 200:
        # JSON has no half of a surrogate pair.
        assert (name, answer.code) == ("half a pair", 400)
        return
    found = json.loads(answer.body)
    assert 1 <= len(found["problems"]) <= 400
    assert all(problem["line"] >= 1 and problem["column"] >= 1 and problem["message"] for problem in found["problems"])


async def test_a_text_that_is_too_large_is_refused(api, pipeline):
    answer = await api("POST", "pipelines/validate", {"path": pipeline(), "content": "#" * 1_000_001})
    assert answer.code == 400


@pytest.mark.parametrize("path", ["gone.pipeline.yaml", "work", "../elsewhere.pipeline.yaml", "/etc/passwd"])
async def test_a_pipeline_that_is_not_below_the_root_is_refused(api, pipeline, path):
    pipeline()
    answer = await api("POST", "pipelines/validate", {"path": path})
    assert answer.code == 422


async def test_a_step_cannot_reach_out_of_the_root(api, pipeline):
    text = "version: 1\nsteps:\n  a: {script: ../../../../../../etc/hosts.py}\n"
    found = await api.json("POST", "pipelines/validate", {"path": pipeline(text)})
    [problem] = found["problems"]
    assert (problem["line"], problem["step"]) == (3, "a")


async def test_a_new_pipeline_is_suggested_with_its_guesses_and_nothing_is_written(api, notebook, jp_root_dir):
    paths = [
        notebook("open('all.csv', 'w').write('1')", path="work/1_load.ipynb"),
        notebook("open('all.csv').read()", path="work/2_report.ipynb"),
    ]

    found = await api.json("POST", "pipelines/suggest", {"paths": paths})

    assert (found["folder"], found["name"]) == ("work", "work.pipeline.yaml")
    assert found["guesses"] == [{"from": "load", "to": "report", "path": "all.csv"}]
    assert sorted(path.name for path in (jp_root_dir / "work").iterdir()) == ["1_load.ipynb", "2_report.ipynb"]
    content = {"path": f"{found['folder']}/{found['name']}", "content": found["content"]}
    assert (await api.json("POST", "pipelines/validate", content))["problems"] == []


async def test_a_pipeline_to_start_from_is_suggested_for_a_folder(api):
    found = await api.json("POST", "pipelines/suggest", {"paths": [], "folder": ""})
    assert found["folder"] == ""
    assert found["content"].startswith("version: 1")


async def test_a_pipeline_of_elyra_is_imported_and_nothing_is_written(api, notebook, jp_root_dir):
    notebook("1", path="work/a.ipynb")
    (jp_root_dir / "work/month.pipeline").write_bytes(as_bytes(flow(node("a.ipynb", outputs=["x.csv"]))))

    found = await api.json("POST", "pipelines/import", {"path": "work/month.pipeline"})
    above = await api.json("POST", "pipelines/import", {"path": "work/month.pipeline", "folder": ""})

    assert (found["folder"], found["name"], above["folder"]) == ("work", "month.pipeline.yaml", "")
    assert "notebook: a.ipynb" in found["content"] and "notebook: work/a.ipynb" in above["content"]
    assert {note["kind"] for note in found["notes"]} == {"carried_over", "changed", "not_carried_over"}
    assert sorted(path.name for path in (jp_root_dir / "work").iterdir()) == ["a.ipynb", "month.pipeline"]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"{", "not_elyra"),
        (as_bytes(flow(node("a.ipynb"), version=9)), "elyra_version"),
        (as_bytes(flow(node("a.ipynb"), runtime="ARGO")), "elyra_runtime"),
        (as_bytes(flow(node("a.ipynb") | {"op": "catalog:1"})), "elyra_component"),
    ],
)
async def test_a_pipeline_of_elyra_that_cannot_be_imported_is_refused(api, jp_root_dir, document, code):
    (jp_root_dir / "month.pipeline").write_bytes(document)

    refused = await api("POST", "pipelines/import", {"path": "month.pipeline"})

    assert (refused.code, json.loads(refused.body)["code"]) == (422, code)


async def test_a_suggestion_beyond_the_root_is_refused(api, notebook):
    for body in ({"paths": ["../../x.ipynb"]}, {"paths": [notebook("1")], "folder": "../.."}):
        assert (await api("POST", "pipelines/suggest", body)).code in (400, 422)


async def test_the_form_gets_the_parameters_of_a_pipeline_and_its_problems(api, pipeline):
    found = await api.json("POST", "inspect", {"path": pipeline(STEPS.replace("region: South", "regin: South"))})

    assert [parameter["name"] for parameter in found["parameters"]] == ["month"]
    assert (found["name"], found["kernel"], found["files"]) == ("month", None, [])
    assert [finding["code"] for finding in found["findings"]] == ["pipeline_problem"]


# --- runs of pipelines ----------------------------------------------------------------------------

CHAIN = """\
version: 1
steps:
  sales: {notebook: sales.ipynb}
  ok: {approve: {ask: Publish?}, needs: [sales]}
  report: {notebook: sales.ipynb, needs: [ok]}
"""


async def step_of(api, run_id, step, state) -> dict:
    """Wait until the step is in this state, and return it."""
    while True:
        steps = (await api.json("GET", f"runs/{run_id}/steps"))["items"]
        [found] = [each for each in steps if each["id"] == step]
        if found["state"] == state:
            return found
        await asyncio.sleep(0.05)


async def test_a_pipeline_waits_with_its_steps_until_an_engine_comes(api, pipeline):
    run = await api.json("POST", "runs", {"path": pipeline(CHAIN)})

    steps = (await api.json("GET", f"runs/{run['id']}/steps"))["items"]

    assert (run["kind"], run["kernel"], run["progress"]["total"]) == ("pipeline", None, 3)
    assert [step["id"] for step in steps] == ["sales", "ok", "report"]
    assert steps[1]["approval"]["may_decide"] is False
    refused = await api("POST", f"runs/{run['id']}/steps/ok/decision", {"approved": True})
    assert (refused.code, json.loads(refused.body)["code"]) == (409, "not_awaiting")


async def test_a_step_is_approved_over_http_and_a_second_decision_conflicts(api, pipeline, running_engine):
    run = await api.json("POST", "runs", {"path": pipeline(CHAIN)})
    waiting = await step_of(api, run["id"], "ok", "awaiting_approval")
    assert waiting["approval"]["may_decide"] is True
    assert (await api.json("GET", f"runs/{run['id']}"))["phase"] == "awaiting_approval"

    decision = f"runs/{run['id']}/steps/ok/decision"
    decided = await api.json("POST", decision, {"approved": True, "comment": "Looks <b>right</b>"})

    assert (decided["state"], decided["approval"]["comment"]) == ("succeeded", "Looks <b>right</b>")
    assert decided["approval"]["decided_by"]["name"]
    assert (await api.json("POST", decision, {"approved": True}))["approval"]["comment"] == "Looks <b>right</b>"
    assert (await api("POST", decision, {"approved": False})).code == 409
    report = await step_of(api, run["id"], "report", "succeeded")
    child = await api.json("GET", f"runs/{report['run_id']}")
    assert child["parent"] == {"id": run["id"], "key": "report", "kind": "pipeline"}


async def test_the_runs_of_steps_are_in_no_list_but_that_of_their_parent(api, pipeline, running_engine):
    run = await api.json("POST", "runs", {"path": pipeline(CHAIN)})
    await step_of(api, run["id"], "ok", "awaiting_approval")

    everything = (await api.json("GET", "runs"))["items"]
    children = (await api.json("GET", "runs", params={"parent": run["id"]}))["items"]
    of_step = (await api.json("GET", "runs", params={"parent": run["id"], "step": "report"}))["items"]

    assert [each["id"] for each in everything] == [run["id"]]
    assert [each["parent"]["key"] for each in children] == ["sales"]
    assert of_step == []


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, 400), ({"approved": "yes"}, 400), ({"approved": True, "comment": "x" * 2_001}, 400), ({"approved": 1}, 400)],
)
async def test_a_decision_that_is_not_as_documented_is_refused(api, pipeline, body, code):
    run = await api.json("POST", "runs", {"path": pipeline(CHAIN)})
    assert (await api("POST", f"runs/{run['id']}/steps/ok/decision", body)).code == code


async def test_steps_of_what_is_not_there_are_not_found(api, pipeline, notebook):
    run = await api.json("POST", "runs", {"path": pipeline(CHAIN)})
    alone = await api.json("POST", "runs", {"path": notebook("1", path="alone.ipynb")})

    assert (await api("GET", "runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/steps")).code == 404
    assert (await api("POST", f"runs/{run['id']}/steps/never/decision", {"approved": True})).code == 404
    assert (await api("GET", f"runs/{alone['id']}/steps")).code in (400, 422)


async def test_a_pipeline_with_problems_is_refused_with_the_place_of_each_and_nothing_is_stored(api, pipeline):
    path = pipeline(CHAIN.replace("needs: [ok]", "needs: [okay], disabled: 3"))

    answer = await api("POST", "runs", {"path": path})

    problem = json.loads(answer.body)
    assert (answer.code, problem["code"]) == (422, "invalid_pipeline")
    assert {each["line"] for each in problem["extra"]["problems"]} == {5}
    assert (await api.json("GET", "runs"))["items"] == []
    assert (await api.json("GET", "jobs"))["items"] == []


async def test_the_same_key_gives_the_same_pipeline_run(api, pipeline):
    path = pipeline()
    key = {"headers": {"Idempotency-Key": "month-9"}}
    first = await api.json("POST", "runs", {"path": path, "parameters": {"month": "2026-09-01"}}, **key)
    again = await api.json("POST", "runs", {"path": path, "parameters": {"month": "2026-09-01"}}, **key)
    other = await api("POST", "runs", {"path": path}, **key)

    assert first["id"] == again["id"]
    assert (other.code, json.loads(other.body)["code"]) == (409, "key_reused")
    assert len((await api.json("GET", "runs"))["items"]) == 1
