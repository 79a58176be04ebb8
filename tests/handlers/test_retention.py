"""Keeping and deleting runs, over HTTP."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from dataops_lab.domain.runs import RunState
from dataops_lab.handlers.broadcaster import changes_after
from dataops_lab.wiring import build_services


@pytest.fixture
def ended(api, notebook, home):
    """A function that makes a run that has ended, without an engine."""

    async def run() -> str:
        made = await api.json("POST", "runs", {"path": notebook("1")})
        await api.json("POST", f"runs/{made['id']}/cancel")
        return made["id"]

    return run


async def test_a_run_that_has_ended_is_deleted_and_live_lists_hear_of_it(api, ended, home):
    run_id = await ended()
    services = build_services(home)
    with services.store.read() as tx:
        before = tx.events.last_seq()
    answer = await api("DELETE", f"runs/{run_id}")
    assert (answer.code, answer.body) == (204, b"")
    assert (await api("GET", f"runs/{run_id}")).code == 404
    assert (await api("DELETE", f"runs/{run_id}")).code == 404
    batch = changes_after(services, before)
    assert [(event, json.loads(data)) for event, data in batch.frames] == [("deleted", {"run_id": run_id})]


async def test_a_run_that_has_not_ended_or_is_kept_stays(api, ended, notebook):
    waiting = await api.json("POST", "runs", {"path": notebook("1")})
    answer = await api("DELETE", f"runs/{waiting['id']}")
    assert (answer.code, json.loads(answer.body)["code"]) == (409, "not_finished")

    run_id = await ended()
    kept = await api.json("PUT", f"runs/{run_id}/hold")
    assert kept["kept_at"] and kept["kept_by"] == waiting["created_by"]
    assert await api.json("PUT", f"runs/{run_id}/hold") == kept
    answer = await api("DELETE", f"runs/{run_id}")
    assert (answer.code, json.loads(answer.body)["code"]) == (409, "run_kept")

    assert (await api.json("DELETE", f"runs/{run_id}/hold"))["kept_at"] is None
    assert (await api("DELETE", f"runs/{run_id}")).code == 204


async def test_rules_are_set_previewed_and_applied(api, ended):
    first, second = await ended(), await ended()
    assert await api.json("GET", "retention") == {"rules": []}
    rule = {"environment": None, "state": "cancelled", "days": 0, "last": 1}

    seen = await api.json("POST", "retention/preview", {"rules": [rule]})
    assert (seen["count"], [run["id"] for run in seen["oldest"]]) == (1, [first])
    assert (await api.json("POST", "retention/preview", {"rules": None}))["count"] == 0

    assert await api.json("PUT", "retention", {"rules": [rule]}) == {"rules": [rule]}
    assert (await api.json("POST", "retention/preview"))["count"] == 1
    assert (await api.json("POST", "retention/apply"))["runs"] == 1
    assert [run["id"] for run in (await api.json("GET", "runs"))["items"]] == [second]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"days": -1}, 400),
        ({"state": "queued", "days": 1}, 400),
        ({"environment": "nowhere", "days": 1}, 422),
        ({"day": 1}, 400),
    ],
)
async def test_a_rule_that_makes_no_sense_changes_nothing(api, rule, code):
    for verb, path in (("PUT", "retention"), ("POST", "retention/preview")):
        assert (await api(verb, path, {"rules": [{"days": 5}, rule]})).code == code
    assert await api.json("GET", "retention") == {"rules": []}


async def test_a_record_is_verified_and_what_is_damaged_is_a_problem_that_names_it(
    api, notebook, running_engine, home, until_ended
):
    run_id = await until_ended(notebook("print('said')"))
    assert await api.json("POST", f"runs/{run_id}/verify") == {"run": run_id, "integrity_errors": {}}
    ctx = build_services(home)
    with ctx.store.read() as tx:
        [log] = [file for file in tx.records.find_for_run(run_id).files if file.path == "log.txt"]
    stored = ctx.blobs._path(log.digest)
    stored.chmod(0o600)
    stored.write_bytes(b"sbid")
    answer = await api("GET", f"runs/{run_id}/log")
    problem = json.loads(answer.body)
    assert (answer.code, problem["code"], problem["extra"]["path"]) == (500, "damaged", "log.txt")
    assert run_id in problem["detail"] and "log.txt" in problem["detail"]
    damage = (await api.json("POST", f"runs/{run_id}/verify"))["integrity_errors"]
    assert list(damage) == ["log.txt"]
    assert (await api.json("GET", f"runs/{run_id}"))["integrity_errors"] == damage


@pytest.fixture
def until_ended(api):
    async def run(path: str) -> str:
        made = await api.json("POST", "runs", {"path": path})
        while not RunState((await api.json("GET", f"runs/{made['id']}"))["state"]).is_terminal:
            pass
        return made["id"]

    return run


# --- parts of a log -------------------------------------------------------------------------------


async def test_a_part_of_the_log_is_sent_to_whoever_asks_for_it(api, notebook, running_engine, until_ended):
    run_id = await until_ended(notebook("print('0123456789', end='')"))
    whole = (await api("GET", f"runs/{run_id}/log")).body
    size = len(whole)
    assert b"0123456789" in whole
    for asked, part in (
        ("bytes=3-", slice(3, None)),
        ("bytes=2-4", slice(2, 5)),
        ("bytes=-4", slice(-4, None)),
        (f"bytes=-{size + 10}", slice(None)),
        (f"bytes=4-{size + 10}", slice(4, None)),
    ):
        answer = await api("GET", f"runs/{run_id}/log", headers={"Range": asked})
        assert (answer.code, answer.body) == (206, whole[part]), asked
        first = range(size)[part][0]
        last = range(size)[part][-1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert answer.headers["Content-Length"] == str(last - first + 1)
    for no_kind in ("bytes=4-2", "bytes=1-2,4-5", "lines=1-2", "bytes=-", "bytes=x-"):
        answer = await api("GET", f"runs/{run_id}/log", headers={"Range": no_kind})
        assert (answer.code, answer.body, answer.headers["Accept-Ranges"]) == (200, whole, "bytes"), no_kind


async def test_where_there_is_nothing_yet_the_size_is_said(api, notebook):
    run = await api.json("POST", "runs", {"path": notebook("1")})
    for asked in ("bytes=0-", "bytes=5-", "bytes=-5"):
        answer = await api("GET", f"runs/{run['id']}/log", headers={"Range": asked})
        assert (answer.code, answer.headers["Content-Range"]) == (416, "bytes */0")
        assert json.loads(answer.body)["code"] == "range_not_satisfiable"


# --- events ---------------------------------------------------------------------------------------


async def test_whoever_was_away_for_longer_than_events_are_kept_is_told_to_read_anew(api, ended, home):
    run_id = await ended()
    services = build_services(home)
    with services.store.begin() as tx:
        seen = tx.events.first_seq()
        assert tx.events.delete_old(before=dt.datetime.now(dt.UTC) + dt.timedelta(days=1)) > 0
        last = tx.events.last_seq()
    await api("DELETE", f"runs/{run_id}")
    answer = await api("GET", "events", headers={"Last-Event-ID": str(seen - 1)})
    assert (answer.code, json.loads(answer.body)["code"]) == (400, "events_trimmed")
    assert [event for event, _ in changes_after(services, last).frames] == ["deleted"]
