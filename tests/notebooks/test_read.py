from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from dataops_lab.errors import DataOpsError, InvalidNotebook, SnapshotTooLarge
from dataops_lab.notebooks.canonical import canonical_bytes
from dataops_lab.notebooks.read import parse_notebook, read_notebook

VALID: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}


def refusal(data: bytes | Any) -> DataOpsError:
    with pytest.raises(InvalidNotebook) as refused:
        parse_notebook(data if isinstance(data, bytes) else json.dumps(data).encode(), name="sales.ipynb")
    return refused.value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "broken_json"),
        (b"   \n", "broken_json"),
        (b"{", "broken_json"),
        (b'{"cells": [<<<<<<< HEAD', "broken_json"),
        (b"[" * 100_000, "broken_json"),
        (b'{"nbformat": ' + b"9" * 5000 + b"}", "broken_json"),
        (b"\x89PNG\r\n\x1a\n", "not_a_notebook"),
        (b"\xff\xfe{\x00}\x00", "not_a_notebook"),
        ([], "not_a_notebook"),
        ({}, "not_a_notebook"),
        ({"nbformat": "4"}, "not_a_notebook"),
        ({"nbformat": True}, "not_a_notebook"),
        ({**VALID, "nbformat": 2, "worksheets": []}, "nbformat_too_old"),
        ({**VALID, "nbformat": 1}, "nbformat_too_old"),
        ({**VALID, "nbformat": 3}, "not_a_notebook"),
        ({**VALID, "nbformat": 3, "worksheets": [5]}, "not_a_notebook"),
        ({**VALID, "nbformat": 3, "worksheets": [{"cells": [{"cell_type": "heading"}, []]}]}, "not_a_notebook"),
        ({**VALID, "nbformat": 5}, "nbformat_too_new"),
    ],
)
def test_what_is_no_notebook_of_format_4_is_refused_with_its_code(data: Any, code: str) -> None:
    assert refusal(data).precise_code == code


def test_broken_json_is_shown_by_line_and_column() -> None:
    error = refusal(b'{\n  "cells": [,]\n}')
    assert "line 2, column 13" in error.message
    assert error.detail == {"line": 2, "column": 13}


def test_an_old_notebook_is_refused_with_the_command_that_converts_it() -> None:
    assert "jupyter nbconvert --to notebook --inplace" in refusal({**VALID, "nbformat": 2}).message


FORMAT_3: dict[str, Any] = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": "sales", "signature": "sha256:0"},
    "worksheets": [
        {
            "metadata": {},
            "cells": [
                {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["Sales\n", "of May"]},
                {
                    "cell_type": "code",
                    "collapsed": False,
                    "input": ["import this\n", "1 + 1"],
                    "language": "python",
                    "metadata": {},
                    "outputs": [{"output_type": "pyout", "prompt_number": 1, "text": ["2"], "metadata": {}}],
                    "prompt_number": 1,
                },
            ],
        },
        {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "The end"}]},
    ],
}


def test_format_3_is_read_as_format_4_and_gives_the_same_bytes_each_time() -> None:
    data = json.dumps(FORMAT_3).encode()
    first, second = parse_notebook(data), parse_notebook(data)
    assert [(cell.kind, cell.source) for cell in first.cells] == [
        ("markdown", "## Sales of May"),
        ("code", "import this\n1 + 1"),
        ("markdown", "The end"),
    ]
    assert (first.raw["nbformat"], first.raw["nbformat_minor"], first.language) == (4, 4, "python")
    assert canonical_bytes(first) == canonical_bytes(second)
    nbformat.validate(json.loads(canonical_bytes(first)))


def test_reading_format_3_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sales.ipynb"
    path.write_text(json.dumps(FORMAT_3))
    read_notebook(path, max_bytes=10_000)
    assert path.read_text() == json.dumps(FORMAT_3)


