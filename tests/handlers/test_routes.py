"""The promises of every route, tested on all routes of the table."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import pytest
from tornado.routing import PathMatches, RuleRouter
from tornado.web import RequestHandler

from dataops_lab.domain.policy import required_access
from dataops_lab.handlers.base import VERBS, operations
from dataops_lab.handlers.hooks import HOOKS, HookHandler
from dataops_lab.handlers.installation import DOCUMENT
from dataops_lab.handlers.openapi import document
from dataops_lab.handlers.routes import PREFIX, ROUTES

WALK = [(verb, route) for route in ROUTES for verb in operations(route.handler)]
NAMES = [f"{verb} {route.path}" for verb, route in WALK]


def address(route) -> str:
    return re.sub(r"\{\w+\}", "x", route.path)


CHANGING = ("post", "put", "patch", "delete")
# These take a body and still change nothing.
READING = {
    "post /inspect",
    "post /audit/verify",
    "post /retention/preview",
    "post /schedules/preview",
    "post /schedule-imports/preview",
    "post /schedules/{schedule}/backfill/preview",
    "post /pipelines/validate",
    "post /pipelines/suggest",
    "post /pipelines/reuse-preview",
    "post /pipelines/import",
    "post /runs/{run_id}/repair/preview",
}


@pytest.fixture
def fetch(jp_serverapp, http_server_client, jp_base_url):
    """A function that sends a request with only the given headers, as any program on the network could."""

    async def fetched(verb, path, *, headers=(), body=b"{}"):
        return await http_server_client.fetch(
            f"{jp_base_url.rstrip('/')}{path}",
            method=verb.upper(),
            headers=dict(headers),
            body=body if verb in ("post", "put", "patch") else None,
            raise_error=False,
            follow_redirects=False,
            allow_nonstandard_methods=True,
        )

    return fetched


async def logged_in(fetch, jp_serverapp):
    """Return the cookies of a login in a browser."""
    login = await fetch("get", f"/api/status?token={jp_serverapp.identity_provider.token}")
    return "; ".join(cookie.split(";")[0] for cookie in login.headers.get_list("Set-Cookie"))


def every_rule(router):
    for rule in router.rules:
        yield rule
        if isinstance(rule.target, RuleRouter):
            yield from every_rule(rule.target)


def test_the_running_application_has_no_other_route_and_no_verb_without_a_rule(jp_serverapp):
    ours = {
        "/dataops" + rule.matcher.regex.pattern.split("/dataops", 1)[1].rstrip("$"): rule.target
        for rule in every_rule(jp_serverapp.web_app.default_router)
        if isinstance(rule.matcher, PathMatches) and "/dataops" in rule.matcher.regex.pattern
    }
    # The one address that is open to all: `test_hooks` has its promises.
    assert ours.pop(HOOKS) is HookHandler
    assert ours == {PREFIX + route.pattern: route.handler for route in ROUTES}
    for handler in ours.values():
        own = {verb for verb in VERBS if getattr(handler, verb) is not getattr(RequestHandler, verb)}
        assert own == operations(handler).keys(), handler


async def test_every_verb_of_every_route_wants_a_login(fetch):
    for route in ROUTES:
        for verb in VERBS:
            answer = await fetch(verb, PREFIX + address(route))
            refused = (401, 403) if verb in operations(route.handler) else (401, 403, 404, 405)
            assert answer.code in refused, f"{verb} {route.path}: {answer.code}"


async def test_every_verb_asks_for_its_permission(api, jp_serverapp, monkeypatch):
    asked = []

    def nobody_may(self, handler, user, action, resource):
        asked.append((action, resource))
        return False

    monkeypatch.setattr(type(jp_serverapp.authorizer), "is_authorized", nobody_may)
    for verb, route in WALK:
        asked.clear()
        answer = await api(verb.upper(), address(route))
        assert (answer.code, json.loads(answer.body)["code"]) == (403, "forbidden"), f"{verb} {route.path}"
        operation = operations(route.handler)[verb]
        assert asked == [(operation.action, operation.resource)], f"{verb} {route.path}"


async def test_nothing_is_changed_by_a_get(api, notebook, home):
    run = await api.json("POST", "runs", {"path": notebook("1")})
    names = {"run_id": run["id"], "job_id": run["job"]["id"], "environment": "sandbox", "project": "default"}
    with closing(sqlite3.connect(home.database)) as database:
        before = database.execute("PRAGMA data_version").fetchone()
        for verb, route in WALK:
            if verb == "get" and route.path != "/events":
                await api("GET", re.sub(r"\{(\w+)\}", lambda place: names.get(place[1], "x"), route.path))
        assert database.execute("PRAGMA data_version").fetchone() == before


async def test_a_browser_that_somebody_elses_page_has_send_changes_nothing(fetch, jp_serverapp, api):
    cookie = await logged_in(fetch, jp_serverapp)
    assert (await fetch("get", f"{PREFIX}/status", headers={"Cookie": cookie})).code == 200
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://elsewhere.example"}
    for verb, route in WALK:
        if verb in CHANGING:
            for more in ({}, form):
                answer = await fetch(verb, PREFIX + address(route), headers={"Cookie": cookie, **more})
                # Jupyter answers 404 to a page of another origin.
                assert answer.code in (403, 404), f"{verb} {route.path}: {answer.code}"
    assert (await api.json("GET", "runs"))["items"] == []


@pytest.mark.parametrize(("verb", "route"), WALK, ids=NAMES)
def test_what_changes_something_is_no_get_and_needs_more_than_reading(verb, route):
    operation = operations(route.handler)[verb]
    if verb == "get":
        assert operation.action == "read"
    elif f"{verb} {route.path}" not in READING:
        assert operation.action in ("write", "execute")


@pytest.mark.parametrize("jp_server_config", [{"max_body_bytes": 2048}], indirect=True)
async def test_a_body_that_is_too_large_is_refused_before_it_is_read(jp_server_config, api):
    assert (await api("POST", "inspect", "[" * 2048)).code == 400
    refused = await api("POST", "inspect", "[" * 2049)
    assert refused.code == 413
    problem = json.loads(refused.body)
    assert (problem["code"], problem["extra"]["limit"]) == ("request_too_large", 2048)


@pytest.mark.parametrize("path", ["statusx", "xstatus", "status/x", "runs//x", "runs/x/cancelx"])
async def test_addresses_match_exactly(api, path):
    assert (await api("GET", path)).code in (404, 405)


def test_the_document_in_the_package_is_what_the_routes_say():
    assert json.loads(DOCUMENT.read_text()) == document(), "run `python -m dataops_lab.handlers.openapi`"


async def test_the_document_is_served(api):
    assert (await api.json("GET", "openapi.json"))["paths"].keys() == {route.path for route in ROUTES}


OPEN_TO = {
    "get /status": "anybody",
    "get /approvals": "anybody",
    "get /openapi.json": "anybody",
    "post /inspect": "anybody",
    "post /included-files": "anybody",
    "get /events": "anybody",
    "get /configuration": "anybody",
    "post /configuration": "administrator",
    "get /placements": "anybody",
    "get /environments": "anybody",
    "post /environments": "administrator",
    "get /environments/{environment}": "anybody",
    "put /environments/{environment}": "administrator",
    "delete /environments/{environment}": "administrator",
    "get /environments/{environment}/variables": "anybody",
    "put /environments/{environment}/variables/{variable}": "administrator",
    "delete /environments/{environment}/variables/{variable}": "administrator",
    "get /environments/{environment}/secrets": "anybody",
    "put /environments/{environment}/secrets/{secret}": "administrator",
    "delete /environments/{environment}/secrets/{secret}": "administrator",
    "get /jobs": "anybody",
    "post /jobs/moves": "anybody",
    "get /jobs/{job_id}": "anybody",
    "patch /jobs/{job_id}": "owner",
    "post /jobs/{job_id}/relink": "owner",
    "get /jobs/{job_id}/versions": "anybody",
    "get /jobs/{job_id}/step-matrix": "anybody",
    "get /projects/{project}": "anybody",
    "patch /projects/{project}": "administrator",
    "get /pipelines/schema.json": "anybody",
    "post /pipelines/validate": "anybody",
    "post /pipelines/suggest": "anybody",
    "post /pipelines/import": "anybody",
    "post /pipelines/reuse-preview": "anybody",
    "get /runs": "anybody",
    "post /runs": "anybody",
    "post /runs/batch": "anybody",
    "get /runs/{run_id}": "anybody",
    "delete /runs/{run_id}": "owner",
    "put /runs/{run_id}/hold": "owner",
    "delete /runs/{run_id}/hold": "owner",
    "post /runs/{run_id}/verify": "owner",
    "post /runs/{run_id}/cancel": "owner",
    "post /runs/{run_id}/rerun": "anybody",
    "post /runs/{run_id}/repair": "anybody",
    "post /runs/{run_id}/repair/preview": "anybody",
    "get /runs/{run_id}/steps": "anybody",
    "get /runs/{run_id}/items": "anybody",
    "post /runs/{run_id}/steps/{step}/decision": "anybody",
    "get /runs/{run_id}/inputs": "anybody",
    "get /runs/{run_id}/comparison": "anybody",
    "get /runs/{run_id}/outputs": "anybody",
    "get /runs/{run_id}/outputs/{path}": "anybody",
    "post /runs/{run_id}/publish": "owner",
    "post /runs/{run_id}/reproduce": "anybody",
    "post /runs/{run_id}/reproduce/kernel": "anybody",
    "get /runs/{run_id}/notebook": "anybody",
    "get /runs/{run_id}/journal": "anybody",
    "get /runs/{run_id}/log": "anybody",
    "get /runs/{run_id}/report": "anybody",
    "get /runs/{run_id}/artifacts/{path}": "anybody",
    "get /runs/{run_id}/record": "anybody",
    "get /subscriptions": "anybody",
    "get /subscriptions/{object_kind}/{object_id}": "anybody",
    "put /subscriptions/{object_kind}/{object_id}": "anybody",
    "delete /subscriptions/{object_kind}/{object_id}": "anybody",
    "get /me": "anybody",
    "put /me": "anybody",
    "post /me/address": "anybody",
    "delete /me/address": "anybody",
    "post /me/address/confirm": "anybody",
    "post /schedule-imports": "anybody",
    "post /schedule-imports/preview": "anybody",
    "get /schedules": "anybody",
    "post /schedules": "anybody",
    "put /schedules": "anybody",
    "post /schedules/preview": "anybody",
    "get /schedules/{schedule}": "anybody",
    "put /schedules/{schedule}": "owner",
    "delete /schedules/{schedule}": "owner",
    "post /schedules/{schedule}/pause": "owner",
    "post /schedules/{schedule}/resume": "owner",
    "post /schedules/{schedule}/take-over": "owner",
    "post /schedules/{schedule}/update-version": "owner",
    "post /schedules/{schedule}/webhook-secret": "owner",
    "post /schedules/{schedule}/run-now": "owner",
    "post /schedules/{schedule}/backfill": "owner",
    "get /schedules/{schedule}/backfills": "anybody",
    "post /schedules/{schedule}/backfill/preview": "anybody",
    "post /schedules/{schedule}/backfill/cancel": "owner",
    "get /ticks": "anybody",
    "get /ticks/span": "anybody",
    "get /calendars": "anybody",
    "get /calendars/{calendar}": "anybody",
    "put /calendars/{calendar}": "administrator",
    "delete /calendars/{calendar}": "administrator",
    "get /audit": "administrator",
    "post /audit/verify": "administrator",
    "get /retention": "anybody",
    "put /retention": "administrator",
    "post /retention/preview": "anybody",
    "post /retention/apply": "administrator",
    "get /images": "anybody",
    "post /images": "administrator",
    "get /images/{name}": "anybody",
    "patch /images/{name}": "administrator",
    "delete /images/{name}": "administrator",
    "post /images/{name}/probe": "administrator",
    "get /images/{name}/check": "anybody",
    "get /images/{name}/users": "anybody",
    "put /images/{name}/environments/{environment}": "administrator",
    "delete /images/{name}/environments/{environment}": "administrator",
    "post /image-builds": "administrator",
    "get /image-tasks": "anybody",
    "get /image-tasks/{task_id}": "anybody",
    "post /image-tasks/{task_id}/cancel": "administrator",
    "get /image-trials": "anybody",
    "post /image-trials": "administrator",
    "get /image-trials/{trial_id}": "anybody",
    "get /targets": "anybody",
    "get /targets/{target}": "anybody",
    "put /targets/{target}": "administrator",
    "delete /targets/{target}": "administrator",
    "post /targets/{target}/test": "administrator",
    "get /deliveries": "administrator",
    "get /mail-server": "anybody",
    "put /mail-server/password": "administrator",
    "delete /mail-server/password": "administrator",
    "post /mail-server/test": "administrator",
    "get /registries": "anybody",
    "put /registries/{registry}": "administrator",
    "delete /registries/{registry}": "administrator",
    "get /kernels/{kernel}/packages": "anybody",
}
"""The policy as seen from outside, written by hand from the purpose of each route, not from its code."""


def test_every_verb_of_every_route_asks_the_policy_for_what_it_does():
    asked = {
        f"{verb} {route.path}": required_access(*operation.permission)
        for route in ROUTES
        for verb, operation in operations(route.handler).items()
    }
    assert asked == OPEN_TO


@pytest.mark.parametrize("jp_server_config", [{"administrators": ["somebody else"]}], indirect=True)
async def test_what_is_for_administrators_is_refused_before_anything_is_read(jp_server_config, fetch, jp_serverapp):
    token = {"Authorization": f"token {jp_serverapp.identity_provider.token}"}
    for name in (name for name, whom in OPEN_TO.items() if whom == "administrator"):
        verb, path = name.split()
        answer = await fetch(verb, PREFIX + re.sub(r"\{\w+\}", "x", path), headers=token, body=b"not even JSON")
        assert (answer.code, json.loads(answer.body)["code"]) == (403, "not_administrator"), name
