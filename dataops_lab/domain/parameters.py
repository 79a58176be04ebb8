"""Typed parameters of a job: the values that it takes, and the check that refuses all others.

Values travel as JSON. Dates and datetimes are ISO 8601 strings there; the literal writers turn them
into the kernel language's own types.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

from ..errors import InvalidParameters

# Any JSON value. It is only `Any`, because recursive aliases need Python 3.12.
Json = Any


class ParameterType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    LIST = "list"
    MAPPING = "mapping"
    ANY = "any"
    """No type is declared: text on the command line, anything in JSON."""


WRITTEN_AS = ("tuple", "set", "frozenset", "path", "decimal")
"""Types of Python that travel as another one: the first three as a list, the others as text."""

NOT_FINITE = ("nan", "inf", "-inf")
"""Numbers that JSON does not have. They travel as these texts."""


@dataclass(frozen=True)
class Parameter:
    """One declared parameter. `default` is a JSON value; it has no meaning when `required`."""

    name: str
    type: ParameterType = ParameterType.ANY
    default: Json = None
    required: bool = False
    nullable: bool = False
    description: str = ""
    choices: tuple[Json, ...] = ()
    items: ParameterType | None = None
    """Type of the members, for lists."""
    written_as: str | None = None
    """The kernel's own type of the value, where `type` does not say it: one of WRITTEN_AS."""
    keys: ParameterType | None = None
    """Type of the keys of a mapping, where they are not text. They travel as text, as JSON has no others."""
    unsupported: str = ""
    """The kernel's type of the parameter, where no value of it can be passed: the default is the only value."""

    @property
    def type_spelling(self) -> str:
        """The type as the literal writers take it: `date`, `list[date]`, `tuple[integer]`, `mapping[integer]`."""
        inner = self.items or self.keys
        return f"{self.written_as or self.type}[{inner}]" if inner else str(self.written_as or self.type)

    def find_problem(self, value: Json) -> str | None:
        """Say why `value` may not be passed, as a sentence without the name; None when it may."""
        if self.unsupported:
            return (
                f"is declared as {self.unsupported}, and no value can be passed as one. "
                "Declare a type such as str, float, date or list[int], and convert it in the next cell"
            )
        if value is None:
            return None if self.nullable or self.type is ParameterType.ANY else f"needs {self.expectation}"
        if self.choices:
            # 1 == True in Python, but not for people.
            if any(value == choice and type(value) is type(choice) for choice in self.choices):
                return None
            return f"must be one of {', '.join(_format(choice) for choice in self.choices)}, not {_format(value)}"
        if self.written_as == "decimal":
            return None if _is_decimal(value) else f'needs a decimal number such as "2.50", not {_format(value)}'
        if not _has_type(value, self.type):
            return f"needs {self.expectation}, not {_format(value)}"
        if self.keys is not None and isinstance(value, dict):
            for key in value:
                if not _can_parse(_KEY_READERS[self.keys], key):
                    return f"needs keys that are {_KEY_EXPECTATION[self.keys]}, not {_format(key)}"
        if self.items is not None and isinstance(value, list):
            for position, member in enumerate(value):
                if not _has_type(member, self.items):
                    return f"needs a list of {self.items} values, but item {position + 1} is {_format(member)}"
        return None

    @property
    def expectation(self) -> str:
        return _EXPECTATION[self.type]

    def sample(self) -> Json:
        """Return a value that it takes: its default, else one that stands for those that nobody knows yet."""
        if not self.required:
            return self.default
        if self.choices:
            return self.choices[0]
        return "1" if self.written_as == "decimal" else _SAMPLES[self.type]

    def parse(self, text: str) -> Json:
        """Read `text` from a command line or a form by the declared type.

        Lists and mappings are JSON. Text that cannot be read as the type is returned unchanged, so
        that `find_problem` then says what is wrong with it.
        """
        if self.nullable and text in ("", "null", "None"):
            return None
        for choice in self.choices:
            if text == (choice if isinstance(choice, str) else json.dumps(choice)):
                return choice
        try:
            return _READERS[self.type](text)
        except (ValueError, RecursionError):
            return text


