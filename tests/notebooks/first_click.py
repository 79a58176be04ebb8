"""Workspaces as people leave them: a notebook `work/n.ipynb` each, with the files around it.

Each notebook completes where it lies. Away from there, as a job, it completes too, or a message before the start
gives the reason why not.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONG = "a" * 100 + "ж" * 60 + ".csv"


@dataclass(frozen=True)
class Untidy:
    """`links` are symbolic links; `told` is the warning or the refusal of a run that does not complete."""

    name: str
    cells: tuple[str, ...]
    files: dict[str, str | bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    told: str | None = None
    unseen: bool = False
    """Without git it does not complete, and only a run can show that."""
    notebook: str = "n.ipynb"
    change: dict[str, Any] = field(default_factory=dict)
    """Members of the notebook that differ from the usual ones."""

    def lay_out(self, root: Path, elsewhere: Path, *, git: bool) -> Path:
        """Write the workspace to `root`. `elsewhere` is outside of it, and stays when the workspace goes."""

        def filled(text: str) -> str:
            return text.replace("{root}", str(root)).replace("{elsewhere}", str(elsewhere))

        for path, content in {"work/": "", **self.files}.items():
            target = root / path
            (target if path.endswith("/") else target.parent).mkdir(parents=True, exist_ok=True)
            if not path.endswith("/"):
                target.write_bytes(content.encode() if isinstance(content, str) else content)
        for path, aim in self.links.items():
            (root / path).symlink_to(filled(aim))
        if git:
            (root / ".git").mkdir(exist_ok=True)
            (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        path = root / "work" / self.notebook
        path.write_text(filled(json.dumps(self._notebook())), encoding=self.change.get("encoding", "utf-8"))
        return path

    def _notebook(self) -> dict[str, Any]:
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        if self.change.get("nbformat") == 3:
            old = [{"cell_type": "code", "input": cell, "language": "python", "outputs": []} for cell in self.cells]
            metadata = {"name": "n", "kernelspec": spec}
            return {"nbformat": 3, "nbformat_minor": 0, "metadata": metadata, "worksheets": [{"cells": old}]}
        cells = [
            {"cell_type": "code", "execution_count": 7, "metadata": {}, "outputs": [], "source": cell}
            for cell in self.cells
        ]
        metadata = {"kernelspec": spec, **self.change.get("metadata", {})}
        return {"nbformat": 4, "nbformat_minor": 2, "metadata": metadata, "cells": cells + self.change.get("more", [])}


def _zip(**members: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return held.getvalue()


def at(name: str, *cells: str, told: str | None = None, **more: Any) -> Untidy:
    return Untidy(name, cells, told=told, **more)


D = {"data/d.csv": "1\n"}
"""A file above the notebook's folder."""
B = {"work/d.csv": "1\n"}
"""A file beside the notebook."""

