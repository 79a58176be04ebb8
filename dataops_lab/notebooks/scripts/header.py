"""Read the parameters and outputs that a script declares: in a comment block, or in a file beside it.

The block is like the one of PEP 723, in every language that has `#` comments:

    # /// dataops
    # outputs = ["reports/{region}.csv"]
    # [parameters]
    # month = {type = "date", default = 2026-01-01, description = "The month of the report"}
    # region = "North"
    # ///

A plain value is a default that also gives the type. The file `NAME.dataops.toml` beside the script holds the same
text without `# `.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ...domain.outputs import Output, read_outputs
from ...domain.parameters import Json, Parameter, ParameterSchema, ParameterType
from ...errors import InvalidScript
from ..parameters.values import IsoDate, IsoDatetime, common_type, member_type, type_of
from .read import Script, read_script

SIDECAR = ".dataops.toml"
"""The end of the name of the file beside a script that declares its parameters."""

MAX_SIDECAR_BYTES = 1_000_000
MAX_PARAMETERS = 200
MAX_NAME = 100

_START = re.compile(r"#[ \t]*///[ \t]*dataops[ \t]*")
_END = re.compile(r"#[ \t]*///[ \t]*")
_AT = re.compile(r" \(at line (\d+), column (\d+)\)$| \(at end of document\)$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_MEMBERS = frozenset({"type", "default", "required", "nullable", "description", "choices", "items"})


@dataclass(frozen=True)
class Declaration:
    """The TOML text of a block or a file. `first_line` is the number of its first line in the file `name`."""

    name: str
    first_line: int
    toml: str

    def read(self) -> tuple[ParameterSchema, tuple[Output, ...]]:
        """Return the declared parameters in their order, and the outputs. Raise InvalidScript, which names the line."""
        try:
            content = tomllib.loads(self.toml)
        except tomllib.TOMLDecodeError as error:
            self._refuse_toml(str(error))
        except RecursionError:
            self.refuse("nests too deeply", 0)
        if unknown := content.keys() - {"parameters", "outputs"}:
            name = sorted(unknown)[0]
            self.refuse(f"has {name!r}; only `outputs` and the table [parameters] are known", self._line_of(name))
        entries = content.get("parameters", {})
        if not isinstance(entries, dict):
            self.refuse("has parameters that are not a table", self._line_of("parameters"))
        if len(entries) > MAX_PARAMETERS:
            self.refuse(f"declares {len(entries)} parameters; {MAX_PARAMETERS} are allowed", 0)
        try:
            outputs = read_outputs(content.get("outputs", []))
        except ValueError as problem:
            self.refuse(str(problem), self._line_of("outputs"))
        # A block with outputs alone declares no parameters.
        parameters = tuple(self._parameter(name, entry, list(entries)) for name, entry in entries.items())
        return ParameterSchema(parameters, declared="parameters" in content or not outputs), outputs

    def _parameter(self, name: str, entry: Any, names: list[str]) -> Parameter:
        same = [other for other in names if other.upper() == name.upper()]
        try:
            if same != [name]:
                raise ValueError(f"{' and '.join(map(repr, same))} would be one environment variable; rename one")
            return _parameter(name, entry)
        except ValueError as problem:
            self.refuse(str(problem), self._line_of(name))

    def _refuse_toml(self, message: str) -> NoReturn:
        at = _AT.search(message)
        line = int(at[1]) - 1 if at and at[1] else max(0, len(self.toml.splitlines()) - 1)
        self.refuse(f"is not TOML: {_AT.sub('', message)}", line)

    def _line_of(self, name: str) -> int:
        """Return the index of the line that begins with this name; 0 when none does."""
        start = re.compile(rf"\s*\[*(?:parameters\.)?[\"']?{re.escape(name)}[\"']?\s*[=.\]]")
        return next((index for index, line in enumerate(self.toml.splitlines()) if start.match(line)), 0)

    def refuse(self, problem: str, index: int) -> NoReturn:
        """Raise InvalidScript about the line with this index, counted from 0."""
        line = self.first_line + index
        raise InvalidScript(
            f"{self.name}, line {line}: the declaration of parameters {problem}. Fix it, or remove it.",
            code="broken_header",
            line=line,
        )


def declaration_of(name: str, text: str) -> Declaration | None:
    """Find the block in a script's text. Raise InvalidScript when there are two, or when it has no end."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    starts = [index for index, line in enumerate(lines) if _START.fullmatch(line)]
    if not starts:
        return None
    start = starts[0]
    block = Declaration(name, start + 1, "")
    toml = []
    for line in lines[start + 1 :]:
        if _END.fullmatch(line):
            break
        if not line.startswith("#"):
            block.refuse("has no end: every line begins with '#', and the last one is '# ///'", 0)
        toml.append(line[1:].removeprefix(" "))
    else:
        block.refuse("has no end: the last line is '# ///'", 0)
    if len(starts) > 1:
        block.refuse("stands there twice: keep one block", starts[1] - start)
    return Declaration(name, start + 2, "\n".join(toml))


