"""Read the parameters of an R cell: its top-level assignments of plain values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...domain.parameters import Parameter, ParameterType
from .values import IsoDate, IsoDatetime, Statement, Unknown, description_of, member_type, type_of

T = ParameterType

_TOKEN = re.compile(
    r"""
    (?P<space>[^\S\n]+) | (?P<newline>\n|;) | (?P<comment>\#[^\n]*)
  | (?P<raw>[rR]"\((?P<rawtext>.{0,2000}?)\)")
  | (?P<text>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
  | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)L?)
  | (?P<name>(?:[A-Za-z]|\.(?![0-9]))[\w.]*|`[^`\n]+`)
  | (?P<sign><<?-|->>?|::?:?|[-+*/^<>=!&|~?$@%:]+|[()\[\]{},])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_WORDS: dict[str, Any] = {
    "TRUE": True, "T": True, "FALSE": False, "F": False, "NULL": None, "NA": None,
    "NA_character_": None, "NA_integer_": None, "NA_real_": None,
    "Inf": Unknown(T.NUMBER), "NaN": Unknown(T.NUMBER),
}  # fmt: skip


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def parameters(source: str) -> tuple[Parameter, ...] | None:
    """Read the assignments. None when brackets or quotes do not close."""
    tokens = list(_tokens(source))
    if any(token.kind == "other" and token.text in "\"'`" for token in tokens):
        return None
    comments = {t.line: t.text.lstrip("#' ") for t in tokens if t.kind == "comment"}
    statements = _statements(tokens)
    if statements is None:
        return None
    code_lines = {t.line for statement in statements for t in statement}
    found: dict[str, Parameter] = {}
    for statement in statements:
        match statement:
            case [_Token("name", name), _Token("sign", "<-" | "=" | "<<-"), *value] if value:
                name = name.strip("`")
                description = description_of([comments.get(statement[-1].line, "")])
                comments_above = _comments_above(statement[0].line, comments, code_lines)
                found[name] = _parameter(name, _value(value), description or comments_above)
    return tuple(found.values())


def statements(source: str) -> list[Statement]:
    """Read the statements; none when the source cannot be read."""
    found = _statements(list(_tokens(source))) or []
    return [_statement(tokens) for tokens in found]


def _statement(tokens: list[_Token]) -> Statement:
    match tokens:
        case [_Token("name", name), _Token("sign", "<-" | "=" | "<<-"), *value] if value:
            return Statement(_names(value), frozenset([name.strip("`")]))
    return Statement(_names(tokens), frozenset())


def _names(tokens: list[_Token]) -> frozenset[str]:
    return frozenset(token.text.strip("`") for token in tokens if token.kind == "name")


def _tokens(source: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(source):
        kind = match.lastgroup if match.lastgroup != "rawtext" else "raw"
        if kind != "space":
            yield _Token(kind or "other", match.group(), line)
        line += match.group().count("\n")


def _statements(tokens: list[_Token]) -> list[list[_Token]] | None:
    """Split into top-level statements without comments; a line break ends one outside brackets.

    Return None when a bracket stays open.
    """
    statements: list[list[_Token]] = [[]]
    expected: list[str] = []
    for token in tokens:
        if token.kind == "comment" or (token.kind == "newline" and expected):
            continue
        if token.kind == "newline":
            statements.append([])
            continue
        if token.kind == "sign" and token.text in _CLOSING:
            expected.append(_CLOSING[token.text])
        elif (
            token.kind == "sign" and token.text in _CLOSING.values() and (not expected or expected.pop() != token.text)
        ):
            return None
        statements[-1].append(token)
    return None if expected else [statement for statement in statements if statement]


def _comments_above(line: int, comments: dict[int, str], code_lines: set[int]) -> str:
    lines: list[str] = []
    while (line := line - 1) in comments and line not in code_lines:
        lines.append(comments[line])
    return description_of(lines[::-1])


def _parameter(name: str, value: Any, description: str) -> Parameter:
    default = None if isinstance(value, Unknown) else value
    if isinstance(default, float) and default.is_integer():
        default = int(default)  # people write 10, and R turns it into a double
    return Parameter(
        name, type_of(value), default=default, nullable=value is None, description=description, items=member_type(value)
    )


def _value(tokens: list[_Token]) -> Any:
    match tokens:
        case [_Token("sign", "-" | "+" as sign), _Token("number", number)]:
            return _number(number, -1 if sign == "-" else 1)
        case [_Token("number", number)]:
            return _number(number, 1)
        case [_Token("text", text)]:
            return _unescaped(text[1:-1])
        case [_Token("raw", text)]:
            return text[3:-2]
        case [_Token("name", word)] if word in _WORDS:
            return _WORDS[word]
        case [_Token("name", "c" | "list" as name), _Token("sign", "("), *inner, _Token("sign", ")")]:
            return _collection(name, inner)
        case [_Token("name", "as.Date" | "as.POSIXct" as name), _Token("sign", "("), _Token("text", text), *_]:
            return _date(name, _unescaped(text[1:-1]))
    return Unknown()


def _number(text: str, sign: int) -> Any:
    if text.endswith("L"):
        return sign * int(float(text[:-1]) if not text.lower().startswith("0x") else int(text[:-1], 16))
    if text.lower().startswith("0x"):
        return sign * int(text, 16)
    # `5` is a double in R, but a parameter of 5 may be given as 5 or as 5.5.
    value = sign * float(text)
    if value in (float("inf"), float("-inf")):
        return Unknown(T.NUMBER)
    return value


def _collection(name: str, tokens: list[_Token]) -> Any:
    arguments = _arguments(tokens)
    named = [argument[0].text.strip("`\"'") for argument in arguments if _is_named(argument)]
    if named and len(named) == len(arguments):
        members = [_value(argument[2:]) for argument in arguments]
        kind = T.MAPPING
    elif named:
        return Unknown(T.LIST)
    else:
        members = [_value(argument) for argument in arguments]
        kind = T.LIST
    if any(isinstance(member, Unknown) for member in members):
        return Unknown(kind)
    if kind is T.MAPPING:
        return dict(zip(named, members, strict=True))
    if name == "c" and any(isinstance(member, (list, dict)) for member in members):
        return Unknown(T.LIST)  # c() flattens
    return members


def _arguments(tokens: list[_Token]) -> list[list[_Token]]:
    if not tokens:
        return []
    arguments: list[list[_Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in _CLOSING) - (token.text in _CLOSING.values()) if token.kind == "sign" else 0
        if token.kind == "sign" and token.text == "," and depth == 0:
            arguments.append([])
        else:
            arguments[-1].append(token)
    return arguments


def _is_named(argument: list[_Token]) -> bool:
    return len(argument) > 2 and argument[0].kind in ("name", "text") and argument[1].text == "="


def _date(function: str, text: str) -> Any:
    kind, date_class = (T.DATE, IsoDate) if function == "as.Date" else (T.DATETIME, IsoDatetime)
    return date_class(text) if Parameter("", kind).find_problem(text) is None else Unknown(kind)


def _unescaped(text: str) -> str:
    def replacement(match: re.Match[str]) -> str:
        code = match["x"] or match["u"]
        if code:
            return chr(int(code.strip("{}"), 16))
        return _ESCAPES.get(match["c"], match["c"])

    try:
        return re.sub(
            r"\\(?:x(?P<x>[0-9a-fA-F]{1,2})|[uU](?P<u>[0-9a-fA-F]{1,8}|\{[0-9a-fA-F]+\})|(?P<c>.))", replacement, text
        )
    except (ValueError, OverflowError):
        return text
