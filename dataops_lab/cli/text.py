"""Text for terminals: they show what authors and notebooks wrote, and never obey it."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_COLOUR = r"\x1b\[[0-9;:]*m"
_SEQUENCES = (
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: cursor, erase, modes
    r"|\x1b[P\]X^_].*?(?:\x1b\\|\x07|$)"  # strings for the terminal: titles, clipboard, links
)
# Control characters except tab and newline, and characters that change the direction of the text.
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
_UNSAFE = re.compile(f"(?P<colour>{_COLOUR})|{_SEQUENCES}|{_CONTROLS}", re.DOTALL)


def plain(text: str) -> str:
    """Remove escape sequences and control characters; keep lines."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n"))


def coloured(text: str) -> str:
    """Clean the text as `plain` does, but keep its colours, which end with the text."""
    coloured_text = _UNSAFE.sub(lambda match: match["colour"] or "", text.replace("\r\n", "\n"))
    return f"{coloured_text}\x1b[0m" if "\x1b" in coloured_text else coloured_text


def one_line(value: Any, width: int = 100) -> str:
    """Shorten a value for a cell of a table."""
    line = " ".join(plain(str(value)).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def time_ago(moment: dt.datetime, now: dt.datetime) -> str:
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"


def size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('s') else 's'}"


def terminal_filter(terminal: bool) -> Callable[[str], str]:
    return coloured if terminal else plain
