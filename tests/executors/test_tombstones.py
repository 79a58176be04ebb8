"""The names of attempts that were removed."""

from __future__ import annotations

import pytest

from dataops_lab.executors import tombstones
from dataops_lab.executors.tombstones import PERIOD_S, Tombstones


@pytest.fixture
def at(monkeypatch):
    """A function that sets the hour."""
    return lambda hour: monkeypatch.setattr(tombstones.time, "time", lambda: hour * PERIOD_S + 1)


def test_a_name_is_known_for_an_hour_and_goes_in_the_end(tmp_path, at):
    at(100)
    names = Tombstones(tmp_path)
    assert "one" not in names
    names.add("one")
    at(101)
    Tombstones(tmp_path).add("two")
    assert "one" in names
    assert "two" in names
    at(102)
    names.add("three")
    assert "one" not in names
    assert sorted(hour.name for hour in (tmp_path / ".forgotten").iterdir()) == ["101", "102"]


def test_where_there_is_no_room_for_a_name_nothing_is_raised(tmp_path):
    (tmp_path / ".forgotten").write_text("in the way")
    names = Tombstones(tmp_path)
    names.add("one")
