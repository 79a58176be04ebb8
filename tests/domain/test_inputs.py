from __future__ import annotations

import pytest

from dataops_lab.domain.inputs import MAX_PINS, Inputs, Pins, Role, classify_file, exact_pattern, inputs_reachable
from dataops_lab.domain.versions import IncludedFile
from dataops_lab.errors import InvalidRequest


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("helpers.py", Role.CODE),
        ("analysis/plots.R", Role.CODE),
        ("queries/sales.sql", Role.CODE),
        ("run.sh", Role.CODE),
        ("page.html.j2", Role.CODE),
        ("native.cpython-311-x86_64-linux-gnu.so", Role.CODE),
        ("settings.toml", Role.SETTINGS),
        ("conf/daily.YAML", Role.SETTINGS),
        ("requirements-dev.txt", Role.SETTINGS),
        ("Makefile", Role.SETTINGS),
        ("config.json", Role.SETTINGS),
        ("report.settings.json", Role.SETTINGS),
        ("config/eu.json", Role.SETTINGS),
        ("events.json", Role.DATA),
        ("configured_devices.json", Role.DATA),
        ("data/sales.csv", Role.DATA),
        ("model.pkl", Role.DATA),
        ("notes.txt", Role.DATA),
        ("other.ipynb", Role.DATA),
        ("picture.png", Role.DATA),
        ("LICENSE", Role.DATA),
    ],
)
def test_the_name_of_a_file_tells_its_part(path, role):
    assert classify_file(path) is role


def test_a_file_that_is_run_is_code_whatever_its_name():
    assert classify_file("other.ipynb", runs=True) is Role.CODE
    assert classify_file("snippet.txt", runs=True) is Role.CODE


def test_a_program_without_a_suffix_is_code_but_a_table_with_the_right_to_run_is_data():
    assert classify_file("bin/convert", executable=True) is Role.CODE
    assert classify_file("data/sales.csv", executable=True) is Role.DATA


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.csv", "sales.csv", True),
        ("*.csv", "data/old/sales.csv", True),
        ("*.csv", "../data/sales.csv", True),
        ("data/*.csv", "data/sales.csv", True),
        ("data/*.csv", "data/old/sales.csv", True),
        ("data/*.csv", "more/data/sales.csv", False),
        ("data", "data/sales.csv", True),
        ("data/", "more/data/sales.csv", True),
        ("/data", "data/sales.csv", True),
        ("/data", "more/data/sales.csv", False),
        ("./data/sales.csv", "data/sales.csv", True),
        ("../data/*", "../data/sales.csv", True),
        ("/sales.csv", "sales.csv", True),
        ("/sales.csv", "old/sales.csv", False),
        ("Sales.csv", "sales.csv", False),
    ],
)
def test_a_pattern_begins_at_the_folder_of_the_notebook(pattern, name, matches):
    assert Pins((pattern,)).is_pinned(name, Role.DATA) is matches


@pytest.mark.parametrize("name", ["sales.csv", "../a/b.csv", "[1] odd*name?.csv", "!important.csv", "deep/er/[x].csv"])
def test_the_pattern_of_one_file_matches_that_file_alone(name):
    pins = Pins((exact_pattern(name),))
    assert pins.is_pinned(name, Role.DATA)
    assert not pins.is_pinned(f"other/{name}", Role.DATA)
    assert not pins.is_pinned("x" + name, Role.DATA)


def test_data_is_fresh_and_settings_belong_to_the_version_until_somebody_says_otherwise():
    pins = Pins(("reference/*", "!/today.yaml"))
    assert Pins().is_pinned("limits.yaml", Role.SETTINGS)
    assert not Pins().is_pinned("sales.csv", Role.DATA)
    assert pins.is_pinned("reference/countries.csv", Role.DATA)
    assert not pins.is_pinned("today.yaml", Role.SETTINGS)


def test_code_belongs_to_the_version_whatever_the_patterns_say():
    assert Pins(("!*",)).is_pinned("helpers.py", Role.CODE)


def test_the_last_pattern_that_matches_counts():
    pins = Pins(("*.csv", "!/today.csv"))
    assert pins.is_pinned("stock.csv", Role.DATA)
    assert not pins.is_pinned("today.csv", Role.DATA)
    assert pins.with_pattern("/today.csv", fresh=False).is_pinned("today.csv", Role.DATA)
    assert pins.with_pattern("*.csv", fresh=True) == Pins(("!/today.csv", "!*.csv"))


@pytest.mark.parametrize("pattern", ["", "!", "/", "..", "a\nb", "x" * 501])
def test_what_is_not_a_pattern_is_refused(pattern):
    with pytest.raises(InvalidRequest):
        Pins.from_patterns([pattern])


def test_a_job_has_so_many_patterns_and_no_more():
    assert len(Pins.from_patterns([f"{n}.csv" for n in range(MAX_PINS)]).patterns) == MAX_PINS
    with pytest.raises(InvalidRequest):
        Pins.from_patterns([f"{n}.csv" for n in range(MAX_PINS + 1)])


def test_a_pattern_that_was_given_twice_counts_at_its_last_place():
    assert Pins.from_patterns(["a", "b", "a"]) == Pins(("b", "a"))


def test_equal_inputs_have_one_digest_whatever_their_order():
    one, two = IncludedFile("a.csv", "sha256:1", 1), IncludedFile("b.csv", "sha256:2", 2)
    assert Inputs((one, two), ("x", "y")).digest == Inputs((two, one), ("y", "x")).digest
    assert Inputs((one,)).digest != Inputs((two,)).digest


def test_nothing_has_no_digest_and_inputs_come_back_as_they_were_stored():
    assert Inputs().digest is None
    inputs = Inputs((IncludedFile("a.csv", "sha256:1", 1, executable=True),), ("empty",))
    assert Inputs.from_json(inputs.to_json()) == inputs


def test_inputs_are_reached_where_the_workspace_is():
    reads = Inputs((IncludedFile("a.csv", "sha256:1", 1),))
    assert inputs_reachable(reads, {"laptop": "/home/ada/sales"}, host="laptop")
    assert not inputs_reachable(reads, {"laptop": "/home/ada/sales"}, host="server")
    assert inputs_reachable(Inputs(), {}, host="server")
