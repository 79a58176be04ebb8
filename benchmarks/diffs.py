"""The difference of two notebooks, beside nbdime."""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataops_lab.notebooks.diff import diff_notebooks

from .service import seconds_of
from .turns import Row, Times

TITLE = "Differences of notebooks, beside nbdime"

NBDIME_PYTHON = os.environ.get("NBDIME_PYTHON")
"""The Python of a virtual environment with nbdime, which is measured too; None for no such measurement."""

RUN_NBDIME = """
import sys, time
import nbformat
from nbdime import diff_notebooks

before, after = (nbformat.read(path, as_version=4) for path in sys.argv[1:])
start = time.perf_counter()
diff_notebooks(before, after)
print(time.perf_counter() - start)
"""


def measure(*, quick: bool) -> Iterator[Row]:
    rounds = 1 if quick else 5
    for count in (20,) if quick else (50, 200, 1_000):
        before, after = (notebook(count, changed=0.3, seed=seed) for seed in (1, 2))
        case = f"{count:,} cells with 20 lines of output, 30 % changed"
        target = "≤ 1 s" if count == 200 else ""
        ours = tuple(seconds_of(diff_notebooks, before, after) for _ in range(rounds))
        yield Row(case, "dataops_lab", ours, target)
        if NBDIME_PYTHON and count <= 200:
            yield Row(case, "nbdime", (nbdime(NBDIME_PYTHON, before, after),))
    before, after = (notebook(20 if quick else 1_000, changed=1.0, seed=seed) for seed in (1, 2))
    ours = tuple(seconds_of(diff_notebooks, before, after) for _ in range(rounds))
    yield Row("1,000 cells, all changed", "dataops_lab", ours)


def notebook(count: int, *, changed: float, seed: int) -> dict[str, Any]:
    """Make a notebook. The share `changed` of its cells has another source and output with another seed."""
    random_of_all, random_of_seed = random.Random(0), random.Random(seed)
    cells = []
    for number in range(count):
        mark = random_of_seed.random() if random_of_all.random() < changed else 0
        lines = [f"row {number} {line} {mark if line % 5 == 0 else ''}\n" for line in range(20)]
        output = {"output_type": "stream", "name": "stdout", "text": "".join(lines)}
        source = f"total = load({number})\nprint(total, {mark})"
        cell = {"cell_type": "code", "id": f"cell-{number}", "source": source, "outputs": [output], "metadata": {}}
        cells.append({**cell, "execution_count": number})
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def nbdime(python: str, before: dict[str, Any], after: dict[str, Any]) -> Times:
    """Compare with nbdime. Its time is without the start of Python, the imports, and reading."""
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name) / "before.ipynb", Path(name) / "after.ipynb"]
        for path, content in zip(paths, (before, after), strict=True):
            path.write_text(json.dumps(content))
        ran = subprocess.run([python, "-c", RUN_NBDIME, *map(str, paths)], check=True, capture_output=True, text=True)
    return Times(float(ran.stdout))
