from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataops_lab.errors import InvalidScript, SnapshotTooLarge
from dataops_lab.notebooks.scripts.read import Script, read_script


@pytest.mark.parametrize(
    ("line", "shebang"),
    [
        ("#!/bin/bash", ("/bin/bash",)),
        ("#! /bin/bash  -eu ", ("/bin/bash", "-eu")),
        ("#!/usr/bin/env bash", ("bash",)),
        ("#!/usr/bin/env -S bash -e -u", ("bash", "-e", "-u")),
        ("#!/usr/bin/env -i LC_ALL=C bash", ("bash",)),
        ("#!'/opt/my shell/bash' -e", ("/opt/my shell/bash", "-e")),
        ("#!/bin/it's", ("/bin/it's",)),
        ("#!", ()),
        ("# no program", ()),
        ("", ()),
    ],
)
def test_the_first_line_names_the_program(line: str, shebang: tuple[str, ...]) -> None:
    assert Script("a.sh", f"{line}\necho\n".encode()).shebang == shebang
    assert Script("a.sh", f"{line}\r\necho\r\n".encode()).shebang == shebang
    assert Script("a.sh", f"\ufeff{line}".encode()).shebang == shebang


@pytest.mark.parametrize(
    ("name", "language"), [("a.py", "python"), ("a.R", "R"), ("a.r", "R"), ("a.sh", "shell"), ("a.bash", "shell")]
)
def test_the_end_of_the_name_gives_the_language(name: str, language: str) -> None:
    assert Script(name, b"").language == language


def test_the_bytes_stay_as_they_are_and_the_text_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "Größe der Läufe.py"
    path.write_bytes(b"\xef\xbb\xbfprint('\xfc')\r\n")
    script = read_script(path, max_bytes=100)
    assert script.data == path.read_bytes()
    assert script.text == "print('\ufffd')\r\n"
    assert script.has_byte_order_mark
    assert script.has_windows_line_ends


def test_what_is_no_script_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "binary.py").write_bytes(b"\x7fELF\0\0")
    os.mkfifo(tmp_path / "pipe.py")
    for name, code in (
        ("folder.py", "not_a_script"),
        ("binary.py", "not_a_script"),
        ("pipe.py", "not_a_script"),
        ("gone.py", "script_not_found"),
        ("folder.py/inside.py", "script_not_found"),
        ("n" * 300 + ".py", "script_not_found"),
    ):
        with pytest.raises(InvalidScript) as refusal:
            read_script(tmp_path / name, max_bytes=100)
        assert refusal.value.precise_code == code, name


def test_a_script_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_bytes(b"#" * 101)
    with pytest.raises(SnapshotTooLarge):
        read_script(tmp_path / "large.py", max_bytes=100)
