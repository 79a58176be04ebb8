from __future__ import annotations

from typing import Any

from pydantic import Field

from ..services.configuration import Plan
from .base import Model


class ConfigurationRequest(Model):
    """`text` is a `dataops.yaml`. With `state`, that of a dry run, 409 when something was changed since."""

    text: str = Field(max_length=1_000_000)
    dry_run: bool = False
    state: str | None = None


class ConfigurationChange(Model):
    """Of an environment, of an `image`, or of neither, as the order of environments is. `field` is as in the file, with
    dots; empty for a whole environment. Null: it is not there."""

    environment: str
    image: str
    field: str
    before: Any
    after: Any


class ConfigurationPlan(Model):
    """What changes, or has changed. `remaining` are commands for what no file brings along: values of secrets,
    images that the catalogue does not have, with what is to be said of them."""

    changes: list[ConfigurationChange]
    state: str
    remaining: list[str]
    applied: bool

    @classmethod
    def of(cls, it: Plan) -> ConfigurationPlan:
        return cls(
            changes=[ConfigurationChange.model_validate(change) for change in it.changes],
            state=it.state,
            remaining=list(it.remaining),
            applied=it.applied,
        )
