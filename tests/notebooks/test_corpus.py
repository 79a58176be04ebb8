"""The ways in which people write paths and imports: the files that travel, and those that are reported as missing.

Every notebook lies in `analysis/` of a workspace that has the files below.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.domain.snapshots import TargetRuntime

FILES = {
    "data/sales.csv": "x\n",
    "data/2026/01.csv": "x\n",
    "data/2026/02.csv": "x\n",
    "data/notes.txt": "x\n",
    "lib/helpers.py": "import deeper\nTABLE = '../data/notes.txt'\n",
    "lib/deeper.py": "import os\n",
    "lib/unused.py": "",
    "toolbox/__init__.py": "from . import inner\n",
    "toolbox/inner.py": "",
    "toolbox/words.txt": "x\n",
    "spaced/part/__init__.py": "",
    "spaced/other.py": "",
    "scripts/prepare.py": "open('../data/sales.csv')\n",
    "scripts/base.ipynb": "",
    "analysis/beside.py": "from pathlib import Path\nRATES = Path(__file__).parent.parent / 'data' / 'sales.csv'\n",
}
BESIDE = "analysis/beside.py"

ALL_DATA = ["data/2026/01.csv", "data/2026/02.csv", "data/notes.txt", "data/sales.csv"]
YEAR = ["data/2026/01.csv", "data/2026/02.csv"]
SALES = ["data/sales.csv"]
HELPERS = ["data/notes.txt", "lib/deeper.py", "lib/helpers.py"]
LIB = ["lib/deeper.py", "lib/helpers.py", "lib/unused.py"]
TOOLBOX = ["toolbox/__init__.py", "toolbox/inner.py", "toolbox/words.txt"]

TRAVELS: list[tuple[str, list[str]]] = [
    # files named one by one
    ("pd.read_csv('../data/sales.csv')", SALES),
    ("pd.read_csv(filepath_or_buffer='../data/sales.csv')", SALES),
    ("with open('../data/sales.csv') as f:\n    f.read()", SALES),
    ("def load(path='../data/sales.csv'):\n    return open(path)", SALES),
    ("SOURCES = {'sales': '../data/sales.csv'}", SALES),
    ("Path('../data/sales.csv').read_text()", SALES),
    ("(Path('..') / 'data' / 'sales.csv').open()", SALES),
    ("Path('..').joinpath('data', 'sales.csv')", SALES),
    ("Path.cwd().parent / 'data' / 'sales.csv'", SALES),
    ("Path().resolve().parents[0] / 'data/sales.csv'", SALES),
    ("os.path.join('..', 'data', 'sales.csv')", SALES),
    ("os.path.join(os.path.dirname(os.getcwd()), 'data', 'sales.csv')", SALES),
    ("'..' + '/data/' + 'sales.csv'", SALES),
    ("ROOT = Path('..')\nFILE = ROOT / 'data' / 'sales.csv'\npd.read_csv(FILE)", SALES),
    ("ROOT = '..'\npd.read_csv(f'{ROOT}/data/sales.csv')", SALES),
    ("import os\nos.chdir('../data')\nopen('sales.csv')", SALES),
    ("%cd ../data\nopen('sales.csv')", SALES),
    ("!head ../data/sales.csv", SALES),
    ("cd ../data", []),
    ("cat ../data/sales.csv", SALES),
    ("run ../scripts/prepare.py", [*SALES, "scripts/prepare.py"]),
    (
        "import sys, importlib\nsys.path.append('../spaced')\nimportlib.import_module(f'part.{x}')",
        ["spaced/part/__init__.py"],
    ),
    (
        "import sys, importlib\nsys.path.append('..')\nimportlib.import_module('lib.' + x)",
        sorted([*LIB, "data/notes.txt"]),
    ),
    ("lines = !wc -l ../data/sales.csv", SALES),
    ("%%bash\nhead ../data/sales.csv", SALES),
    ("import beside", SALES),
    ("import os.path as osp\nopen(osp.join('..', 'data', 'sales.csv'))", SALES),
    ("from os.path import join, dirname, abspath\nopen(join(dirname(abspath('')), 'data', 'sales.csv'))", SALES),
    ("import pathlib as pl\npl.Path.cwd().parent.joinpath('data', 'sales.csv').read_text()", SALES),
    ("from pathlib import Path as P\n(P('..') / 'data' / 'sales.csv').read_text()", SALES),
    ("'/'.join(['..', 'data', 'sales.csv'])", SALES),
    ("base, name = '../data', 'sales.csv'\nopen(base + '/' + name)", ALL_DATA),
    ("open(os.environ.get('DATA', '../data') + '/sales.csv')", SALES),
    ("os.environ['DATA'] = '../data'\nopen(os.environ['DATA'] + '/sales.csv')", ALL_DATA),
    ("import sqlite3\nsqlite3.connect('file:../data/sales.csv?mode=ro', uri=True)", SALES),
    ("create_engine('sqlite:///../data/sales.csv')", SALES),
    ("import os\nfrom pathlib import Path\nos.chdir(Path.cwd().parent)\nopen('data/sales.csv')", SALES),
    ("shutil.copy('../data/sales.csv', 'copy.csv')\nopen('copy.csv')", SALES),
    # below some folder above, which only a run can find
    ("root = find_root()\nopen(root / 'data' / 'sales.csv')", SALES),
    ("open(os.path.join(find_root(), 'data', 'sales.csv'))", SALES),
    ("open(f'{find_root()}/data/sales.csv')", SALES),
    ("root = '.'\nwhile not done(root):\n    root = os.path.dirname(root)\nopen(root + '/data/sales.csv')", SALES),
    ("find_root() / name", []),
    # parts that only a run can tell
    ("pd.read_csv(f'../data/2026/{month:02d}.csv')", YEAR),
    ("pd.read_csv('../data/2026/%02d.csv' % month)", YEAR),
    ("pd.read_csv('../data/2026/{}.csv'.format(month))", YEAR),
    ("pd.read_csv('../data/2026/' + month + '.csv')", YEAR),
    ("pd.read_csv(Path('../data') / str(year) / '01.csv')", ["data/2026/01.csv"]),
    ("pd.read_csv(os.path.join('..', 'data', year, '01.csv'))", ["data/2026/01.csv"]),
    ("open(f'../{name}')", []),
    ("open(f'../data/{name}')", ALL_DATA),
    # patterns and folders
    ("glob.glob('../data/*.csv')", SALES),
    ("glob.glob('../data/**/*.csv', recursive=True)", ALL_DATA),
    ("for f in Path('../data/2026').glob('*.csv'): pass", YEAR),
    ("sorted(Path('..').glob('data/2026/*.csv'))", YEAR),
    ("DATA = '../data'", ALL_DATA),
    ("os.listdir('../data/2026')", YEAR),
    ("if Path('../data/sales.csv').exists(): pass", SALES),
    ("if not os.path.exists('../data'): os.makedirs('../data')", []),
    # not files, or too much
    ("'..'", []),
    ("Path('..')", []),
    ("os.listdir('..')", []),
    ("'''see ../data/sales.csv'''", []),
    ("# ../data/sales.csv", []),
    ("df.to_csv('../data/sales.csv')", []),
    ("def load(name):\n    return name\nload('../missing.csv')", []),
    ("requests.get('https://example.org/../data/sales.csv')", []),
    ("x = 'a' * 3 + '..'", []),
    # modules
    ("import sys\nsys.path.append('../lib')\nimport helpers", HELPERS),
    ("import sys\nsys.path.insert(0, '../lib')\nfrom helpers import TABLE", HELPERS),
    ("import sys\nsys.path.append(str(Path.cwd().parent / 'lib'))\nimport helpers", HELPERS),
    ("import sys, os\nsys.path.append(os.path.abspath(os.path.join('..', 'lib')))\nimport helpers", HELPERS),
    ("import sys\nsys.path += ['../lib']\nimport helpers", HELPERS),
    ("import site\nsite.addsitedir('../lib')\nimport helpers", HELPERS),
    ("import sys\nsys.path += compute()\nimport toolbox", TOOLBOX),
    ("import sys\nsys.path.append('..')\nfrom toolbox.inner import x", TOOLBOX),
    ("import sys\nsys.path.append('..')\nimport importlib\nimportlib.import_module('toolbox')", TOOLBOX),
    ("import sys\nsys.path.append('..')\nfrom spaced import part", ["spaced/part/__init__.py"]),
    ("import sys\nsys.path.append('..')\nimport spaced.other", ["spaced/other.py"]),
    ("%run ../scripts/prepare.py", [*SALES, "scripts/prepare.py"]),
    ("%run ../scripts/prepare", [*SALES, "scripts/prepare.py"]),
    ("%load ../scripts/prepare.py", [*SALES, "scripts/prepare.py"]),
    ("import runpy\nrunpy.run_path('../scripts/prepare.py')", [*SALES, "scripts/prepare.py"]),
    ("get_ipython().run_line_magic('run', '../scripts/prepare.py')", [*SALES, "scripts/prepare.py"]),
    ("import sys\nsys.path.append('../lib')\n%load_ext deeper", ["lib/deeper.py"]),
    ("import sys\nsys.path = ['../lib'] + sys.path\nimport deeper", LIB),
    ("import sys\nsys.path[0:0] = ['../lib']\nimport deeper", LIB),
    ("import sys\nsys.path.append('..')\nfrom importlib import resources\nresources.files('toolbox')", TOOLBOX),
    ("import json, math, os.path", []),
]


@pytest.fixture
def workspace(project: Any) -> Any:
    for path, text in FILES.items():
        project.file(path, text)
    return project


@pytest.mark.parametrize(("source", "expected"), TRAVELS, ids=[source.split("\n")[-1] for source, _ in TRAVELS])
def test_what_the_code_reaches_for_travels(source: str, expected: list[str], workspace: Any) -> None:
    workspace.notebook(source)
    assert workspace.travels() == sorted([BESIDE, *expected])


def test_another_notebook_that_is_run_travels_with_what_it_needs(workspace: Any) -> None:
    workspace.notebook("open('../data/sales.csv')", path="scripts/base.ipynb")
    workspace.notebook("%run ../scripts/base.ipynb")
    assert workspace.travels() == [BESIDE, *SALES, "scripts/base.ipynb"]


def test_notebooks_that_run_each_other_end(workspace: Any) -> None:
    workspace.notebook("%run ../analysis/sales.ipynb", path="scripts/base.ipynb")
    workspace.notebook("%run ../scripts/base.ipynb")
    assert workspace.travels() == [BESIDE, "scripts/base.ipynb"]


def test_names_carry_over_from_cell_to_cell(workspace: Any) -> None:
    workspace.notebook("BASE = Path('..')", "DATA = BASE / 'data' / '2026'", "pd.read_csv(DATA / '01.csv')")
    assert workspace.travels() == sorted([BESIDE, *YEAR])


def test_other_languages_are_read_for_paths_too(workspace: Any) -> None:
    for source in ('read.csv("../data/sales.csv")', "read.csv('../data/sales.csv')  # '../lib/helpers.py'"):
        workspace.notebook(source, kernel={"name": "ir", "display_name": "R", "language": "R"})
        assert workspace.travels() == [BESIDE, *SALES]
    for source in ("head ../data/sales.csv", 'sort < "../data/sales.csv"', "source=../data/sales.csv"):
        workspace.notebook(source, kernel={"name": "bash", "display_name": "Bash", "language": "bash"})
        assert workspace.travels() == [BESIDE, *SALES]


FINDINGS: list[tuple[str, list[str]]] = [
    ("import os, json\nimport beside", []),
    ("open('beside.py')\nopen('../data/sales.csv')", []),
    ("open('/srv/no/such.csv')", ["absolute_path"]),
    ("open(r'C:\\data\\x.csv')", ["absolute_path"]),
    ("ROUTE = '/api/v1/runs'", []),
    ("open('/tmp/scratch.txt')", []),
    ("pd.read_csv('~/sales.csv')", ["home_path"]),
    ("open(os.path.expanduser('~/sales.csv'))", ["home_path"]),
    ("(Path.home() / 'sales.csv').read_text()", ["home_path"]),
    ("open('../../other.csv')", ["outside_root"]),
    ("open('missing.csv')", ["missing_file"]),
    ("pd.read_csv('../data/missing.csv')", ["missing_file"]),
    ("%run missing.py", ["missing_file"]),
    ("open('made.csv', 'w')\nopen('made.csv')", []),
    ("open('made.csv', mode='a')", []),
    ("np.save('a', x)\nnp.load('a.npy')", []),
    ("%%bash\ngit log -1", ["no_repository"]),
    ("!git rev-parse HEAD", ["no_repository"]),
    ("!git clone https://x.org/a\nprint('git')", []),
    ("os.system('git status')", ["no_repository"]),
    ("df.to_csv('out.csv')\nplt.savefig('out.png')", []),
    ("Path('made.txt').write_text('x')\nPath('made.txt').read_text()", []),
    ("try:\n    open('cache.csv')\nexcept OSError:\n    pass", []),
    ("if os.path.exists('cache.csv'):\n    open('cache.csv')", []),
    ("if Path('cache.csv').exists():\n    Path('cache.csv').read_text()", []),
    ("def load(name):\n    return name\nload('missing.csv')", []),
    ("import shutil\nshutil.copy('beside.py', 'copy.py')\nopen('copy.py')", []),
    ("%%writefile made.py\nx = 1", []),
    ("%load_ext autoreload", []),
    ("json.loads('{\"a\": \"b.c\"}')\nload_dataset('imdb')\npd.read_csv('https://x.org/a.csv')", []),
    ("pd.read_csv(f'../data/2031/{month}.csv')", []),
    ("import no_such_module_here", ["missing_module"]),
    ("from no_such_module_here.sub import x\nimport no_such_module_here", ["missing_module"]),
    ("try:\n    import no_such_module_here\nexcept ImportError:\n    pass", []),
    ("!pip install no_such_module_here\nimport no_such_module_here", []),
    ("import toolbox", ["missing_module"]),
    ("from dataops_lab import record", []),
    ("import os\nos.environ['NO_SUCH_VARIABLE_HERE']", ["missing_variable"]),
    ("import os\nos.getenv('NO_SUCH_VARIABLE_HERE')", ["missing_variable"]),
    ("import os\nos.environ.get('NO_SUCH_VARIABLE_HERE')", ["missing_variable"]),
    ("import os\nos.getenv('NO_SUCH_VARIABLE_HERE', 'x')\nos.environ.get('NO_SUCH_VARIABLE_HERE', default='x')", []),
    ("import os\nos.environ['NO_SUCH_VARIABLE_HERE'] = 'x'\nos.environ['NO_SUCH_VARIABLE_HERE']", []),
    ("%env NO_SUCH_VARIABLE_HERE=1\nimport os\nos.environ['NO_SUCH_VARIABLE_HERE']", []),
    ("import os\nos.environ['PATH']", []),
    ("name = input('Who? ')", ["input_call"]),
    ("import getpass\ngetpass.getpass()", ["input_call"]),
    ("import getpass\nf(f'{getpass.getpass()}')", ["input_call"]),
    ("for", ["unreadable_cell"]),
    ("%%html\n<p>not <b>Python</b>", []),
]


@pytest.mark.parametrize(("source", "expected"), FINDINGS, ids=[source for source, _ in FINDINGS])
def test_what_will_be_missing_is_said(source: str, expected: list[str], workspace: Any) -> None:
    workspace.notebook(source)
    assert workspace.findings(where=TargetRuntime(variables=frozenset({"PATH"}))) == expected


def test_an_absolute_path_that_exists_is_said_even_where_it_is_only_mentioned(workspace: Any, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "big.csv"
    outside.parent.mkdir()
    outside.write_text("x")
    workspace.notebook(f"SOURCE = {str(outside)!r}")
    assert workspace.findings() == ["absolute_path"]


def test_an_absolute_path_into_the_workspace_is_mended_by_a_relative_one(workspace: Any) -> None:
    workspace.notebook("1", f"open({str(workspace.root / 'data' / 'sales.csv')!r})")
    finding = next(f for f in workspace.inspect().findings if f.code == "absolute_path")
    assert "'../data/sales.csv'" in finding.hint
    assert finding.cell == 1


def test_a_module_in_the_root_is_mended_by_a_path(workspace: Any) -> None:
    workspace.notebook("import toolbox")
    finding = next(f for f in workspace.inspect().findings if f.code == "missing_module")
    assert "sys.path.insert(0, '..')" in finding.hint


def test_what_starts_a_kernel_by_a_script_is_not_asked_for_modules(
    workspace: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "jupyter" / "kernels" / "wrapped"
    folder.mkdir(parents=True)
    spec = {"argv": ["bash", "-c", f"touch {tmp_path}/ran"], "display_name": "Wrapped", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    workspace.notebook("import no_such_module_here")
    assert workspace.findings(kernel="wrapped") == []
    assert not (tmp_path / "ran").exists()


def test_what_travels_is_enough_to_run_elsewhere(workspace: Any, tmp_path: Path) -> None:
    cells = [
        "import sys\nfrom pathlib import Path\nsys.path.append('../lib')",
        "import helpers, beside\nassert open(helpers.TABLE).read() == beside.RATES.read_text() == 'x\\n'",
        "months = [1, 2]\nassert all(Path(f'../data/2026/{m:02d}.csv').exists() for m in months)",
        "print('ran in', Path.cwd().name)",
    ]
    workspace.notebook(*cells)
    elsewhere = tmp_path / "elsewhere"
    for path in [*workspace.travels(), "analysis/run.py"]:
        (elsewhere / path).parent.mkdir(parents=True, exist_ok=True)
        source = "\n".join(cells) if path == "analysis/run.py" else (workspace.root / path).read_text()
        (elsewhere / path).write_text(source)
    done = subprocess.run([sys.executable, "run.py"], cwd=elsewhere / "analysis", capture_output=True, text=True)  # noqa: PLW1510
    assert (done.stdout, done.stderr) == ("ran in analysis\n", "")


def test_every_finding_has_a_mend_and_is_said_once(workspace: Any) -> None:
    workspace.notebook(*(source for source, codes in FINDINGS if codes), "open('missing.csv')", "import toolbox")
    found = workspace.inspect().findings
    assert all(finding.hint for finding in found)
    assert len({(finding.code, finding.message) for finding in found}) == len(found)
    assert {code for _, codes in FINDINGS for code in codes} <= {finding.code for finding in found}
