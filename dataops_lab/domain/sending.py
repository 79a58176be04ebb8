"""When the success of a scheduled run is told: always, or only when there is something to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import InvalidSchedule
from .versions import canonical_json

MAX_NAMES = 50
MAX_CONDITION = 2000


class When(StrEnum):
    ALWAYS = "always"
    CHANGED = "changed"
    """A named value differs from the last success that was told."""
    CONDITION = "condition"
    """An expression over the values is true."""
    NEW_VERSION = "new_version"
    """The version differs from that of the last success that was told."""


@dataclass(frozen=True)
class SendRule:
    """`values` are the names for `changed`; `condition` is the expression for `condition`. The others have neither."""

    when: When = When.ALWAYS
    values: tuple[str, ...] = ()
    condition: str = ""

    def checked(self) -> SendRule:
        """Return it with each name once. InvalidSchedule when its members do not go together."""
        if bool(self.values) != (self.when is When.CHANGED):
            raise InvalidSchedule("Name the values that have to change with `send_when: changed`, and only with that.")
        if bool(self.condition.strip()) != (self.when is When.CONDITION):
            raise InvalidSchedule("Give the condition with `send_when: condition`, and only with that.")
        if len(self.values) > MAX_NAMES or len(self.condition) > MAX_CONDITION:
            raise InvalidSchedule(f"At most {MAX_NAMES} values and {MAX_CONDITION} characters of a condition.")
        return SendRule(self.when, tuple(dict.fromkeys(self.values)), self.condition.strip())

    def to_json(self) -> dict[str, Any]:
        return {"when": str(self.when), "values": list(self.values), "condition": self.condition}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> SendRule:
        """Read it; settings from before there were rules always send."""
        return cls(When(value["when"]), tuple(value["values"]), value["condition"]) if value else cls()


ALWAYS = SendRule()


@dataclass(frozen=True)
class Result:
    """The part of a success on which the rule looks."""

    version: str
    values: Mapping[str, Any]


def wants_to_send(
    rule: SendRule, result: Result, last: Result | None, *, wish: bool | None, condition: Callable[[str], bool]
) -> bool:
    """Decide on one success. `last` is the last one that was told, `wish` the word of the notebook, which counts most.

    `condition` evaluates the expression.
    """
    if wish is not None:
        return wish
    match rule.when:
        case When.ALWAYS:
            return True
        case When.CONDITION:
            return condition(rule.condition)
        case When.NEW_VERSION:
            return last is None or last.version != result.version
        case When.CHANGED:
            return last is None or any(_differs(last.values, result.values, name) for name in rule.values)


def _differs(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    missing = object()
    values = old.get(name, missing), new.get(name, missing)
    if missing in values:
        return values[0] is not values[1]
    # Compare as JSON does: True is not 1.
    return canonical_json(values[0]) != canonical_json(values[1])
