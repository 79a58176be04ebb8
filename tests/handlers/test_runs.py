from __future__ import annotations

import asyncio
import io
import json
import zipfile

import pytest

from dataops_lab.domain.runs import Submission
from dataops_lab.services import runs
from dataops_lab.testing import person
from dataops_lab.wiring import build_services


async def finished(api, run_id: str) -> dict:
    """Ask for the run, the source of its events, until it has ended."""
    while True:
        run = await api.json("GET", f"runs/{run_id}")
        if run["finished_at"]:
            return run
        await asyncio.sleep(0.05)


async def test_a_submitted_notebook_runs_and_leaves_its_record(api, notebook, running_engine):
    path = notebook(
        "from dataops_lab import record\nrecord('doubled', limit * 2)",
        "open('out.txt', 'w').write('made')\nprint('said')",
        parameters="limit: int = 3  # how many",
    )
    run = await api.json("POST", "runs", {"path": path, "parameters": {"limit": 21}})
    assert run["state"] == "queued"
    run = await finished(api, run["id"])
    assert run["state"] == "succeeded"
    assert run["values"] == {"doubled": 42}
    assert run["progress"] == {"done": 4, "total": 4, "current": None}
    assert run["created_at"].endswith("Z")
    assert [artifact["path"] for artifact in run["artifacts"]] == ["out.txt"]

    at = f"runs/{run['id']}"
    assert (await api("GET", f"{at}/artifacts/out.txt")).body == b"made"
    assert b"said" in (await api("GET", f"{at}/log")).body
    executed = json.loads((await api("GET", f"{at}/notebook", params={"executed": "true"})).body)
    assert executed["cells"][1]["metadata"]["tags"] == ["injected-parameters"]
    report = await api("GET", f"{at}/report")
    assert b"said" in report.body
    assert "sandbox" in report.headers["Content-Security-Policy"]
    with zipfile.ZipFile(io.BytesIO((await api("GET", f"{at}/record")).body)) as archive:
        assert archive.testzip() is None
        assert {"notebook.ipynb", "report.html", "log.txt", "artifacts/out.txt", "reproduce.sh"} <= set(
            archive.namelist()
        )
        told = json.loads(archive.read("record.json"))
    assert (told["created_by"], told["trigger"]) == (run["created_by"], {"kind": "manual", "ref": None})


async def test_whatever_a_notebook_writes_into_its_journal_it_is_answered(api, notebook, running_engine):
    lines = [b'{"x":' + b"[" * 100_000, b'"x"', b'{"seq":"a"}', b"[]", b'{"seq":1e400,"kind":"x"}', b"\xff", b""]
    lines += [rb'{"kind":"x","x":"\ud800"}', b'{"kind":"x","x":' + b"[" * 300 + b"]" * 300 + b"}"]
    data = b"\n".join(lines) + b"\n"
    directory = "import os, pathlib; directory = pathlib.Path(os.environ['DATAOPS_LAB_VALUES']).parents[1]"
    path = notebook(directory, f"(directory / 'journal.jsonl').open('ab').write({data!r})")
    run = await api.json("POST", "runs", {"path": path})
    assert (await finished(api, run["id"]))["state"] == "succeeded"
    page = await api.json("GET", f"runs/{run['id']}/journal")
    assert [event["seq"] for event in page["events"]] == list(range(1, page["last_seq"] + 1))
    assert [event["kind"] for event in page["events"]].count("unreadable") == len(lines) - 1
    assert page["events"][-1]["kind"] == "end"
    second = await api.json("GET", f"runs/{run['id']}/journal", params={"after": "4", "limit": "2"})
    assert [event["seq"] for event in second["events"]] == [5, 6]


async def test_a_failed_run_names_its_cell(api, notebook, running_engine):
    run = await api.json("POST", "runs", {"path": notebook("1", "{}['missing']", "3")})
    run = await finished(api, run["id"])
    assert (run["state"], run["reason"]["code"]) == ("failed", "cell_error")
    assert run["reason"]["detail"]["cell"] == 1
    assert run["reason"]["detail"]["ename"] == "KeyError"


