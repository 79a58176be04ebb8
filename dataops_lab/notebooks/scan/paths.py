"""The path that a Python expression means, without running it."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Mapping

HOLE = "\0"
"""A mark for a part that only running tells. No path has this character."""

MODULE = "\1"
"""A mark for the folder of the module that is read."""

_FORMAT_FIELD = re.compile(r"\{[^{}]*\}|%(?:\(\w+\))?[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z]")

_SAME_PATH = frozenset({"str", "fspath", "abspath", "realpath", "normpath", "expanduser", "expandvars"})
_SAME_PATH_METHODS = frozenset({"resolve", "absolute", "expanduser", "as_posix", "__str__"})
_PATH_CLASSES = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath"})


_SQLITE = re.compile(r"(?:file:(?!//)|(?:sqlite|duckdb)(?:\+\w+)?:///)(?P<path>[^?]+)(?:\?.*)?", re.DOTALL)


def variable_key(name: str) -> str:
    """Return the key under which an environment variable is kept among the names."""
    return f"${name}"


def path_of(node: ast.expr, names: Mapping[str, str]) -> str | None:  # noqa: PLR0912  # a table of cases
    """Evaluate a path, with HOLE for unknown parts and MODULE for the module's folder; None when nothing is known."""
    match node:
        case ast.Constant(value=str(text)):
            return None if HOLE in text or MODULE in text else _path_in_address(text)
        case ast.Name(id="__file__"):
            return f"{MODULE}/__file__"
        case ast.Name(id=name):
            return names.get(name)
        case ast.JoinedStr(values=parts):
            return "".join(_part(part, names) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _concatenate([path_of(left, names), path_of(right, names)])
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _join([path_of(left, names), path_of(right, names)])
        case ast.BinOp(left=left, op=ast.Mod()):
            return _replace_fields(path_of(left, names))
        case ast.Attribute(attr="curdir"):
            return "."
        case ast.Attribute(attr="pardir"):
            return ".."
        case ast.Subscript(value=ast.Name(id="_dh")):  # IPython's name for the folder where the notebook started
            return "."
        case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name))):
            return names.get(variable_key(name))
        case ast.Attribute(value=base, attr="parent"):
            return _parent(path_of(base, names))
        case ast.Subscript(value=ast.Attribute(value=base, attr="parents"), slice=ast.Constant(value=int(levels))) if (
            0 <= levels < 20
        ):
            path = path_of(base, names)
            for _ in range(levels + 1):
                path = _parent(path)
            return path
        case ast.Call():
            return _call(node, names)
    return None


def _call(node: ast.Call, names: Mapping[str, str]) -> str | None:  # noqa: PLR0912  # a table of cases
    arguments = [path_of(argument, names) for argument in node.args]
    match node.func:
        case (
            ast.Attribute(attr="getcwd")
            | ast.Name(id="getcwd")
            | ast.Attribute(value=ast.Name(id="Path") | ast.Attribute(attr="Path"), attr="cwd")
        ):
            return "."
        case ast.Attribute(value=ast.Name(id="Path") | ast.Attribute(attr="Path"), attr="home"):
            return "~"
        case (
            ast.Attribute(value=ast.Attribute(attr="environ"), attr="get" | "setdefault") | ast.Attribute(attr="getenv")
        ):
            return _path_in_variable(node.args, names)
        case ast.Attribute(value=ast.Constant(value="/") | ast.Attribute(attr="sep"), attr="join") if len(
            node.args
        ) == 1 and isinstance(node.args[0], (ast.List, ast.Tuple)):
            return _join([path_of(part, names) for part in node.args[0].elts])
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _PATH_CLASSES:
            return _join(arguments) if arguments else "."
        case ast.Name(id=name) | ast.Attribute(value=_, attr=name) if name in _SAME_PATH and len(arguments) == 1:
            return arguments[0]
        case ast.Attribute(value=base, attr=name) if name in _SAME_PATH_METHODS:
            return path_of(base, names)
        case ast.Attribute(value=ast.Attribute(attr="path") | ast.Name(id="path"), attr="join"):
            return _join(arguments)
        case ast.Attribute(attr="dirname") | ast.Name(id="dirname") if arguments:
            return _parent(arguments[0])
        case ast.Attribute(value=base, attr="joinpath"):
            return _join([path_of(base, names), *arguments])
        case ast.Attribute(value=ast.Name(id="glob"), attr="glob") if arguments and not node.keywords:
            return arguments[0]  # the function of the module, which begins in the current folder
        case ast.Attribute(value=base, attr="glob") if arguments:
            return _join([path_of(base, names), arguments[0]])
        case ast.Attribute(value=base, attr="rglob") if arguments:
            return _join([path_of(base, names), "**", arguments[0]])
        case ast.Attribute(value=base, attr="format"):
            return _replace_fields(path_of(base, names))
    return None


def _path_in_address(text: str) -> str:
    """Return the file in the address of a database; any other text as it is."""
    found = _SQLITE.fullmatch(text)
    return found["path"] if found else text


def _path_in_variable(arguments: list[ast.expr], names: Mapping[str, str]) -> str | None:
    match arguments:
        case [ast.Constant(value=str(name)), *rest]:
            return names.get(variable_key(name)) or (path_of(rest[0], names) if rest else None)
    return None


def _part(part: ast.expr, names: Mapping[str, str]) -> str:
    if isinstance(part, ast.FormattedValue):
        return path_of(part.value, names) or HOLE
    return path_of(part, names) or ""


def _concatenate(parts: list[str | None]) -> str | None:
    return None if all(part is None for part in parts) else "".join(HOLE if part is None else part for part in parts)


def _join(parts: list[str | None]) -> str | None:
    """Join the parts. A path with an unknown start begins with HOLE: it may be any folder above the notebook."""
    if all(part is None for part in parts):
        return None
    return posixpath.join(*(HOLE if part is None else part for part in parts))


def _replace_fields(text: str | None) -> str | None:
    return None if text is None else _FORMAT_FIELD.sub(HOLE, text)


def _parent(path: str | None) -> str | None:
    if path is None:
        return None
    path = posixpath.normpath(path)
    if path == ".":
        return ".."
    if path == MODULE or posixpath.basename(path) == "..":
        return posixpath.join(path, "..")
    return posixpath.dirname(path) or "."
