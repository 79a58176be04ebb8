from __future__ import annotations

import pytest

from dataops_lab.client.files import open_replacement


def test_a_file_appears_whole_with_the_rights_of_any_new_file(tmp_path):
    target, usual = tmp_path / "new", tmp_path / "usual"
    usual.touch()

    with open_replacement(target) as file:
        file.write(b"all of it")
        assert not target.exists()

    assert target.read_bytes() == b"all of it"
    assert target.stat().st_mode == usual.stat().st_mode


def test_after_a_failure_what_was_there_is_untouched_and_nothing_else_is_left(tmp_path):
    target = tmp_path / "kept"
    target.write_bytes(b"before")

    with pytest.raises(OSError, match="disk"), open_replacement(target) as file:
        file.write(b"half of")
        raise OSError("disk full")

    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_name_may_be_as_long_as_file_systems_allow(tmp_path):
    target = tmp_path / ("n" * 255)

    with open_replacement(target) as file:
        file.write(b"all of it")

    assert target.read_bytes() == b"all of it"
