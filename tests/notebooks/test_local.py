from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import dataops_lab

SLOW = ("nbformat", "jsonschema", "nbconvert", "papermill", "markdown_it", "nh3", "jinja2")


def test_what_comes_before_a_run_imports_nothing_slow(project: Any) -> None:
    project.file("analysis/a.csv")
    project.notebook("n = 1\nimport json")
    program = f"""
import sys
from dataops_lab.domain.snapshots import SnapshotLimits
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.testing import MemoryBlobs

blobs = MemoryBlobs()
notebooks = LocalNotebooks(blobs)
notebooks.inspect({str(project.path)!r}, root=None, kernel=None, limits=SnapshotLimits())
taken = notebooks.snapshot({str(project.path)!r}, root=None, kernel=None, limits=SnapshotLimits())
notebooks.inject_parameters(blobs.read(taken.manifest.source_digest), "python", {{"n": 2}}, {{"n": "integer"}})
print([name for name in {SLOW!r} if name in sys.modules])
"""
    done = subprocess.run(  # noqa: PLW1510
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(dataops_lab.__file__).parents[1]), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_files_that_are_gone_are_told(project: Any) -> None:
    project.notebook("1")
    gone = str(project.path.with_name("gone.ipynb"))
    folder, too_long = str(project.path.parent), "/" + "n" * 300
    assert project.notebooks.find_missing([str(project.path), gone, folder, too_long]) == {gone, folder, too_long}


def test_cell_ids_are_those_of_the_notebook(project: Any) -> None:
    notebook = b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [%s, %s]}'
    cells = [b'{"id": "%s", "cell_type": "raw", "metadata": {}, "source": ""}' % name for name in (b"a", b"b")]
    assert project.notebooks.read_cell_ids(notebook % tuple(cells)) == ("a", "b")
    assert project.notebooks.read_cell_ids(b"{}") == ()
