from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.pipelines import FilesFrom, Step, StepKind
from dataops_lab.domain.step_files import LeftFile, arrivals, folder_of, landing, matches, missing_outputs
from dataops_lab.errors import Refused


def taker(*files):
    return Step("report", StepKind.NOTEBOOK, "r.ipynb", files=files)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("data.csv", "data.csv"),
        ("./data.csv", "data.csv"),
        ("*.csv", "data.csv"),
        ("?.csv", "a.csv"),
        ("[ab].csv", "b.csv"),
        ("figures", "figures/a/b.png"),
        ("figures/", "figures/a.png"),
        ("figures/*", "figures/a.png"),
        ("figures/**", "figures/a/b.png"),
        ("**/*.csv", "data.csv"),
        ("**/*.csv", "a/b/data.csv"),
        ("a/**/b.csv", "a/b.csv"),
        ("a/**/b.csv", "a/x/y/b.csv"),
        ("a/**/c/*.csv", "a/c/c/x.csv"),
        ("**", "a/b"),
    ],
)
def test_a_pattern_takes(pattern, path):
    assert matches(pattern, path)
    assert matches(pattern, f"work/{path}", base="work")
    assert not matches(pattern, f"work/{path}", base="elsewhere")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("data.csv", "a/data.csv"),
        ("data.csv", "data.csv.bak"),
        ("DATA.csv", "data.csv"),
        ("*.csv", "a/data.csv"),
        ("a?c", "a/c"),
        ("figures", "figures.png"),
        ("a/**/b.csv", "x/b.csv"),
        ("**/*.csv", "a/data.txt"),
    ],
)
def test_a_pattern_leaves(pattern, path):
    assert not matches(pattern, path)


def test_a_pattern_made_to_be_slow_is_not():
    assert not matches("**/a/" * 100 + "b", "a/" * 200 + "c")
    assert not matches("*a" * 100 + "b", "a" * 2_000)


@pytest.mark.parametrize(
    ("into", "item", "base", "path", "arrives"),
    [
        (None, None, "", "data.csv", "inputs/extract/data.csv"),
        (None, None, "", "a/data.csv", "inputs/extract/a/data.csv"),
        (None, "North", "", "data.csv", "inputs/extract/North/data.csv"),
        (None, None, "work", "work/a/data.csv", "work/inputs/extract/a/data.csv"),
        (None, None, "work", "other/data.csv", "work/inputs/extract/other/data.csv"),
        ("in", "North", "", "data.csv", "in/North/data.csv"),
        ("in", None, "work", "work/data.csv", "work/in/data.csv"),
        (".", None, "work", "work/a/data.csv", "work/a/data.csv"),
        (".", "North", "", "a/data.csv", "a/data.csv"),
    ],
)
def test_a_file_arrives(into, item, base, path, arrives):
    assert landing(FilesFrom("extract", ("**",), into), path, item, base=base) == arrives


def test_files_arrive_from_several_steps_and_from_each_item():
    step = taker(FilesFrom("train", ("model.pkl",)), FilesFrom("extract", ("data.csv",), "."))
    left = [
        LeftFile("train", "model.pkl", "North"),
        LeftFile("train", "model.pkl", "South"),
        LeftFile("train", "log.txt", "South"),
        LeftFile("extract", "data.csv"),
        LeftFile("other", "data.csv"),
    ]
    assert arrivals(step, left, succeeded={"train", "extract"}) == {
        "inputs/train/North/model.pkl": left[0],
        "inputs/train/South/model.pkl": left[1],
        "data.csv": left[3],
    }


def test_a_missing_file_names_the_step_that_should_have_left_it():
    step = taker(FilesFrom("extract", ("data.csv", "more.csv")))
    with pytest.raises(Refused, match=r"^`extract` left no file that matches 'more.csv'\.") as refused:
        arrivals(step, [LeftFile("extract", "data.csv")], succeeded={"extract"})
    assert refused.value.precise_code == "step_file_missing"


def test_a_step_that_did_not_succeed_owes_no_file():
    step = taker(FilesFrom("left", ("data.csv",), "."), FilesFrom("right", ("data.csv",), "."))
    found = arrivals(step, [LeftFile("right", "data.csv")], succeeded={"right"})
    assert list(found.values()) == [LeftFile("right", "data.csv")]


def test_two_that_leave_one_path_are_both_named():
    step = taker(FilesFrom("train", ("*.pkl",), "."))
    with pytest.raises(
        Refused, match=r"^`train` for 'North' and `train` for 'South' both leave 'model.pkl'"
    ) as refused:
        arrivals(step, [LeftFile("train", "model.pkl", item) for item in ("North", "South")], succeeded={"train"})
    assert refused.value.precise_code == "step_files_collide"


def test_a_file_that_two_patterns_take_arrives_once():
    step = taker(FilesFrom("extract", ("data.csv", "*.csv")))
    assert list(arrivals(step, [LeftFile("extract", "data.csv")], succeeded={"extract"})) == ["inputs/extract/data.csv"]


def test_missing_outputs_are_named():
    step = Step("train", StepKind.NOTEBOOK, "t.ipynb", outputs=("model.pkl", "figures/*.png", "report.html"))
    assert missing_outputs(step, ["model.pkl", "figures/a.png"]) == ["report.html"]
    assert missing_outputs(step, iter(["w/model.pkl"]), base="w") == ["figures/*.png", "report.html"]


@pytest.mark.parametrize(
    ("key", "folder"),
    [
        ("North", "North"),
        ("Zürich Süd", "Zürich Süd"),
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        ("../../etc", "%2E%2E%2F..%2Fetc"),
        ("50%", "50%25"),
        ("a.", "a%2E"),
    ],
)
def test_an_item_has_a_folder_of_its_own(key, folder):
    assert folder_of(key) == folder


@given(st.lists(st.text(min_size=1, max_size=100).filter(str.isprintable), min_size=2, max_size=20, unique=True))
def test_no_two_items_have_the_same_folder_and_none_leaves_it(keys):
    folders = [folder_of(key) for key in keys]
    assert len(set(folders)) == len(keys)
    assert all(folder not in ("", ".", "..") and "/" not in folder for folder in folders)
    assert all(len(folder.encode()) <= 255 for folder in folders)
