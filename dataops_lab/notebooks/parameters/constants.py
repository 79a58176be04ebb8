"""Evaluate Python expressions without running them: literals, dates and small arithmetic."""

from __future__ import annotations

import ast
import datetime as dt
import json
import math
import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from ...domain.parameters import ParameterType
from .. import python_source
from .values import (
    DecimalText,
    FrozenSetMembers,
    IsoDate,
    IsoDatetime,
    NumberKeys,
    PathText,
    SetMembers,
    TupleMembers,
    TypedKeys,
    Unknown,
    type_of,
    written_as,
)

T = ParameterType

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_COLLECTIONS: dict[str, type[list[Any]]] = {
    "list": list, "sorted": list, "tuple": TupleMembers, "set": SetMembers, "frozenset": FrozenSetMembers
}  # fmt: skip
_TEXT_METHODS = frozenset(
    ("format", "join", "replace", "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "zfill")
)

# An expression like `9 ** 9 ** 9` must not take long.
_LARGEST = 10**18
_LARGEST_EXPONENT = 64


def evaluate(node: ast.expr) -> Any:
    """Return a JSON value (dates as ISO 8601 text), or Unknown with the type as far as it is known."""
    try:
        return _evaluate(node)
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return Unknown()


def _evaluate(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return _json(value)
        case ast.List() | ast.Tuple() | ast.Set() | ast.ListComp() | ast.SetComp() | ast.DictComp():
            return _display(node)
        case ast.UnaryOp(op=ast.Not()) | ast.Compare() | ast.BoolOp():
            return _truth(node)
        case ast.IfExp(body=body, orelse=orelse):
            return _conditional(_evaluate(body), _evaluate(orelse))
        case ast.Dict(keys=keys, values=values):
            return _mapping(keys, values)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            return _signed(sign, _evaluate(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return _computed(_evaluate(left), op, _evaluate(right))
        case ast.JoinedStr():
            return Unknown(T.STRING)
        case ast.Attribute(attr="nan" | "inf"):
            return Unknown(T.NUMBER)
        case ast.Call():
            return _call(node)
    return Unknown()


def _json(value: object) -> Any:
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            # 1e999 is infinite, and JSON has no infinite numbers.
            return value if math.isfinite(value) else Unknown(T.NUMBER)
        case bytes() | complex():
            return Unknown(unsupported=type(value).__name__)
    return Unknown()


def _display(node: ast.expr) -> Any:
    match node:
        case ast.List(elts=members):
            return _collection([_evaluate(m) for m in members])
        case ast.Tuple(elts=members):
            return _collection([_evaluate(m) for m in members], TupleMembers)
        case ast.Set(elts=members):
            return _collection([_evaluate(m) for m in members], SetMembers)
        case ast.SetComp():
            return Unknown(T.LIST, "set")
        case ast.DictComp():
            return Unknown(T.MAPPING)
    return Unknown(T.LIST)


def _truth(node: ast.expr) -> Any:
    """Evaluate `not True`, `1 == 2` and `False or True` on plain values; otherwise tell only the type."""
    match node:
        case ast.UnaryOp(operand=operand):
            value = _evaluate(operand)
            return Unknown(T.BOOLEAN) if isinstance(value, Unknown) else not value
        case ast.Compare(left=left, ops=ops, comparators=others):
            values = [_evaluate(side) for side in (left, *others)]
            if any(isinstance(value, Unknown) for value in values) or any(type(op) not in _COMPARISONS for op in ops):
                return Unknown(T.BOOLEAN)
            return all(_COMPARISONS[type(op)](*pair) for op, pair in zip(ops, pairwise(values), strict=True))
        case ast.BoolOp(op=op, values=parts):
            values = [_evaluate(part) for part in parts]
            if any(type_of(value) is not T.BOOLEAN for value in values):
                return Unknown()
            if any(isinstance(value, Unknown) for value in values):
                return Unknown(T.BOOLEAN)
            return all(values) if isinstance(op, ast.And) else any(values)
    return Unknown(T.BOOLEAN)


def _conditional(first: Any, second: Any) -> Any:
    kinds = {type_of(first), type_of(second)}
    forms = {written_as(first), written_as(second)}
    return Unknown(kinds.pop(), forms.pop()) if len(kinds) == len(forms) == 1 else Unknown()


def _collection(members: list[Any], made: type[list[Any]] = list) -> Any:
    if any(isinstance(m, Unknown) for m in members):
        return Unknown(T.LIST, written_as(made))
    return made(members)


def _mapping(keys: Sequence[ast.expr | None], values: Sequence[ast.expr]) -> Any:
    names = [_evaluate(key) if key is not None else Unknown() for key in keys]
    members = [_evaluate(value) for value in values]
    kinds = {type_of(name) for name in names}
    if T.ANY in kinds:
        return Unknown(T.MAPPING)
    if not kinds <= {T.STRING} and kinds not in ({T.INTEGER}, {T.NUMBER}):
        return Unknown(T.MAPPING, unsupported="a mapping whose keys are neither text nor numbers of one type")
    if any(isinstance(item, Unknown) for item in (*names, *members)):
        return Unknown(T.MAPPING)
    made = {T.INTEGER: TypedKeys, T.NUMBER: NumberKeys}.get(kinds.pop() if kinds else T.STRING, dict)
    return made(
        (name if isinstance(name, str) else json.dumps(name), member)
        for name, member in zip(names, members, strict=True)
    )


def _signed(sign: ast.unaryop, value: Any) -> Any:
    if isinstance(value, Unknown) or type_of(value) not in (T.INTEGER, T.NUMBER):
        return Unknown(type_of(value))
    return -value if isinstance(sign, ast.USub) else value


def _computed(left: Any, op: ast.operator, right: Any) -> Any:
    kinds = {type_of(left), type_of(right)}
    if kinds == {T.LIST} and isinstance(op, ast.Add):
        return _joined(left, right)
    if kinds == {T.LIST, T.INTEGER} and isinstance(op, ast.Mult):
        return Unknown(T.LIST, written_as(left) or written_as(right))
    if any(isinstance(side, Unknown) for side in (left, right)):
        # `prefix + "/" + name` is text for all values of the names.
        return Unknown(T.STRING if T.STRING in kinds and isinstance(op, (ast.Add, ast.Mod)) else T.ANY)
    if kinds == {T.STRING} and isinstance(op, ast.Add):
        return left + right
    if not kinds <= {T.INTEGER, T.NUMBER} or max(abs(left), abs(right)) > _LARGEST:
        return Unknown()
    if isinstance(op, ast.Pow) and abs(right) > _LARGEST_EXPONENT:
        return Unknown(T.NUMBER)
    compute = _ARITHMETIC.get(type(op))
    return _json(compute(left, right)) if compute else Unknown(T.INTEGER)


def _joined(left: Any, right: Any) -> Any:
    if isinstance(left, Unknown) or isinstance(right, Unknown) or type(left) is not type(right):
        return Unknown(T.LIST, written_as(left) or written_as(right))
    return type(left)([*left, *right])


def _method(owner: ast.expr, name: str, arguments: list[Any]) -> Any:
    """Tell the type that a method of a text returns."""
    text = _evaluate(owner)
    if type_of(text) is not T.STRING or written_as(text):
        return None
    if name in ("split", "rsplit", "splitlines"):
        plain = not isinstance(text, Unknown) and all(isinstance(argument, (str, int)) for argument in arguments)
        return getattr(text, name)(*arguments) if plain else Unknown(T.LIST)
    return Unknown(T.STRING) if name in _TEXT_METHODS else None


def _call(node: ast.Call) -> Any:
    """Evaluate `date(2026, 1, 31)`, `date.fromisoformat("2026-01-31")` and so on. Other calls tell a type at most."""
    owner, _, name = python_source.dotted_name(node.func).rpartition(".")
    owner = owner.rpartition(".")[2]
    arguments = [_evaluate(argument) for argument in node.args]
    if isinstance(node.func, ast.Attribute):
        result = _method(node.func.value, node.func.attr, arguments)
        if result is not None:
            return result
    if not owner and name in _COLLECTIONS:
        made = _COLLECTIONS[name]
        if not node.args and not node.keywords:
            return made()
        if len(arguments) == 1 and isinstance(arguments[0], list):
            return made(dict.fromkeys(arguments[0])) if "set" in name else made(arguments[0])
        return Unknown(T.LIST, written_as(made))
    if name == "dict" and not owner:
        return Unknown(T.MAPPING)
    if name in ("Path", "PurePath") and len(arguments) <= 1:
        text = arguments[0] if arguments else "."
        return PathText(text) if isinstance(text, str) else Unknown(T.STRING, "path")
    if name == "Decimal" and len(arguments) == 1:
        exact = isinstance(arguments[0], (str, int)) and not isinstance(arguments[0], bool)
        return DecimalText(arguments[0]) if exact else Unknown(T.STRING, "decimal")
    named = {k.arg: _evaluate(k.value) for k in node.keywords if k.arg}
    if name == "fromisoformat" and owner in ("date", "datetime") and len(arguments) == 1:
        kind: type[dt.date] = dt.datetime if owner == "datetime" else dt.date
        return _date(kind, lambda: kind.fromisoformat(arguments[0]))
    if name in ("date", "datetime") and owner in ("", "datetime", "dt", "_dt") and (arguments or named):
        kind = dt.datetime if name == "datetime" else dt.date
        return _date(kind, lambda: kind(*arguments, **named))
    if owner in ("date", "datetime") and name in ("today", "now", "utcnow"):
        return Unknown(T.DATE if owner == "date" else T.DATETIME)
    return Unknown({"str": T.STRING, "int": T.INTEGER, "float": T.NUMBER, "bool": T.BOOLEAN}.get(name, T.ANY))


def _date(kind: type[dt.date], make: Callable[[], dt.date]) -> Any:
    try:
        text = make().isoformat()
    except (TypeError, ValueError, OverflowError):
        return Unknown(T.DATETIME if kind is dt.datetime else T.DATE)
    return IsoDatetime(text) if kind is dt.datetime else IsoDate(text)
