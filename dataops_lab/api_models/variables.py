from __future__ import annotations

from ..domain.variables import Variable
from .base import ActorModel, Instant, Model


class VariableValue(Model):
    """The value of a variable: at most 64,000 bytes in UTF-8."""

    value: str


class VariableModel(Model):
    environment: str
    name: str
    value: str
    changed_at: Instant
    changed_by: ActorModel

    @classmethod
    def from_domain(cls, variable: Variable) -> VariableModel:
        return cls.model_validate(variable)
