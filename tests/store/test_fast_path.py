"""The lists that a short command reads without the store."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from dataops_lab.domain.runs import RunState
from dataops_lab.ports import RunFilter
from dataops_lab.services import runs
from dataops_lab.store.fast_path import page_of_runs

HEAVY = ["sqlalchemy", "alembic", "pydantic", "jupyter_server", "httpx", "ulid"]
LIST = f"""
import sys
from dataops_lab.cli.program import _run
code = _run(["runs", "list", "--state", "queued"])
print([name for name in {HEAVY} if name in sys.modules])
sys.exit(code)
"""


@pytest.fixture
def database(tmp_path):
    return f"sqlite:///{tmp_path}/dataops.sqlite"


@pytest.mark.parametrize(
    "where",
    [RunFilter(), RunFilter(states=(RunState.QUEUED, RunState.ACTIVE)), RunFilter(text="SALES"), RunFilter(text="_")],
)
def test_a_page_read_without_the_store_is_the_one_that_the_store_reads(ctx, submit, tmp_path, where):
    for name in ("sales", "churn", "sales"):
        submit(f"/notebooks/{name}.ipynb")
    cursor = None
    for _ in range(2):
        with ctx.store.read() as tx:
            page = tx.runs.page(where, limit=2, cursor=cursor)
        assert page_of_runs(tmp_path / "dataops.sqlite", where, limit=2, cursor=cursor) == page
        cursor = page.next


def test_a_database_that_is_not_there_or_not_up_to_date_is_left_to_the_store(ctx, submit, tmp_path):
    assert page_of_runs(tmp_path / "none.sqlite", RunFilter(), limit=2, cursor=None) is None
    assert not (tmp_path / "none.sqlite").exists()
    with closing(sqlite3.connect(tmp_path / "dataops.sqlite")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    assert page_of_runs(tmp_path / "dataops.sqlite", RunFilter(), limit=2, cursor=None) is None


def test_a_list_of_runs_imports_nothing_heavy(ctx, submit, tmp_path, monkeypatch):
    run = submit().run
    monkeypatch.setenv("DATAOPS_LAB_HOME", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, check=True)
    assert run.id in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
    assert runs.get(ctx, run.id).run.state is RunState.QUEUED
