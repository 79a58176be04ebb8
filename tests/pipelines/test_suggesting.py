"""The text of a new pipeline, made of notebooks and scripts."""

from __future__ import annotations

import pytest

from dataops_lab.domain.pipelines import FilesFrom, StepKind
from dataops_lab.pipelines.reading import read
from dataops_lab.pipelines.suggesting import suggest
from dataops_lab.ports.pipelines import Guess, StepFile


def file(path, *, reads=(), writes=(), kind=StepKind.NOTEBOOK):
    return StepFile(path, kind, frozenset(reads), frozenset(writes))


def read_back(suggestion):
    reading = read(suggestion.text.encode())
    assert reading.problems == ()
    return reading.pipeline


def test_a_step_for_each_file_with_the_guessed_edges_marked():
    suggestion = suggest(
        [
            file("02_clean.ipynb", reads=["data.csv"], writes=["clean.parquet"]),
            file("01_extract.ipynb", writes=["data.csv"]),
            file("03_report.py", reads=["clean.parquet", "data.csv"], kind=StepKind.SCRIPT),
        ]
    )
    assert (
        suggestion.text
        == """\
version: 1
steps:
  extract:
    notebook: 01_extract.ipynb
  clean:
    notebook: 02_clean.ipynb
    needs: [extract]  # guessed
    files:
      - {from: extract, paths: [data.csv], into: .}  # guessed
  report:
    script: 03_report.py
    needs: [clean, extract]  # guessed
    files:
      - {from: clean, paths: [clean.parquet], into: .}  # guessed
      - {from: extract, paths: [data.csv], into: .}  # guessed
"""
    )
    assert suggestion.guesses == (
        Guess("extract", "clean", "data.csv"),
        Guess("clean", "report", "clean.parquet"),
        Guess("extract", "report", "data.csv"),
    )
    assert [step.id for step in read_back(suggestion).steps] == ["extract", "clean", "report"]


def test_readers_come_after_writers_whatever_their_names():
    suggestion = suggest([file("a.ipynb", reads=["x.csv"]), file("b.ipynb", writes=["x.csv"])])
    assert [step.id for step in read_back(suggestion).steps] == ["b", "a"]


def test_a_file_that_is_written_again_comes_from_the_step_before():
    suggestion = suggest(
        [
            file("1_make.ipynb", writes=["x.csv"]),
            file("2_mend.ipynb", reads=["x.csv"], writes=["x.csv"]),
            file("3_use.ipynb", reads=["x.csv"]),
        ]
    )
    assert [(guess.giver, guess.taker) for guess in suggestion.guesses] == [("make", "mend"), ("mend", "use")]
    read_back(suggestion)


def test_no_circle_is_guessed():
    suggestion = suggest(
        [
            file("a.ipynb", reads=["c.csv"], writes=["a.csv"]),
            file("b.ipynb", reads=["a.csv"], writes=["b.csv"]),
            file("c.ipynb", reads=["b.csv"], writes=["c.csv"]),
        ]
    )
    assert len(suggestion.guesses) == 2
    read_back(suggestion)


def test_a_step_does_not_need_what_it_writes_itself():
    assert suggest([file("a.ipynb", reads=["x.csv"], writes=["x.csv"])]).guesses == ()


@pytest.mark.parametrize(
    ("reads", "writes", "path"),
    [
        ("figures/*.png", "figures/one.png", "figures/one.png"),
        ("figures", "figures/one.png", "figures/one.png"),
        ("figures/one.png", "figures/*.png", "figures/one.png"),
        ("parts/*.csv", "parts/*.csv", "parts/*.csv"),
        ("./data.csv", "x/../data.csv", "data.csv"),
    ],
)
def test_patterns_and_folders_are_compared(reads, writes, path):
    suggestion = suggest([file("a.ipynb", writes=[writes]), file("b.ipynb", reads=[reads])])
    assert suggestion.guesses == (Guess("a", "b", path),)
    assert read_back(suggestion).by_id["b"].files == (FilesFrom("a", (path,), "."),)


def test_paths_count_from_the_folder_of_each_file():
    suggestion = suggest(
        [file("one/a.ipynb", writes=["../shared/x.csv"]), file("two/b.ipynb", reads=["../shared/x.csv", "x.csv"])]
    )
    assert suggestion.guesses == (Guess("a", "b", "shared/x.csv"),)


@pytest.mark.parametrize("path", ["/srv/data.csv", "~/data.csv", "../data.csv"])
def test_a_file_elsewhere_is_an_edge_that_carries_nothing(path):
    suggestion = suggest([file("a.ipynb", writes=[path]), file("b.ipynb", reads=[path])])
    step = read_back(suggestion).by_id["b"]
    assert (step.needs, step.files) == (("a",), ())


def test_names_become_ids_that_expressions_can_say():
    paths = [
        "2024.ipynb",
        "in.py",
        "x/01 - Été: Ünïcode!.ipynb",
        "x/Clean.ipynb",
        "y/clean.ipynb",
        "z/02_clean.py",
        "値.ipynb",
        "no.ipynb",
        "q: 'x' #.ipynb",
        f"{'long' * 40}.ipynb",
    ]
    kinds = {".py": StepKind.SCRIPT}
    suggestion = suggest([file(path, kind=kinds.get(path[-3:], StepKind.NOTEBOOK)) for path in paths])
    pipeline = read_back(suggestion)
    assert [step.path for step in pipeline.steps] == sorted(paths)
    assert {step.id for step in pipeline.steps} == {
        "step_2024", "in_", "ete_unicode", "clean", "clean_2", "clean_3", "step", "no", "q_x", ("long" * 15),
    }  # fmt: skip


def test_without_files_there_is_an_example_that_can_run():
    assert len(read_back(suggest([])).steps) == 1
