"""Turn terminal text into HTML, with its colours and overwritten lines.

nbconvert's filter is not used: it copies the rest of the text for each colour, which takes minutes for a usual log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from markupsafe import escape

_ESCAPE = re.compile(r"\x1b\[([0-?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")

Color = int | tuple[int, int, int] | None


class TextStyle(NamedTuple):
    """The look of a text. A colour below 16 is one of the terminal's own; the style sheet gives its shade."""

    fg: Color = None
    bg: Color = None
    bold: bool = False
    underline: bool = False
    inverse: bool = False


Run = tuple[TextStyle, str]


def as_html(text: str) -> str:
    """Escape the text and colour it as a notebook does. The time is proportional to the length of the text."""
    style, lines = TextStyle(), []
    for line in re.sub(r"\r+\n", "\n", text).split("\n"):
        runs: list[Run] = []
        start = 0
        for escaped in _ESCAPE.finditer(line):
            runs.append((style, line[start : escaped.start()]))
            start = escaped.end()
            if escaped[2] == "m":
                style = _apply_codes(style, escaped[1])
        runs.append((style, line[start:]))
        if "\r" in line or "\b" in line:
            runs = list(_apply_overwriting(runs))
        lines.append("".join(_span(*run) for run in runs if run[1]))
    return "\n".join(lines)


def _apply_overwriting(runs: Iterable[Run]) -> Iterator[Run]:
    """Apply carriage returns: each goes back to the start of the line, and the following text overwrites it."""
    cells: list[Run] = []
    position = 0
    for style, text in runs:
        for character in text:
            if character == "\r":
                position = 0
            elif character == "\b":
                # A notebook removes the character; a terminal only moves back.
                if 0 < position == len(cells):
                    cells.pop()
                position = max(0, position - 1)
            else:
                cells[position : position + 1] = [(style, character)]
                position += 1
    for style, run in groupby(cells, key=lambda cell: cell[0]):
        yield style, "".join(character for _, character in run)


def _span(style: TextStyle, text: str) -> str:
    if style == TextStyle():
        return str(escape(text))
    fg, bg = (style.bg, style.fg) if style.inverse else (style.fg, style.bg)
    if style.bold and not style.inverse and isinstance(fg, int) and fg < 8:
        fg += 8
    classes: list[str] = []
    styles: list[str] = []
    for color, kind, rule in ((fg, "fg", "color"), (bg, "bg", "background-color")):
        if isinstance(color, int):
            intense = "-intense" if color >= 8 else ""
            classes.append(f"ansi-{_NAMES[color % 8]}{intense}-{kind}")
        elif color:
            styles.append(f"{rule}: rgb{color}")
        elif style.inverse:
            classes.append(f"ansi-default-inverse-{kind}")
    classes += ["ansi-bold"] * style.bold + ["ansi-underline"] * style.underline
    attributes = f' class="{" ".join(classes)}"' * bool(classes) + f' style="{"; ".join(styles)}"' * bool(styles)
    return f"<span{attributes}>{escape(text)}</span>"


def _apply_codes(style: TextStyle, codes: str) -> TextStyle:
    # No real sequence is longer, and a number of a million digits takes long to parse.
    numbers = iter(int(code) if code.isdecimal() and len(code) < 4 else 0 for code in codes[:200].split(";"))
    for code in numbers:
        if code == 0:
            style = TextStyle()
        elif code in (38, 48):
            color = _extended(numbers)
            style = style._replace(fg=color) if code == 38 else style._replace(bg=color)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = style._replace(fg=code - 30 if code < 90 else code - 82)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            style = style._replace(bg=code - 40 if code < 100 else code - 92)
        elif code in _SWITCHES:
            style = style._replace(**_SWITCHES[code])
    return style


_SWITCHES: dict[int, dict[str, Any]] = {
    1: {"bold": True},
    4: {"underline": True},
    5: {"bold": True},
    7: {"inverse": True},
    21: {"bold": False},
    22: {"bold": False},
    24: {"underline": False},
    27: {"inverse": False},
    39: {"fg": None},
    49: {"bg": None},
}


def _extended(numbers: Iterator[int]) -> Color:
    kind = next(numbers, 0)
    if kind == 2:
        r, g, b = (min(255, next(numbers, 0)) for _ in range(3))
        return r, g, b
    index = next(numbers, 0) if kind == 5 else 256
    if index > 255:
        return None
    if index < 16:
        return index
    if index >= 232:
        return ((index - 232) * 10 + 8,) * 3
    steps = (0, 95, 135, 175, 215, 255)
    index -= 16
    return steps[index // 36], steps[index // 6 % 6], steps[index % 6]
