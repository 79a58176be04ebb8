"""The differences from the last success: what is said of each, and which comes first."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from dataops_lab.domain.comparisons import (
    Cell,
    DifferenceKind,
    RunFacts,
    SettingChange,
    compare,
    read_cells,
)
from dataops_lab.domain.images import RunImage
from dataops_lab.domain.inputs import Inputs
from dataops_lab.domain.jobs import JobKind
from dataops_lab.domain.parameters import ParameterSchema
from dataops_lab.domain.runs import Reason, Run, RunState
from dataops_lab.domain.snapshots import KernelChoice
from dataops_lab.domain.versions import IncludedFile, Manifest, Version
from dataops_lab.testing import person

AT = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)
ADA = person("ada")
KERNEL = KernelChoice("python3", "python", "Python", ("/usr/bin/python",))
RUN = Run("R", "p", "J", "v", "sandbox", RunState.SUCCEEDED, {}, KERNEL, AT, ADA, finished_at=AT)
MANIFEST = Manifest("sales.ipynb", "sha256:a", (), ParameterSchema(), "python3", "python")
VERSION = Version("v", "J", 1, MANIFEST, AT, ADA)
CELLS = (Cell("a", 1, "import x"), Cell("b", 2, "load()"), Cell("c", 3, "show()"))
GOOD = RunFacts(RUN, VERSION, {"region": "North"}, cells=CELLS, host="process", boot="one")


def file(path: str, digest: str = "1", size: int = 100) -> IncludedFile:
    return IncludedFile(path, f"sha256:{digest}", size)


def with_manifest(**changes: Any) -> Version:
    return replace(VERSION, number=2, manifest=replace(MANIFEST, **changes))


def with_cells(*cells: Cell) -> RunFacts:
    return replace(GOOD, version=with_manifest(source_digest="sha256:b"), cells=cells)


def with_inputs(*files: IncludedFile, rows: dict[str, int] | None = None) -> RunFacts:
    return replace(GOOD, inputs=Inputs(files), rows=rows or {})


def texts(run: RunFacts, good: RunFacts = GOOD, **known: Any) -> list[str]:
    return [each.text for each in compare(good, run, **known).differences]


def failed(facts: RunFacts, message: str) -> RunFacts:
    return replace(facts, run=replace(facts.run, state=RunState.FAILED, reason=Reason("cell_error", message)))


A, B, C = CELLS


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((A, replace(B, source="load(1)"), C), ["cell 2 changed"]),
        ((A, replace(B, source="load(1)"), replace(C, source="show(1)")), ["cells 2 and 3 changed"]),
        ((A, B, C, Cell("d", 4, "")), ["cell 4 is new"]),
        ((A, C), ["1 cell was removed"]),
        ((A, C, B), ["the order of the cells changed"]),
        ((A, B, C), ["text or settings of the notebook changed, and no code"]),
        (tuple(replace(cell, id=None, source=cell.source + "!") for cell in CELLS), ["cells 1, 2 and 3 changed"]),
        ((), ["the notebook changed"]),
    ],
)
def test_of_changed_code_the_cells_are_named(cells, expected):
    assert texts(with_cells(*cells)) == expected


def test_a_change_of_code_says_by_whom_and_when():
    (difference,) = compare(GOOD, with_cells(A, B, replace(C, source=""))).differences
    assert str(difference) == "cell 3 changed (ada, 2026-03-02 08:00 UTC)"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"files": (file("lib.py", "2"),)}, ["lib.py changed"]),
        ({"files": (file("lib.py"), file("new.py"))}, ["new.py is new"]),
        ({"files": ()}, ["lib.py is gone"]),
        ({"kind": JobKind.COMMAND, "command": ("make",)}, ["the command changed"]),
        (
            {"kind": JobKind.PIPELINE, "steps": (("load", "2"), ("more", "1"))},
            ["step load changed", "step more joined"],
        ),
        ({"kind": JobKind.PIPELINE, "steps": ()}, ["step load left"]),
        ({"path": "new/sales.ipynb"}, ["it lies at new/sales.ipynb instead of sales.ipynb"]),
    ],
)
def test_files_command_and_steps_of_the_version_are_named(changes, expected):
    given = {"files": (file("lib.py"),), "steps": (("load", "1"),), "kind": changes.get("kind", JobKind.NOTEBOOK)}
    good = replace(GOOD, version=with_manifest(**given))
    run = replace(GOOD, version=with_manifest(**{**given, **changes}))
    assert texts(run, good) == expected


@pytest.mark.parametrize(
    ("old", "new", "rows", "expected"),
    [
        (file("s.csv"), file("s.csv", "2"), (1000, 600), "s.csv: 40 % fewer rows (600 instead of 1,000)"),
        (file("s.csv"), file("s.csv", "2"), (1000, 1001), "s.csv: less than 1 % more rows (1,001 instead of 1,000)"),
        (file("s.csv"), file("s.csv", "2"), (10, 10), "s.csv: other content, and as many rows"),
        (file("s.csv"), file("s.csv", "2"), (0, 4), "s.csv: 4 rows instead of none"),
        (file("s.bin"), file("s.bin", "2", 50), None, "s.bin: 50 % smaller (50 bytes instead of 100)"),
        (file("s.bin"), file("s.bin", "2"), None, "s.bin: other content of the same size"),
        (file("s.csv"), file("s.csv", "2", 0), (10, 0), "s.csv is empty"),
        (file("s.csv"), None, None, "s.csv is gone"),
        (None, file("s.csv"), None, "s.csv is new"),
    ],
)
def test_an_input_tells_its_rows_else_its_size(old, new, rows, expected):
    counted = [{"s.csv": count} for count in rows] if rows else [{}, {}]
    good = with_inputs(*filter(None, [old]), rows=counted[0])
    assert texts(with_inputs(*filter(None, [new]), rows=counted[1]), good) == [expected]


def test_circumstances_are_named():
    run = replace(
        GOOD,
        run=replace(
            RUN,
            image=RunImage("lean", "lean:1", "sha256:2"),
            kernel=replace(KERNEL, argv=("/opt/python",)),
            variables={"MODE": "canary-value"},
        ),
        parameters={"region": "South"},
        packages={"pandas": "2.2", "numpy": "2"},
        host="docker",
    )
    good = replace(GOOD, packages={"pandas": "2.1", "scipy": "1"})
    assert texts(run, good) == [
        "it ran in lean instead of no image",
        "region is South instead of North",
        "pandas 2.2 instead of 2.1",
        "the package scipy is missing",
        "the package numpy 2 is new",
        "the variable MODE of the run differs",
        "python3 is another program: /opt/python instead of /usr/bin/python",
        "it ran on docker instead of process",
    ]


def test_what_the_error_names_comes_first_and_noise_last():
    change = SettingChange(DifferenceKind.VARIABLE, "the variable FEED was set", AT, ADA, "FEED")
    good = with_inputs(file("s.csv"), file("t.csv"), rows={"s.csv": 100, "t.csv": 100})
    run = with_inputs(file("s.csv", "2"), file("t.csv", "2"), rows={"s.csv": 99, "t.csv": 10})
    run = replace(run, parameters={"region": "South", "month": "2026-03"})
    good = replace(good, parameters={"region": "North", "month": "2026-02"})
    assert texts(failed(run, "KeyError: 'total'"), good, changes=[change], moving={"month"}) == [
        "region is South instead of North",
        "the variable FEED was set",
        "t.csv: 90 % fewer rows (10 instead of 100)",
        "month is 2026-03 instead of 2026-02",
        "s.csv: 1 % fewer rows (99 instead of 100)",
    ]
    for error, first in (
        ("cannot read 's.csv'", "s.csv: 1 % fewer rows (99 instead of 100)"),
        ("FEED is not a URL", "the variable FEED was set"),
    ):
        assert texts(failed(run, error), good, changes=[change], moving={"month"})[0] == first


def test_a_change_in_the_failing_cell_comes_before_all_else():
    run = replace(with_cells(A, replace(B, source="load(1)"), C, Cell("d", 4, "")), parameters={"region": "South"})
    assert texts(failed(run, "region"), failing_cell=4)[0] == "cell 4 is new"


def test_the_line_has_two_differences_and_counts_the_others():
    run = replace(GOOD, parameters={"a": 1, "b": 2, "c": 3, "region": "North"})
    assert compare(GOOD, run).line == (
        "Since the last success (2026-03-02 08:00 UTC): the parameter a is new; the parameter b is new; and 1 more."
    )


def test_it_is_said_plainly_that_nothing_differs_and_that_nothing_ever_succeeded():
    assert compare(GOOD, GOOD).line == "Nothing that is recorded differs from the last success (2026-03-02 08:00 UTC)."
    line = replace(compare(GOOD, GOOD), good=None).line
    assert line == "No run of this job has succeeded in sandbox before."


def test_a_long_value_is_cut_and_stays_in_one_line():
    run = replace(GOOD, parameters={"region": "x\n" * 500})
    (text,) = texts(run)
    assert len(text) < 120
    assert "\n" not in text


@pytest.mark.parametrize(
    ("hostile", "cells"),
    [
        ({}, ()),
        ({"cells": 3}, ()),
        ({"cells": {"a": 1}}, ()),
        ({"cells": [None, 7, {"cell_type": "code", "source": ["a", 5], "id": {}}]}, (Cell(None, 3, "a5"),)),
        ({"cells": [{"cell_type": "code", "source": 5}]}, (Cell(None, 1, ""),)),
    ],
)
def test_a_notebook_that_is_none_gives_the_cells_that_it_has(hostile, cells):
    assert read_cells(hostile) == cells
