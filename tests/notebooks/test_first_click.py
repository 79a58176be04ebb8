"""Each untidy workspace, with git and without: the notebook completes in another place, or a message said why not.

The cells are executed plainly in the folder that a run would have, which takes no kernel; `make soak` has real runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.domain.snapshots import Snapshot, SnapshotLimits
from dataops_lab.errors import DataOpsError, Refused
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.services import runs
from dataops_lab.testing import MemoryBlobs, person
from dataops_lab.wiring import Home, build_engine, build_services

from .first_click import UNTIDY, Untidy

pytestmark = pytest.mark.slow

AT_ONCE = 3
ALWAYS = "no_parameters_cell"
CELLS = "import json, sys\nfor source in json.load(sys.stdin):\n    exec(compile(source, 'cell', 'exec'), globals())"

TRIES = [(workspace, git) for workspace in UNTIDY for git in (True, False)]


def case(workspace: Untidy, git: bool) -> Any:
    name = f"{workspace.name}{' with git' * git}"
    return pytest.param(workspace, git, id=name)


@dataclass(frozen=True)
class Tried:
    """`problem` is the last message of the cells, None when they completed; `told` are codes."""

    in_place: str | None
    as_job: str | None
    told: frozenset[str]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("first-click")
    (base / "elsewhere").mkdir()
    (base / "elsewhere" / "far.csv").write_text("far\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(base / "elsewhere"))
        yield base


@pytest.fixture(scope="module")
def tried(places: Path) -> dict[tuple[str, bool], Future[Tried]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {(workspace.name, git): pool.submit(_tried, workspace, git, places) for workspace, git in TRIES}


@pytest.mark.parametrize(("workspace", "git"), [case(workspace, git) for workspace, git in TRIES])
def test_it_completes_or_it_was_said_why_not(
    workspace: Untidy, git: bool, tried: dict[tuple[str, bool], Future[Tried]]
) -> None:
    seen = tried[workspace.name, git].result()
    assert seen.in_place is None
    assert seen.as_job is None or seen.told or (workspace.unseen and not git), seen
    if git and workspace.told is None:
        assert (seen.as_job, seen.told) == (None, frozenset())
    if workspace.told is not None:
        assert workspace.told in seen.told


@pytest.mark.soak
def test_real_runs_end_as_plain_cells_do(places: Path, tried: dict[tuple[str, bool], Future[Tried]]) -> None:
    home = Home(places / "state")
    services = build_services(home)
    submitted = {}
    for workspace, git in TRIES:
        path = workspace.lay_out(_root(workspace, git, places / "soak"), places / "elsewhere", git=git)
        try:
            submitted[workspace.name, git] = runs.submit(
                services, Submission(str(path)), by=person("someone")
            ).view.run.id
        except Refused as refused:
            assert refused.precise_code in tried[workspace.name, git].result().told
    (places / "soak").rename(places / "moved")
    build_engine(home, slots=AT_ONCE, exit_when_idle_s=0).run(Event())
    ended = {key: runs.get(services, run).run.state is RunState.SUCCEEDED for key, run in submitted.items()}
    assert ended == {key: tried[key].result().as_job is None for key in submitted}


def _tried(workspace: Untidy, git: bool, places: Path) -> Tried:
    root = _root(workspace, git, places / "there")
    path = workspace.lay_out(root, places / "elsewhere", git=git)
    blobs = MemoryBlobs()
    try:
        taken = LocalNotebooks(blobs).snapshot(str(path), root=None, kernel=None, limits=SnapshotLimits())
    except DataOpsError as refused:
        return Tried(None, "refused", frozenset({refused.precise_code}))
    sources = [
        cell["source"]
        for cell in json.loads(blobs.read(taken.manifest.source_digest))["cells"]
        if cell["cell_type"] == "code"
    ]
    folder = _as_a_run_has_it(taken, blobs, _root(workspace, git, places / "run"))
    in_place = _problem(sources, path.parent)
    root.rename(_root(workspace, git, places / "gone"))
    told = frozenset(found.code for found in taken.findings) - {ALWAYS}
    return Tried(in_place, _problem(sources, folder), told)


def _root(workspace: Untidy, git: bool, base: Path) -> Path:
    base.mkdir(exist_ok=True)
    return base / f"w{TRIES.index((workspace, git)):03}"


def _as_a_run_has_it(taken: Snapshot, blobs: MemoryBlobs, root: Path) -> Path:
    manifest = taken.manifest
    for path, digest in [
        (manifest.path, manifest.source_digest),
        *((f.path, f.digest) for f in (*manifest.files, *taken.inputs.files)),
    ]:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(blobs.read(digest))
    for path in (*manifest.folders, *taken.inputs.folders):
        (root / path).mkdir(parents=True, exist_ok=True)
    return (root / manifest.path).parent


def _problem(sources: list[str], folder: Path) -> str | None:
    done = subprocess.run(
        [sys.executable, "-c", CELLS],
        input=json.dumps(sources).encode(),
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
    )
    return done.stderr.decode().strip().splitlines()[-1] if done.returncode else None
