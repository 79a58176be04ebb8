"""The journal: what happened, one JSON line per event, for all that follow the run."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

COALESCE_BYTES = 64_000
"""The approximate size of the lines in which a stream with much text is written."""


class Journal:
    """An append-only file. When `write` returns, the whole line is in it; text given to `stream` is after `flush`."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._seq = 0
        self._stream: tuple[int | None, str] | None = None
        self._pieces: list[str] = []
        self._pending = 0

    def write(self, kind: str, **members: Any) -> None:
        self.flush()
        self._write(kind, members)

    def stream(self, cell: int | None, name: str, text: str) -> None:
        """Stream output of a cell; None: of a program. Pieces in a row become one line, and a long text several."""
        for start in range(0, len(text), COALESCE_BYTES):
            self._piece(cell, name, text[start : start + COALESCE_BYTES])

    def _piece(self, cell: int | None, name: str, text: str) -> None:
        if self._stream != (cell, name):
            self.flush()
            self._stream = (cell, name)
        self._pieces.append(text)
        self._pending += len(text)
        if self._pending >= COALESCE_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._stream is None:
            return
        (cell, name), text = self._stream, "".join(self._pieces)
        self._stream, self._pieces, self._pending = None, [], 0
        self._write("output", {"cell": cell, "output": {"output_type": "stream", "name": name, "text": text}})

    def _write(self, kind: str, members: dict[str, Any]) -> None:
        self._seq += 1
        line = encode_json({"seq": self._seq, "t": round(time.time(), 4), "kind": kind, **members}) + b"\n"
        append(self._descriptor, line)


def append(descriptor: int, data: bytes) -> None:
    """Append all of `data` or, when that fails, nothing: half a line would damage the one after it."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        written = len(data) - len(rest)
        if written:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise


def encode_json(value: Any, *, indent: int | None = None) -> bytes:
    """Encode as JSON that every reader accepts, with no NaN and no lone surrogates, although a kernel may send them."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode("utf-8", "replace")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_finite(member) for member in value]
    return value