def sidecar(name: str, data: bytes) -> Declaration:
    """Return the declaration in the bytes of the file beside a script. Raise InvalidScript when they are not text."""
    try:
        return Declaration(name, 1, data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n")
        Declaration(name, 1, "").refuse("is not UTF-8", line)


def read_declarations(path: Path, script: Script) -> tuple[ParameterSchema, tuple[Output, ...]]:
    """Return the parameters and outputs of the script at `path`: of its block, or of the file beside it.

    Raise InvalidScript when they cannot be read, or when both declare them.
    """
    block = declaration_of(script.name, script.text)
    beside = path.with_name(path.name + SIDECAR)
    if not beside.is_file():
        return block.read() if block else (ParameterSchema(declared=False), ())
    if block is not None:
        block.refuse(f"stands in {beside.name} too: keep one of them", -1)
    return sidecar(beside.name, read_script(beside, max_bytes=MAX_SIDECAR_BYTES).data).read()


def _parameter(name: str, entry: Any) -> Parameter:
    """Build one parameter. ValueError says what is wrong with it."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise ValueError(
            f"names {name[:MAX_NAME]!r}; a name has letters, digits and underscores, no digit first, and at most "
            f"{MAX_NAME} characters"
        )
    members = entry if isinstance(entry, dict) else {"default": entry}
    if unknown := members.keys() - _MEMBERS:
        known = ", ".join(sorted(_MEMBERS))
        raise ValueError(f"gives {name!r} the unknown member {sorted(unknown)[0]!r}; known are {known}")
    default = _json(members.get("default"), name)
    choices = _json(members.get("choices", []), name)
    flags = [members.get(flag, False) for flag in ("required", "nullable")]
    if not isinstance(choices, list) or not all(isinstance(flag, bool) for flag in flags):
        raise ValueError(f"gives {name!r} choices that are not a list, or a flag that is neither true nor false")
    required, nullable = flags
    parameter = Parameter(
        name,
        _type(members, default, choices, name),
        default=_without_types(default),
        # A program gets a value for each parameter, so one without any is needed.
        required=required or (default is None and not nullable),
        nullable=nullable,
        description=str(members.get("description", "")),
        choices=tuple(_without_types(choices)),
        items=_type_named(members["items"], name) if "items" in members else member_type(default),
    )
    problem = parameter.find_problem(parameter.default) if default is not None else None
    if problem:
        raise ValueError(f"gives {name!r} a default that does not fit: it {problem}")
    return parameter


def _type(members: dict[str, Any], default: Json, choices: list[Json], name: str) -> ParameterType:
    if "type" in members:
        return _type_named(members["type"], name)
    if default is not None:
        # `inf` has become a text.
        return ParameterType.NUMBER if isinstance(members["default"], float) else type_of(default)
    return common_type([type_of(choice) for choice in choices]) or ParameterType.STRING


def _type_named(text: Any, name: str) -> ParameterType:
    try:
        return ParameterType(text)
    except ValueError:
        raise ValueError(f"gives {name!r} a type that is none of {', '.join(ParameterType)}") from None


def _json(value: Any, name: str) -> Json:
    """Convert a value of TOML to JSON, as domain.parameters has it: dates and numbers that are not finite are texts."""
    match value:
        case dt.datetime():
            return IsoDatetime(value.isoformat())
        case dt.date():
            return IsoDate(value.isoformat())
        case dt.time():
            raise ValueError(f"gives {name!r} a time of day; write it as text")
        case float() if not math.isfinite(value):
            return str(value)
        case list():
            return [_json(member, name) for member in value]
        case dict():
            return {key: _json(member, name) for key, member in value.items()}
    return value


def _without_types(value: Json) -> Json:
    """Make the texts of dates plain texts, which choices are compared with."""
    match value:
        case str():
            return str(value)
        case list():
            return [_without_types(member) for member in value]
        case dict():
            return {key: _without_types(member) for key, member in value.items()}
    return value
