import os
import shutil
import subprocess
import sys
from pathlib import Path

import dataops_lab

OURS = Path(dataops_lab.__file__).parent

# A bare environment with papermill, ipykernel and all that these bring has none of these packages.
ABSENT = [
    "sqlalchemy",
    "alembic",
    "pydantic",
    "jupyter_server",
    "httpx",
    "rich",
    "psutil",
    "ulid",
    "pathspec",
    "fsspec",
]

GUARD = f"""
import sys
class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {ABSENT!r}:
            raise ImportError(name + " is not there in a bare environment")
sys.meta_path.insert(0, Guard())
"""


def in_a_bare_environment(tmp_path, run, report=""):
    """Run with rundir/ and runner/ alone, without our dependencies. Return the names of all imported modules."""
    package = tmp_path / "bare" / "dataops_lab"
    for name in ("rundir", "runner"):
        shutil.copytree(OURS / name, package / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(OURS / "__init__.py", package)
    program = (
        f"{GUARD}\nsys.path[0:1] = [{str(package.parent)!r}]\nfrom dataops_lab.runner.main import main\n"
        f"code = main([{str(run.path)!r}])\nprint(*sys.modules, sep='\\n')\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=tmp_path, check=True)
    return set(done.stdout.split())


def test_it_runs_where_only_papermill_and_ipykernel_are_installed(runs, tmp_path):
    run = runs.make("from dataops_lab import record\nrecord('a', 1)")

    imported = in_a_bare_environment(tmp_path, run)

    assert run.result["state"] == "succeeded", run.log
    assert run.values == {"a": 1}
    ours = {name for name in imported if name.startswith("dataops_lab")}
    assert {name for name in ours if not name.startswith(("dataops_lab.rundir", "dataops_lab.runner"))} == {
        "dataops_lab"
    }


def test_it_imports_nothing_that_compiles_a_grammar(runs, tmp_path):
    imported = in_a_bare_environment(tmp_path, runs.make("1"))

    assert "lark" not in imported
    assert "nbconvert" not in imported
    assert "IPython" not in imported


def test_it_imports_no_library_for_data_and_no_client_of_a_storage(runs, tmp_path):
    imported = in_a_bare_environment(tmp_path, runs.make("1"))

    assert not imported & {"pyarrow", "numpy", "pandas", "boto3", "botocore", "azure", "gcsfs", "fsspec", "github"}


def test_it_says_how_it_is_used():
    done = subprocess.run([sys.executable, "-m", "dataops_lab.runner"], check=False, capture_output=True, text=True)

    assert done.returncode == 2
    assert "RUN_DIRECTORY" in done.stderr


def test_a_run_gives_way_to_what_people_wait_for(runs):
    run = runs.run("import os\nprint(os.getpriority(os.PRIO_PROCESS, 0))")

    assert int(run.log) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
