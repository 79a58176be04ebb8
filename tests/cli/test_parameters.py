from __future__ import annotations

import pytest

from dataops_lab.cli.parameters import read_rows
from dataops_lab.domain.runs import ParameterRow
from dataops_lab.errors import InvalidRequest


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        (
            "rows.csv",
            '\ufeffregion,limit\nSouth,3\n"North, far",\n\n',
            [
                ParameterRow(texts=(("region", "South"), ("limit", "3"))),
                ParameterRow(texts=(("region", "North, far"),)),
            ],
        ),
        ("rows.jsonl", '{"a": 1}\n\n{"a": [2]}\n', [ParameterRow({"a": 1}), ParameterRow({"a": [2]})]),
        ("rows.json", '[{"a": null}]', [ParameterRow({"a": None})]),
        (
            "rows.yaml",
            "- day: 2026-01-31\n- {}\n",
            [ParameterRow({"day": "2026-01-31"}), ParameterRow()],
        ),
    ],
)
def test_each_kind_of_file_holds_a_row_for_each_run(tmp_path, name, text, rows):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_rows(str(tmp_path / name)) == rows


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("rows.csv", "", "first line"),
        ("rows.csv", "a,a\n1,2\n", "first line"),
        ("rows.csv", "a\n1,2\n", "line 2 has 2 cells"),
        ("rows.csv", 'a\n"1\n', "not CSV"),
        ("rows.csv", "a\n", "no rows"),
        ("rows.json", '{"a": 1}', "a list of mappings"),
        ("rows.jsonl", "[1]\n", "row 1"),
        ("rows.jsonl", "\n", "no rows"),
        ("rows.yaml", "- {1: 2}\n", "row 1"),
        ("rows.txt", "a", "must end with"),
    ],
)
def test_what_is_wrong_with_a_file_of_rows_is_said(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidRequest, match=said):
        read_rows(str(tmp_path / name))
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_rows(str(tmp_path / "none.csv"))
