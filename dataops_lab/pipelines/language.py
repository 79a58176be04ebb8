"""CEL, the Common Expression Language: the one module that knows the library which evaluates it.

Numbers of both kinds may be compared and combined: `auc > 1` holds its meaning on the day when `auc` is 1. The
library's own operators take two numbers of one kind only. Nothing of the project is imported here, so that a process
which evaluates a single expression starts fast.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from cel_expr_python import cel

MAX_LENGTH = 2_000
"""The characters that an expression may have."""
MAX_SECONDS = 5
"""The processor time that a loop over a list may take. Nothing else takes noticeable time."""
MAX_MEMORY = 2**30
"""The bytes that such a loop may take."""

Types: TypeAlias = Mapping[str, str]
"""The type of each name, as the language writes it: `int`, `list<string>`, `dyn`. Names may have dots."""

UNSENDABLE = {
    "bytes": "Give a text.",
    "duration": "Give a number, such as its `getSeconds()`.",
    "type": "Give a value.",
}
"""Types of the language whose values are not JSON, with the way out."""


class NotCompiled(ValueError):
    """`problems` are lines, columns and messages of the library. Lines and columns count from 1."""

    def __init__(self, problems: list[tuple[int, int, str]]) -> None:
        super().__init__(problems)
        self.problems = problems


class NoValue(ValueError):
    """The reason why an expression has no value, as a sentence."""


def result_type(expression: str, types: Types) -> str:
    """Return the type of the values of an expression, such as `bool` or `list`. Raise NotCompiled."""
    return _head(_compiled(expression, tuple(types.items())).return_type())


def evaluated(expression: str, types: Types, data: Mapping[str, Any], limit: int) -> Any:
    """Return the value of an expression, as JSON of about `limit` bytes at most. Raise NotCompiled or NoValue.

    `data` has JSON for each name that the expression uses. The time is not bounded where it loops over lists.
    """
    try:
        native = {name: _native(types[name], value) for name, value in data.items()}
        return _Sent(limit).json(_compiled(expression, tuple(types.items())).eval(data=native))
    except RuntimeError as error:
        raise NoValue(_sentence(str(error))) from None


def evaluated_apart(expression: str, types: Types, data: Mapping[str, Any], limit: int) -> Any:
    """Do the same in a process of its own: loops within loops can ask for more time and memory than there is."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "dataops_lab.pipelines.bounded"],
            input=json.dumps([expression, types, data, limit]).encode(),
            capture_output=True,
            timeout=20 * MAX_SECONDS,  # the machine may be busy
            check=False,
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        message = f"It takes more than {MAX_SECONDS} seconds or {MAX_MEMORY >> 30} GB. Go over shorter lists."
        raise NoValue(message) from None
    if "problem" in answer:
        raise NoValue(answer["problem"])
    return answer["value"]