@dataclass(frozen=True)
class ParameterSchema:
    """The parameters of a notebook in source order. `declared` is False without a `parameters` cell."""

    parameters: tuple[Parameter, ...] = ()
    declared: bool = True

    def get(self, name: str) -> Parameter | None:
        return next((p for p in self.parameters if p.name == name), None)

    def validate(self, values: Mapping[str, Json], *, word: str = "notebook") -> dict[str, Json]:
        """Return `values` in schema order. Raise InvalidParameters, which names every problem and the known names.

        `word` says whose parameters they are: of a notebook, a script.
        """
        problems: list[dict[str, str]] = []
        for name, value in values.items():
            parameter = self.get(name)
            if parameter is None:
                problems.append({"name": name, "message": f"is not a parameter of this {word}"})
            elif problem := parameter.find_problem(value):
                problems.append({"name": name, "message": problem})
        for parameter in self.parameters:
            if parameter.required and parameter.name not in values:
                problems.append({"name": parameter.name, "message": f"has no default: give {parameter.expectation}"})
        if problems:
            raise InvalidParameters(
                _sentence(problems, self, word),
                problems=problems,
                parameters=[p.name for p in self.parameters],
            )
        return {p.name: values[p.name] for p in self.parameters if p.name in values}

    def complete(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """Return a value for each parameter: the given one, else its default."""
        return {p.name: values.get(p.name, p.default) for p in self.parameters}

    def parse_texts(self, texts: Sequence[tuple[str, str]]) -> dict[str, Json]:
        """Read command-line pairs by the declared types. Unknown names stay text, and `validate` refuses them."""
        return {name: parameter.parse(text) if (parameter := self.get(name)) else text for name, text in texts}


def _sentence(problems: list[dict[str, str]], schema: ParameterSchema, word: str) -> str:
    listed = "; ".join(f"{p['name']!r} {p['message']}" for p in problems)
    if not schema.declared and word == "script":
        return f"{listed}. The script declares none; add a comment block `# /// dataops`, or pass none."
    if not schema.declared:
        return f"{listed}. The notebook has no cell tagged 'parameters'; tag the cell that sets them, or pass none."
    names = ", ".join(p.name for p in schema.parameters) or "none"
    return f"{listed}. Parameters of this {word}: {names}."


_EXPECTATION = {
    ParameterType.STRING: "text",
    ParameterType.INTEGER: "a whole number",
    ParameterType.NUMBER: "a number",
    ParameterType.BOOLEAN: "true or false",
    ParameterType.DATE: "a date such as 2026-01-31",
    ParameterType.DATETIME: "a date and time such as 2026-01-31T08:00:00",
    ParameterType.LIST: "a list",
    ParameterType.MAPPING: "a mapping of names to values",
    ParameterType.ANY: "a value",
}


_SAMPLES: dict[ParameterType, Json] = {
    ParameterType.STRING: "",
    ParameterType.INTEGER: 1,
    ParameterType.NUMBER: 1,
    ParameterType.BOOLEAN: True,
    ParameterType.DATE: "2026-01-31",
    ParameterType.DATETIME: "2026-01-31T08:00:00",
    ParameterType.LIST: [],
    ParameterType.MAPPING: {},
    ParameterType.ANY: "",
}


def _format(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _has_type(value: Json, kind: ParameterType) -> bool:
    match kind:
        case ParameterType.ANY:
            return True
        case ParameterType.STRING:
            return isinstance(value, str)
        case ParameterType.BOOLEAN:
            return isinstance(value, bool)
        case ParameterType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case ParameterType.NUMBER:
            return (isinstance(value, (int, float)) and not isinstance(value, bool)) or value in NOT_FINITE
        case ParameterType.LIST:
            return isinstance(value, list)
        case ParameterType.MAPPING:
            return isinstance(value, dict) and all(isinstance(key, str) for key in value)
        case ParameterType.DATE:
            return isinstance(value, str) and _can_parse(dt.date.fromisoformat, value)
        case ParameterType.DATETIME:
            return isinstance(value, str) and _can_parse(dt.datetime.fromisoformat, value)


def _can_parse(reader: Any, text: str) -> bool:
    try:
        reader(text)
    except (ValueError, ArithmeticError):
        return False
    return True


def _boolean(text: str) -> bool:
    match text.strip().lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
    raise ValueError(text)


def _is_decimal(value: Json) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and _can_parse(Decimal, str(value))


def _number(text: str) -> int | float | str:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        # 1e999 is a typing error: nobody means infinity by it.
        if not math.isfinite(number) and any(digit in text for digit in "0123456789"):
            raise
        return number if math.isfinite(number) else str(number)


def _json_reader(kind: type) -> Any:
    def read(text: str) -> Json:
        value = json.loads(text)
        # Python reads NaN and infinities, which JSON does not have. Writing the value again finds them.
        json.dumps(value, allow_nan=False)
        if not isinstance(value, kind):
            raise ValueError(text)
        return cast(Json, value)

    return read


_KEY_READERS: dict[ParameterType, Any] = {ParameterType.INTEGER: int, ParameterType.NUMBER: float}
_KEY_EXPECTATION = {ParameterType.INTEGER: "whole numbers", ParameterType.NUMBER: "numbers"}

_READERS: dict[ParameterType, Any] = {
    ParameterType.STRING: str,
    ParameterType.INTEGER: int,
    ParameterType.NUMBER: _number,
    ParameterType.BOOLEAN: _boolean,
    ParameterType.DATE: str,
    ParameterType.DATETIME: str,
    ParameterType.LIST: _json_reader(list),
    ParameterType.MAPPING: _json_reader(dict),
    ParameterType.ANY: str,
}
