"""A secret: a sealed variable. Its value is never shown again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from ..rundir.protocol import MIN_MASKED
from .actors import Actor


@dataclass(frozen=True)
class Sealed:
    """`data` is encrypted with a key of its own. That key lies in `wrapped`, encrypted with the key `key_id`."""

    key_id: str
    wrapped: bytes
    data: bytes


@dataclass(frozen=True)
class Secret:
    """`sealed` is None when the secret is expected here, and nobody has set it yet.

    `scope` is the place to which it belongs, see `environment_scope`. `version` counts how often it was set.
    """

    scope: str
    name: str
    version: int
    changed_at: dt.datetime
    changed_by: Actor
    sealed: Sealed | None = field(default=None, repr=False)
    revision: int = field(default=1, compare=False)
    """A number that counts the changes, also those that do not set it."""

    @property
    def is_set(self) -> bool:
        return self.sealed is not None

    @property
    def bound_to(self) -> str:
        """The text that goes into the encryption.

        A sealed value does not open when it is moved to another name or scope.
        """
        return f"{self.scope}/{self.name}"


def is_masked(value: str) -> bool:
    """Tell whether the value is masked in all results of runs."""
    return len(value.strip()) >= MIN_MASKED


REGISTRY_SCOPE = "registries"
"""The scope of logins to registries of images; each login has the name of its registry."""

WEBHOOK_SCOPE = "webhooks"
"""The scope of the secrets with which senders sign; each has the id of its schedule."""


def environment_scope(name: str) -> str:
    """Return the scope of an environment's secrets."""
    return f"environment/{name}"
