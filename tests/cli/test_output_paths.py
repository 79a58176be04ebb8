from __future__ import annotations

from dataops_lab.cli.output_paths import notebook_file_name


def test_an_executed_notebook_is_named_after_its_notebook_as_far_as_names_go():
    assert notebook_file_name("a/-x.y.ipynb", "01RUN") == "-x.y-01RUN.ipynb"
    for long in ("n" * 249, "ä" * 124):
        name = notebook_file_name(f"{long}.ipynb", "01M8K74KP1BM77PTVK6MVBFT5R")
        assert len(name.encode()) <= 255
        assert name.startswith(long[:99])
