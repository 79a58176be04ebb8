"""The API of environments, variables, secrets and the configuration."""

from __future__ import annotations

import json

import pytest

CANARY = "correct horse battery"


@pytest.fixture
def jp_server_config(jp_server_config, request):
    """The configuration of the server, with administrators where the test names them."""
    marker = request.node.get_closest_marker("parametrize")
    if marker is None or "administrators" not in marker.args[0]:
        return jp_server_config
    app = jp_server_config["DataOpsApp"] | {"administrators": request.getfixturevalue("administrators")}
    return jp_server_config | {"DataOpsApp": app}


async def test_an_environment_is_added_changed_and_removed(api):
    added = await api.json("POST", "environments", {"name": "staging", "position": 1, "limits": {"timeout_s": 60}})
    assert (added["position"], added["limits"]["timeout_s"], added["revision"]) == (1, 60, 1)
    names = [environment["name"] for environment in (await api.json("GET", "environments"))["items"]]
    assert names == ["sandbox", "staging", "production"]
    changed = await api.json("PUT", "environments/staging", {"description": "Before production", "revision": 1})
    assert (changed["description"], changed["position"], changed["limits"]["timeout_s"]) == (
        "Before production",
        1,
        None,
    )
    assert (await api("PUT", "environments/staging", {"revision": 1})).code == 409
    assert (await api.json("DELETE", "environments/staging"))["name"] == "staging"
    assert (await api("GET", "environments/staging")).code in (404, 422)


async def test_a_secret_is_never_told_again(api):
    answers = [await api("PUT", "environments/sandbox/secrets/PASSWORD", {"value": CANARY})]
    for path in ("environments/sandbox/secrets", "environments/sandbox", "environments", "configuration", "placements"):
        answers.append(await api("GET", path))
    assert (await api("GET", "environments/sandbox/secrets/PASSWORD")).code == 405
    answers.append(await api("DELETE", "environments/sandbox/secrets/PASSWORD"))
    assert {answer.code for answer in answers} == {200}
    assert not [answer for answer in answers if CANARY.encode() in answer.body]
    assert json.loads(answers[0].body)["version"] == 1


@pytest.mark.parametrize(("value", "masked"), [("12345", False), (" 12345\n", False), ("123456", True)])
async def test_whoever_sets_a_secret_is_told_whether_it_is_masked_and_nobody_else(api, value, masked):
    assert (await api.json("PUT", "environments/sandbox/secrets/PIN", {"value": value}))["masked"] is masked
    (found,) = (await api.json("GET", "environments/sandbox/secrets"))["items"]
    assert "masked" not in found


@pytest.mark.parametrize(
    "value", [{"value": CANARY + "\0"}, {"value": CANARY * 50_000}, {"value": [CANARY]}, {CANARY: 1}]
)
async def test_a_secret_that_is_refused_is_not_quoted(api, caplog, value):
    answer = await api("PUT", "environments/sandbox/secrets/PASSWORD", value)
    assert answer.code in (400, 413, 422) and (CANARY not in answer.body.decode() or CANARY in value)
    assert CANARY not in caplog.text or CANARY in value


async def test_a_variable_is_set_and_removed(api):
    await api.json("PUT", "environments/sandbox/variables/REGION", {"value": "South"})
    (found,) = (await api.json("GET", "environments/sandbox/variables"))["items"]
    assert (found["name"], found["value"]) == ("REGION", "South")
    await api.json("DELETE", "environments/sandbox/variables/REGION")
    refused = await api("PUT", "environments/sandbox/variables/LD_PRELOAD", {"value": "x"})
    assert json.loads(refused.body)["code"] == "reserved_variable_name"


async def test_the_configuration_is_told_and_applied_as_a_file(api):
    text = (await api("GET", "configuration")).body.decode()
    assert "name: production" in text
    text = text.replace("description: ''", "description: Changed", 1)
    planned = await api.json("POST", "configuration", {"text": text, "dry_run": True})
    assert [change["field"] for change in planned["changes"]] == ["description"] and not planned["applied"]
    assert (await api.json("GET", "environments/sandbox"))["description"] == ""
    assert (await api.json("POST", "configuration", {"text": text, "state": planned["state"]}))["applied"]
    assert (await api.json("GET", "environments/sandbox"))["description"] == "Changed"
    refused = await api("POST", "configuration", {"text": "environments:\n- nam: x\n"})
    assert json.loads(refused.body)["code"] == "invalid_configuration"


async def test_the_only_user_may_administer(api):
    assert (await api.json("GET", "status"))["may_administer"]


@pytest.mark.parametrize("administrators", [["somebody-else"]])
async def test_who_is_no_administrator_changes_nothing_and_is_told_so(api, administrators, notebook):
    assert not (await api.json("GET", "status"))["may_administer"]
    for verb, path, body in (
        ("POST", "environments", {"name": "staging"}),
        ("PUT", "environments/sandbox", {}),
        ("DELETE", "environments/production", None),
        ("PUT", "environments/sandbox/variables/A", {"value": "x"}),
        ("DELETE", "environments/sandbox/variables/A", None),
        ("PUT", "environments/sandbox/secrets/A", {"value": "x"}),
        ("DELETE", "environments/sandbox/secrets/A", None),
        ("POST", "configuration", {"text": ""}),
        ("POST", "configuration", {"text": "", "dry_run": True}),
        ("POST", "configuration", {"text": "[ which nobody reads", "dry_run": True}),
        ("POST", "runs", {"path": notebook("1"), "environment": "production"}),
    ):
        answer = await api(verb, path, body)
        assert answer.code == 403, path
    guarded = next(
        placement
        for placement in (await api.json("GET", "placements"))["items"]
        if placement["environment"] == "production"
    )
    assert "administrators" in guarded["problem"]
