"""The number of rows of a data file, where it can be counted within a bound."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from ..errors import DataOpsError
from ..ports import Blobs

MAX_COUNTED_BYTES = 32 * 1024**2
"""The largest size of a text file whose rows are counted."""
MAX_FOOTER_BYTES = 8 * 1024**2
_PIECE = 1024**2
_LINES = (".csv", ".tsv", ".jsonl", ".ndjson")


def count_rows(blobs: Blobs, path: str, digest: str, size: int) -> int | None:
    """Return the number of rows without the header of a CSV file; None where nobody can say.

    It counts CSV, TSV and lines of JSON up to `MAX_COUNTED_BYTES`, and reads the footer of Parquet.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix != ".parquet" and (suffix not in _LINES or size > MAX_COUNTED_BYTES):
        return None
    key = (suffix, digest)
    if key not in _known:
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        _known[key] = _count(blobs, suffix, digest)
    return _known[key]


_known: dict[tuple[str, str], int | None] = {}
"""The counts so far. A digest always has the same."""
_MAX_KNOWN = 10_000


def _count(blobs: Blobs, suffix: str, digest: str) -> int | None:
    try:
        with blobs.open(digest) as source:
            if suffix == ".parquet":
                return read_parquet_rows(source)
            rows = count_records(source, quoted=suffix in (".csv", ".tsv"))
            return max(0, rows - 1) if suffix in (".csv", ".tsv") else rows
    except (DataOpsError, OSError, ValueError, IndexError, struct.error, RecursionError):
        return None


def count_records(source: BinaryIO, *, quoted: bool) -> int:
    """Count the lines that are not empty. With `quoted`, a line break between quotes ends no line."""
    count, has_text, is_open = 0, False, False
    while piece := source.read(_PIECE):
        for part in piece.split(b'"') if quoted else [piece]:
            if not is_open:
                *ended, last = part.split(b"\n")
                for line in ended:
                    count += has_text or bool(line.strip())
                    has_text = False
                has_text = has_text or bool(last.strip())
            else:
                has_text = True
            is_open = quoted and not is_open
        # The last part of a piece goes on in the next one.
        is_open = quoted and not is_open
    return count + has_text


# --- Parquet --------------------------------------------------------------------------------------


def read_parquet_rows(source: BinaryIO) -> int:
    """Return `num_rows` of the footer, the third field of Parquet's FileMetaData in Thrift's compact protocol.

    ValueError, IndexError or struct.error when it is not such a file.
    """
    end = source.seek(0, 2)
    source.seek(max(0, end - 8))
    size, magic = struct.unpack("<I4s", source.read(8))
    if magic != b"PAR1" or not 0 < size <= min(end - 8, MAX_FOOTER_BYTES):
        raise ValueError("no footer of Parquet")
    source.seek(end - 8 - size)
    reader = _Compact(source.read(size))
    for field, kind in reader.fields():
        if (field, kind) == (3, _Compact.I64):
            return reader.integer()
        reader.skip(kind)
    raise ValueError("no number of rows")


_FIXED = {3: 1, 7: 8}
"""The sizes of the types that have a fixed one, in bytes."""


class _Compact:
    """A reader of Thrift's compact protocol that skips all that it is not asked for."""

    I64 = 6

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield id and type of each field of a struct. The caller reads or skips its value."""
        number = 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self.integer()
            yield number, header & 15

    def integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def skip(self, kind: int) -> None:
        """Skip a value of this type."""
        if kind in (1, 2):
            return  # The type itself is the truth value.
        if kind in _FIXED:
            self._at += _FIXED[kind]
        elif kind in (4, 5, 6):
            self._varint()
        elif kind == 8:
            self._at += self._varint()
        elif kind in (9, 10):
            header = self._byte()
            self._skip_items(header >> 4 if header >> 4 != 15 else self._varint(), header & 15)
        elif kind == 11:
            if count := self._varint():
                types = self._byte()
                self._skip_items(count, types >> 4, types & 15)
        elif kind == 12:
            for _, inner in self.fields():
                self.skip(inner)
        else:
            raise ValueError(f"no type {kind}")

    def _skip_items(self, count: int, *kinds: int) -> None:
        for _ in range(count):
            for kind in kinds:
                self._skip_item(kind)

    def _skip_item(self, kind: int) -> None:
        if kind in (1, 2):
            self._at += 1  # In a list, a truth value has a byte of its own.
        else:
            self.skip(kind)
        if self._at > len(self._data):
            raise ValueError("the footer ends too early")

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value
            if shift > 70:
                raise ValueError("too long a number")
