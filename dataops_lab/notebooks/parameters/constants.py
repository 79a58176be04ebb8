"""The value of a Python expression that needs no running: literals, dates and small arithmetic."""

from __future__ import annotations

import ast
import datetime as dt
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from ...domain.parameters import ParameterType
from .. import python_source
from .values import IsoDate, IsoDatetime, Unknown, type_of

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

# Somebody's `9 ** 9 ** 9` must not keep us busy.
_LARGEST = 10**18
_LARGEST_EXPONENT = 64


def constant(node: ast.expr) -> Any:
    """A JSON value (dates as ISO 8601 text), or Unknown with the type that can be told."""
    try:
        return _constant(node)
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return Unknown()


def _constant(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return _json(value)
        case ast.List(elts=members) | ast.Tuple(elts=members):
            return _all([_constant(m) for m in members], T.LIST)
        case ast.Dict(keys=keys, values=values):
            return _mapping(keys, values)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            return _signed(sign, _constant(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return _computed(_constant(left), op, _constant(right))
        case ast.JoinedStr():
            return Unknown(T.STRING)
        case ast.Call():
            return _call(node)
    return Unknown()


def _json(value: object) -> Any:
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            # 1e999 is an infinity, which JSON does not have.
            return value if math.isfinite(value) else Unknown(T.NUMBER)
    return Unknown()


def _all(members: list[Any], kind: ParameterType) -> Any:
    return Unknown(kind) if any(isinstance(m, Unknown) for m in members) else members


def _mapping(keys: Sequence[ast.expr | None], values: Sequence[ast.expr]) -> Any:
    names = [_constant(key) if key is not None else Unknown() for key in keys]
    if not all(isinstance(name, str) for name in names):
        return Unknown(T.MAPPING)
    told = _all([_constant(value) for value in values], T.MAPPING)
    return told if isinstance(told, Unknown) else dict(zip(names, told, strict=True))


def _signed(sign: ast.unaryop, value: Any) -> Any:
    if isinstance(value, Unknown) or type_of(value) not in (T.INTEGER, T.NUMBER):
        return Unknown(type_of(value))
    return -value if isinstance(sign, ast.USub) else value


def _computed(left: Any, op: ast.operator, right: Any) -> Any:
    kinds = {type_of(left), type_of(right)}
    if any(isinstance(side, Unknown) for side in (left, right)):
        # `prefix + "/" + name` is text whatever the names hold.
        return Unknown(T.STRING if T.STRING in kinds and isinstance(op, (ast.Add, ast.Mod)) else T.ANY)
    if kinds == {T.STRING} and isinstance(op, ast.Add):
        return left + right
    if not kinds <= {T.INTEGER, T.NUMBER} or max(abs(left), abs(right)) > _LARGEST:
        return Unknown()
    if isinstance(op, ast.Pow) and abs(right) > _LARGEST_EXPONENT:
        return Unknown(T.NUMBER)
    compute = _ARITHMETIC.get(type(op))
    return _json(compute(left, right)) if compute else Unknown(T.INTEGER)


def _call(node: ast.Call) -> Any:
    """`date(2026, 1, 31)`, `dt.date.fromisoformat("2026-01-31")` and their kin; other calls tell a type at most."""
    owner, _, name = python_source.dotted(node.func).rpartition(".")
    owner = owner.rpartition(".")[2]
    arguments = [_constant(argument) for argument in node.args]
    named = {k.arg: _constant(k.value) for k in node.keywords if k.arg}
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
