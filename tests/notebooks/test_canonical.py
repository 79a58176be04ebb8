from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import nbformat
import pytest

from dataops_lab.errors import InvalidNotebook
from dataops_lab.notebooks.canonical import canonical_bytes
from dataops_lab.notebooks.read import parse_notebook


@pytest.fixture
def canonical(make: Callable[..., bytes]) -> Callable[..., bytes]:
    return lambda *cells, **more: canonical_bytes(parse_notebook(make(*cells, **more)))


Cells = Callable[..., Any]


def test_what_a_run_leaves_changes_no_byte(canonical: Cells, code: Cells) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "1"}
    ran = code(["a = 1\n", "a"], execution_count=7, outputs=[output])
    ran["metadata"] = {
        "execution": {"iopub.status.busy": "2026-11-20T08:00:00Z"},
        "papermill": {"duration": 1.0},
        "ExecuteTime": {"end_time": "2026"},
        "collapsed": False,
        "scrolled": True,
        "jupyter": {"outputs_hidden": True},
        "tags": [],
    }
    info = {"name": "python", "version": "3.11.2"}
    again = {**info, "version": "3.12.1"}
    assert canonical(code("a = 1\na"), language_info=info) == canonical(
        ran, language_info=again, papermill={"exception": None}, widgets={"state": {}}, signature="x"
    )


def test_cells_that_papermill_adds_are_dropped(canonical: Cells, code: Cells) -> None:
    note = {"cell_type": "markdown", "metadata": {"tags": ["papermill-error-cell-tag"]}, "source": "An exception"}
    assert canonical(code("a")) == canonical(note, code("x = 1", "injected-parameters"), code("a"))


@pytest.mark.parametrize(
    "change", [{"source": "a = 2"}, {"metadata": {"tags": ["parameters"]}}, {"cell_type": "markdown"}]
)
def test_what_people_write_changes_it(change: dict[str, Any], canonical: Cells, code: Cells) -> None:
    assert canonical(code("a = 1")) != canonical({**code("a = 1"), **change})


def test_ids_stay_and_none_are_made_up(canonical: Cells, code: Cells) -> None:
    old = json.loads(canonical(code("a"), minor=5))
    assert "id" not in old["cells"][0]
    assert json.loads(canonical(code("a", id="kept"), minor=5))["cells"][0]["id"] == "kept"


def test_it_is_a_valid_notebook(canonical: Cells, code: Cells) -> None:
    data = canonical(code(["a\n", "b"]), {"cell_type": "markdown", "metadata": {}, "source": ["# x"]})
    nbformat.validate(json.loads(data))


def test_it_is_canonical_already(canonical: Cells, code: Cells) -> None:
    once = canonical(code(["a\n", "b"], execution_count=3), papermill={})
    assert canonical_bytes(parse_notebook(once)) == once


def test_a_half_character_is_refused(code: Cells, canonical: Cells) -> None:
    with pytest.raises(InvalidNotebook, match="surrogate"):
        canonical(code("a = '\ud800'"))
