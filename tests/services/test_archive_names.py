from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.services.archive_names import ArchiveNames


@pytest.mark.parametrize(
    "path",
    ["artifacts/plot.png", "artifacts/Größe 1.csv", "artifacts/100%.csv", "artifacts/.hidden", "artifacts/icon.ico"],
)
def test_a_name_that_every_system_takes_stays_as_it_is(path):
    names = ArchiveNames()
    assert names.name_for(path) == path
    assert names.changed == {}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("artifacts/..\\..\\evil.bat", "artifacts/..%5C..%5Cevil.bat"),
        ("artifacts/C:evil", "artifacts/C%3Aevil"),
        ("artifacts/a\r\nb", "artifacts/a%0D%0Ab"),
        ("artifacts/\u202egpj.exe", "artifacts/%E2%80%AEgpj.exe"),
        ("artifacts/con", "artifacts/%63on"),
        ("artifacts/NUL.txt", "artifacts/%4EUL.txt"),
        ("artifacts/end. ", "artifacts/end.%20"),
        ("artifacts/a%3Ab", "artifacts/a%253Ab"),
    ],
)
def test_a_name_that_some_system_does_not_take_is_encoded_and_its_own_is_kept(path, name):
    names = ArchiveNames()
    assert names.name_for(path) == name
    assert names.changed == {name: path}


def test_names_that_differ_in_case_alone_do_not_overwrite_each_other():
    names = ArchiveNames()
    assert [names.name_for("input/A"), names.name_for("input/a"), names.name_for("input/a~2")] == [
        "input/A",
        "input/a~2",
        "input/a~2~2",
    ]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4), st.text(min_size=1))
def test_whatever_a_file_is_called_its_name_is_safe_and_can_be_told(parts, other):
    path = "/".join(parts)
    name = ArchiveNames().name_for(path)
    assert not re.search(r'[\x00-\x1f\\:*?"<>|\u202e]', name)
    assert not any(re.fullmatch(r".*[. ]|(?i:con|nul|com1)(\..*)?", part) for part in name.split("/"))
    assert unquote_to_bytes(name.encode()) == path.encode("utf-8", "surrogatepass")
    names = ArchiveNames()
    assert other == path or names.name_for(other).casefold() != names.name_for(path).casefold()
