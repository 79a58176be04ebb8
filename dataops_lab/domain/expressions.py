"""Expressions of a pipeline: the names that one may use, and what they stand for in a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from .parameters import Json, ParameterSchema, ParameterType
from .pipelines import Pipeline, Step, StepState

UNSAYABLE = frozenset({"in", "true", "false", "null"})
"""Words of the language itself: no expression can name a step or a parameter that is called so."""


@dataclass(frozen=True)
class Scope:
    """The names that an expression may use: `params.NAME`, `steps.ID`, `run`, and the item of its fan-out.

    `steps` have ended before the expression is evaluated. `other_steps` are there too, but no results of them.
    """

    parameters: ParameterSchema = ParameterSchema()
    steps: tuple[str, ...] = ()
    item: str | None = None
    other_steps: tuple[str, ...] = ()
    own_step: str = ""
    """The step that has the expression."""


@dataclass(frozen=True)
class StepResult:
    """The result of a step that has ended, as expressions see it.

    A fan-out has for each value a list in the order of its items.
    """

    state: StepState
    values: Mapping[str, Json] = field(default_factory=dict)
    nothing_to_do: bool = False
    with_failures: bool = False


@dataclass(frozen=True)
class Context:
    """The values behind the names of a scope. `steps` has a result for each of `scope.steps`."""

    scope: Scope
    run_id: str
    run_started: dt.datetime
    parameters: Mapping[str, Json] = field(default_factory=dict)
    steps: Mapping[str, StepResult] = field(default_factory=dict)
    item: Json = None


@dataclass(frozen=True)
class ExpressionProblem:
    """Something wrong with an expression. Line and column are places in the expression and count from 1."""

    message: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True)
class CheckedExpression:
    """The type of the values that an expression gives; ANY when only a run can tell."""

    type: ParameterType = ParameterType.ANY
    problems: tuple[ExpressionProblem, ...] = ()

    def can_be(self, *types: ParameterType) -> bool:
        """Tell whether the expression may give a value of one of the types."""
        return ParameterType.ANY in (self.type, *types) or any(self.type in _GIVES[wanted] for wanted in types)


def scope_of(pipeline: Pipeline, step: Step, *, before: frozenset[str], with_item: bool) -> Scope:
    """Return the scope of an expression of `step`. `before` are all steps that it waits for."""
    return Scope(
        parameters=pipeline.parameters,
        steps=tuple(each.id for each in pipeline.steps if each.id in before),
        item=step.for_each.item if with_item and step.for_each else None,
        other_steps=tuple(each.id for each in pipeline.steps if each.id not in before and each.id != step.id),
        own_step=step.id,
    )


# Dates are texts in JSON, so an expression cannot tell one from another text before a run.
_TEXT = frozenset({ParameterType.STRING, ParameterType.DATE, ParameterType.DATETIME})
_GIVES: Mapping[ParameterType, frozenset[ParameterType]] = {
    **{each: frozenset({each}) for each in ParameterType},
    **dict.fromkeys(_TEXT, _TEXT),
    ParameterType.NUMBER: frozenset({ParameterType.NUMBER, ParameterType.INTEGER}),
}
