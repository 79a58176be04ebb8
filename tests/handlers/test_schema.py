"""Every route answers as `openapi.json` says, also to strange requests, which are made up from the document."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis.config import SchemathesisConfig
from schemathesis.core import NotSet
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import negative_data_rejection

from dataops_lab.handlers.base import NOT_AS_DOCUMENTED
from dataops_lab.handlers.openapi import document
from dataops_lab.handlers.routes import PREFIX
from dataops_lab.wiring import Home, build_engine

from ..client.conftest import TOKEN, Server
from ..waiting import eventually

pytestmark = pytest.mark.slow

# A name of the document → values that exist, used beside made-up ones. The name is that of a place in the path, of a
# query argument or of a required member of a body. Values that only a running server knows have a stand-in (`real`).
REAL = {
    "run_id": ["ended-run", "queued-run", "pipeline-run"],
    "step": ["ok"],
    "job_id": ["some-job"],
    "path": ["work/sales.ipynb", "work/out.txt", "work/month.pipeline.yaml"],
    "paths": [["work/sales.ipynb"]],
    "journal": ["ended-run"],
    "environment": ["spare"],
    "variable": ["REGION"],
    "project": ["default"],
    "name": ["extra"],
    "value": ["South"],
    "rules": [[]],
    "secret": ["PASSWORD"],
    "rule": [{"kind": "cron", "expression": "0 8 * * 1"}],
    "timezone": ["Europe/Paris"],
    "schedule": ["weekly"],
    "calendar": ["days"],
    "target": ["team"],
    "channel": ["mail"],
    "object_kind": ["job"],
    "object_id": ["some-job"],
    "source": [{"kind": "days", "days": []}],
    "first": ["2026-01-01T00:00:00Z"],
    "last": ["2026-02-01T00:00:00Z"],
}

PIPELINE = """\
version: 1
steps:
  sales: {notebook: sales.ipynb}
  ok: {approve: {ask: Publish?}, needs: [sales]}
