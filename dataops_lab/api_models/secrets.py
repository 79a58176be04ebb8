from __future__ import annotations

from pydantic import SecretStr, field_serializer

from ..domain.secrets import Secret, is_masked
from .base import ActorModel, Instant, Model


class SecretValue(Model):
    """The value of a secret: text of at most 64,000 bytes in UTF-8."""

    value: SecretStr

    @field_serializer("value", when_used="json")
    def _in_clear(self, value: SecretStr) -> str:
        # The value goes to the server only: answers of the API have no value.
        return value.get_secret_value()


class SecretModel(Model):
    """A secret, never with its value. `version` counts how often it was set.

    `is_set` false: the secret is expected here, and runs are refused until it is set.
    """

    environment: str
    name: str
    version: int
    is_set: bool
    changed_at: Instant
    changed_by: ActorModel

    @classmethod
    def from_domain(cls, secret: Secret, environment: str) -> SecretModel:
        return cls(
            environment=environment,
            name=secret.name,
            version=secret.version,
            is_set=secret.is_set,
            changed_at=secret.changed_at,
            changed_by=ActorModel.from_domain(secret.changed_by),
        )


class SetSecretModel(SecretModel):
    """A secret that was set just now. `masked` false: its value is too short to be masked in the outputs of runs.

    Only the person who gave the value is told this; they know the value.
    """

    masked: bool

    @classmethod
    def from_domain_with_value(cls, secret: Secret, environment: str, value: str) -> SetSecretModel:
        return cls(**vars(SecretModel.from_domain(secret, environment)), masked=is_masked(value))
