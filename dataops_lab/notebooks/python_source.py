"""Python as in notebooks: with magics and shell lines, and sometimes not Python at all."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

# The quantifiers are possessive, so that a hostile line of blanks takes linear time.
_MAGIC_LINE = re.compile(
    r"^(?P<indent>\s*+)(?P<assigned>[\w.\[\], ]++=\s*+(?=[%!]))?(?P<magic>[%!?].*|[\w.]++\?{1,2}\s*+)$"
)

# When a cell has only one line, IPython takes these for magics without their `%`.
_AUTOMAGIC = re.compile(
    r"\s*(?:cat|cd|conda|cp|env|load_ext|ls|mamba|matplotlib|mkdir|mv|pip|pylab|rm|rmdir|run|set_env|time|timeit|uv)"
    r" +(?!=)\S.*\s*"
)

# The body of these cell magics is still Python in the same kernel.
_PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")

# These tokens decide whether the next line continues this one.
_LONG_QUOTES = ('"""', "'''")
_QUOTES_AND_BRACKETS = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|#.*|\\.|[()\[\]{}]")


def parse(source: str) -> ast.Module | None:
    """Parse a cell or module; None when this Python version cannot read it."""
    tree = _parse(source)
    return tree if tree is not None else _parse(without_magics(source))


def without_magics(source: str) -> str:
    """Replace magics by `pass` or `...`, so that all lines keep their numbers."""
    return "\n".join(_plain(match) if match else line for line, match in _lines(source))


def magics(source: str) -> list[str]:
    """List the magics, shell commands and their assignments, without indentation and target."""
    return [match["magic"].strip() for _, match in _lines(source) if match]


def is_other_language(source: str) -> bool:
    """Tell whether a cell magic passes the whole cell to another program, as `%%bash` does."""
    first = source.lstrip().split("\n", 1)[0]
    return first.startswith("%%") and first.split()[0] not in _PYTHON_MAGICS


def dotted_name(node: ast.expr) -> str:
    """Return `a.b.c` for an expression of names and dots; the empty text for any other."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def _lines(source: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Yield each line, with a match if it is a magic. Inside brackets and long texts `%` and `!` are not magics."""
    if _AUTOMAGIC.fullmatch(source):
        yield source, _MAGIC_LINE.match(f"%{source.strip()}")
        return
    depth, quote = 0, ""
    for line in source.split("\n"):
        magic = _MAGIC_LINE.match(line) if not depth and not quote else None
        yield line, magic
        if magic:
            continue
        for mark in _QUOTES_AND_BRACKETS.findall(line):
            if quote:
                quote = "" if mark == quote else quote
            elif mark in _LONG_QUOTES:
                quote = mark
            elif mark in "([{":
                depth += 1
            elif mark in ")]}":
                depth = max(0, depth - 1)


def _plain(magic: re.Match[str]) -> str:
    return f"{magic['indent']}{magic['assigned']}..." if magic["assigned"] else f"{magic['indent']}pass"


def _parse(source: str) -> ast.Module | None:
    with warnings.catch_warnings():
        # Our log needs no warnings about invalid escapes in other people's notebooks.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
