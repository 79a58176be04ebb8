"""Environments, variables, secrets and the configuration through every client."""

from __future__ import annotations

import pytest

from dataops_lab.api_models import EnvironmentChange, EnvironmentRequest, LimitsModel, ResourcesModel
from dataops_lab.domain.environments import Resources
from dataops_lab.domain.runs import RunState
from dataops_lab.errors import Conflict, Refused, UnknownEnvironment

SEEN = (
    "import os\nfrom dataops_lab import record\n"
    "record('region', os.environ['REGION'])\nprint('with', os.environ['PASSWORD'])"
)


@pytest.fixture
def staging(client):
    client.environments.add(EnvironmentRequest(name="staging", position=1))
    yield "staging"
    client.environments.remove("staging")


def test_a_run_gets_the_variables_the_secrets_and_the_limits_of_its_environment(installation, client, staging):
    here = client.environments
    here.set_variable(staging, "REGION", "South")
    here.set_secret(staging, "PASSWORD", "correct horse")
    limits = LimitsModel(resources=ResourcesModel(cpus=2), timeout_s=60)
    changed = here.change(staging, EnvironmentChange(limits=limits, revision=here.get(staging).revision))
    assert (changed.limits, changed.position) == (limits, 1)

    path = installation.notebook("environment.ipynb", SEEN)
    with pytest.raises(Refused) as refused:
        client.submit(path, environment=staging, resources=Resources(cpus=3))
    assert refused.value.precise_code == "beyond_limit"
    run = client.submit(path, environment=staging, resources=Resources(cpus=1))
    *_, last = client.follow(run.id)
    ended = client.run(last.run.id)
    assert ended.state is RunState.SUCCEEDED and ended.values == {"region": "South"}
    assert (ended.environment, ended.resources.cpus, ended.timeout_s) == (staging, 1, 60)
    assert b"".join(client.log(run.id)) == b"with ***\n"


def test_what_is_there_is_told_and_no_value_of_a_secret(client, staging):
    here = client.environments
    assert [environment.name for environment in here.all()] == ["sandbox", "staging", "production"]
    assert [placement.environment for placement in here.placements(language="python")] == [
        "sandbox",
        "staging",
        "production",
    ]
    here.set_variable(staging, "REGION", "South")
    assert not here.set_secret(staging, "PASSWORD", "1234").masked
    replaced = here.set_secret(staging, "PASSWORD", "correct horse")
    assert (replaced.version, replaced.masked) == (2, True)
    assert [(secret.name, secret.is_set) for secret in here.secrets(staging)] == [("PASSWORD", True)]
    assert "correct horse" not in here.export()
    here.remove_secret(staging, "PASSWORD")
    here.remove_variable(staging, "REGION")
    assert (here.secrets(staging), here.variables(staging)) == ([], [])


def test_a_configuration_is_looked_at_and_applied_once(client, staging):
    here = client.environments
    text = here.export().replace("description: ''", "description: Changed", 1)
    planned = here.apply(text, dry_run=True)
    assert [change.field for change in planned.changes] == ["description"] and not planned.applied
    assert here.apply(text, state=planned.state).applied
    with pytest.raises(Conflict):
        here.apply(text, state=planned.state)
    assert here.apply(text).changes == []


def test_what_cannot_be_is_refused_with_the_same_code(client, staging):
    here = client.environments
    for code, attempt in {
        "environment_exists": lambda: here.add(EnvironmentRequest(name="staging")),
        "reserved_variable_name": lambda: here.set_variable(staging, "LD_PRELOAD", "x"),
        "value_too_large": lambda: here.set_secret(staging, "PASSWORD", "x" * 1_000_000),
        "invalid_configuration": lambda: here.apply("environments: 5"),
        "environment_in_use": lambda: here.remove("sandbox"),
        UnknownEnvironment.code: lambda: here.get("nowhere"),
    }.items():
        with pytest.raises((Conflict, Refused)) as refused:
            attempt()
        assert refused.value.precise_code == code
