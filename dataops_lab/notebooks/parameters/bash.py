"""Read the parameters of a bash cell: `NAME=value` on lines of their own, plain or exported."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

from ...domain.parameters import Parameter, ParameterType
from .values import Statement, Unknown, description_of, member_type, type_of

T = ParameterType

_ASSIGNMENT = re.compile(
    r"^\s*(?:(?P<how>export|readonly|(?:declare|typeset)(?:\s+[-+][a-zA-Z]+)*)\s+)?"
    r"(?P<name>[A-Za-z_]\w*)=(?P<rest>.*)$",
    re.DOTALL,
)
_DEFAULTED = re.compile(r"^\$\{\w+:?-(?P<default>[^{}$`\\\"']*)\}$")
_INTEGER = re.compile(r"^-?(0|[1-9]\d{0,17})$")
_NAME = re.compile(r"[A-Za-z_]\w*")
_LONGEST = 200  # lines of one value; a quote that stays open longer is a mistake
_NUMBER = re.compile(r"^-?(0|[1-9]\d*)\.\d+$")


def parameters(source: str) -> tuple[Parameter, ...] | None:
    """Read the assignments. None when a quote or an array does not close."""
    found: dict[str, Parameter] = {}
    comments_above: list[str] = []
    lines = deque(source.split("\n"))
    while lines:
        line = lines.popleft()
        if line.strip().startswith("#"):
            comments_above.append(line.strip().lstrip("#!"))
            continue
        if match := _ASSIGNMENT.match(line):
            rest = match["rest"]
            while (words := _read_value(rest)) is None and lines and rest.count("\n") < _LONGEST:
                rest += "\n" + lines.popleft()
            if words is None:
                return None
            value, comment, alone = words
            if alone:
                found[match["name"]] = _parameter(
                    match["name"],
                    value,
                    description_of([comment]) or description_of(comments_above),
                    match["how"] or "",
                )
        comments_above = []
    return tuple(found.values())


def statements(source: str) -> list[Statement]:
    """Read line by line. An indented line belongs to a branch, a loop or a function, and counts as setting nothing."""
    return [_statement(line) for line in source.split("\n") if not line.lstrip().startswith("#")]


def _statement(line: str) -> Statement:
    match = _ASSIGNMENT.match(line)
    read = frozenset(_NAME.findall(match["rest"] if match else line))
    return Statement(read, frozenset([match["name"]]) if match and not line[:1].isspace() else frozenset())


def _parameter(name: str, value: Any, description: str, how: str) -> Parameter:
    options = {option for word in how.split()[1:] if word.startswith("-") for option in word[1:]}
    if "i" in options and not isinstance(value, list):
        # Bash computes an assignment to such a name, so it always holds a whole number.
        value = int(value) if _INTEGER.match(str(value)) else Unknown(T.INTEGER)
    default = None if isinstance(value, Unknown) else value
    return Parameter(
        name,
        type_of(value),
        default=default,
        description=description,
        items=T.INTEGER if "i" in options and isinstance(value, list) else member_type(value),
        unsupported=_unsupported(how, options),
    )


def _unsupported(how: str, options: set[str]) -> str:
    if how == "readonly" or "r" in options:
        return "read-only"
    return "a reference to another name" if "n" in options else ""


def _read_value(text: str) -> tuple[Any, str, bool] | None:
    """Read the value at the start of `text`, the comment behind it, and whether nothing else follows.

    Return None when the value continues in the next line.
    """
    if text.startswith("("):
        return _array(text)
    value, end = _word(text, 0)
    if end < 0:
        return None
    rest = text[end:].lstrip(" \t;")
    # `NAME=value command` sets NAME for that command only.
    return value, rest.lstrip("# ") if rest.startswith("#") else "", not rest or rest.startswith("#")


def _array(text: str) -> tuple[Any, str, bool] | None:
    members: list[Any] = []
    position = 1
    while position < len(text):
        if text[position] in " \t\n":
            position += 1
        elif text[position] == "#":
            position = text.find("\n", position)
            if position < 0:
                return None
        elif text[position] == ")":
            rest = text[position + 1 :].strip(" \t;")
            known = not any(isinstance(member, Unknown) for member in members)
            texts = [str(member) for member in members]
            return (texts if known else Unknown(T.LIST)), rest.lstrip("# "), not rest or rest.startswith("#")
        else:
            member, position = _word(text, position, typed=False)
            if position < 0:
                return None
            members.append(member)
    return None


def _word(text: str, position: int, *, typed: bool = True) -> tuple[Any, int]:
    """Read one shell word. Return its value and its end; the end is -1 when a quote stays open."""
    start, value, quoted, expands = position, "", False, False
    while position < len(text) and text[position] not in " \t\n;()":
        char = text[position]
        if char == "'":
            end = text.find("'", position + 1)
            if end < 0:
                return None, -1
            value, quoted, position = value + text[position + 1 : end], True, end + 1
        elif char == '"':
            end = _closing_quote(text, position)
            if end < 0:
                return None, -1
            inner = text[position + 1 : end]
            expands |= bool(re.search(r"(?<!\\)[$`]", inner))
            value += re.sub(r'\\([$`"\\\n])', lambda m: "" if m[1] == "\n" else m[1], inner)
            quoted, position = True, end + 1
        elif char == "\\" and position + 1 < len(text):
            value, position = value + text[position + 1], position + 2
        elif char in "$`":
            end = _expansion_end(text, position)
            value, expands, position = value + text[position:end], True, end
        else:
            value, position = value + char, position + 1
    if expands:
        default = _DEFAULTED.match(text[start:position].strip('"'))
        if default is None:
            return Unknown(T.STRING), position
        value, quoted = default["default"], text[start] == '"'
    return (_convert(value) if typed and not quoted else value), position


def _convert(text: str) -> Any:
    """Convert unquoted text that looks like a number or a truth value."""
    if _INTEGER.match(text):
        return int(text)
    if _NUMBER.match(text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


def _closing_quote(text: str, position: int) -> int:
    """Find the end of the double quote at `at`."""
    match = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL).match(text, position + 1)
    return match.end() - 1 if match else -1


def _expansion_end(text: str, position: int) -> int:
    """Find roughly where an expansion ends: past `$NAME`, `${…}`, `$(…)` and backticks with blanks in them."""
    for opening, closing in (("$(", ")"), ("${", "}"), ("`", "`")):
        if text.startswith(opening, position):
            end = text.find(closing, position + len(opening))
            return end + 1 if end >= 0 else len(text)
    match = re.compile(r"\$\w*").match(text, position)
    return match.end() if match else position + 1