async def test_a_running_notebook_is_cancelled(api, notebook, running_engine):
    run = await api.json("POST", "runs", {"path": notebook("import time\nwhile True: time.sleep(0.1)")})
    while (await api.json("GET", f"runs/{run['id']}"))["phase"] != "running":
        await asyncio.sleep(0.05)
    assert (await api("POST", f"runs/{run['id']}/cancel")).code == 202
    run = await finished(api, run["id"])
    assert run["state"] == "cancelled"
    assert (await api("GET", f"runs/{run['id']}/notebook", params={"executed": "true"})).code == 200


async def test_a_rerun_takes_other_parameters(api, notebook):
    run = await api.json("POST", "runs", {"path": notebook("limit", parameters="limit = 3")})
    again = await api.json("POST", f"runs/{run['id']}/rerun", {"parameters": {"limit": 4}})
    assert (again["trigger"], again["parameters"]) == ({"kind": "rerun", "ref": run["id"]}, {"limit": 4})


async def test_the_same_key_gives_the_same_run_and_another_body_conflicts(api, notebook):
    key = {"Idempotency-Key": "monday"}
    path = notebook("limit", parameters="limit = 3")
    first = await api("POST", "runs", {"path": path}, headers=key)
    second = await api("POST", "runs", {"path": path}, headers=key)
    assert (first.code, second.code) == (201, 200)
    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]
    other = await api("POST", "runs", {"path": path, "parameters": {"limit": 4}}, headers=key)
    assert (other.code, json.loads(other.body)["code"]) == (409, "key_reused")


async def test_fifty_equal_submits_at_once_are_one_run(api, notebook):
    path = notebook("limit", parameters="limit = 3")
    same = {"path": path, "parameters": {"limit": 4}}
    answers = await asyncio.gather(
        *(api("POST", "runs", same, headers={"Idempotency-Key": "monday"}) for _ in range(50))
    )
    assert sorted(answer.code for answer in answers) == [*[200] * 49, 201]
    assert len({answer.body for answer in answers}) == 1
    assert len((await api.json("GET", "runs"))["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "invalid_request"),
        ("[]", 400, "invalid_request"),
        ("{}", 400, "invalid_request"),
        ('{"path": "work/sales.ipynb", "parameters": {"limit": NaN}}', 400, "invalid_request"),
        ('{"path": "work/sales.ipynb", "parameters": {"limit": 1e999}}', 400, "invalid_request"),
        ('{"path": "work/sales.ipynb", "name": "\\ud800"}', 400, "invalid_request"),
        ('{"path": "work/sales.ipynb", "nope": 1}', 400, "invalid_request"),
        ('{"path": "work/sales.ipynb\\u0000"}', 400, "invalid_request"),
        ('{"path": "missing.ipynb"}', 422, "notebook_not_found"),
        ('{"path": "../outside.ipynb"}', 422, "path_outside_root"),
        ('{"path": "work/sales.ipynb", "environment": "nowhere"}', 422, "unknown_environment"),
        ('{"path": "work/sales.ipynb", "kernel": "cobol"}', 422, "kernel_not_installed"),
        ('{"path": "work/sales.ipynb", "parameters": {"limt": 1}}', 422, "invalid_parameters"),
        ('{"path": "work/sales.ipynb", "parameters": {"limit": "many"}}', 422, "invalid_parameters"),
    ],
)
async def test_bad_input_is_refused_with_its_code_and_nothing_is_submitted(
    api, notebook, jp_root_dir, body, status, code
):
    notebook("limit", parameters="limit = 3")
    (jp_root_dir.parent / "outside.ipynb").write_text("{}")
    answer = await api("POST", "runs", body)
    problem = json.loads(answer.body)
    assert (answer.code, problem["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["detail"].endswith((".", "?"))
    assert (await api.json("GET", "runs"))["items"] == []


@pytest.mark.parametrize("what", ["runs/nothing", "runs/nothing/log", "jobs/nothing", "jobs/nothing/versions"])
async def test_what_does_not_exist_is_not_found(api, what):
    answer = await api("GET", what)
    assert (answer.code, json.loads(answer.body)["code"]) == (404, "not_found")


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"state": "happy"}, {"nope": "1"}, {"cursor": "'"}])
async def test_a_query_that_is_not_documented_is_refused(api, query):
    answer = await api("GET", "runs", params=query)
    assert (answer.code, json.loads(answer.body)["code"]) == (400, "invalid_request")


