"""Engines that die while they publish: people see the old file or the new one, and the next engine ends the work."""

from __future__ import annotations

import json
import signal

import pytest

from dataops_lab.domain.outputs import Output
from dataops_lab.domain.publications import MANIFEST, PublicationState
from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.services import publications, runs
from dataops_lab.testing import person

from .. import written
from ..waiting import TIMEOUT_S, eventually

NEW = "new " * 100_000


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("commit", ["planned", "published"])
def test_an_engine_killed_at_a_commit_of_a_publication_is_followed_by_one_that_publishes(
    real, start_engine, witness, tmp_path, commit, moment
):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    source = f"open('made.csv', 'w').write('new ' * 100_000)\nopen({str(witness)!r}, 'a').write('ran\\n')"
    (folder / "n.ipynb").write_text(written.notebook(source))
    target = folder / "sales.csv"
    target.write_text("old")
    declared = (Output("sales.csv", source="made.csv", overwrite=True),)
    submission = Submission(str(folder / "n.ipynb"), outputs=declared)
    run_id = runs.submit(real, submission, by=person("someone")).view.run.id
    assert start_engine(kill_at=f"{moment} {commit}").wait(TIMEOUT_S) == -signal.SIGKILL
    # The file is replaced between the two commits.
    assert target.read_text() == ("old" if commit == "planned" else NEW)
    start_engine()

    def find_published() -> bool:
        with real.store.read() as tx:
            found = tx.publications.list_for_run(run_id)
        return [each.state for each in found] == [PublicationState.PUBLISHED]

    eventually(find_published)
    assert runs.get(real, run_id).run.state is RunState.SUCCEEDED
    assert target.read_text() == NEW
    assert witness.read_text() == "ran\n"
    (manifest,) = folder.rglob(MANIFEST)
    assert [*json.loads(manifest.read_text())["files"]] == ["sales.csv"]
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".csv") == ["sales.csv"]
    assert publications.list_due(real, now=real.clock.now())[0] == set()
