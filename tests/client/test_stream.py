from __future__ import annotations

import pytest

from dataops_lab.client.stream import Frame, frames

TOLD = (
    'id: 7\nevent: run\ndata: {"a": "\u2028\u0085 é"}\n\n: still here\n\nid: 8\nevent: journal\ndata: {}\n\n'.encode()
)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_frames_are_the_same_however_the_bytes_arrive(size):
    chunks = [TOLD[start : start + size] for start in range(0, len(TOLD), size)]

    found = list(frames(chunks))

    assert found == [Frame("run", '{"a": "\u2028\u0085 é"}'.encode(), "7"), Frame(), Frame("journal", b"{}", "8")]


def test_what_is_cut_off_at_the_end_is_left_out():
    assert list(frames([b"id: 1\nevent: run\ndata: {}\n\nid: 2\nevent: ru"])) == [Frame("run", b"{}", "1")]
