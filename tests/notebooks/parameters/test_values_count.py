"""The notebook works with the value that it was given, or a finding or a refusal says that it does not."""

from __future__ import annotations

import datetime as dt
import json
import random
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataops_lab.domain.parameters import ParameterSchema
from dataops_lab.errors import InvalidParameters
from dataops_lab.notebooks.inject import inject_parameters
from dataops_lab.notebooks.parameters import parameters_of
from dataops_lab.notebooks.read import parse_notebook, source_of

from ...required import missing

Cells = Callable[..., Any]


def code_cell(source: str, *tags: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "execution_count": None, "outputs": [], "source": source, "metadata": {"tags": list(tags)}
    }  # fmt: skip


def notebook_of(*cells: dict[str, Any], **metadata: Any) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": list(cells)}).encode()


def given_to(notebook: bytes, language: str, **texts: str) -> tuple[list[str], list[str]]:
    """Return the sources of the cells of a run with these texts from a command line, and the codes of its findings."""
    schema, findings = parameters_of(parse_notebook(notebook), language)
    values = schema.validate(schema.parse_texts(list(texts.items())))
    run = inject_parameters(notebook, language, values, {p.name: p.type_spelling for p in schema.parameters})
    return [source_of(cell) for cell in json.loads(run)["cells"]], [finding.code for finding in findings]


def run_python(sources: list[str]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for source in sources:
        exec(source, names)
    return names


def python_value(default: str, name: str = "p", **texts: str) -> Any:
    """Return `p` after a parameters cell and the given texts. `default` is its value there, or the whole statement."""
    source = default if default.startswith(f"{name}:") else f"{name} = {default}"
    imports = "from decimal import Decimal\nfrom pathlib import Path\nimport datetime as dt\n"
    sources, _ = given_to(notebook_of(code_cell(imports + source, "parameters")), "python", **texts)
    return run_python(sources)[name]


def test_an_empty_tagged_cell_before_the_parameters_hides_none() -> None:
    cells = code_cell("", "parameters"), code_cell('region = "North"', "parameters"), code_cell("seen = region")
    sources, _ = given_to(notebook_of(*cells), "python", region="South")
    assert run_python(sources)["seen"] == "South"


def test_a_parameter_of_the_metadata_counts_behind_the_cell_that_sets_it() -> None:
    declared = {"parameters": [{"name": "a", "type": "integer", "default": 1}]}
    notebook = notebook_of(code_cell("import os"), code_cell("a = 1"), code_cell("seen = a"), dataops=declared)
    sources, codes = given_to(notebook, "python", a="5")
    assert (run_python(sources)["seen"], codes) == (5, [])


@pytest.mark.parametrize(
    ("language", "cells"),
    [
        ("python", ["a = 1", "a = 2\nprint(a)"]),
        ("R", ["a <- 1", "a <- 2\nprint(a)"]),
        ("bash", ["a=1", "a=2\necho $a"]),
    ],
)
def test_a_later_cell_that_sets_it_again_before_it_is_read_is_found(language: str, cells: list[str]) -> None:
    notebook = notebook_of(code_cell(cells[0], "parameters"), code_cell(cells[1]))
    assert "parameter_set_again" in given_to(notebook, language, a="5")[1]


@pytest.mark.parametrize(
    ("language", "cells"),
    [
        ("python", ["a = 1", "print(a)", "a = 2"]),
        ("python", ["a = 1", "a = a + 1"]),
        ("python", ["a = 1", "if a is None:\n    a = 2"]),
        ("python", ["a = 1", "for a in range(3):\n    pass"]),
        ("R", ["a <- 1", "a <- a + 1"]),
        ("bash", ["a=1", "a=$((a + 1))"]),
    ],
)
def test_a_value_that_is_read_first_counts(language: str, cells: list[str]) -> None:
    notebook = notebook_of(code_cell(cells[0], "parameters"), *map(code_cell, cells[1:]))
    assert given_to(notebook, language, a="5")[1] == []


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", 'region = "North"\nout = f"report_{region}.csv"'),
        ("python", "rows = 2\ncells = rows * 10"),
        ("R", 'region <- "North"\nout <- paste0(region, ".csv")'),
        ("bash", 'region=North\nout="$region.csv"'),
    ],
)
def test_a_default_computed_from_another_is_found(language: str, source: str) -> None:
    assert "computed_default" in given_to(notebook_of(code_cell(source, "parameters")), language)[1]


