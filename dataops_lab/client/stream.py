"""Reading server-sent events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Frame:
    """`event` is empty for a comment, which says no more than that the server is there."""

    ANEW: ClassVar[str] = "anew"
    """An event of our own: what was missed is gone, and what follows begins anew."""

    event: str = ""
    data: bytes = b""
    id: str = ""


def frames(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """What is cut off at the end is left out: a reconnect brings it whole."""
    # By bytes: splitting decoded text into lines would also split at separators inside of JSON.
    rest = b""
    for chunk in chunks:
        *blocks, rest = (rest + chunk).split(b"\n\n")
        for block in blocks:
            yield _frame(block)


def _frame(block: bytes) -> Frame:
    fields: dict[bytes, list[bytes]] = {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name, []).append(value.removeprefix(b" "))
    return Frame(
        event=b"".join(fields.get(b"event", [])[-1:]).decode(),
        data=b"\n".join(fields.get(b"data", [])),
        id=b"".join(fields.get(b"id", [])[-1:]).decode(),
    )
