"""The reason why a name or value cannot be written as source, and the checks that all languages share."""

from __future__ import annotations

import datetime as dt

DEEPEST = 50  # Python's own parser gives up at 200 brackets


class Unwritable(ValueError):
    """A name or value cannot be written. Its text continues the parameter's name: "holds a NUL character"."""


def checked_text(text: str) -> str:
    """Return `text` if a kernel can receive it; raise Unwritable otherwise."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Unwritable("holds half of a surrogate pair, which is not a character")
    return text


def without_nul(text: str, language: str) -> str:
    if "\0" in text:
        raise Unwritable(f"holds a NUL character, which {language} text cannot have")
    return checked_text(text)


def next_depth(depth: int, most: int = DEEPEST) -> int:
    if depth >= most:
        raise Unwritable(f"is nested more than {most} levels deep")
    return depth + 1


def as_date(value: object) -> dt.date:
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise Unwritable("is not a date such as 2026-01-31") from None


def as_datetime(value: object) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(str(value))
    except ValueError:
        raise Unwritable("is not a date and time such as 2026-01-31T08:00:00") from None
