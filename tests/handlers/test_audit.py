"""The audit trail over HTTP: filters, pages, the check, and refused changes."""

from __future__ import annotations

import json

import pytest

from dataops_lab.ports import AuditFilter
from dataops_lab.wiring import build_services

ELSE = [{"administrators": ["somebody else"]}]


@pytest.fixture
def change(api):
    """A function that sets a variable of the sandbox."""

    async def changed(name):
        return await api.json("PUT", f"environments/sandbox/variables/{name}", {"value": "south"})

    return changed


async def test_entries_are_listed_newest_first_in_pages_and_found_by_filters(api, change):
    for name in "ABC":
        await change(name)
    first = await api.json("GET", "audit", params={"limit": 2})
    assert [entry["object_id"] for entry in first["items"]] == ["sandbox/C", "sandbox/B"]
    second = await api.json("GET", "audit", params={"limit": 2, "cursor": first["next"]})
    assert ([entry["seq"] for entry in second["items"]], second["next"]) == ([2, 1], None)
    where = {"verb": "set", "object_kind": "variable", "object_id": "sandbox/B", "environment": "sandbox"}
    [entry] = (await api.json("GET", "audit", params=where))["items"]
    assert (entry["outcome"], entry["data"], entry["project"]) == ("done", {"revision": 1}, None)
    since = {"since": "2999-01-01T00:00:00Z"}
    assert (await api.json("GET", "audit", params=since))["items"] == []


@pytest.mark.parametrize("query", [{"outcome": "x"}, {"since": "today"}, {"cursor": "x"}, {"limit": 0}, {"who": "x"}])
async def test_a_query_that_makes_no_sense_is_refused(api, query):
    assert (await api("GET", "audit", params=query)).code == 400


async def test_the_check_says_whole_and_compares_with_heads_that_were_kept(api, change):
    await change("A")
    whole = await api.json("POST", "audit/verify")
    assert (whole["findings"], whole["entries"], whole["compared"]) == ([], 2, 1)
    again = await api.json("POST", "audit/verify", {"against": [whole["head"]]})
    assert (again["findings"], again["compared"]) == ([], 2)
    other = await api.json("POST", "audit/verify", {"against": [f"2:sha256:{'0' * 64}"]})
    assert [finding["damage"] for finding in other["findings"]] == ["other_chain"]
    assert (await api("POST", "audit/verify", {"against": ["/etc/passwd"]})).code == 400


@pytest.mark.parametrize("jp_server_config", ELSE, indirect=True)
async def test_the_trail_is_for_administrators(jp_server_config, api):
    for verb, path in (("GET", "audit"), ("POST", "audit/verify")):
        answer = await api(verb, path)
        assert (answer.code, json.loads(answer.body)["code"]) == (403, "not_administrator")


@pytest.mark.parametrize("jp_server_config", ELSE, indirect=True)
async def test_a_refused_change_is_an_entry_and_a_refused_look_is_none(jp_server_config, api, home):
    assert (await api("PUT", "environments/production/variables/REGION", {"value": "c4n4ry"})).code == 403
    assert (await api("GET", "audit")).code == 403
    with build_services(home).store.read() as tx:
        entries = list(tx.audit.iterate(AuditFilter(outcome="refused")))
    [entry] = [entry for entry in entries if entry.object_kind == "variable"]
    assert (entry.verb, entry.object_id, entry.data) == (
        *("change", "production/REGION", '{"code":"not_administrator"}'),
    )
    assert len(entries) == 1 and "c4n4ry" not in str(entries)


@pytest.mark.parametrize("jp_server_config", ELSE, indirect=True)
async def test_a_run_that_is_refused_in_a_guarded_environment_is_an_entry(jp_server_config, api, notebook, home):
    answer = await api("POST", "runs", {"path": notebook("1"), "environment": "production"})
    assert answer.code == 403
    with build_services(home).store.read() as tx:
        [entry] = tx.audit.iterate(AuditFilter(outcome="refused"))
    assert (entry.verb, entry.object_kind, entry.environment) == ("run", "environment", "production")
