"""The notebooks of corpus.txt, each at `analysis/report.ipynb` of a workspace of its own that holds FILES."""

from __future__ import annotations

import pickle
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

FILES: dict[str, str] = {
    "pyproject.toml": "",
    "data/sales.csv": "region,amount\nNorth,3\nSouth,4\n",
    "data/part-1.csv": "one\n",
    "data/part-2.csv": "two\n",
    "data/deep/er/x.csv": "deep\n",
    "дані/звіт 2026.csv": "unicode\n",
    "config/app.yaml": "data: ../data/sales.csv\n",
    "config/app.json": '{"sources": {"sales": "data/sales.csv"}}',
    "lib/helpers.py": (
        "from pathlib import Path\nTABLE = Path(__file__).resolve().parents[1] / 'data' / 'sales.csv'\n"
        "def table():\n    return TABLE.read_text()\n"
    ),
    "lib/models.py": "class Model:\n    rate = 3\n",
    "lib/shout.py": "def load_ipython_extension(shell):\n    shell.push({'shout': 'loaded'})\n",
    "lib/helpers.R": "double <- function(x) 2 * x\n",
    "lib/helpers.sh": "double() { echo $(( 2 * $1 )); }\n",
    "scripts/prepare.py": "with open('../data/sales.csv') as f:\n    prepared = f.read()\nprint(prepared)\n",
    "scripts/base.ipynb": (
        '{"cells": [{"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], '
        '"source": "base = open(\'../data/part-1.csv\').read()"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}'
    ),
    "toolbox/__init__.py": (
        "import pkgutil\nfrom .inner import twice\nwords = pkgutil.get_data('toolbox', 'words.txt').decode()\n"
    ),
    "toolbox/inner.py": "from . import other\ndef twice(x):\n    return x * other.FACTOR\n",
    "toolbox/other.py": "FACTOR = 2\n",
    "toolbox/words.txt": "words\n",
    "company/tools/clean.py": "def clean(x):\n    return x.strip()\n",
    "src/shop/__init__.py": "NAME = 'shop'\n",
    "analysis/beside/__init__.py": "from .core import answer\n",
    "analysis/beside/core.py": "def answer():\n    return open('../data/part-1.csv').read()\n",
    "analysis/plugins/__init__.py": "",
    "analysis/plugins/north.py": "name = 'north'\n",
    "analysis/local.csv": "local\n",
}
SECRET, LINK_OUT = ".env", "beyond.csv"
"""Two files that lie only beside notebooks that name them. Each gives a finding, whether it is read or not."""


def lay_out(case: Written, root: Path, elsewhere: Path) -> None:
    """Write FILES and the binary files. `elsewhere` is outside of the workspace, and stays when the workspace goes."""
    for path, text in FILES.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    with sqlite3.connect(root / "data" / "shop.sqlite") as database:
        database.execute("CREATE TABLE sales AS SELECT 7 AS amount")
    database.close()
    (root / "data" / "model.pkl").write_bytes(pickle.dumps({"rate": 3}))
    (root / "linked").symlink_to("data")
    if case.names(LINK_OUT):
        (root / "analysis" / LINK_OUT).symlink_to(elsewhere / "far.csv")
    if case.names(SECRET):
        (root / "analysis" / SECRET).write_text("TOKEN=abc\n")


@dataclass(frozen=True)
class Written:
    """`findings` are the codes that the check before the start has for it. `same`: the job ends as it does in place."""

    name: str
    cells: tuple[str, ...]
    kernel: str
    findings: frozenset[str]
    same: bool

    def names(self, file: str) -> bool:
        return any(re.search(rf"(?<!\w){re.escape(file)}(?!\w)", cell) for cell in self.cells)


KERNELS = ("bash", "editable", "ir", "python3")
ALWAYS = ("no_parameters_cell",)


def _read(text: str) -> Written:
    head, body = text.split("\n", 1)
    name, *marks = (part.strip() for part in head.split("|"))
    kernel = next((mark for mark in marks if mark in KERNELS), "python3")
    return Written(
        name=name,
        cells=tuple(body.strip("\n").split("\n---\n")),
        kernel=kernel,
        findings=frozenset(ALWAYS) | (set(marks) - {kernel, "differs"}),
        same="differs" not in marks,
    )


CORPUS = [_read(text) for text in re.split(r"(?m)^=== ", Path(__file__).with_suffix(".txt").read_text())[1:]]
