"""YAML 1.2 as the files of this project have it: the core schema, positions, and bounds on hostile text.

PyYAML alone reads YAML 1.1, in which `no` is false and `12:30` is 750. The core schema of YAML 1.2 has no such
surprises, and the editor in the browser reads it too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_EVENTS = 100_000

Path: TypeAlias = Sequence[int | str]

_TAG = "tag:yaml.org,2002:"
# The scalars of the core schema, with the characters that each may begin with:
# https://yaml.org/spec/1.2.2/#1032-tag-resolution
_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
)
_LARGEST_INTEGER = 2**63 - 1
# PyYAML takes these for line breaks, and readers of YAML 1.2 do not: a line could hide behind a comment.
_LINE_BREAK = re.compile("[\x85\u2028\u2029]|\r(?!\n)")


class YamlError(ValueError):
    """A text that is not taken. `problem` is the clause without the place, `line` is None for the whole text."""

    def __init__(self, problem: str, position: Position | None = None) -> None:
        super().__init__(f"Line {position.line}: {problem}." if position else f"{problem[0].upper()}{problem[1:]}.")
        self.problem = problem
        self.position = position


@dataclass(frozen=True)
class Position:
    """A place in a text. Both numbers count from 1."""

    line: int = 1
    column: int = 1


class Document:
    """The value of a text, and the place of each part of it.

    Keys of mappings are texts, as they are written. `value` is None for an empty text.
    """

    def __init__(self, text: str, root: yaml.Node | None) -> None:
        self._text = text
        self._root = root
        self.value: Any = None if root is None else _value(root)

    def position(self, path: Path) -> Position:
        """Return the place of the deepest part of the path that is there: of a member of a mapping, that of its key."""
        return self._found(path)[0]

    def positions(self) -> Iterator[tuple[tuple[int | str, ...], Position]]:
        """Yield the path and the place of each member and each entry."""
        yield from _positions(self._root, ())

    def inside(self, path: Path, line: int, column: int) -> Position:
        """Return the place of a line and a column within the text at `path`.

        That is the beginning of the text where it is folded, or has characters that are written as escapes.
        """
        _, node = self._found(path)
        if not isinstance(node, yaml.ScalarNode):
            return self.position(path)
        start, read = _place(node.start_mark), node.value.split("\n")
        if line > len(read):
            return start
        if node.style == "|":
            number = start.line + line
            indent = self._indent(number, read[line - 1])
        else:
            number = start.line
            indent = start.column - 1 + bool(node.style) if len(read) == 1 else None
            if indent is not None and not self._line(number)[indent:].startswith(read[0]):
                indent = None
        return start if indent is None else Position(number, indent + column)

    def repeated_keys(self) -> Iterator[tuple[tuple[int | str, ...], Position]]:
        """Yield the path of each key that its mapping has already, and the place where it is there again.

        YAML would take the last one without a word.
        """
        yield from _repeated_keys(self._root, ())

    def _found(self, path: Path) -> tuple[Position, yaml.Node | None]:
        """Return the place of the path, and its node where all of the path is there."""
        node = self._root
        position = _place(node.start_mark) if node else Position()
        for step in path:
            if isinstance(node, yaml.MappingNode):
                pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
                if pair is None:
                    return position, None
                position, node = _place(pair[0].start_mark), pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                position = _place(node.start_mark)
            else:
                return position, None
        return position, node

    def _line(self, number: int) -> str:
        lines = self._text.split("\n")
        return lines[number - 1] if number <= len(lines) else ""

    def _indent(self, number: int, read: str) -> int | None:
        written = self._line(number)
        return len(written) - len(read) if written.endswith(read) else None


def read(text: str) -> Document:
    """Read one document. Raise YamlError for a text that is not YAML, or that would take long to read."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise YamlError(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    try:
        _check_shape(text)
        root = yaml.compose(text, _Loader)
        _take_keys_as_text(root)
        return Document(text, root)
    except yaml.reader.ReaderError as error:
        # Its position counts bytes with libyaml, and characters without.
        problem = f"this is not YAML: the character U+{error.character:04X} is not taken"
        raise YamlError(problem, _place_of(text, text.index(chr(error.character)))) from None
    except yaml.YAMLError as error:
        if getattr(error, "problem", None) == "but found another document":
            raise YamlError("a second document begins here: take it out", _last_place(error, text)) from None
        problem = f"this is not YAML: {getattr(error, 'problem', None) or error}"
        raise YamlError(problem, _last_place(error, text)) from None
    except (UnicodeError, RecursionError) as error:
        raise YamlError(f"this is not YAML: {error}") from None


def written(value: Any) -> str:
    """Write a value as the text from which every reader, of YAML 1.1 or 1.2, makes the same value."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def inline(value: Any) -> str:
    """Write a value on one line, to stand behind a key: `[a, b]`."""
    text: str = yaml.dump(
        value, Dumper=_InlineDumper, sort_keys=False, allow_unicode=True, width=math.inf, default_flow_style=True
    )
    return text.removesuffix("\n").removesuffix("\n...")


# Use libyaml where there is one: it is twenty times as fast, and open brackets do not take the square of their number.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A loader whose plain scalars have the types of the core schema only."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 — it is PyYAML's, which copies it


class _Dumper(yaml.SafeDumper):
    """A writer that quotes each text which a reader of either version would take for something else."""


class _InlineDumper(_Dumper):
    """A writer that escapes line breaks, because other quotation marks keep them as they are."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    has_line_break = bool(_LINE_BREAK.search(text)) or (isinstance(dumper, _InlineDumper) and "\n" in text)
    return dumper.represent_scalar(f"{_TAG}str", text, style='"' if has_line_break else None)


