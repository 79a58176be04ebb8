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
from ..configuration import read, written
from ..domain.actors import Actor
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

    def placements(self, *, kernel: str | None = None, language: str | None = None) -> list[PlacementModel]:
        """List what may be chosen for a run of a notebook with this kernel and language, and why the rest may not."""
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
        return [EnvironmentModel.of(it) for it in environments.every(self._ctx)]

    def get(self, name: str) -> EnvironmentModel:
        return EnvironmentModel.of(environments.get(self._ctx, name))

    def add(self, asked: EnvironmentRequest) -> EnvironmentModel:
        wanted = asked.to_domain(asked.name, position=environments.LAST)
        return EnvironmentModel.of(environments.add(self._ctx, wanted, by=self._user))

    def change(self, name: str, asked: EnvironmentChange) -> EnvironmentModel:
        wanted = asked.to_domain(name, position=environments.get(self._ctx, name).position)
        return EnvironmentModel.of(environments.change(self._ctx, wanted, revision=asked.revision, by=self._user))

    def remove(self, name: str) -> EnvironmentModel:
        return EnvironmentModel.of(environments.remove(self._ctx, name, by=self._user))

    def placements(self, *, kernel: str | None = None, language: str | None = None) -> list[PlacementModel]:
        found = placement.options(self._ctx, by=self._user, kernel=kernel, language=language)
        return [PlacementModel.of(it) for it in found]

    def variables(self, environment: str) -> list[VariableModel]:
        return [VariableModel.of(it) for it in environments.variables(self._ctx, environment)]

    def set_variable(self, environment: str, name: str, value: str) -> VariableModel:
        return VariableModel.of(environments.set_variable(self._ctx, environment, name, value, by=self._user))

    def remove_variable(self, environment: str, name: str) -> VariableModel:
        return VariableModel.of(environments.remove_variable(self._ctx, environment, name, by=self._user))

    def secrets(self, environment: str) -> list[SecretModel]:
        return [SecretModel.of(it, environment) for it in secrets.of(self._ctx, environment)]

    def set_secret(self, environment: str, name: str, value: str) -> SetSecretModel:
        secret = secrets.put(self._ctx, environment, name, value, by=self._user)
        return SetSecretModel.of_value(secret, environment, value)

    def remove_secret(self, environment: str, name: str) -> SecretModel:
        return SecretModel.of(secrets.remove(self._ctx, environment, name, by=self._user), environment)

    def export(self) -> str:
        return written(configuration.export(self._ctx))

    def apply(self, text: str, *, dry_run: bool = False, state: str | None = None) -> ConfigurationPlan:
        wanted = read(text)
        if dry_run:
            return ConfigurationPlan.of(configuration.plan(self._ctx, wanted, by=self._user))
        return ConfigurationPlan.of(configuration.apply(self._ctx, wanted, state=state, by=self._user))


class HttpEnvironments(Environments):
    def __init__(self, client: HttpClient) -> None:
        self._ask = client.ask
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

    def placements(self, *, kernel: str | None = None, language: str | None = None) -> list[PlacementModel]:
        return self._ask(PageModel[PlacementModel], "GET", "placements", kernel=kernel, language=language).items

    def variables(self, environment: str) -> list[VariableModel]:
        return self._ask(PageModel[VariableModel], "GET", _environment(environment, "variables")).items

    def set_variable(self, environment: str, name: str, value: str) -> VariableModel:
        asked = VariableValue(value=value)
        return self._ask(VariableModel, "PUT", _environment(environment, "variables", name), asked)

    def remove_variable(self, environment: str, name: str) -> VariableModel:
        return self._ask(VariableModel, "DELETE", _environment(environment, "variables", name))

    def secrets(self, environment: str) -> list[SecretModel]:
        return self._ask(PageModel[SecretModel], "GET", _environment(environment, "secrets")).items

    def set_secret(self, environment: str, name: str, value: str) -> SetSecretModel:
        asked = SecretValue(value=SecretStr(value))
        return self._ask(SetSecretModel, "PUT", _environment(environment, "secrets", name), asked)

    def remove_secret(self, environment: str, name: str) -> SecretModel:
        return self._ask(SecretModel, "DELETE", _environment(environment, "secrets", name))

    def export(self) -> str:
        return self._text("configuration")

    def apply(self, text: str, *, dry_run: bool = False, state: str | None = None) -> ConfigurationPlan:
        asked = ConfigurationRequest(text=text, dry_run=dry_run, state=state)
        return self._ask(ConfigurationPlan, "POST", "configuration", asked)


def _environment(*parts: Any) -> str:
    return "/".join(["environments", *(quote(part, safe="") for part in parts)])