"""

UNREACHED = {
    "/images": "there is no image without a Docker daemon",
    "/image-builds": "there is no image without a Docker daemon",
    "/image-trials": "there is no image without a Docker daemon",
    "/image-tasks/": "there is no image without a Docker daemon",
    "/registries/{registry}": "registries have names of a form that is not made up, and one test's is another's",
    "/kernels/{kernel}/packages": "it depends on the machine",
}

CONFIG = {
    "generation": {"deterministic": True, "max-examples": 15, "no-shrink": True, "with-security-parameters": False},
    "max-stream-events": 1,
    "request-timeout": 60,
    "checks": {
        # A request that fits the document may still be refused, for its meaning or for the state of a run.
        "positive_data_acceptance": {"expected-statuses": ["2xx", 400, 403, 404, 409, 422, 503]},
        # A broken request may be refused by an earlier check than the one for its fault.
        "negative_data_rejection": {"expected-statuses": [400, 403, 404, 405, 409, 422, 503]},
    },
}


def with_real_values(node: Any) -> Any:
    """Add the REAL values to the document wherever one of their names stands, also as examples of whole bodies."""
    if isinstance(node, list):
        return [with_real_values(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "in" in node and "schema" in node:
        return {**node, "schema": offered(node["schema"], node["name"])}
    changed = {key: with_real_values(value) for key, value in node.items() if key != "properties"}
    if "properties" in node:
        required = set(node.get("required", ()))
        changed["properties"] = {
            name: offered(schema, name) if name in required else with_real_values(schema)
            for name, schema in node["properties"].items()
        }
        if required <= REAL.keys():
            changed["example"] = {name: REAL[name][0] for name in required}
    return changed


def offered(schema: Any, name: str) -> Any:
    """Offer the REAL values of the name whose type is that of the schema: a name may stand for two kinds of things."""
    inner = with_real_values(schema)
    values = [value for value in REAL.get(name, ()) if has_type(value, schema.get("type"))]
    return {"anyOf": [{"enum": values}, inner]} if values else inner


def has_type(value: Any, type_name: str | None) -> bool:
    return type_name is None or Draft202012Validator.TYPE_CHECKER.is_type(value, type_name)


SCHEMA = schemathesis.openapi.from_dict(
    with_real_values(copy.deepcopy(document())), config=SchemathesisConfig.from_dict(CONFIG)
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without an engine: submitted runs wait, and no made-up notebook is run."""
    folder = tmp_path_factory.mktemp("schema")
    (folder / "work" / "work").mkdir(parents=True)
    started = Server(folder / "home", folder / "work", folder / "server.log", engine=False)
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def api(server: Server) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"token {TOKEN}"}
    with httpx.Client(base_url=server.url + PREFIX, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def ended(server: Server, api: httpx.Client) -> dict[str, Any]:
    """A run that has succeeded, made before anything is changed; and one of a pipeline, whose step `ok` waits."""
    notebook(server.workspace / "work" / "sales.ipynb")
    (server.workspace / "work" / "month.pipeline.yaml").write_text(PIPELINE)
    run, pipeline = submitted(api), submitted(api, "work/month.pipeline.yaml")
    stop = Event()
    engine = Thread(target=build_engine(Home(server.home), slots=1).run, args=(stop,))
    engine.start()
    eventually(lambda: api.get(f"/runs/{pipeline['id']}").raise_for_status().json()["phase"] == "awaiting_approval")
    ended = eventually(lambda: if_ended(api.get(f"/runs/{run['id']}").raise_for_status().json()))
    stop.set()
    engine.join()
    return {**ended, "pipeline": pipeline["id"]}


@pytest.fixture
def real(server: Server, api: httpx.Client, ended: dict[str, Any]) -> dict[str, str]:
    """The ids behind the stand-ins in REAL. These things are there when a test begins."""
    notebook(server.workspace / "work" / "sales.ipynb")
    queued, spent = submitted(api), submitted(api)
    api.post(f"/runs/{spent['id']}/cancel").raise_for_status()
    api.post("/environments", json={"name": "spare"})
    api.put("/environments/spare/variables/REGION", json={"value": "South"})
    api.put("/environments/spare/secrets/PASSWORD", json={"value": "correct horse"})
    api.put("/targets/team", json={"channel": "mail", "address": "team@example.org"})
    api.put("/calendars/days", json={"source": REAL["source"][0]}).raise_for_status()
    weekly = {"path": "work/sales.ipynb", "name": "weekly", "rule": REAL["rule"][0], "timezone": "Europe/Paris"}
    api.put("/schedules", json=weekly).raise_for_status()
    return {
        "ended-run": ended["id"],
        "pipeline-run": ended["pipeline"],
        "queued-run": queued["id"],
        "spent-run": spent["id"],
        "some-job": ended["job"]["id"],
    }


def submitted(api: httpx.Client, path: str = "work/sales.ipynb") -> dict[str, Any]:
    return api.post("/runs", json={"path": path}).raise_for_status().json()


def if_ended(run: dict[str, Any]) -> dict[str, Any] | None:
    return run if run["finished_at"] else None


def notebook(path: Path) -> None:
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    source = "open('out.txt', 'w').write('made')\nprint('said')"
    cells = [
        {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": text}
        for text, metadata in (("limit = 3", {"tags": ["parameters"]}), (source, {}))
    ]
    whole = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(whole))


def filled_in(value: Any, real: dict[str, str]) -> Any:
    match value:
        case str():
            return real.get(value, value)
        case list():
            return [filled_in(each, real) for each in value]
        case dict():
            return {key: filled_in(each, real) for key, each in value.items()}
    return value


@pytest.fixture
def statuses(request: pytest.FixtureRequest) -> Iterator[set[int]]:
    """The status codes of the answers: one made-up request for each route has to succeed.

    A new route may need values in REAL for that.
    """
    seen: set[int] = set()
    yield seen
    path = request.node.name.partition(" ")[2].rstrip("]")
    if not path.startswith(tuple(UNREACHED)):
        assert min(seen) < 300, f"{sorted(seen)} alone: name in REAL what {request.node.name} needs to succeed"


@SCHEMA.parametrize()
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_every_answer_is_as_documented(case: Case, server: Server, real: dict[str, str], statuses: set[int]) -> None:
    if case.method == "DELETE":
        real = {**real, "ended-run": real["spent-run"]}
    case.path_parameters = filled_in(case.path_parameters, real)
    case.query = filled_in(case.query, real)
    case.body = filled_in(case.body, real)
    answer = case.call(base_url=server.url + PREFIX, headers={"Authorization": f"token {TOKEN}"})
    statuses.add(answer.status_code)
    if answer.status_code == 400 and is_as_documented(case):
        said = answer.json()["detail"]
        # 1.0 is a whole number to JSON Schema, but not to us.
        assert not said.startswith(NOT_AS_DOCUMENTED) or "should be a valid integer" in said, said
    # The check takes a body that was left out for a broken one, even where it may be left out.
    left_out = isinstance(case.body, NotSet) and not case.operation.definition.raw.get("requestBody", {}).get(
        "required"
    )
    case.validate_response(answer, excluded_checks=[negative_data_rejection] if left_out else [])


def is_as_documented(case: Case) -> bool:
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
