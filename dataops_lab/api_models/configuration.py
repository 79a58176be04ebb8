from __future__ import annotations

from typing import Any

from pydantic import Field

from ..services.configuration import Plan
from .base import Model


class ConfigurationRequest(Model):
    """A configuration to apply: `text` is a `dataops.yaml`. `state` is that of a dry run.

    With `state` the answer is 409 when something was changed since the dry run.
    """

    text: str = Field(max_length=1_000_000)
    dry_run: bool = False
    state: str | None = None


class ConfigurationChange(Model):
    """A change of an environment, of an `image`, `calendar` or `schedule`, or of none: the order of environments.

    `field` is the path of the field in the file, with dots; it is empty for a whole environment. `before` is null when
    something is added, `after` is null when it is removed.
    """

    environment: str
    image: str
    calendar: str
    schedule: str
    field: str
    before: Any
    after: Any


class ConfigurationPlan(Model):
    """The changes that a file makes, or has made.

    `remaining` lists the commands for things that no file holds: values of secrets, images that the catalogue does
    not have, with their descriptions, and versions of schedules.
    """

    changes: list[ConfigurationChange]
    state: str
    remaining: list[str]
    applied: bool

    @classmethod
    def from_domain(cls, plan: Plan) -> ConfigurationPlan:
        return cls(
            changes=[ConfigurationChange.model_validate(change) for change in plan.changes],
            state=plan.state,
            remaining=list(plan.remaining),
            applied=plan.applied,
        )
