"""Environments with their variables and secrets, and the choices that a person has for a run."""

from __future__ import annotations

from typing import Literal

from ..api_models import (
    EnvironmentChange,
    EnvironmentModel,
    EnvironmentRequest,
    PageModel,
    PlacementModel,
    SecretModel,
    SecretValue,
    SetSecretModel,
    VariableModel,
    VariableValue,
)
from ..domain.jobs import JobKind
from ..services import environments, placement, secrets
from .base import DataOpsHandler, operation
from .runs import Query

ENVIRONMENTS = "dataops:environments"
VARIABLES = "dataops:variables"
SECRETS = "dataops:secrets"


class PlacementsQuery(Query):
    """A query for placements. `kernel` and `language` are those of the notebook.

    Images without such a kernel have a problem that says so.
    """

    kernel: str | None = None
    language: str | None = None
    kind: Literal["notebook", "script", "command", "pipeline", "sweep"] = "notebook"


class PlacementsHandler(DataOpsHandler):
    @operation(
        "Choices of this person for a run: every environment in promotion order, and why others are not allowed",
        action="read",
        resource=ENVIRONMENTS,
        answers={200: PageModel[PlacementModel]},
        query=PlacementsQuery,
    )
    def get(self, query: PlacementsQuery) -> PageModel[PlacementModel]:
        found = placement.options(
            self.services, by=self.actor, kernel=query.kernel, language=query.language, kind=JobKind(query.kind)
        )
        return PageModel[PlacementModel](items=[PlacementModel.from_domain(options) for options in found])


class EnvironmentsHandler(DataOpsHandler):
    @operation(
        "Every environment, in promotion order",
        action="read",
        resource=ENVIRONMENTS,
        answers={200: PageModel[EnvironmentModel]},
    )
    def get(self) -> PageModel[EnvironmentModel]:
        found = environments.list_all(self.services)
        return PageModel[EnvironmentModel](items=[EnvironmentModel.from_domain(environment) for environment in found])

    @operation(
        "Add an environment",
        action="write",
        resource=ENVIRONMENTS,
        answers={201: EnvironmentModel},
        body=EnvironmentRequest,
    )
    def post(self, body: EnvironmentRequest) -> EnvironmentModel:
        wanted = body.to_domain(body.name, position=environments.LAST_POSITION)
        return EnvironmentModel.from_domain(environments.add(self.services, wanted, by=self.actor))


class EnvironmentHandler(DataOpsHandler):
    @operation("One environment", action="read", resource=ENVIRONMENTS, answers={200: EnvironmentModel})
    def get(self, environment: str) -> EnvironmentModel:
        return EnvironmentModel.from_domain(environments.get(self.services, environment))

    @operation(
        "Replace the settings of an environment",
        action="write",
        resource=ENVIRONMENTS,
        answers={200: EnvironmentModel},
        body=EnvironmentChange,
    )
    def put(self, environment: str, body: EnvironmentChange) -> EnvironmentModel:
        position = environments.get(self.services, environment).position
        wanted = body.to_domain(environment, position=position)
        return EnvironmentModel.from_domain(
            environments.change(self.services, wanted, revision=body.revision, by=self.actor)
        )

    @operation(
        "Remove an environment with its variables and secrets; as it was",
        action="write",
        resource=ENVIRONMENTS,
        answers={200: EnvironmentModel},
    )
    def delete(self, environment: str) -> EnvironmentModel:
        return EnvironmentModel.from_domain(environments.remove(self.services, environment, by=self.actor))


class VariablesHandler(DataOpsHandler):
    @operation(
        "The variables of an environment, by name",
        action="read",
        resource=VARIABLES,
        answers={200: PageModel[VariableModel]},
    )
    def get(self, environment: str) -> PageModel[VariableModel]:
        found = environments.variables(self.services, environment)
        return PageModel[VariableModel](items=[VariableModel.from_domain(variable) for variable in found])


class VariableHandler(DataOpsHandler):
    @operation("Set a variable", action="write", resource=VARIABLES, answers={200: VariableModel}, body=VariableValue)
    def put(self, environment: str, name: str, body: VariableValue) -> VariableModel:
        return VariableModel.from_domain(
            environments.set_variable(self.services, environment, name, body.value, by=self.actor)
        )

    @operation("Remove a variable; as it was", action="write", resource=VARIABLES, answers={200: VariableModel})
    def delete(self, environment: str, name: str) -> VariableModel:
        return VariableModel.from_domain(environments.remove_variable(self.services, environment, name, by=self.actor))


class SecretsHandler(DataOpsHandler):
    @operation(
        "The secrets of an environment, by name; never their values",
        action="read",
        resource=SECRETS,
        answers={200: PageModel[SecretModel]},
    )
    def get(self, environment: str) -> PageModel[SecretModel]:
        found = secrets.list_secrets(self.services, environment)
        return PageModel[SecretModel](items=[SecretModel.from_domain(secret, environment) for secret in found])


class SecretHandler(DataOpsHandler):
    @operation(
        "Set a secret. Nothing ever tells its value again; the answer says whether it is long enough to be masked",
        action="write",
        resource=SECRETS,
        answers={200: SetSecretModel},
        body=SecretValue,
    )
    def put(self, environment: str, name: str, body: SecretValue) -> SetSecretModel:
        value = body.value.get_secret_value()
        secret = secrets.put(self.services, environment, name, value, by=self.actor)
        return SetSecretModel.from_domain_with_value(secret, environment, value)

    @operation("Remove a secret", action="write", resource=SECRETS, answers={200: SecretModel})
    def delete(self, environment: str, name: str) -> SecretModel:
        return SecretModel.from_domain(secrets.remove(self.services, environment, name, by=self.actor), environment)
