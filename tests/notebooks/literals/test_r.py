from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from dataops_lab.errors import InvalidParameters
from dataops_lab.notebooks.literals import assignments

from ...required import missing

WRITTEN = [
    ("plain", "any", '"plain"'),
    ('say "hi" \\ \'', "any", '"say \\"hi\\" \\\\ \'"'),
    ("é\n", "any", '"\\U{e9}\\U{a}"'),
    ("`x` $(y) {z}", "any", '"`x` $(y) {z}"'),
    (5, "integer", "5L"),
    (5, "number", "5"),
    (2**40, "any", "1099511627776"),
    (0.1, "number", "0.1"),
    (1 / 3, "number", "0x1.5555555555555p-2"),
    (float("inf"), "any", "Inf"),
    (float("nan"), "any", "NaN"),
    (True, "any", "TRUE"),
    (None, "string", "NULL"),
    ([1, 2], "list", "c(1L, 2L)"),
    (["a", "b"], "list", 'c("a", "b")'),
    ([1, "a", None], "list", 'list(1L, "a", NULL)'),
    ([], "list", "list()"),
    ({"a b": 1, "c": [True]}, "mapping", 'list("a b" = 1L, "c" = c(TRUE))'),
    ({"é": 1}, "mapping", 'structure(list(1L), names = c("\\U{e9}"))'),
    ("2026-01-31", "date", 'as.Date("2026-01-31")'),
    (["2026-01-31"], "list[date]", 'c(as.Date("2026-01-31"))'),
    ("2026-01-31T08:00:00", "datetime", 'as.POSIXct("2026-01-31 08:00:00")'),
    ("2026-01-31T08:00:00+02:00", "datetime", 'as.POSIXct("2026-01-31 06:00:00", tz = "UTC")'),
]


@pytest.mark.parametrize(("value", "kind", "source"), WRITTEN)
def test_values_are_written_as_r_reads_them(value: Any, kind: str, source: str) -> None:
    assert assignments("R", {"given": value}, {"given": kind}) == f"given <- {source}"


@pytest.mark.parametrize("value", ["\0", "\ud800", 2**60, {"": 1}, object()])
def test_what_r_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidParameters):
        assignments("R", {"given": value}, {})


@pytest.mark.parametrize("name", ["_a", "a b", "if", "TRUE", "NULL", "..1", "...", ".1a", "a\n", "a<-b", "é", ""])
def test_a_name_that_r_does_not_allow_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameters):
        assignments("R", {name: 1}, {})


@pytest.mark.parametrize("name", ["a.b", ".hidden", "A1_", "T"])
def test_a_name_that_r_allows_is_written(name: str) -> None:
    assert assignments("R", {name: 1}, {}) == f"{name} <- 1L"


@pytest.mark.parametrize("text", ['it\'s "q" \\', "é 漢字 🎉", "line\nbreak\t\x01", "`x` $(y) {z} %s"])
def test_text_arrives_in_r_as_it_was(text: str) -> None:
    if not shutil.which("Rscript"):
        missing("R is not installed. On Debian and Ubuntu: sudo apt-get install r-base-core")
    script = assignments("R", {"given": text}, {}) + "\ncat(utf8ToInt(given))"
    shown = subprocess.run(["Rscript", "--vanilla", "-e", script], capture_output=True, check=True, text=True).stdout
    assert [int(point) for point in shown.split()] == [ord(char) for char in text], json.dumps(text)