@pytest.mark.parametrize(
    "shape",
    [
        {"metadata": []},
        {"metadata": None},
        {"cells": {}},
        {"cells": None},
        {"nbformat_minor": None},
        {"nbformat_minor": "5"},
        {"cells": [None]},
        {"cells": ["print()"]},
        {"cells": [{"cell_type": "code", "metadata": {}}]},
        {"cells": [{"cell_type": None, "metadata": {}, "source": ""}]},
        {"cells": [{"cell_type": "code", "metadata": [], "source": ""}]},
        {"cells": [{"cell_type": "code", "metadata": {}, "source": 5}]},
        {"cells": [{"cell_type": "code", "metadata": {}, "source": ["a", 5]}]},
        {"cells": [{"cell_type": "code", "metadata": {}, "source": "", "id": 5}]},
        {"cells": [{"cell_type": "code", "metadata": {"tags": "parameters"}, "source": ""}]},
        {"cells": [{"cell_type": "code", "metadata": {"tags": [{}]}, "source": ""}]},
    ],
)
def test_a_hostile_shape_is_refused_in_words(shape: dict[str, Any]) -> None:
    error = refusal({**VALID, **shape})
    assert error.precise_code == "not_a_notebook"
    assert "not a valid notebook" in error.message


def test_the_cell_that_is_wrong_is_named() -> None:
    fine = {"cell_type": "code", "metadata": {}, "source": ""}
    assert (
        "cell 2 has a source that is not text" in refusal({**VALID, "cells": [fine, {**fine, "source": None}]}).message
    )


def test_lines_and_one_text_are_the_same_source(make: Callable[..., bytes], code: Callable[..., Any]) -> None:
    parsed_notebook = parse_notebook(make(code(["a = 1\n", "b = 2"]), code("a = 1\nb = 2")))
    assert parsed_notebook.cells[0].source == parsed_notebook.cells[1].source


def test_a_byte_order_mark_and_nan_in_an_output_do_not_matter() -> None:
    output = '{"output_type": "display_data", "data": {"application/json": NaN}, "metadata": {}}'
    cell = f'{{"cell_type": "code", "metadata": {{}}, "source": "1", "outputs": [{output}]}}'
    text = f'\ufeff{{"nbformat": 4, "nbformat_minor": 4, "metadata": {{}}, "cells": [{cell}]}}'
    assert len(parse_notebook(text.encode()).code_cells) == 1


def test_cells_without_source_and_injected_ones_are_not_executed(
    make: Callable[..., bytes], code: Callable[..., Any]
) -> None:
    parsed_notebook = parse_notebook(make(code(" \n"), code("a = 1", "injected-parameters"), code("b = 2")))
    assert [cell.index for cell in parsed_notebook.code_cells] == [2]


class TestFiles:
    @pytest.mark.parametrize("name", ["missing.ipynb", "there.ipynb/under.ipynb", "with\0nul.ipynb"])
    def test_a_path_without_a_notebook_is_not_found(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "there.ipynb").write_text("{}")
        with pytest.raises(InvalidNotebook) as refused:
            read_notebook(tmp_path / name, max_bytes=1000)
        assert refused.value.precise_code == "notebook_not_found"

    def test_a_folder_is_not_a_notebook(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidNotebook, match="not a file"):
            read_notebook(tmp_path, max_bytes=1000)

    def test_a_pipe_is_refused_instead_of_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.ipynb")
        with pytest.raises(InvalidNotebook, match="not a file"):
            read_notebook(tmp_path / "pipe.ipynb", max_bytes=1000)

    def test_a_script_is_told_from_a_broken_notebook(self, tmp_path: Path) -> None:
        (tmp_path / "script.py").write_text("print(1)")
        with pytest.raises(InvalidNotebook) as refused:
            read_notebook(tmp_path / "script.py", max_bytes=1000)
        assert refused.value.precise_code == "not_a_notebook"

    def test_a_huge_notebook_is_refused_unread(self, tmp_path: Path) -> None:
        (tmp_path / "huge.ipynb").write_text(" " * 1001)
        with pytest.raises(SnapshotTooLarge, match="Clear its outputs"):
            read_notebook(tmp_path / "huge.ipynb", max_bytes=1000)
