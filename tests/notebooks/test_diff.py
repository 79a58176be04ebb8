from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.notebooks.diff import (
    MAX_TEXT,
    Budget,
    Change,
    NotebookDiff,
    TextDiff,
    align,
    diff_notebooks,
    diff_texts,
    without_noise,
)

Cell = dict[str, Any]


def cell(source: str, id_: str | None = None, kind: str = "code", outputs: Sequence[Any] = (), **metadata: Any) -> Cell:
    made = {"cell_type": kind, "source": source, "metadata": metadata}
    if kind == "code":
        made |= {"outputs": list(outputs), "execution_count": None}
    return made | ({"id": id_} if id_ else {})


def notebook(*cells: Cell, **metadata: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: Any) -> dict[str, Any]:
    data = {mime.replace("_", "/", 1): part for mime, part in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def applied(diff: TextDiff, before: str) -> str:
    """Return the text after."""
    lines, done, result = before.splitlines(keepends=True), 0, []
    for edit in diff.edits:
        result += [*lines[done : edit.start], *edit.lines]
        done = edit.end
    return "".join([*result, *lines[done:]])


def sources_after(diff: NotebookDiff, before: dict[str, Any]) -> list[str]:
    return [
        applied(cell.source, before["cells"][cell.before]["source"] if cell.before is not None else "")
        for cell in diff.cells
        if cell.after is not None
    ]


def changes(diff: NotebookDiff) -> list[str]:
    return [f"{'moved, ' if cell.is_moved else ''}{cell.change}" for cell in diff.cells]


# --- what always holds ----------------------------------------------------------------------------

lines = st.lists(st.sampled_from(["a = 1\n", "b = 2\n", "\n", "print(a)\n", "x\u2028y", "last"]), max_size=6)
cells = st.builds(
    cell,
    lines.map("".join),
    st.sampled_from([None, "a", "b", "c", "d", "e"]),
    st.sampled_from(["code", "markdown"]),
)
notebooks = st.lists(cells, max_size=9).map(lambda made: notebook(*made))


@given(before=notebooks, after=notebooks)
def test_the_difference_applied_to_one_gives_the_other(before, after):
    diff = diff_notebooks(before, after)
    assert sources_after(diff, before) == [made["source"] for made in after["cells"]]
    places = [cell.before for cell in diff.cells if cell.before is not None]
    assert sorted(places) == list(range(len(before["cells"])))
    assert [cell.after for cell in diff.cells if cell.after is not None] == list(range(len(after["cells"])))


@given(before=notebooks, after=notebooks, left=st.integers(0, 60))
def test_that_holds_also_when_the_budget_ends_early(before, after, left):
    budget = Budget(left)
    diff = diff_notebooks(before, after, budget=budget)
    assert sources_after(diff, before) == [made["source"] for made in after["cells"]]
    assert 0 <= budget.left <= left


@given(before=notebooks)
def test_equal_notebooks_do_not_differ(before):
    diff = diff_notebooks(before, before)
    assert not diff
    assert changes(diff) == ["unchanged"] * len(before["cells"])


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
def test_what_is_aligned_is_equal_and_in_order(before, after):
    pairs = align(before, after, Budget())
    assert all(before[left] == after[right] for left, right in pairs)
    assert all(low < high and first < last for (low, first), (high, last) in pairwise(pairs))


# --- cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [True, False])
def test_cells_are_new_gone_changed_and_moved(ids):
    def named(source: str, id_: str) -> Cell:
        return cell(source, id_ if ids else None)

    load, clean = named("import pandas as pd\ndata = pd.read_csv('a.csv')", "l"), named("data = data.dropna()", "c")
    plot, drop = named("data.plot()", "p"), named("print('only for a look')", "d")
    fit = named("model.fit(data)", "f")
    changed = named("import pandas as pd\ndata = pd.read_csv('b.csv')", "l")
    before = notebook(load, clean, drop, fit, plot)
    diff = diff_notebooks(before, notebook(plot, changed, named("1 + 1", "n"), clean, fit))
    assert changes(diff) == ["moved, unchanged", "changed", "added", "unchanged", "removed", "unchanged"]
    [edit] = diff.cells[1].source.edits
    assert (edit.start, edit.end, edit.lines) == (1, 2, ("data = pd.read_csv('b.csv')",))


def test_a_cell_is_known_by_its_id_however_much_its_source_changed():
    diff = diff_notebooks(notebook(cell("a\nb", "x")), notebook(cell("nothing of it stayed", "x")))
    assert changes(diff) == ["changed"]


def test_an_id_that_occurs_twice_names_no_cell():
    diff = diff_notebooks(notebook(cell("a", "x"), cell("b", "x")), notebook(cell("b", "x"), cell("c", "y")))
    assert changes(diff) == ["removed", "unchanged", "added"]


def test_a_changed_type_a_tag_and_the_parameters_cell_are_named():
    before = notebook(cell("region = 1", "a", tags=["parameters"]), cell("text", "b"), kernelspec={"name": "r"})
    after = notebook(cell("region = 2", "a", tags=["parameters", "x"]), cell("text", "b", "markdown"))
    diff = diff_notebooks(before, after)
    assert [cell.metadata for cell in diff.cells] == [("tags",), ("cell_type",)]
    assert [cell.is_parameters for cell in diff.cells] == [True, False]
    assert diff.metadata == ("kernelspec",)


def test_what_a_run_writes_into_the_metadata_is_no_difference():
    before = notebook(cell("a", "x"), language_info={"name": "python", "version": "3.11.1"})
    ran = cell("a", "x", execution={"iopub.execute_input": "2026"}, papermill={"duration": 1}) | {"execution_count": 9}
    after = notebook(ran, language_info={"name": "python", "version": "3.12.0"}, papermill={"exception": None})
    assert not diff_notebooks(before, after)


# --- outputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before, after",
    [
        ("<Frame at 0x7f31aab23450>", "<Frame at 0x7fffe01234a0>"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("CPU times: user 3 ms\nWall time: 5 ms\n", "CPU times: user 9 s\nWall time: 12 s\n"),
        ("11.2 µs ± 3 ns per loop (mean)", "9 ms ± 1 ms per loop (mean)"),
        ("10%\r50%\r100%\nready", "20%\r100%\nready"),
        (" 10%|#   | 1/10 [00:01<00:09, 1.1it/s]\ndone", " 30%|### | 3/10 [00:03<00:07, 1.1it/s]\ndone"),
        ("/tmp/ipykernel_12/99.py:1: Warning", "/tmp/ipykernel_4711/1.py:1: Warning"),
        ("<ipython-input-3-abc> in f", "<ipython-input-4-def> in f"),
    ],
)
def test_what_differs_from_run_to_run_is_no_difference(before, after):
    assert without_noise(before) == without_noise(after)
    assert not diff_notebooks(
        notebook(cell("a", "x", outputs=[stream(before)])), notebook(cell("a", "x", outputs=[stream(after)]))
    )


@pytest.mark.parametrize("text", ["rows: 100", "0x1", "| 50% | of |\n", "it took 12 s", "a\r\nb"])
def test_noise_is_nothing_else(text):
    assert without_noise(text) == text


@pytest.mark.parametrize("part", ["1", "1%|", "a ", "\r", "\x1b[1", "1 s ± ", "0x1", "Wall time: "])
def test_long_lines_are_freed_of_noise_in_time_that_grows_with_their_length(part):
    # With time in the square of the length, this would take hours.
    assert len(without_noise(part * 200_000)) <= len(part) * 200_000


def test_streams_are_compared_as_one_text_however_they_came():
    pieces = [stream("a\n"), stream("b\n"), stream("c\n")]
    assert not diff_notebooks(
        notebook(cell("a", "x", outputs=pieces)), notebook(cell("a", "x", outputs=[stream("a\nb\nc\n")]))
    )


def test_outputs_differ_by_lines_or_as_a_whole():
    table, figure = display(text_html="<b>1</b>", text_plain="1"), display(image_png="AAAA", text_plain="<Figure 0x1>")
    before = notebook(cell("a", "x", outputs=[stream("rows: 1\nok\n"), figure, table]))
    other_figure = display(image_png="BBBB", text_plain="<Figure 0x2>")
    after = notebook(cell("a", "x", outputs=[stream("rows: 2\nok\n"), other_figure, table, display(text_plain="new")]))
    [made] = diff_notebooks(before, after).cells
    assert made.change is Change.CHANGED and not made.source
    assert [(o.change, o.before, o.after, o.mime) for o in made.outputs] == [
        ("changed", 0, 0, "stdout"),
        ("changed", 1, 1, "image/png"),
        ("added", None, 3, "text/plain"),
    ]
    assert made.outputs[0].text is not None
    assert made.outputs[0].text.edits[0].lines == ("rows: 2\n",)


def test_a_text_beyond_the_limit_changed_and_is_too_large_to_say_where():
    long = "x\n" * MAX_TEXT
    assert diff_texts(long, long + "y", Budget()) == TextDiff(is_too_large=True)
    diff = diff_notebooks(notebook(cell(long, "x")), notebook(cell(long + "y", "x"), cell(long, "y")))
    assert [(made.change, made.source.is_too_large) for made in diff.cells] == [("changed", True), ("added", True)]


# --- cost -----------------------------------------------------------------------------------------


def work(before: dict[str, Any], after: dict[str, Any]) -> int:
    budget = Budget()
    full = budget.left
    diff_notebooks(before, after, budget=budget)
    return full - budget.left


def many(count: int, source: str, *, seed: int, ids: bool = False, share: float = 1.0) -> dict[str, Any]:
    """Make a notebook of `count` cells with 20 lines, of which `share` have another text with another seed."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        mark = chance.random() if number % 10 < share * 10 else ""
        text = "\n".join(f"{source.format(number=number, mark=mark, line=line)}" for line in range(20))
        made.append(cell(text, f"c{number}" if ids else None, outputs=[stream(text)]))
    return notebook(*made)


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize(
    "source, share",
    [("{number} {line} {mark}", 0.3), ("same", 1.0), ("{mark} {line} {number}", 1.0), ("", 1.0)],
    ids=["a third changed", "all equal", "all different", "all empty"],
)
def test_the_comparisons_grow_with_the_cells_and_not_with_their_square(source, share, ids):
    few, more = (
        work(many(n, source, seed=1, ids=ids, share=share), many(n, source, seed=2, ids=ids, share=share))
        for n in (100, 500)
    )
    # There are five times as many cells. Each pair of them would be 25 times as many.
    assert more <= 8 * few + 100


def test_no_two_notebooks_take_more_comparisons_than_the_budget_has():
    chance = random.Random(0)
    before, after = (notebook(*(cell(chance.choice("ab")) for _ in range(2_000))) for _ in range(2))
    diff = diff_notebooks(before, after)
    assert sources_after(diff, before) == [made["source"] for made in after["cells"]]