def limit_process() -> None:
    """Bound the time and the memory of this process, which evaluates one expression."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# --- compiling ------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _compiled(expression: str, types: tuple[tuple[str, str], ...]) -> cel.Expression:
    if len(expression) > MAX_LENGTH:
        raise NotCompiled([(1, 1, f"an expression has at most {MAX_LENGTH:,} characters")])
    try:
        return _environment(types).compile(expression)
    except RuntimeError as error:
        raise NotCompiled(_problems(str(error))) from None


@lru_cache(maxsize=64)
def _environment(types: tuple[tuple[str, str], ...]) -> cel.Env:
    from cel_expr_python import cel

    variables = {name: cel.Type(kind) for name, kind in types}
    return cel.NewEnv(config=_language(), variables=variables, function_impls=_MIXED)


_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_SYNTAX = "Syntax error"


def _problems(text: str) -> list[tuple[int, int, str]]:
    found = [(int(line), int(column), message) for line, column, message in _ERROR.findall(text)]
    if found and found[0][-1].startswith(_SYNTAX):
        return found[:1]  # the others follow from it
    return found or [(1, 1, _sentence(text.split("\n", 1)[0]))]


@cache
def _language() -> cel.EnvConfig:
    """Return the standard language, with operators that take numbers of both kinds.

    The library extends no operator that it has, so these are declared anew as a whole. Those without a Python function
    are the library's own.
    """
    from cel_expr_python import cel

    declared = {
        **{name: _OWN[name] + [[a, b, "bool"] for a, b in _MIXES] for name in ("_==_", "_!=_", "@in", *_ORDERS)},
        **{name: _OWN[name] + [[a, b, "double"] for a, b in _MIXES] for name in ("_+_", "_-_", "_*_", "_/_")},
    }
    declared["@in"] = [*_OWN["@in"], ["int", "list<double>", "bool"], ["double", "list<int>", "bool"]]
    config = {
        "stdlib": {"exclude_functions": [{"name": name} for name in declared]},
        "functions": [
            {"name": name, "overloads": [_overload(name, *signature) for signature in signatures]}
            for name, signatures in declared.items()
        ],
    }
    return cel.NewEnvConfigFromYaml(json.dumps(config))


def _overload(name: str, left: str, right: str, result: str) -> dict[str, Any]:
    return {
        "id": f"{name}:{left}:{right}",
        "args": [_type_of(left), _type_of(right)],
        "return": _type_of(result),
    }


def _type_of(text: str) -> dict[str, Any]:
    """Read `list<A>` as the library's description of a type. Capital letters stand for any type."""
    name, _, inner = text.removesuffix(">").partition("<")
    parts = {"params": [_type_of(part) for part in inner.split(",")]} if inner else {}
    return {"type_name": name, "is_type_param": True} if name.isupper() else {"type_name": name, **parts}


_MIXES = (("int", "double"), ("double", "int"))
_ORDERS = ("_<_", "_<=_", "_>_", "_>=_")
_ORDERED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_OWN: dict[str, list[list[str]]] = {
    "_==_": [["A", "A", "bool"]],
    "_!=_": [["A", "A", "bool"]],
    "@in": [["A", "list<A>", "bool"], ["A", "map<A,B>", "bool"]],
    **{name: [[kind, kind, "bool"] for kind in _ORDERED] for name in _ORDERS},
    "_+_": [
        *([kind, kind, kind] for kind in ("int", "uint", "double", "string", "bytes", "duration")),
        ["list<A>", "list<A>", "list<A>"],
        ["timestamp", "duration", "timestamp"],
        ["duration", "timestamp", "timestamp"],
    ],
    "_-_": [
        *([kind, kind, kind] for kind in ("int", "uint", "double", "duration")),
        ["timestamp", "timestamp", "duration"],
        ["timestamp", "duration", "timestamp"],
    ],
    "_*_": [[kind, kind, kind] for kind in ("int", "uint", "double")],
    "_/_": [[kind, kind, kind] for kind in ("int", "uint", "double")],
}


def _divided(left: float, right: float) -> float:
    """Return the quotient as IEEE 754 and the library have it, without an error for 0."""
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)


_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "_+_": lambda left, right: left + right,
    "_-_": lambda left, right: left - right,
    "_*_": lambda left, right: left * right,
    "_/_": _divided,
}
_MIXED = {
    f"{name}:{left}:{right}": (lambda a, b, apply=apply: apply(float(a), float(b)))
    for name, apply in _OPERATIONS.items()
    for left, right in _MIXES
}


# --- values ---------------------------------------------------------------------------------------


def _native(kind: str, value: Any) -> Any:
    """Return the value as the library takes it for a name of that type."""
    if kind == "double":
        return float(value)  # also of the texts that stand for numbers that JSON does not have
    return dt.datetime.fromisoformat(value) if kind == "timestamp" else value


