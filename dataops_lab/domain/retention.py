"""Retention: the rules by which ended runs may go, and when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from ..errors import InvalidRequest
from .runs import RunState

ENDED = tuple(state for state in RunState if state.is_terminal)

MAX_LIMIT = 100_000

EVENT_RETENTION = dt.timedelta(days=30)
"""Events tell screens of changes. A screen that was away for longer reads the list anew."""

TICK_RETENTION = dt.timedelta(days=400)
"""The decision log of schedules stays for more than a year, so that a yearly report can be looked up."""

MESSAGE_RETENTION = dt.timedelta(days=30)
"""Messages stay for so long after they were written, if they are delivered."""


@dataclass(frozen=True)
class RetentionRule:
    """A rule that keeps the runs of the last `days` days, and of each job the newest `last` ones; the others go.

    A limit that is None keeps nothing by itself; a rule without any limit keeps all. `environment` and
    `state` None stand for those that have no rule of their own.
    """

    environment: str | None = None
    state: RunState | None = None
    days: int | None = None
    last: int | None = None
    revision: int = field(default=1, compare=False)
    """A number that counts the changes of its limits."""

    def __post_init__(self) -> None:
        for name, value in (("days", self.days), ("last", self.last)):
            if value is not None and not 0 <= value <= MAX_LIMIT:
                raise InvalidRequest(f"`{name}` is a number between 0 and {MAX_LIMIT}.")
        if self.state is not None and not self.state.is_terminal:
            raise InvalidRequest(f"Retention is for runs that have ended; {self.state} is not an end.")

    @property
    def keeps_all(self) -> bool:
        return self.days is None and self.last is None


@dataclass(frozen=True)
class RetentionScope:
    """The runs that one rule is for: of these states, in `environment`, or in all but `other_than` if that is None."""

    rule: RetentionRule
    states: tuple[RunState, ...]
    environment: str | None
    excluded_environments: tuple[str, ...] = ()

    def ended_before(self, now: dt.datetime) -> dt.datetime:
        return now - dt.timedelta(days=self.rule.days or 0)


def resolve_scopes(rules: Sequence[RetentionRule]) -> list[RetentionScope]:
    """Choose the most precise rule for each environment and state; the environment counts before the state."""
    indexed = _index_rules(rules)
    named = tuple(sorted({rule.environment for rule in rules if rule.environment is not None}))
    scopes = []
    for environment in (*named, None):
        found = [(rule, state) for state in ENDED if (rule := _rule_for(indexed, environment, state))]
        found.sort(key=lambda pair: (str(pair[0].environment), str(pair[0].state)))
        for rule, pairs in groupby(found, key=lambda pair: pair[0]):
            if not rule.keeps_all:
                states = tuple(state for _, state in pairs)
                scopes.append(RetentionScope(rule, states, environment, () if environment else named))
    return scopes


_Places = dict[tuple[str | None, RunState | None], RetentionRule]


def _index_rules(rules: Iterable[RetentionRule]) -> _Places:
    indexed: _Places = {}
    for rule in rules:
        place = (rule.environment, rule.state)
        if place in indexed:
            raise InvalidRequest(
                f"There are two rules for {rule.environment or 'every environment'} and "
                f"{rule.state or 'every state'}. Give one."
            )
        indexed[place] = rule
    return indexed


def _rule_for(indexed: _Places, environment: str | None, state: RunState) -> RetentionRule | None:
    places = ((environment, state), (environment, None), (None, state), (None, None))
    return next((indexed[place] for place in places if place in indexed), None)
