"""The examples: clean notebooks, and data that can be made again."""

import json
import runpy
from pathlib import Path

import nbformat
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(
    p.relative_to(EXAMPLES).as_posix() for p in EXAMPLES.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts
)
TABLES = sorted(p.relative_to(EXAMPLES).as_posix() for p in EXAMPLES.rglob("*.csv"))


@pytest.fixture(params=NOTEBOOKS)
def notebook(request):
    return json.loads((EXAMPLES / request.param).read_text(encoding="utf-8"))


def test_the_script_makes_the_committed_data_byte_for_byte(tmp_path):
    runpy.run_path(str(EXAMPLES / "data/make_data.py"))["main"](tmp_path)

    made = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.csv")}
    assert made
    assert {name: (EXAMPLES / name).read_bytes() for name in made} == made


def test_the_data_is_small():
    assert sum((EXAMPLES / name).stat().st_size for name in TABLES) < 300_000


def test_a_notebook_is_valid_as_it_is_written(notebook):
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)


def test_a_notebook_is_committed_without_outputs_and_counts(notebook):
    for cell in notebook["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_every_cell_has_an_id_that_says_something(notebook):
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    # Generated ids are eight hex digits, or a UUID.
    assert not [i for i in ids if len(i) >= 8 and set(i) <= set("0123456789abcdef-")]


def test_a_notebook_names_its_kernel(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] in {"python3", "bash"}


def test_a_notebook_has_one_parameters_cell(notebook):
    tagged = [c["id"] for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", [])]
    assert tagged == ["parameters"]