_Dumper.add_representer(str, _represent_text)

for _name, _pattern, _first in _CORE:
    _resolver = re.compile(f"(?:{_pattern})$", re.ASCII)
    _Loader.add_implicit_resolver(_TAG + _name, _resolver, _first)
    _Dumper.add_implicit_resolver(_TAG + _name, _resolver, _first)


def _check_shape(text: str) -> None:
    """Refuse a text that other readers understand otherwise, or that would take long to read."""
    if character := _LINE_BREAK.search(text):
        unusual = f"{character[0]!r} is a line break for some readers only. Use the usual line ends"
        raise YamlError(unusual, _place_of(text, character.start()))
    lines = text.split("\n")
    columns = [-1]
    flows: list[Any] = []
    depth = 0
    for count, event in enumerate(yaml.parse(text, _Loader)):
        problem = None
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        # A few aliases can stand for more text than there is memory.
        if isinstance(event, yaml.AliasEvent):
            problem = "aliases are not taken. Write it out"
        elif depth > MAX_DEPTH:
            problem = f"this is nested more than {MAX_DEPTH} levels deep"
        elif count > MAX_EVENTS:
            problem = "from here on it is too long. Make parts of it"
        elif getattr(event, "tag", None) == "!":
            problem = "leave out the tag '!'"
        if problem:
            raise YamlError(problem, _place(event.start_mark) if event.start_mark else Position())
        _check_layout(event, lines, columns, flows)


def _check_layout(event: yaml.Event, lines: list[str], columns: list[int], flows: list[Any]) -> None:
    """Refuse a layout that only libyaml reads. `columns` are those of the blocks around, `flows` marks of brackets."""
    is_quoted = isinstance(event, yaml.ScalarEvent) and event.style in ("'", '"')
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return
    if isinstance(event, yaml.CollectionStartEvent):
        if event.flow_style or flows:
            flows.append(start)
        else:
            columns.append(start.column)
        return
    if isinstance(event, yaml.CollectionEndEvent):
        if not flows:
            columns.pop()
            return
        start = flows.pop()
    elif not is_quoted:
        return
    if end.line < len(lines) and lines[end.line][end.column : end.column + 1] == "#":
        raise YamlError("put a space before this comment", _place(end))
    if flows:
        return
    for number in range(start.line + 1, min(end.line + 1, len(lines))):
        line = lines[number]
        rest = line.lstrip(" ")
        indent = len(line) - len(rest)
        is_end = not is_quoted and number == end.line and indent == end.column - 1
        if rest.strip() and indent + is_end <= columns[-1] and (is_quoted or not rest.startswith("#")):
            raise YamlError("indent this line further: it belongs to the line above", Position(number + 1, indent + 1))


def _value(node: yaml.Node) -> Any:
    kind = node.tag.removeprefix(_TAG)
    if isinstance(node, yaml.MappingNode) and kind == "map":
        return {key.value: _value(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_value(member) for member in node.value]
    if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
        try:
            return _SCALARS[kind](node.value)
        except ValueError as error:
            raise YamlError(f"this is not YAML: {error}", _place(node.start_mark)) from None
    raise YamlError(f"this is not YAML that is taken here: leave out the tag {node.tag!r}", _place(node.start_mark))


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is not true or false")
    return text.lower() == "true"


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    # A text of a million digits would take minutes.
    value = int(text, base) if len(text) <= 70 else _LARGEST_INTEGER + 1
    if abs(value) > _LARGEST_INTEGER:
        raise ValueError("a whole number has at most 64 bits. Put a longer one in quotes")
    return value


def _number(text: str) -> float:
    plain = text.lower()
    return float(plain.replace(".inf", "inf") if plain.endswith(".inf") else plain.replace(".nan", "nan"))


_SCALARS: dict[str, Any] = {
    "str": str,
    "null": lambda _: None,
    "bool": _boolean,
    "int": _integer,
    "float": _number,
}


def _take_keys_as_text(node: yaml.Node | None) -> None:
    """Make all keys texts: for YAML `true` and `1` are none, but here every key is a name."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not (key.value or key.style):
                raise YamlError("this is not YAML that is taken here: a key is a text", _place(key.start_mark))
            key.tag = f"{_TAG}str"
            _take_keys_as_text(value)
    elif isinstance(node, yaml.SequenceNode):
        for member in node.value:
            _take_keys_as_text(member)


def _positions(node: yaml.Node | None, path: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], Position]]:
    parts: list[tuple[int | str, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        parts = [(key.value, key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        parts = [(place, member, member) for place, member in enumerate(node.value)]
    for step, at, inner in parts:
        yield (*path, step), _place(at.start_mark)
        yield from _positions(inner, (*path, step))


def _repeated_keys(
    node: yaml.Node | None, path: tuple[int | str, ...]
) -> Iterator[tuple[tuple[int | str, ...], Position]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield (*path, key.value), _place(key.start_mark)
            seen.add(key.value)
            yield from _repeated_keys(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for place, member in enumerate(node.value):
            yield from _repeated_keys(member, (*path, place))


def _last_place(error: yaml.YAMLError, text: str) -> Position | None:
    """Return the place of an error. The library counts one line too many where the last one has no end."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return None
    last = text.count("\n") + 1
    return _place(mark) if mark.line < last else Position(last, len(text) - text.rfind("\n"))


def _place_of(text: str, index: int) -> Position:
    return Position(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _place(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)
