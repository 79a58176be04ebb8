"""What holds for every route, found by walking the table."""

from __future__ import annotations

import json
import re

import pytest

from dataops_lab.handlers.base import VERBS, operations
from dataops_lab.handlers.installation import DOCUMENT
from dataops_lab.handlers.openapi import document
from dataops_lab.handlers.routes import PREFIX, ROUTES

WALK = [(verb, route) for route in ROUTES for verb in operations(route.handler)]
NAMES = [f"{verb} {route.path}" for verb, route in WALK]


def address(route) -> str:
    return re.sub(r"\{\w+\}", "x", route.path)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_every_verb_of_every_route_wants_a_login(jp_serverapp, http_server_client, jp_base_url, route, verb):
    answer = await http_server_client.fetch(
        f"{jp_base_url.rstrip('/')}{PREFIX}{address(route)}",
        method=verb.upper(),
        body=b"{}" if verb in ("post", "put", "patch") else None,
        raise_error=False,
        follow_redirects=False,
    )
    assert answer.code in ((401, 403) if verb in operations(route.handler) else (401, 403, 404, 405))


@pytest.mark.parametrize(("verb", "route"), WALK, ids=NAMES)
async def test_every_verb_asks_for_its_permission(api, jp_serverapp, monkeypatch, verb, route):
    asked = []

    def nobody_may(self, handler, user, action, resource):
        asked.append((action, resource))
        return False

    monkeypatch.setattr(type(jp_serverapp.authorizer), "is_authorized", nobody_may)
    answer = await api(verb.upper(), address(route))
    assert answer.code == 403
    assert json.loads(answer.body)["code"] == "forbidden"
    operation = operations(route.handler)[verb]
    assert asked == [(operation.action, operation.resource)]


@pytest.mark.parametrize(("verb", "route"), WALK, ids=NAMES)
def test_what_changes_something_is_no_get_and_needs_more_than_reading(verb, route):
    operation = operations(route.handler)[verb]
    if verb == "get":
        assert operation.action == "read"
    elif not route.path.endswith("/inspect"):
        assert operation.action in ("write", "execute")


@pytest.mark.parametrize("path", ["statusx", "xstatus", "status/x", "runs//x", "runs/x/cancelx"])
async def test_addresses_match_exactly(api, path):
    assert (await api("GET", path)).code in (404, 405)


async def test_the_cookie_of_a_login_changes_nothing_without_the_xsrf_token(
    jp_serverapp, http_server_client, jp_base_url, api, notebook
):
    def at(path: str) -> str:
        return f"{jp_base_url.rstrip('/')}{path}"

    token = jp_serverapp.identity_provider.token
    login = await http_server_client.fetch(at(f"/api/status?token={token}"))
    cookies = "; ".join(cookie.split(";")[0] for cookie in login.headers.get_list("Set-Cookie"))
    logged_in = await http_server_client.fetch(at(f"{PREFIX}/status"), headers={"Cookie": cookies})
    assert logged_in.code == 200
    answer = await http_server_client.fetch(
        at(f"{PREFIX}/runs"),
        method="POST",
        body=json.dumps({"path": notebook("1")}),
        headers={"Cookie": cookies},
        raise_error=False,
    )
    assert answer.code == 403
    assert (await api.json("GET", "runs"))["items"] == []


def test_the_document_in_the_package_is_what_the_routes_say():
    assert json.loads(DOCUMENT.read_text()) == document(), "run `python -m dataops_lab.handlers.openapi`"


async def test_the_document_is_served(api):
    assert (await api.json("GET", "openapi.json"))["paths"].keys() == {route.path for route in ROUTES}
