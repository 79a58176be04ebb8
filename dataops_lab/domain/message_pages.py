"""The body of a message as parts, and their text and HTML. All words in a part are data: nothing in them is markup."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import TypeAlias

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")


@dataclass(frozen=True)
class Paragraph:
    text: str
    is_quiet: bool = False


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Facts:
    """Names with values."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Items:
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Lines that keep their spaces: a source, an output, an error."""

    text: str
    is_error: bool = False


@dataclass(frozen=True)
class Picture:
    """An image of the message, by its name."""

    name: str
    alt: str


@dataclass(frozen=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True)
class Command:
    """A command for a terminal."""

    text: str


Part: TypeAlias = Paragraph | Heading | Facts | Items | Code | Picture | Link | Command


def one_line(text: object, length: int) -> str:
    """Return a text without line breaks and controls, cut at this length. A header can hold it."""
    line = " ".join(plain(str(text)).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def plain(text: str) -> str:
    """Return a text without what terminals obey, and without characters that turn text around."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def first_lines(text: str, lines: int, length: int) -> str:
    """Return the first lines of a text, and say how many are missing."""
    return _some_lines(plain(text).strip("\n").splitlines(), lines, length, last=False)


def last_lines(text: str, lines: int, length: int) -> str:
    """Return the last lines of a text, and say how many are missing."""
    return _some_lines(plain(text).strip("\n").splitlines(), lines, length, last=True)


def _some_lines(found: Sequence[str], lines: int, length: int, *, last: bool) -> str:
    kept = [
        line if len(line) <= length else f"{line[:length]}…" for line in (found[-lines:] if last else found[:lines])
    ]
    if missing := len(found) - len(kept):
        told = f"… {missing:,} more line{'' if missing == 1 else 's'}"
        kept = [told, *kept] if last else [*kept, told]
    return "\n".join(kept)


def as_text(parts: Sequence[Part]) -> str:
    """Return the parts as plain text."""
    return "\n\n".join(filter(None, map(_text, parts))) + "\n"


def _text(part: Part) -> str:
    match part:
        case Paragraph(text) | Heading(text):
            return plain(text)
        case Facts(rows):
            width = max((len(name) for name, _ in rows), default=0)
            return "\n".join(f"{one_line(name, 100):<{width}}  {one_line(value, 500)}" for name, value in rows)
        case Items(texts):
            return "\n".join(f"- {one_line(text, 500)}" for text in texts)
        case Code(text):
            return indent(plain(text), "    ")
        case Picture(_, alt):
            return f"[{one_line(alt, 200)}]"
        case Link(label, url):
            return f"{one_line(label, 100)}: {one_line(url, 2000)}"
        case Command(text):
            return f"    {one_line(text, 500)}"


def as_html(title: str, parts: Sequence[Part]) -> str:
    """Return the parts as a page for mail programs, light and dark. It loads nothing and has no script."""
    body = "\n".join(map(_html, parts))
    return _PAGE.replace("%TITLE%", _escaped(title)).replace("%STYLE%", _STYLE).replace("%BODY%", body)


def _html(part: Part) -> str:
    match part:
        case Paragraph(text, is_quiet):
            lines = "<br>".join(_escaped(line) for line in plain(text).splitlines())
            return f'<p class="quiet">{lines}</p>' if is_quiet else f"<p>{lines}</p>"
        case Heading(text):
            return f"<h1>{_escaped(text)}</h1>"
        case Facts(rows):
            cells = "".join(f"<tr><th>{_escaped(name)}</th><td>{_escaped(value)}</td></tr>" for name, value in rows)
            return f"<table>{cells}</table>"
        case Items(texts):
            return f"<ul>{''.join(f'<li>{_escaped(text)}</li>' for text in texts)}</ul>"
        case Code(text, is_error):
            return f'<pre class="error">{_escaped(text)}</pre>' if is_error else f"<pre>{_escaped(text)}</pre>"
        case Picture(name, alt):
            return f'<p><img src="cid:{_escaped(name)}" alt="{_escaped(alt)}"></p>'
        case Link(label, url):
            return f'<p><a class="button" href="{_escaped(url)}">{_escaped(label)}</a></p>'
        case Command(text):
            return f"<pre>{_escaped(text)}</pre>"


def _escaped(text: str) -> str:
    return html.escape(plain(text))


_STYLE = """
body { margin: 0; padding: 16px; font: 15px/1.5 -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; color: #1f2328;
  background: #ffffff; }
main { max-width: 680px; margin: 0 auto; }
h1 { font-size: 20px; line-height: 1.3; margin: 0 0 12px; overflow-wrap: anywhere; }
p { margin: 0 0 12px; overflow-wrap: anywhere; }
.quiet { color: #59636e; font-size: 13px; }
table { border-collapse: collapse; margin: 0 0 12px; }
th { text-align: left; font-weight: normal; color: #59636e; padding: 2px 16px 2px 0; vertical-align: top;
  white-space: nowrap; }
td { padding: 2px 0; overflow-wrap: anywhere; }
pre { font: 13px/1.45 ui-monospace, Menlo, Consolas, monospace; background: #f6f8fa; border-radius: 4px;
  padding: 10px 12px; margin: 0 0 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.error { border-left: 4px solid #cf222e; }
ul { margin: 0 0 12px; padding-left: 20px; }
img { max-width: 100%; height: auto; background: #ffffff; }
a.button { display: inline-block; padding: 8px 16px; border-radius: 4px; background: #0969da; color: #ffffff;
  text-decoration: none; }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117; }
  .quiet, th { color: #9198a1; }
  pre { background: #161b22; }
  pre.error { border-left-color: #f85149; }
  a.button { background: #1f6feb; }
}
"""

_PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>%TITLE%</title>
<style>%STYLE%</style>
</head>
<body>
<main>
%BODY%
</main>
</body>
</html>
"""
