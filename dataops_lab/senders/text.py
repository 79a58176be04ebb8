from __future__ import annotations


def shorten(text: str, length: int) -> str:
    """Return at most `length` characters, with an ellipsis where something is left out."""
    return text if len(text) <= length else text[: length - 1] + "…"