UNTIDY = [
    # names
    at("a space and an umlaut", "open('Zahlen für Mai.csv').read()", files={"work/Zahlen für Mai.csv": "1"}),
    at("a leading dash", "open('-x.csv').read()", files={"work/-x.csv": "1"}, notebook="-n.ipynb"),
    at("an emoji", "open('📈.csv').read()", files={"work/📈.csv": "1"}, notebook="📓.ipynb"),
    at("a long name", f"open({LONG!r}).read()", files={f"work/{LONG}": "1"}, notebook="n" * 230 + ".ipynb"),
    at("an ending in capitals", "open('D.CSV').read()", files={"work/D.CSV": "1"}),
    at("two dots", "open('a..b.csv').read()", files={"work/a..b.csv": "1"}),
    at("brackets", "open('a[1].csv').read()", files={"work/a[1].csv": "1"}, notebook="n (1) [copy].ipynb"),
    at("no ending", "open('DATA').read()", files={"work/DATA": "1"}),
    at("a quote", 'open("it\'s.csv").read()', files={"work/it's.csv": "1"}),
    # the notebook itself
    at("format 3", "open('d.csv').read()", files=B, change={"nbformat": 3}),
    at("a mark of byte order", "open('d.csv').read()", files=B, change={"encoding": "utf-8-sig"}),
    at("odd metadata", "open('d.csv').read()", files=B, change={"metadata": {"celltoolbar": None, "toc": [1]}}),
    at("an empty cell", "", "  \n", "open('d.csv').read()", files=B),
    at("a raw cell", "1", change={"more": [{"cell_type": "raw", "metadata": {}, "source": "open('absent.csv')"}]}),
    at("CRLF", "x = open('d.csv').read()\r\nassert x\r\n", files=B),
    at("code in a comment", "# open('absent.csv')\n1"),
    at("code in a text", "text = '''\nopen('absent.csv')\n'''"),
    at("a checkpoint beside it", "1", files={"work/.ipynb_checkpoints/n-checkpoint.ipynb": "{}"}),
    # reading
    at("latin-1", "open('d.csv', encoding='latin-1').read()", files={"work/d.csv": "ü".encode("latin-1")}),
    at("a path that is added up", "d = '../data/'\nopen(d + 'd.csv').read()", files=D),
    at("a path in an f-string", "n = 'd'\nopen(f'../data/{n}.csv').read()", files=D),
    at("a path that is joined", "import os\nopen(os.path.join('..', 'data', 'd.csv')).read()", files=D),
    at(
        "the parent of the parent",
        "from pathlib import Path\n(Path.cwd().parent / 'data' / 'd.csv').read_text()",
        files=D,
    ),
    at("a mapping of paths", "P = {'a': '../data/d.csv'}\nfor p in P.values(): open(p).read()", files=D),
    at("an attribute of a class", "class C:\n    path = '../data/d.csv'\nopen(C.path).read()", files=D),
    at("a default of a function", "def f(p='../data/d.csv'):\n    return open(p).read()\nf()", files=D),
    at("a pattern", "import glob\nassert glob.glob('../data/*.csv')", files=D),
    at(
        "a deep pattern",
        "from pathlib import Path\nassert list(Path('..').glob('data/**/*.csv'))",
        files={"data/x/y.csv": ""},
    ),
    at("a walk", "import os\nassert any(files for _, _, files in os.walk('../data'))", files=D),
    at("a list of a folder", "import os\nfor n in os.listdir('../data'): open('../data/' + n).read()", files=D),
    at("an archive", "import zipfile\nzipfile.ZipFile('d.zip').read('d')", files={"work/d.zip": _zip(d="1")}),
    at("gzip", "import gzip\ngzip.open('d.gz').read()", files={"work/d.gz": gzip.compress(b"1")}),
    at(
        "a name in a settings file",
        "import json\nopen(json.load(open('c.json'))['path']).read()",
        files={"work/c.json": '{"path": "../data/d.csv"}', **D},
        unseen=True,
    ),
    at(
        "a list of names",
        "for n in open('../data/list.txt').read().split(): open('../data/' + n).read()",
        files={"data/list.txt": "d.csv", **D},
    ),
    at("a data base", "import sqlite3\nc = sqlite3.connect('new.db')\nc.execute('create table t (a)')\nc.close()"),
    at("a link to a file", "open('l.csv').read()", files=D, links={"work/l.csv": "../data/d.csv"}),
    at("a link to a folder", "open('l/d.csv').read()", files=D, links={"work/l": "../data"}),
    at("a link to itself", "1", links={"work/loop": "loop"}),
    at("a link to nothing", "1", links={"work/gone": "nowhere"}),
    at("a guarded file", "import os\nx = open('maybe.csv').read() if os.path.exists('maybe.csv') else 1"),
    at("a caught absence", "try:\n    open('maybe.csv')\nexcept FileNotFoundError:\n    pass"),
    at("numpy's own ending", "import numpy as np\nnp.save('a', [1])\nnp.load('a.npy')"),
    at(
        "what numpy saved before",
        "import numpy as np\nnp.load('a.npy')",
        "np.save('a', [1])",
        files={
            "work/a.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }".ljust(127)
            + b"\n"
            + bytes(7)
            + b"\1"
        },
    ),
    # own modules
    at("a module beside it", "import tools\ntools.f()", files={"work/tools.py": "def f(): return 1"}),
    at("a module above", "import sys; sys.path.append('..')\nimport tools", files={"tools.py": "X = 1"}),
    at(
        "a module with data",
        "import sys; sys.path.insert(0, '../lib')\nimport tools",
        files={
            "lib/tools.py": "from pathlib import Path\nX = (Path(__file__).parent / 'x.txt').read_text()",
            "lib/x.txt": "1",
        },
    ),
    at(
        "a folder of modules",
        "import sys, os\nsys.path.insert(0, os.path.abspath('../src'))\nfrom shop import core",
        files={"src/shop/core.py": "X = 1"},
    ),
    at("a script that is run", "import runpy\nrunpy.run_path('../scripts/go.py')", files={"scripts/go.py": "X = 1"}),
    at("a script that is read", "exec(open('go.py').read())", files={"work/go.py": "X = 1"}),
    at(
        "a script as a process",
        "import subprocess, sys\nsubprocess.run([sys.executable, 'go.py'], check=True)",
        files={"work/go.py": "print(open('d.csv').read())", **B},
    ),
    # writing
    at("a new file", "open('out.csv', 'w').write('1')\nopen('out.csv').read()"),
    at("a file that is appended to", "open('d.csv', 'a').write('2')", files=B),
    at("a folder that is made", "import os\nos.makedirs('../out/a', exist_ok=True)\nopen('../out/a/x', 'w').close()"),
    at("an empty folder", "open('out/x.csv', 'w').write('1')", files={"work/out/": ""}),
    at("an empty folder above", "open('../out/x.csv', 'w').write('1')", files={"out/": ""}),
    at("a folder of old results", "open('../results/x.png', 'w').write('1')", files={"results/old.png": "1"}),
    at("a temporary file", "import tempfile\nwith tempfile.TemporaryFile() as f: f.write(b'1')"),
    at("a change of folder", "import os\nos.chdir('../data')\nopen('d.csv').read()\nos.chdir('../work')", files=D),
    at("a copy", "import shutil\nshutil.copy('../data/d.csv', 'copy.csv')", files=D),
    at("itself", "import json\nassert json.load(open('n.ipynb'))['nbformat'] == 4"),
    # reported before the start
    at("an absolute path", "open('{root}/data/d.csv').read()", files=D, told="absolute_path"),
    at("a file at home", "import os\nopen(os.path.expanduser('~/far.csv')).read()", told="home_path"),
    at("a file beyond the root", "open('{elsewhere}/far.csv').read()", told="absolute_path"),
    at("a secret", "open('.env').read()", files={"work/.env": "A=1"}, told="secret_left_behind"),
    at("a rule of its own", "open('d.csv').read()", files={"work/.dataopsignore": "*.csv\n", **B}, told="ignored_file"),
    at(
        "a link beyond the root",
        "open('l.csv').read()",
        links={"work/l.csv": "{elsewhere}/far.csv"},
        told="outside_root",
    ),
]