@pytest.mark.parametrize(
    ("default", "text", "value"),
    [
        ("(0, 1)", "[1, 2]", (1, 2)),
        ("p: tuple[int, int] = (0, 1)", "[1, 2]", (1, 2)),
        ("p: tuple[int, ...]", "[]", ()),
        ("{1, 2}", "[3]", {3}),
        ("frozenset([1])", "[3]", frozenset({3})),
        ("p: dict[int, float] = {1: 0.5}", '{"1": 0.9}', {1: 0.9}),
        ("{1: 0.5}", '{"1": 0.9}', {1: 0.9}),
        ("{0.5: 'a'}", '{"0.25": "b"}', {0.25: "b"}),
        ("not True", "false", False),
        ("1 == 2", "no", False),
        ("False or False", "0", False),
        ('["a"] + ["b"]', '["x"]', ["x"]),
        ('"a b".split()', '["x"]', ["x"]),
        ("[n for n in range(3)]", "[1]", [1]),
        ("1 if True else 2", "3", 3),
        ("Path('data')", "other/dir", Path("other/dir")),
        ("p: Path = Path('data')", "other/dir", Path("other/dir")),
        ("p: Decimal = Decimal('1.10')", "2.50", Decimal("2.50")),
        ("p: float = 1.0", "-inf", float("-inf")),
        ("p: list[float] = [1.0]", '["nan", 1]', None),
    ],
)
def test_a_given_value_arrives_as_the_type_of_the_parameter(default: str, text: str, value: Any) -> None:
    arrived = python_value(default, p=text)
    if value is None:  # nan does not even equal itself
        assert [str(member) for member in arrived] == ["nan", "1"]
    else:
        assert (type(arrived), arrived) == (type(value), value)


@pytest.mark.parametrize(
    "default",
    [
        "p: pd.Timestamp = pd.Timestamp('2026-01-01')",
        "p: np.ndarray",
        "p: list[Path] = []",
        "p: dict[tuple, int] = {}",
        "p: dt.time = dt.time(8)",
        "b'bytes'",
        "{(1, 2): 3}",
    ],
)
def test_a_type_that_cannot_be_written_is_refused_and_not_turned_into_text(default: str) -> None:
    with pytest.raises(InvalidParameters, match="no value can be passed"):
        python_value(default, p="x")


def test_a_name_for_a_type_of_the_notebook_leaves_the_type_to_the_default() -> None:
    assert python_value("p: Region = 'North'".replace("Region", "'Region'"), p="South") == "South"


def test_a_type_that_cannot_be_told_is_named() -> None:
    schema, findings = parameters_of(parse_notebook(notebook_of(code_cell("p = compute()", "parameters"))), "python")
    assert schema.get("p") and [f.code for f in findings] == ["untyped_parameter"]
    assert "p" in findings[0].message


SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)
DEFAULTS = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.lists(st.integers(), max_size=3).map(tuple),
    st.sets(st.integers(), max_size=3),
    st.frozensets(st.text("ab", max_size=2), max_size=3),
    st.dictionaries(st.text("ab", max_size=2), SCALARS, max_size=2),
    st.dictionaries(st.integers(), SCALARS, min_size=1, max_size=2),
    st.dates(),
    st.datetimes(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text("ab/", max_size=4).map(Path),
)


def source_of_default(value: Any) -> str:
    match value:
        case Path():
            return f"Path({str(value)!r})"
        case dt.datetime():
            return f"dt.datetime.fromisoformat({value.isoformat()!r})"
        case dt.date():
            return f"dt.date({value.year}, {value.month}, {value.day})"
    return repr(value)


@settings(max_examples=200, deadline=None)
@given(DEFAULTS)
def test_each_default_given_back_arrives_equal_and_of_the_same_type(value: Any) -> None:
    source = (
        f"from decimal import Decimal\nfrom pathlib import Path\nimport datetime as dt\np = {source_of_default(value)}"
    )
    notebook = notebook_of(code_cell(source, "parameters"))
    parameter = parameters_of(parse_notebook(notebook), "python")[0].get("p")
    assert parameter is not None
    text = parameter.default if isinstance(parameter.default, str) else json.dumps(parameter.default)
    arrived = run_python(given_to(notebook, "python", p=text)[0])["p"]
    assert (type(arrived), arrived) == (type(value), value)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=5), st.data())
def test_of_several_cells_the_next_one_sees_what_was_given(
    settings_: list[tuple[str, int]], data: st.DataObject
) -> None:
    """Check cells that set names at random, some of them tagged.

    The given value counts, unless a finding says otherwise.
    """
    tags = data.draw(st.lists(st.booleans(), min_size=len(settings_), max_size=len(settings_)).filter(any))
    cells = [
        code_cell(f"{name} = {number}", *(["parameters"] if tagged else []))
        for (name, number), tagged in zip(settings_, tags, strict=True)
    ]
    notebook = notebook_of(*cells)
    schema, findings = parameters_of(parse_notebook(notebook), "python")
    names = [parameter.name for parameter in schema.parameters]
    sources, _ = given_to(notebook, "python", **dict.fromkeys(names, "77"))
    seen = run_python(sources)
    warned = {f.message.split(" again")[0].split()[-1] for f in findings if f.code == "parameter_set_again"}
    assert {name for name in names if seen[name] != 77} == warned


