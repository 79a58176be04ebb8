"""Read the parameters of a Python cell: its top-level assignments, by their syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...domain.parameters import Parameter, ParameterType
from .. import python_source
from .annotations import Declared, parse_annotation
from .comments import Comments
from .constants import evaluate
from .values import Statement, Unknown, keys_type, member_type, type_of, written_as

T = ParameterType

_TYPE_COMMENT = re.compile(
    r"^type:\s*(?!ignore\b)(?P<type>[\w.]+(\[[^#]*\])?(\s*\|\s*[\w.]+(\[[^#]*\])?)*)\s*(?P<help>.*)$"
)

_SHOWN = 60  # characters of an expression that a description quotes


@dataclass(frozen=True)
class _Assignment:
    name: str
    statement: ast.stmt
    value: ast.expr | None
    annotation: ast.expr | None = None


def parameters(source: str) -> tuple[Parameter, ...] | None:
    """Read the assignments, in the order of the first one of each name; the last value counts.

    Return None when the source is not Python.
    """
    tree = None if python_source.is_other_language(source) else python_source.parse(source)
    if tree is None:
        return None
    comments = Comments.parse(source)
    found: dict[str, Parameter] = {}
    for assignment in _assignments(tree):
        found[assignment.name] = _parameter(assignment, comments, source)
    return tuple(found.values())


def statements(source: str) -> list[Statement]:
    """Read the statements; the list is empty when the source is not Python.

    The names in the body of a loop, a branch or a function count as read, never as set.
    """
    tree = None if python_source.is_other_language(source) else python_source.parse(source)
    return [_statement(node) for node in tree.body] if tree else []


def _statement(node: ast.stmt) -> Statement:
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    plain = isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
    stored = frozenset(name.id for name in names if isinstance(name.ctx, ast.Store))
    read = frozenset(name.id for name in names if not isinstance(name.ctx, ast.Store))
    return Statement(read, stored) if plain else Statement(read | stored, frozenset())


def _assignments(tree: ast.Module) -> Iterator[_Assignment]:
    for statement in tree.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                yield _Assignment(name, statement, value, annotation)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    for name, part in _pairs(target, value):
                        yield _Assignment(name, statement, part)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield names with their values: `a, b = 1, 2` sets two parameters. Unpacking a call gives none."""
    match target, value:
        case ast.Name(id=name), _:
            yield name, value
        case ast.Tuple(elts=targets) | ast.List(elts=targets), ast.Tuple(elts=values) | ast.List(elts=values):
            if len(targets) == len(values):
                for inner_target, inner_value in zip(targets, values, strict=True):
                    yield from _pairs(inner_target, inner_value)


def _parameter(assignment: _Assignment, comments: Comments, source: str) -> Parameter:
    comment, description = comments.comment_beside(assignment.statement), ""
    declared: Declared | None = parse_annotation(assignment.annotation) if assignment.annotation else None
    if match := _TYPE_COMMENT.match(comment):
        declared = declared or parse_annotation(match["type"])
        description = match["help"].strip()
    elif not comment.startswith("type:"):
        description = comment
    description = description or comments.comments_above(assignment.statement)
    if assignment.value is None:
        return _declared_only(assignment.name, declared or Declared(), description)
    value = evaluate(assignment.value)
    if isinstance(value, Unknown):
        description = _with_expression(description, assignment.value, source)
    return _with_value(assignment.name, declared or Declared(), value, description)


def _declared_only(name: str, declared: Declared, description: str) -> Parameter:
    return Parameter(
        name,
        declared.type,
        required=True,
        nullable=declared.nullable,
        description=description or declared.help,
        choices=declared.choices,
        items=declared.items,
        written_as=declared.written_as,
        keys=declared.keys,
        unsupported=declared.unsupported,
    )


def _with_value(name: str, declared: Declared, value: Any, description: str) -> Parameter:
    narrowed = declared.type is T.ANY and not declared.explicit
    kind = type_of(value) if narrowed else declared.type
    # `Region`, the name of a type that the notebook defines, says less than a default of that type.
    is_known = not isinstance(value, Unknown) and value is not None
    unsupported = "" if narrowed and is_known else declared.unsupported or getattr(value, "unsupported", "")
    if unsupported and narrowed:
        kind = T.ANY
    return Parameter(
        name,
        kind,
        default=None if isinstance(value, Unknown) else value,
        nullable=declared.nullable or value is None,
        description=description or declared.help,
        choices=declared.choices,
        items=declared.items or (member_type(value) if kind is T.LIST else None),
        written_as=declared.written_as or (written_as(value) if kind is type_of(value) else None),
        keys=declared.keys or (keys_type(value) if kind is T.MAPPING else None),
        unsupported=unsupported,
    )


def _with_expression(description: str, value: ast.expr, source: str) -> str:
    """Add the source of a default that cannot be shown as a value, if the source is short."""
    expression = ast.get_source_segment(source, value) or ""
    if not expression or len(expression) > _SHOWN or "\n" in expression:
        return description
    return f"{description} (default: {expression})".strip()
