"""Files that people keep around a notebook: its jobs complete, or a finding before the start said why not.

All cases run in one go, as jobs of a real engine, after their workspaces were moved away.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import nbformat.v4
import pytest

from dataops_lab.domain.records import RecordFileKind
from dataops_lab.domain.runs import Run, RunState, Submission
from dataops_lab.services import Services, runs
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_engine, build_services

pytestmark = pytest.mark.slow

AT_ONCE = 3
ALWAYS = "no_parameters_cell"


@dataclass(frozen=True)
class Case:
    """A workspace whose notebook is `nbs/n.ipynb`. A path that ends with a slash is an empty folder."""

    name: str
    cells: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    findings: frozenset[str] = frozenset()
    fails: str | None = None
    """The error of a run that cannot succeed away from its workspace."""

    def lay_out(self, root: Path) -> Path:
        (root / "nbs").mkdir(parents=True)
        for path, text in self.files.items():
            target = root / path
            (target if path.endswith("/") else target.parent).mkdir(parents=True, exist_ok=True)
            if not path.endswith("/"):
                target.write_text(text)
        for path, target_path in self.links.items():
            (root / path).symlink_to(target_path)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in self.cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = root / "nbs" / "n.ipynb"
        path.write_text(json.dumps(notebook))
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        return path


def case(name: str, *cells: str, findings: str = "", fails: str | None = None, **more: dict[str, str]) -> Case:
    return Case(name, cells, more.get("files", {}), more.get("links", {}), frozenset(findings.split()), fails)


SAVES = """
import os
HERE = os.path.dirname(os.path.abspath(__file__))
def go():
    open(os.path.join(HERE, '..', 'results', 'r.txt'), 'w').write('x')
"""


CASES = [
    case(
        "a table is written up",
        "import pathlib\n(pathlib.Path('..') / 'output' / 'x.csv').write_text('a')",
        files={"output/old.txt": ""},
    ),
    case("a file is written into an empty folder", "open('out/x.txt', 'w').write('hi')", files={"nbs/out/": ""}),
    case(
        "a module writes",
        "import sys; sys.path.append('..')\nfrom lib import save\nsave.go()",
        files={"results/": "", "lib/__init__.py": "", "lib/save.py": SAVES},
    ),
    case(
        "a log is written",
        "import logging\nlogging.basicConfig(filename='../logs/run.log')\nlogging.warning('x')",
        files={"logs/": ""},
    ),
    case(
        "a cell magic writes a module",
        "%%writefile ../gen/mod.py\nX = 1",
        "import sys; sys.path.insert(0, '../gen'); import mod; print(mod.X)",
        files={"gen/": ""},
    ),
    case("a folder is made in another", "import os\nos.mkdir('../output/run1')", files={"output/old.txt": ""}),
    case(
        "a folder is asked for",
        "import os\nassert os.path.exists('../output')\nopen('../output/a', 'w').write('1')",
        files={"output/old.txt": ""},
    ),
    case(
        "a folder is found by a name that only running tells",
        "for name in ('a', 'b'):\n    open(f'../output/{name}.txt', 'w').write('1')",
        files={"output/": ""},
    ),
    case(
        "a shell line writes",
        "!echo hi > ../output/x.txt && cat ../output/x.txt",
        "open('../output/x.txt').read()",
        files={"output/": ""},
    ),
    case(
        "an ignored folder is written to",
        "open('../output/x.txt', 'w').write('1')",
        files={"output/old.txt": "", ".dataopsignore": "output/\n"},
    ),
    case(
        "a link leads to an empty folder",
        "open('latest/x.txt', 'w').write('hi')",
        files={"runs/1/": ""},
        links={"nbs/latest": "../runs/1"},
    ),
    case("a notebook reads itself", "import json\nassert len(json.load(open('n.ipynb'))['cells']) == 1"),
    case(
        "a secret lies above",
        "from pathlib import Path\nPath('../.env').read_text()",
        files={".env": "A=1"},
        findings="secret_left_behind",
        fails="FileNotFoundError",
    ),
    case(
        "data lies in a folder that is named like a tool's",
        "open('.cache/d.csv').read()",
        files={"nbs/.cache/d.csv": ""},
        findings="ignored_file",
        fails="FileNotFoundError",
    ),
    case(
        "a variable is set by who submits",
        "import os\nprint(os.environ['MY_DATA_DIR'])",
        findings="missing_variable",
        fails="KeyError",
    ),
    case(
        "a tool is found by who submits",
        "import os\nassert os.environ['PATH'].endswith(':/of/the/submitter'), os.environ['PATH']",
    ),
    case("a magic has no percent sign", "cd ..", "open('data/d.csv').read()", files={"data/d.csv": ""}),
    case(
        "a module is imported by a text",
        "import sys; sys.path.append('..')\nimport importlib\nimportlib.import_module('src.' + 'tools').f()",
        files={"src/__init__.py": "", "src/tools.py": "def f(): pass"},
    ),
    case(
        "the root is found by its repository",
        "from pathlib import Path\np = Path.cwd()\nwhile not (p / '.git').exists():\n"
        "    assert p != p.parent\n    p = p.parent\nprint((p / 'data' / 'd.csv').read_text())",
        files={"data/d.csv": ""},
        findings="no_repository",
        fails="AssertionError",
    ),
    case(
        "git is asked",
        "import subprocess\nsubprocess.check_output(['git', 'rev-parse', '--show-toplevel'])",
        findings="no_repository",
        fails="CalledProcessError",
    ),
    case("a notebook lists itself", "import glob\nassert glob.glob('*.ipynb') == ['n.ipynb']"),
]


@dataclass
class Tried:
    run: Run
    artifacts: list[str]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Tried]]:
    base = tmp_path_factory.mktemp("untidy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(base / "ipython"))
        patch.setenv("MY_DATA_DIR", "../data")
        path = os.environ["PATH"]
        patch.setenv("PATH", f"{path}:/of/the/submitter")
        home = Home(base / "state")
        services = build_services(home)
        submitted = {
            case.name: runs.submit(
                services, Submission(str(case.lay_out(base / "there" / f"w{n}"))), by=person("someone")
            ).view.run
            for n, case in enumerate(CASES)
        }
        (base / "there").rename(base / "elsewhere")
        patch.setenv("PATH", path)
        build_engine(home, slots=AT_ONCE, warm=1, exit_when_idle_s=0).run(Event())
        yield {name: _ended(services, run) for name, run in submitted.items()}


def _ended(services: Services, run: Run) -> Tried:
    view = runs.get(services, run.id)
    assert view.record is not None
    return Tried(view.run, [file.path for file in view.record.files if file.kind is RecordFileKind.ARTIFACT])


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_completes_or_it_was_said_why_not(case: Case, tried: dict[str, Tried]) -> None:
    run = tried[case.name].run
    assert {finding.code for finding in run.findings} - {ALWAYS} == case.findings
    if case.fails is None:
        assert (run.state, run.reason) == (RunState.SUCCEEDED, None)
    else:
        assert (run.state, run.reason.detail["ename"] if run.reason else None) == (RunState.FAILED, case.fails)


def test_the_notebook_under_its_own_name_is_no_artifact(tried: dict[str, Tried]) -> None:
    assert tried["a notebook reads itself"].artifacts == []
