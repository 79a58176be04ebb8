"""The rows of data files: counted right, within bounds, and never at the price of an error."""

from __future__ import annotations

import io
import struct

import pytest

from dataops_lab.services import row_counts
from dataops_lab.services.row_counts import count_records, count_rows, read_parquet_rows
from dataops_lab.testing import MemoryBlobs

CSV = [
    (b"a,b\n1,2\n3,4\n", 2),
    (b"a,b\n1,2\n3,4", 2),
    (b"a,b\r\n1,2\r\n\r\n", 1),
    (b'a,b\n1,"two\nlines"\n3,4\n', 2),
    (b'a,b\n1,"say ""x\ny"" now"\n', 1),
    (b"a,b\n", 0),
    (b"", 0),
]


def counted(name: str, data: bytes, size: int | None = None) -> int | None:
    blobs = MemoryBlobs()
    return count_rows(blobs, name, blobs.put(data), len(data) if size is None else size)


@pytest.mark.parametrize(("data", "rows"), CSV)
@pytest.mark.parametrize("piece", [1, 3, 1024])
def test_a_csv_file_has_its_records_without_the_header(data, rows, piece, monkeypatch):
    monkeypatch.setattr(row_counts, "_PIECE", piece)
    monkeypatch.setattr(row_counts, "_known", {})
    assert counted("s.csv", data) == rows


def test_lines_of_json_are_counted_without_regard_to_quotes():
    assert count_records(io.BytesIO(b'{"a": "\\""}\n{"a": 1}\n'), quoted=False) == 2


def test_what_is_too_large_or_of_another_kind_is_not_counted():
    assert counted("s.csv", b"a\n1\n", size=row_counts.MAX_COUNTED_BYTES + 1) is None
    assert counted("s.bin", b"a\n1\n") is None


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def parquet(rows: int) -> bytes:
    """Make the end of a Parquet file, with a schema of two elements before the number of rows."""
    element = b"\x48\x01x\x00"  # field 4, text
    schema = b"\x19" + b"\x2c" + element * 2  # field 2, list of two structs
    footer = b"\x15\x04" + schema + b"\x16" + varint(rows << 1) + b"\x00"
    return b"PAR1" + b"data" + footer + struct.pack("<I", len(footer)) + b"PAR1"


@pytest.mark.parametrize("rows", [0, 3, 63, 64, 1_000_000, 2**40])
def test_a_parquet_file_says_its_rows_in_its_footer(rows):
    assert read_parquet_rows(io.BytesIO(parquet(rows))) == rows


HOSTILE = [
    b"",
    b"PAR1",
    b"PAR1" + struct.pack("<I", 2**32 - 1) + b"PAR1",
    b"PAR1" + b"\x19\xfc" + b"\xff" * 9 + b"\x7f" + struct.pack("<I", 12) + b"PAR1",
    b"PAR1" + b"\x1c" * 5000 + struct.pack("<I", 5000) + b"PAR1",
    b"PAR1" + b"\x18\xff\xff\xff\xff\x7f" + struct.pack("<I", 6) + b"PAR1",
    b"PAR1" + b"\x19\xf1" + b"\xff\xff\xff\xff\x7f" + struct.pack("<I", 7) + b"PAR1",
]


@pytest.mark.parametrize("data", HOSTILE)
def test_a_hostile_footer_says_nothing(data):
    assert counted("s.parquet", data) is None
