"""Scanning what is not Python: R, bash, shell lines. Anything quoted or bare that looks like a path."""

from __future__ import annotations

import re

from .findings import Mention, Scan, Use

_CANDIDATE = re.compile(
    r"""
    "(?P<double>[^"\n]{1,1000})" | '(?P<single>[^'\n]{1,1000})'
  | (?:(?<=[\s=(,:<])|^)(?P<bare>(?:\.{1,2}|~)?/[^\s"'`;|&<>(),$]+)
    """,
    re.VERBOSE | re.MULTILINE,
)
_VARIABLE = re.compile(r"\$\{?\w+\}?")
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")


def scan_text(source: str, cell: int | None, scan: Scan) -> Scan:
    """Adds to `scan`. Only texts with a slash count; a shell variable in one makes a pattern of it."""
    for match in _CANDIDATE.finditer(_COMMENT.sub("", source)):
        text = match["double"] or match["single"] or match["bare"]
        if "/" not in text or "://" in text or text.startswith(("$", "-")) or not text.strip("/. "):
            continue
        path = _VARIABLE.sub("*", text)
        scan.mentions.append(Mention(path, Use.UNKNOWN, pattern=any(c in path for c in "*?["), cell=cell))
    return scan