async def test_what_a_run_has_not_left_yet_is_a_conflict(api, notebook):
    run = await api.json("POST", "runs", {"path": notebook("1")})
    for what in ("report", "record"):
        assert (await api("GET", f"runs/{run['id']}/{what}")).code == 409
    assert (await api("GET", f"runs/{run['id']}/log")).body == b""
    assert (await api("GET", f"runs/{run['id']}/artifacts/..%2F..%2Fetc%2Fpasswd")).code == 404


async def test_runs_are_listed_by_state_and_text(api, notebook):
    sales = await api.json("POST", "runs", {"path": notebook("1")})
    await api.json("POST", "runs", {"path": notebook("1", path="churn.ipynb")})
    found = await api.json("GET", "runs", params={"state": "queued,active", "q": "sales", "limit": "1"})
    assert [run["id"] for run in found["items"]] == [sales["id"]]
    first = await api.json("GET", "runs", params={"limit": "1"})
    second = await api.json("GET", "runs", params={"limit": "1", "cursor": first["next"]})
    assert [run["id"] for run in second["items"]] == [sales["id"]]
    assert second["next"] is None


async def test_the_event_stream_brings_a_run_from_queue_to_end_and_resumes_without_a_gap(
    api, notebook, running_engine, jp_fetch, server_sent
):
    received = bytearray()
    ended = asyncio.Event()

    def take(chunk: bytes) -> None:
        received.extend(chunk)
        # A chunk can end anywhere; a frame ends with an empty line.
        if b'"complete":true' in received and received.endswith(b"\n\n"):
            ended.set()

    run = await api.json("POST", "runs", {"path": notebook("print('a')", "print('b')")})
    following = asyncio.ensure_future(
        jp_fetch("dataops/api/v1/events", params={"journal": run["id"]}, streaming_callback=take, request_timeout=120)
    )
    await asyncio.wait_for(ended.wait(), 60)
    following.cancel()
    frames = server_sent(bytes(received))
    assert frames[0][1] == "ready"
    journal = [event for _, kind, data in frames if kind == "journal" for event in data["events"]]
    assert [event["seq"] for event in journal] == list(range(1, len(journal) + 1))
    assert next(event["kind"] for event in journal if event["kind"] not in ("output", "usage")) == "start"
    assert [data["state"] for _, kind, data in frames if kind == "run"][-1] == "succeeded"

    # Come back with the cursor of a frame in the middle: exactly the frames after it come again.
    middle = next(i for i, (_, kind, data) in enumerate(frames) if kind == "journal" and data["events"])
    received.clear()
    ended.clear()
    again = asyncio.ensure_future(
        jp_fetch(
            "dataops/api/v1/events",
            params={"journal": run["id"]},
            headers={"Last-Event-ID": frames[middle][0]},
            streaming_callback=take,
            request_timeout=120,
        )
    )
    await asyncio.wait_for(ended.wait(), 60)
    again.cancel()
    rest = [event for _, kind, data in server_sent(bytes(received)) if kind == "journal" for event in data["events"]]
    assert [event["seq"] for event in rest] == [
        event["seq"] for event in journal if event["seq"] > frames[middle][2]["events"][-1]["seq"]
    ]


async def test_a_cursor_that_no_stream_gave_is_refused(api):
    answer = await api("GET", "events", headers={"Last-Event-ID": "x;y"})
    assert answer.code == 400


async def test_inspect_tells_what_would_travel_and_stores_nothing(api, notebook, home):
    path = notebook("limit", parameters="limit: int = 3  # how many")
    seen = await api.json("POST", "inspect", {"path": path})
    assert [(p["name"], p["type"], p["default"], p["description"]) for p in seen["parameters"]] == [
        ("limit", "integer", 3, "how many")
    ]
    assert (seen["notebook_path"], seen["kernel"]["name"]) == ("sales.ipynb", "python3")
    assert (await api.json("GET", "jobs"))["items"] == []


