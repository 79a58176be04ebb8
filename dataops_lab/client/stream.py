"""Reading server-sent events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Frame:
    """One frame of the stream. `event` is empty for a comment, which only says that the server is still there."""

    RESTARTED: ClassVar[str] = "anew"
    """An event that this client adds: the missed events are gone, and the stream begins anew."""

    event: str = ""
    data: bytes = b""
    id: str = ""


def frames(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """Yield the frames. A frame that is cut off at the end is left out: a reconnect brings it whole."""
    # Split bytes: to split decoded text into lines would also split at separators inside of JSON.
    remainder = b""
    for chunk in chunks:
        *blocks, remainder = (remainder + chunk).split(b"\n\n")
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
