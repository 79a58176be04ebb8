"""`client.environments`: environments, their variables and secrets, and all of it as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from pydantic import SecretStr

from ..api_models import (
    ConfigurationPlan,
    ConfigurationRequest,
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
from ..configuration import dump, load
from ..domain.actors import Actor
from ..domain.jobs import JobKind
from ..services import Services, configuration, environments, placement, secrets

if TYPE_CHECKING:
    from .http import HttpClient


class Environments(Protocol):
    """The calls for environments. Only administrators may change something: Forbidden for others."""

    def all(self) -> list[EnvironmentModel]:
        """List all environments in promotion order."""
        ...

    def get(self, name: str) -> EnvironmentModel: ...
    def add(self, asked: EnvironmentRequest) -> EnvironmentModel: ...
    def change(self, name: str, asked: EnvironmentChange) -> EnvironmentModel:
        """Replace all settings of an environment."""
        ...

    def remove(self, name: str) -> EnvironmentModel:
        """Remove an environment with its variables and secrets. Conflict while a run in it has not ended."""
        ...

    def placements(
        self, *, kernel: str | None = None, language: str | None = None, kind: JobKind = JobKind.NOTEBOOK
    ) -> list[PlacementModel]:
        """List what may be chosen for a run of a source with this kernel and language, and why the rest may not."""
        ...

    def variables(self, environment: str) -> list[VariableModel]: ...
    def set_variable(self, environment: str, name: str, value: str) -> VariableModel: ...
    def remove_variable(self, environment: str, name: str) -> VariableModel: ...
    def secrets(self, environment: str) -> list[SecretModel]:
        """List the secrets of an environment, never with their values."""
        ...

    def set_secret(self, environment: str, name: str, value: str) -> SetSecretModel:
        """Set a secret. A short value is set too, but not `masked` in the outputs of runs."""
        ...

    def remove_secret(self, environment: str, name: str) -> SecretModel: ...
    def export(self) -> str:
        """Write the configuration as a `dataops.yaml`, without the values of secrets."""
        ...

    def apply(self, text: str, *, dry_run: bool = False, state: str | None = None) -> ConfigurationPlan:
        """Make the configuration what a `dataops.yaml` says, all of it or nothing.

        `state` is that of an earlier dry run: Conflict when something was changed since.
        """
        ...


class LocalEnvironments(Environments):
    def __init__(self, services: Services, *, user: Actor) -> None:
        self._ctx, self._user = services, user

    def all(self) -> list[EnvironmentModel]:
        return [EnvironmentModel.from_domain(environment) for environment in environments.list_all(self._ctx)]

    def get(self, name: str) -> EnvironmentModel:
        return EnvironmentModel.from_domain(environments.get(self._ctx, name))

    def add(self, asked: EnvironmentRequest) -> EnvironmentModel:
        request = asked.to_domain(asked.name, position=environments.LAST_POSITION)
        return EnvironmentModel.from_domain(environments.add(self._ctx, request, by=self._user))

    def change(self, name: str, asked: EnvironmentChange) -> EnvironmentModel:
        changes = asked.to_domain(name, position=environments.get(self._ctx, name).position)
        return EnvironmentModel.from_domain(
            environments.change(self._ctx, changes, revision=asked.revision, by=self._user)
        )

    def remove(self, name: str) -> EnvironmentModel:
        return EnvironmentModel.from_domain(environments.remove(self._ctx, name, by=self._user))

    def placements(
        self, *, kernel: str | None = None, language: str | None = None, kind: JobKind = JobKind.NOTEBOOK
    ) -> list[PlacementModel]:
        found = placement.options(self._ctx, by=self._user, kernel=kernel, language=language, kind=kind)
        return [PlacementModel.from_domain(options) for options in found]

    def variables(self, environment: str) -> list[VariableModel]:
        return [VariableModel.from_domain(variable) for variable in environments.variables(self._ctx, environment)]

    def set_variable(self, environment: str, name: str, value: str) -> VariableModel:
        return VariableModel.from_domain(environments.set_variable(self._ctx, environment, name, value, by=self._user))

    def remove_variable(self, environment: str, name: str) -> VariableModel:
        return VariableModel.from_domain(environments.remove_variable(self._ctx, environment, name, by=self._user))

    def secrets(self, environment: str) -> list[SecretModel]:
        return [SecretModel.from_domain(secret, environment) for secret in secrets.list_secrets(self._ctx, environment)]

    def set_secret(self, environment: str, name: str, value: str) -> SetSecretModel:
        secret = secrets.put(self._ctx, environment, name, value, by=self._user)
        return SetSecretModel.from_domain_with_value(secret, environment, value)

    def remove_secret(self, environment: str, name: str) -> SecretModel:
        return SecretModel.from_domain(secrets.remove(self._ctx, environment, name, by=self._user), environment)

    def export(self) -> str:
        return dump(configuration.export(self._ctx))

    def apply(self, text: str, *, dry_run: bool = False, state: str | None = None) -> ConfigurationPlan:
        request = load(text)
        if dry_run:
            return ConfigurationPlan.from_domain(configuration.plan(self._ctx, request, by=self._user))
        return ConfigurationPlan.from_domain(configuration.apply(self._ctx, request, state=state, by=self._user))


class HttpEnvironments(Environments):
    def __init__(self, client: HttpClient) -> None:
        self._ask = client.request
        self._text = client.text

    def all(self) -> list[EnvironmentModel]:
        return self._ask(PageModel[EnvironmentModel], "GET", "environments").items

    def get(self, name: str) -> EnvironmentModel:
        return self._ask(EnvironmentModel, "GET", _environment(name))

    def add(self, asked: EnvironmentRequest) -> EnvironmentModel:
        return self._ask(EnvironmentModel, "POST", "environments", asked)

    def change(self, name: str, asked: EnvironmentChange) -> EnvironmentModel:
        return self._ask(EnvironmentModel, "PUT", _environment(name), asked)

    def remove(self, name: str) -> EnvironmentModel:
        return self._ask(EnvironmentModel, "DELETE", _environment(name))

    def placements(
        self, *, kernel: str | None = None, language: str | None = None, kind: JobKind = JobKind.NOTEBOOK
    ) -> list[PlacementModel]:
        return self._ask(
            PageModel[PlacementModel], "GET", "placements", kernel=kernel, language=language, kind=str(kind)
        ).items

    def variables(self, environment: str) -> list[VariableModel]:
        return self._ask(PageModel[VariableModel], "GET", _environment(environment, "variables")).items

    def set_variable(self, environment: str, name: str, value: str) -> VariableModel:
        request = VariableValue(value=value)
        return self._ask(VariableModel, "PUT", _environment(environment, "variables", name), request)

    def remove_variable(self, environment: str, name: str) -> VariableModel:
        return self._ask(VariableModel, "DELETE", _environment(environment, "variables", name))

    def secrets(self, environment: str) -> list[SecretModel]:
        return self._ask(PageModel[SecretModel], "GET", _environment(environment, "secrets")).items

    def set_secret(self, environment: str, name: str, value: str) -> SetSecretModel:
        request = SecretValue(value=SecretStr(value))
        return self._ask(SetSecretModel, "PUT", _environment(environment, "secrets", name), request)

    def remove_secret(self, environment: str, name: str) -> SecretModel:
        return self._ask(SecretModel, "DELETE", _environment(environment, "secrets", name))

    def export(self) -> str:
        return self._text("configuration")

    def apply(self, text: str, *, dry_run: bool = False, state: str | None = None) -> ConfigurationPlan:
        request = ConfigurationRequest(text=text, dry_run=dry_run, state=state)
        return self._ask(ConfigurationPlan, "POST", "configuration", request)


def _environment(*parts: Any) -> str:
    return "/".join(["environments", *(quote(part, safe="") for part in parts)])
