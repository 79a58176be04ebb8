"""Scan R and shell for calls that read or write a file, also one without a folder in its path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .findings import Mention, Scan, Use

_CALL = re.compile(
    r"""(?<![\w.])(?:
        (?P<read> read[._]\w+ | fread | readRDS | readLines | load | source )
      | (?P<write> write[._]\w+ | writeLines | fwrite | saveRDS | save | ggsave | sink | pdf | png | svg | jpeg | tiff )
    )\s*\(""",
    re.VERBOSE,
)
_PATH = re.compile(r"""["']([^"'\n]{1,300}\.\w{1,10})["']""")
_REDIRECTION = re.compile(r"""(?<![<>&\d=-])(?P<mark>>>?|<)\s*(?P<path>[\w./~-]+\.\w+)""")
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")
_PARENTHESIS = re.compile(r"[()]")
_LONGEST_CALL = 500


def scan_calls(source: str, scan: Scan, *, shell: bool) -> None:
    """Scan a source into `scan`."""
    code = _COMMENT.sub("", source)
    found = _redirections(code) if shell else _calls(code)
    scan.mentions.extend(Mention(path, use) for path, use in found)


def _calls(code: str) -> Iterator[tuple[str, Use]]:
    for call in _CALL.finditer(code):
        for path in _PATH.findall(_arguments(code, call.end())):
            yield path, Use.READ if call.lastgroup == "read" else Use.WRITE


def _redirections(code: str) -> Iterator[tuple[str, Use]]:
    for match in _REDIRECTION.finditer(code):
        yield match["path"], Use.READ if match["mark"] == "<" else Use.WRITE


def _arguments(code: str, start: int) -> str:
    """Return the text from `start` up to the parenthesis that closes the call; nothing of a call that is too long."""
    depth = 1
    for match in _PARENTHESIS.finditer(code, start, start + _LONGEST_CALL):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return code[start : match.start()]
    return ""