async def test_a_file_that_was_taken_along_travels_from_then_on(api, notebook, jp_root_dir):
    path = notebook("1")
    (jp_root_dir / "data").mkdir()
    (jp_root_dir / "data" / "stock.csv").touch()
    taken = await api.json("POST", "included-files", {"path": path, "file": "../data/stock.csv"})
    assert taken == {"line": "!../data/stock.csv"}
    assert await api.json("POST", "included-files", {"path": path, "file": "../data/stock.csv"}) == {"line": None}
    seen = await api.json("POST", "inspect", {"path": path})
    assert [file["path"] for file in seen["files"]] == ["data/stock.csv"]
    outside = await api("POST", "included-files", {"path": path, "file": "../../outside.csv"})
    assert (outside.code, json.loads(outside.body)["code"]) == (422, "path_outside_root")


async def test_a_job_knows_its_versions_and_its_last_run(api, notebook):
    run = await api.json("POST", "runs", {"path": notebook("1")})
    await api.json("POST", "runs", {"path": notebook("2")})
    (job,) = (await api.json("GET", "jobs"))["items"]
    assert job["id"] == run["job"]["id"]
    versions = (await api.json("GET", f"jobs/{job['id']}/versions"))["items"]
    assert [version["number"] for version in versions] == [2, 1]
    assert job["last_run"]["version"]["number"] == 2


async def test_status_says_whether_an_engine_leads(api):
    status = await api.json("GET", "status")
    assert status["engine"] == {"pid": None, "leading": False, "since": None, "lifetime": None}


@pytest.mark.parametrize("name", ["created_after", "created_before"])
async def test_a_moment_at_either_end_of_time_is_answered_or_refused(api, name):
    for moment, status in {
        "0001-01-01T00:00:00Z": 200,
        "9999-12-31T23:59:59.999999Z": 200,
        "0001-01-01T00:00:00+14:00": 400,
        "9999-12-31T23:59:59-23:59": 400,
    }.items():
        assert (await api("GET", "runs", params={name: moment})).code == status, moment


async def test_a_script_is_inspected_submitted_and_told_as_one(api, jp_root_dir):
    (jp_root_dir / "load.py").write_text("# /// dataops\n# [parameters]\n# n = 1\n# ///\nprint(1)\n")
    seen = await api.json("POST", "inspect", {"path": "load.py"})
    assert (seen["kind"], seen["code_cells"], seen["kernel"]["language"]) == ("script", 0, "python")
    assert [(parameter["name"], parameter["default"]) for parameter in seen["parameters"]] == [("n", 1)]
    run = await api.json("POST", "runs", {"path": "load.py", "parameters": {"n": 2}})
    assert (run["kind"], run["command"], run["job"]["path"]) == ("script", [], "load.py")
    refused = await api("GET", f"runs/{run['id']}/notebook")
    assert (refused.code, json.loads(refused.body)["code"]) == (409, "no_notebook")


async def test_a_script_with_a_broken_header_is_refused_with_its_line(api, jp_root_dir):
    (jp_root_dir / "load.sh").write_text("# /// dataops\n# [parameters]\n# n = \n# ///\n")
    for route in ("inspect", "runs"):
        refused = await api("POST", route, {"path": "load.sh"})
        assert refused.code == 422
        problem = json.loads(refused.body)
        assert (problem["code"], problem["extra"]["line"]) == ("broken_header", 3)


@pytest.mark.parametrize("path", ["sales.ipynb", "deep/er/sales.ipynb"])
async def test_the_server_makes_the_same_version_of_a_notebook_as_the_command_line(
    api, jp_root_dir, notebook, home, path
):
    notebook("open('data.csv')", path=path)
    run = await api.json("POST", "runs", {"path": path})
    version = runs.submit(build_services(home), Submission(str(jp_root_dir / path)), by=person("ada")).view.version
    assert version.digest == run["version"]["digest"]
