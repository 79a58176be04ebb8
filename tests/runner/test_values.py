import pytest

from dataops_lab.rundir.protocol import VALUE_MIME
from dataops_lab.runner.values import VALUE_BYTES, VALUES_BYTES, Values


@pytest.fixture
def told():
    return []


@pytest.fixture
def refused():
    return []


@pytest.fixture
def values(told, refused):
    return Values(lambda name, value: told.append((name, value)), refused.append)


def test_the_last_value_of_a_name_counts_and_each_is_told(values, told):
    values.take_from_output({VALUE_MIME: {"name": "loss", "value": 2}})
    values.take_from_output({VALUE_MIME: {"name": "loss", "value": 1}})

    assert values.to_json() == b'{\n "loss": 1\n}'
    assert told == [("loss", 2), ("loss", 1)]


def test_other_outputs_record_nothing(values, told):
    values.take_from_output(
        {"text/plain": "x", "application/scrapbook.scrap.display+json": {"name": "plot", "data": None}}
    )

    assert told == []


def test_lines_of_the_file_are_values_and_broken_ones_are_refused_by_number(values, told, refused, tmp_path):
    path = tmp_path / "values"
    path.write_bytes(b'{"name": "a", "value": [1]}\n\nnot json\n{"value": 1}\n[]\n\xff\n{"name": "b", "value": null}')

    values.take_from_file(path)

    assert told == [("a", [1]), ("b", None)]
    assert len(refused) == 4
    assert "Line 3" in refused[0]


def test_without_a_file_there_are_no_values(values, refused, tmp_path):
    values.take_from_file(tmp_path / "missing")

    assert refused == []


@pytest.mark.parametrize("entry", [None, [], "x", {"name": "a"}, {"name": "", "value": 1}, {"name": 3, "value": 1}])
def test_an_entry_that_is_none_is_refused(values, told, refused, entry):
    values.take_from_output({VALUE_MIME: entry})

    assert told == []
    assert len(refused) == 1


def test_a_value_that_is_too_large_is_refused(values, told, refused):
    values.take_from_output({VALUE_MIME: {"name": "big", "value": "x" * VALUE_BYTES}})

    assert told == []
    assert "file" in refused[0]


def test_a_name_recorded_over_and_over_takes_the_room_of_one(values, told, refused):
    for _ in range(2 * VALUES_BYTES // VALUE_BYTES):
        values.take_from_output({VALUE_MIME: {"name": "state", "value": "x" * (VALUE_BYTES - 100)}})

    assert refused == []


def test_all_values_together_are_bounded(values, refused):
    for number in range(VALUES_BYTES // VALUE_BYTES + 2):
        values.take_from_output({VALUE_MIME: {"name": f"state{number}", "value": "x" * (VALUE_BYTES - 100)}})

    assert refused
    assert len(values.to_json()) < VALUES_BYTES + 1_000
