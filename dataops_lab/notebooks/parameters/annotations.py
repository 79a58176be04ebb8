"""Read the type of a parameter from its Python annotation."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...domain.parameters import ParameterType
from .constants import evaluate
from .values import Unknown, common_type, type_of

T = ParameterType

_NAMES = {
    "str": T.STRING,
    "int": T.INTEGER,
    "float": T.NUMBER,
    "bool": T.BOOLEAN,
    "date": T.DATE,
    "datetime": T.DATETIME,
    **dict.fromkeys(("list", "List", "Sequence", "Iterable", "Collection", "tuple", "Tuple"), T.LIST),
    **dict.fromkeys(("set", "Set", "AbstractSet", "MutableSet", "frozenset", "FrozenSet"), T.LIST),
    **dict.fromkeys(("Path", "PurePath", "Decimal"), T.STRING),
    **dict.fromkeys(("dict", "Dict", "Mapping", "MutableMapping"), T.MAPPING),
}


_WRITTEN_AS = {
    **dict.fromkeys(("tuple", "Tuple"), "tuple"),
    **dict.fromkeys(("set", "Set", "AbstractSet", "MutableSet"), "set"),
    **dict.fromkeys(("frozenset", "FrozenSet"), "frozenset"),
    **dict.fromkeys(("Path", "PurePath"), "path"),
    "Decimal": "decimal",
}
_KEYS = {T.INTEGER: T.INTEGER, T.NUMBER: T.NUMBER, T.STRING: None, T.ANY: None}


@dataclass(frozen=True)
class Declared:
    """The declaration of an annotation.

    `explicit` is True when a default must not narrow the type, as with `Any`, `Literal` and unions.
    `unsupported` is the part of the annotation that the value of a parameter cannot have.
    """

    type: ParameterType = T.ANY
    nullable: bool = False
    choices: tuple[Any, ...] = ()
    items: ParameterType | None = None
    help: str = ""
    explicit: bool = False
    written_as: str | None = None
    keys: ParameterType | None = None
    unsupported: str = ""


def parse_annotation(annotation: ast.expr | str) -> Declared:
    """Read an annotation, without evaluating it. An unknown one declares nothing."""
    try:
        node = ast.parse(annotation.strip(), mode="eval").body if isinstance(annotation, str) else annotation
        return _parse_node(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Declared()


def _parse_node(node: ast.expr) -> Declared:
    match node:
        case ast.Constant(value=str(text)):
            return parse_annotation(text)
        case ast.Constant(value=None):
            return Declared(nullable=True)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _union([left, right])
        case ast.Subscript(value=container, slice=arguments):
            members = arguments.elts if isinstance(arguments, ast.Tuple) else [arguments]
            return _subscript(_last_name(container), members)
    name = _last_name(node)
    if name not in _NAMES and name not in ("Any", "object"):
        return Declared(unsupported=ast.unparse(node))
    return Declared(_NAMES.get(name, T.ANY), explicit=name in ("Any", "object"), written_as=_WRITTEN_AS.get(name))


def _subscript(name: str, members: Sequence[ast.expr]) -> Declared:
    match name:
        case "Literal":
            return _literal(members)
        case "Optional":
            return replace(_parse_node(members[0]), nullable=True)
        case "Union":
            return _union(members)
        case "Annotated":
            texts = [m.value for m in members[1:] if isinstance(m, ast.Constant) and isinstance(m.value, str)]
            return replace(_parse_node(members[0]), help=" ".join(texts))
        case "Final":
            return _parse_node(members[0])
    kind, inner = _NAMES.get(name, T.ANY), [_parse_node(m) for m in members if not _is_ellipsis(m)]
    unsupported = next((i.unsupported or i.written_as or "" for i in inner if i.unsupported or i.written_as), "")
    if kind is T.ANY or (kind is T.STRING and inner):
        unsupported = name
    if kind is T.MAPPING and inner and inner[0].type not in _KEYS:
        unsupported = f"a mapping with keys of type {inner[0].type}"
    return Declared(
        kind,
        items=_member_type(inner) if kind is T.LIST else None,
        written_as=_WRITTEN_AS.get(name),
        keys=_KEYS.get(inner[0].type) if kind is T.MAPPING and inner else None,
        unsupported=unsupported and (unsupported if kind is T.ANY else f"{name} of {unsupported}"),
    )


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _member_type(declared: Sequence[Declared]) -> ParameterType | None:
    """Return the one type of all members, as in `tuple[int, ...]` and `list[int]`; None for `tuple[int, str]`."""
    return None if any(member.nullable for member in declared) else common_type([t.type for t in declared])


def _literal(members: Sequence[ast.expr]) -> Declared:
    values = [evaluate(member) for member in members]
    if any(isinstance(value, (Unknown, list, dict)) for value in values):
        return Declared()
    choices = tuple(value for value in values if value is not None)
    kind = common_type([type_of(choice) for choice in choices])
    return Declared(kind or T.ANY, nullable=None in values, choices=choices, explicit=True)


def _union(members: Sequence[ast.expr]) -> Declared:
    members_declared = [_parse_node(member) for member in members]
    nullable = any(t.nullable for t in members_declared)
    real = [t for t in members_declared if t != Declared(nullable=True)]
    if len(real) == 1:
        return replace(real[0], nullable=nullable)
    kind = common_type([t.type for t in real])
    choices = tuple(c for t in real for c in t.choices) if all(t.choices for t in real) else ()
    # `str | Path` accepts text as it is. It is enough when one member accepts a JSON value.
    passed = [t for t in real if not t.unsupported and not t.written_as and not t.keys]
    unsupported = "" if passed or not real else next(t.unsupported or t.written_as or "a mapping" for t in real)
    return Declared(
        (kind if len(passed) == len(real) else common_type([t.type for t in passed])) or T.ANY,
        nullable=nullable,
        choices=choices,
        explicit=True,
        unsupported=unsupported,
    )


def _last_name(node: ast.expr) -> str:
    """Return the last part of a name: `dt.date`, `datetime.date` and `date` mean the same here."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
