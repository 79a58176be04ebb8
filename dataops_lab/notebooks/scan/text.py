"""Scan code that is not Python (R, bash, shell lines) for quoted or bare texts that look like a path."""

from __future__ import annotations

import re

from .findings import Mention, Scan, Use

_CANDIDATE = re.compile(
    r"""
    "(?P<double>[^"\n]{1,1000})" | '(?P<single>[^'\n]{1,1000})'
  | (?:(?<=[\s=(,:<])|^)(?P<bare>(?:\.{1,2}|~|[\w.-]+)?/[^\s"'`;|&<>(),]+)
    """,
    re.VERBOSE | re.MULTILINE,
)
# In R: `file.path("..", "data")`
_JOINED = re.compile(r"""(?:file\.path|here)\(\s*((?:["'][^"'\n]*["']\s*,?\s*){2,})""")
_PART = re.compile(r"""["']([^"'\n]*)["']""")
_CHANGES_FOLDER = re.compile(r"""(?m)setwd\(|(?:^|[;&]\s*)cd\s""")
_VARIABLE = re.compile(r"\$\{?\w+\}?")
_GIT = re.compile(r"(?m)(?:^|[;&|(!`]\s*)\s*git +(?!clone\b|init\b|config\b|--version\b)[\w-]")
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")


def scan_text(source: str, cell: int | None, scan: Scan) -> Scan:
    """Scan a source into `scan`, and return it. Only texts with a slash count; a shell variable makes a text a pattern.

    When the code changes to another folder, its paths may start at any folder above the notebook.
    """
    code = _COMMENT.sub("", source)
    scan.changes_folder |= _CHANGES_FOLDER.search(code) is not None
    if _GIT.search(code):
        scan.git_cells.append(cell)
    quoted = [(match[match.lastgroup or 0], _use(code, match)) for match in _CANDIDATE.finditer(code)]
    joined = [("/".join(_PART.findall(match[1])), Use.UNKNOWN) for match in _JOINED.finditer(code)]
    for text, use in [*quoted, *joined]:
        if "/" not in text or "://" in text or text.startswith(("$", "-")) or not text.strip("/. "):
            continue
        path = _VARIABLE.sub("*", text)
        if scan.changes_folder and not path.startswith((".", "/", "~", "*")):
            scan.mentions.append(Mention(f"*/{path}", use, pattern=True, cell=cell))
        scan.mentions.append(Mention(path, use, pattern=any(c in path for c in "*?["), cell=cell))
    return scan


def _use(code: str, match: re.Match[str]) -> Use:
    """Tell the use of a path: the code writes it when it follows `>` or `>>`."""
    return Use.WRITE if code[max(0, match.start() - 10) : match.start()].rstrip(" ").endswith(">") else Use.UNKNOWN