class _Sent:
    """A conversion to JSON that stops at a limit: one list may stand in another list many times."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0

    def json(self, value: cel.Value) -> Any:
        kind = _head(value.type())
        self._add(1)
        if kind == "list":
            return [self.json(member) for member in value.value()]
        if kind == "map":
            return {self._key(key): self.json(member) for key, member in value.value().items()}
        plain: Any = value.plain_value()
        if kind == "error":
            raise NoValue(_sentence(str(plain)))
        if kind in UNSENDABLE:
            raise NoValue(f"It gives {type_name(kind)}. {UNSENDABLE[kind]}")
        if kind == "timestamp":
            return plain.isoformat()
        if kind == "double" and not math.isfinite(plain):
            return str(plain)  # nan, inf, -inf
        self._add(len(plain) if kind == "string" else len(str(plain)))
        return plain

    def _key(self, key: Any) -> str:
        text = key if isinstance(key, str) else json.dumps(key)
        self._add(len(text))
        return text

    def _add(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            raise NoValue(f"It gives more than {self._limit >> 10} kB of JSON. Leave a file instead.")


def _head(kind: cel.Type) -> str:
    return str(kind).partition("<")[0].lower()


# --- messages -------------------------------------------------------------------------------------

_CODE = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$")
_UNFIT = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")
_LATE_UNFIT = re.compile(r"No matching overloads found : ([^(]*)(?:\((.*)\))?")
_LATE_KEY = re.compile(r'Key not found in map : "(.*)"')
_CONDITIONAL = ("_?_:_", "<jump_condition>")

_TYPE_NAMES = {
    "bool": "true or false",
    "int": "a whole number",
    "int64": "a whole number",
    "uint": "an unsigned number",
    "uint64": "an unsigned number",
    "double": "a number",
    "string": "a text",
    "bytes": "bytes",
    "list": "a list",
    "map": "a mapping",
    "null_type": "null",
    "timestamp": "a point in time",
    "google.protobuf.timestamp": "a point in time",
    "duration": "a duration",
    "google.protobuf.duration": "a duration",
    "type": "a type",
    "dyn": "any value",
}


def compiler_message(message: str) -> str:
    """Return a message of the compiler as a sentence."""
    if match := _UNFIT.match(message):
        return _unfit(match[1], match[2])
    said = message.partition(" expecting ")[0]
    if said.startswith("has()"):
        return "`has` asks for a member of a value, as in `has(steps.train.values.auc)`."
    if said.startswith(_SYNTAX):
        return f"This is not an expression: {said.removeprefix(_SYNTAX).lstrip(': ')}."
    return _sentence(said)


def ends_too_early(message: str) -> bool:
    """Tell whether the compiler's message is that something is missing at the end."""
    return "input '<EOF>'" in message


def _unfit(function: str, arguments: str) -> str:
    """Say that a function or an operator does not take such arguments."""
    kinds = [type_name(kind) for kind in _split(arguments)]
    operator = function.replace("_", "").strip("@ ")
    if function in _CONDITIONAL:
        same = "and both results of one type" if len(kinds) == 3 else ""
        return f"`? :` needs a condition that is true or false {same}".strip() + "."
    return f"`{operator}` does not take {' and '.join(kinds) or 'nothing'}."


def _split(arguments: str) -> list[str]:
    """Split `list(int), string` at the commas between the types."""
    parts, depth = [""], 0
    for character in arguments:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def type_name(kind: str) -> str:
    """Return what people call a type, with its article."""
    return _TYPE_NAMES.get(re.split(r"[(<]", kind.lower())[0], kind)


def _sentence(text: str) -> str:
    """Return a message of the library as a sentence."""
    said = _CODE.sub("", _CODE.sub("", text.strip()))
    if match := _LATE_KEY.search(said):
        return f"There is no `{match[1]}`. Ask first with `has(…)`."
    if match := _LATE_UNFIT.search(said):
        return _unfit(match[1].strip(), match[2] or "")
    if "Iteration budget" in said:
        return "It goes over too many items. Go over shorter lists."
    if "non-message type" in said:
        return "A value that is neither a mapping nor a list has no members."
    if "recursion" in said:
        return "It is nested too deeply. Make it simpler."
    return f"{said[:1].upper()}{said[1:].rstrip('.')}."