def random_notebooks(language: str, assign: str) -> list[tuple[list[str], dict[str, str]]]:
    """Make cells of runs that get 77 for every parameter. Return them with the value of each parameter at the end."""
    chance = random.Random(11)
    runs = []
    while len(runs) < 40:
        tags = [chance.random() < 0.5 for _ in range(chance.randint(1, 5))]
        cells = [
            code_cell(assign.format(chance.choice("abc"), chance.randint(0, 9)), *(["parameters"] if tagged else []))
            for tagged in tags
        ]
        if not any(tags):
            continue
        schema, findings = parameters_of(parse_notebook(notebook_of(*cells)), language)
        warned = {f.message.split(" again")[0].split()[-1] for f in findings if f.code == "parameter_set_again"}
        names = [parameter.name for parameter in schema.parameters]
        sources, _ = given_to(notebook_of(*cells), language, **dict.fromkeys(names, "77"))
        runs.append((sources, {name: "77" for name in names if name not in warned}))
    return runs


@pytest.mark.parametrize(
    ("language", "assign", "command", "cell", "show"),
    [
        ("bash", "{}={}", ["bash", "-c"], "(\n{}\n)", 'echo "{0}=${0}"'),
        ("R", "{} <- {}", ["Rscript", "-e"], "local({{\n{}\n}})", 'cat("{0}=", {0}, "\\n", sep = "")'),
    ],
)
def test_of_several_cells_of_r_and_bash_the_next_one_sees_what_was_given(
    language: str, assign: str, command: list[str], cell: str, show: str
) -> None:
    if shutil.which(command[0]) is None:
        missing(f"{command[0]} is not installed.")
    runs = random_notebooks(language, assign)
    script = "\n".join(
        cell.format("\n".join([*cells, *(show.format(name) for name in wanted)])) for cells, wanted in runs
    )
    done = subprocess.run([*command, script], capture_output=True, check=True, text=True)
    assert done.stdout.split() == [f"{name}={value}" for _, wanted in runs for name, value in wanted.items()]


HOSTILE = ["a[$(touch ran)]", "x; touch ran", "$(touch ran)", "5", "-n", "[1]=2", "touch ran"]


@pytest.mark.parametrize("before", ["", "declare -i given=5", "declare -ia given=(1)", "declare -iA given=([a]=1)"])
def test_no_text_is_computed_by_bash_whatever_the_name_was_declared(before: str, tmp_path: Path) -> None:
    types = {"given": "list[string]"} if "a" in before else {}
    values = HOSTILE if "a" in before.partition("=")[0].partition(" ")[2] else HOSTILE[0]
    if "-iA" in before:
        values = dict(zip("abcdefg", HOSTILE, strict=True))
    run = inject_parameters(notebook_of(code_cell(before, "parameters")), "bash", {"given": values}, types)
    script = "\n".join(source_of(cell) for cell in json.loads(run)["cells"]) + '\nprintf "%s\\0" "${given[@]}"'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    assert not list(tmp_path.iterdir())
    arrived = done.stdout.decode().split("\0")[:-1]
    wanted = list(values.values()) if isinstance(values, dict) else values if isinstance(values, list) else [values]
    assert sorted(arrived) == sorted(wanted)


@pytest.mark.parametrize("name", ["RANDOM", "SRANDOM", "OPTIND", "HISTCMD", "MAILCHECK", "SECONDS", "BASH_ENV", "PS4"])
def test_names_that_bash_gives_a_meaning_are_refused(name: str) -> None:
    with pytest.raises(InvalidParameters):
        inject_parameters(notebook_of(code_cell(f"{name}=1", "parameters")), "bash", {name: "a[$(touch ran)]"}, {})


@pytest.mark.parametrize("source", ["readonly a=1", "declare -r a=1", "declare -n a=b"])
def test_what_bash_would_not_set_is_refused(source: str) -> None:
    with pytest.raises(InvalidParameters, match="no value can be passed"):
        given_to(notebook_of(code_cell(source, "parameters")), "bash", a="5")


def test_an_integer_of_bash_takes_whole_numbers_alone() -> None:
    schema: ParameterSchema = parameters_of(
        parse_notebook(notebook_of(code_cell('declare -i LIMIT="5"', "parameters"))), "bash"
    )[0]
    with pytest.raises(InvalidParameters):
        schema.validate({"LIMIT": "a[$(touch ran)]"})
    assert schema.validate(schema.parse_texts([("LIMIT", "7")])) == {"LIMIT": 7}
