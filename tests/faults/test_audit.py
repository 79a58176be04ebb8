"""A program that dies at the commit of a change. The change and its entry are both there, or both not."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing

import pytest

from dataops_lab.ports import AuditFilter
from dataops_lab.services import audit, environments
from dataops_lab.wiring import build_services

CHANGING = """
import os, signal, sys
from dataclasses import replace
from functools import partial
from dataops_lab.services import audit_heads, environments
from dataops_lab.store import open_sqlite
from dataops_lab.wiring import Home, build_services
from pathlib import Path

home, moment = Home(Path(sys.argv[1])), sys.argv[2]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def witness(head):
    if moment == "before the witness":
        die()
    audit_heads.append(home.folder, head)
    die()

ctx = build_services(home)
ctx.store.close()
before_commit = die if moment == "before the commit" else None
ctx = replace(ctx, store=open_sqlite(home.database, before_commit=before_commit, witness=witness))
environments.set_variable(ctx, "sandbox", "NEW", "1", by=ctx.owner)
"""


@pytest.mark.parametrize(
    ("moment", "is_made"), [("before the commit", False), ("before the witness", True), ("after the witness", True)]
)
def test_a_program_killed_at_the_commit_of_a_change_leaves_a_whole_trail(home, moment, is_made):
    with closing(build_services(home).store):
        pass
    killed = subprocess.run([sys.executable, "-c", CHANGING, str(home.folder), moment], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    ctx = build_services(home)
    with closing(ctx.store):
        assert [variable.name for variable in environments.variables(ctx, "sandbox")] == ["NEW"] * is_made
        found = audit.page(ctx, AuditFilter(object_id="sandbox/NEW"), by=ctx.owner).items
        assert len(found) == is_made
        # The next change covers a head that the witness was not told.
        environments.set_variable(ctx, "sandbox", "NEXT", "1", by=ctx.owner)
        assert audit.verify(ctx, by=ctx.owner).findings == []
