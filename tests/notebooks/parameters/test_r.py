from __future__ import annotations

from typing import Any

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterType
from dataops_lab.notebooks.parameters import r

T = ParameterType


def one(source: str) -> Parameter:
    read = r.parameters(source)
    assert read is not None and len(read) == 1, read
    return read[0]


@pytest.mark.parametrize(
    ("source", "kind", "default"),
    [
        ("p <- 10L", T.INTEGER, 10),
        ("p <- 10", T.NUMBER, 10),
        ("p = -1.5e3", T.NUMBER, -1500),
        ("p <- 0x1F", T.INTEGER, 31),
        ("p <- TRUE", T.BOOLEAN, True),
        ("p <- F", T.BOOLEAN, False),
        ('p <- "a\\"b # c"', T.STRING, 'a"b # c'),
        ("p <- 'it\\'s\\n\\u00e9'", T.STRING, "it's\né"),
        ('p <- r"(C:\\data)"', T.STRING, "C:\\data"),
        ('p <- c("a", "b")', T.LIST, ["a", "b"]),
        ("p <- c(1L,\n  2L\n)", T.LIST, [1, 2]),
        ("p <- list(a = 1L, 'b c' = c(TRUE))", T.MAPPING, {"a": 1, "b c": [True]}),
        ("p <- c()", T.LIST, []),
        ('p <- as.Date("2026-01-31")', T.DATE, "2026-01-31"),
        ('p <- as.POSIXct("2026-01-31 08:00:00", tz = "UTC")', T.DATETIME, "2026-01-31 08:00:00"),
        ("p.q_1 <- 1L", T.INTEGER, 1),
        ("`odd name` <- 1L", T.INTEGER, 1),
    ],
)
def test_type_and_default_are_read(source: str, kind: ParameterType, default: Any) -> None:
    assert (one(source).type, one(source).default) == (kind, default)


@pytest.mark.parametrize(
    "source", ["p <- Sys.Date()", "p <- paste0('a', b)", "p <- 1 + 2", "p <- c(1, x)", "p <- Inf", "p <- function(x) x"]
)
def test_a_default_that_only_running_tells_is_unknown(source: str) -> None:
    assert (one(source).default, one(source).nullable) == (None, False)


def test_null_may_be_left_empty() -> None:
    assert one("p <- NULL").nullable


@pytest.mark.parametrize(
    ("source", "description"),
    [
        ("p <- 1  # how many", "how many"),
        ("# how\n# many\np <- 1", "how many"),
        ("#' how many\np <- 1", "how many"),
        ("p <- 1", ""),
        ("q()  # of q\np <- 1", ""),
    ],
)
def test_comments_describe(source: str, description: str) -> None:
    assert one(source).description == description


def test_only_top_level_assignments_count() -> None:
    read = r.parameters("library(dplyr)\na <- 1L; b = 2L\nf(c = 3)\nif (a) { d <- 4 }\ne$x <- 5\n")
    assert read is not None
    assert [p.name for p in read] == ["a", "b"]


@pytest.mark.parametrize("source", ["p <- c(1, 2", 'p <- "open', "p <- 1)", "p <- (1]"])
def test_what_does_not_close_is_not_read(source: str) -> None:
    assert r.parameters(source) is None


def test_a_hostile_cell_ends_in_time() -> None:
    assert r.parameters("p <- " + "c(" * 20_000) is None
    r.parameters('"' * 50_001)
    r.parameters('r"(' * 5_000)
