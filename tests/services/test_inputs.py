"""The separation of code and data, from the submit to the deletion of what is stored."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from dataops_lab.domain.inputs import Inputs
from dataops_lab.domain.records import Record, RecordFile, RecordFileKind, record_digest
from dataops_lab.domain.runs import Attempt, AttemptState, RunState, Submission
from dataops_lab.domain.versions import IncludedFile, canonical_json, digest_of
from dataops_lab.engine.launch import build_bundle, reread_launch_data
from dataops_lab.errors import InvalidRequest
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.services import integrity, jobs, portable_records, records, retention, runs
from dataops_lab.testing import person


@pytest.fixture
def ctx(ctx):
    return replace(ctx, notebooks=LocalNotebooks(ctx.blobs))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    cells = [
        {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": "import helpers"},
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": kernel, "cells": cells}
    (folder / "sales.ipynb").write_text(json.dumps(notebook))
    (folder / "helpers.py").write_text("a = 1")
    (folder / "sales.csv").write_text("monday")
    return folder


@pytest.fixture
def submit(ctx, work):
    def submitted(**more):
        submission = Submission(path=str(work / "sales.ipynb"), root=str(work), **more)
        return runs.submit(ctx, submission, by=person("someone")).view

    return submitted


def inputs_of(ctx, view) -> list[tuple[str, bytes]]:
    found = records.files(ctx, view.run.id).inputs
    return [(file.path, ctx.blobs.read(file.digest)) for file in found.files]


def ended(ctx, view):
    """End the run as an engine does, with the smallest record."""
    now = ctx.clock.now()
    files = (RecordFile(RecordFileKind.LOG, "log.txt", ctx.blobs.put(b"{}"), 2),)
    with ctx.store.begin() as tx:
        active = view.run.transition_to(RunState.ACTIVE, started_at=now)
        tx.runs.transition(view.run, active)
        tx.attempts.add(Attempt(view.run.id, 1, AttemptState.CLAIMED, token=1, created_at=now))
        whole = record_digest(view.run.id, 1, files, {})
        tx.records.add(Record(view.run.id, 1, whole, files, {}, now))
        tx.runs.transition(active, active.transition_to(RunState.SUCCEEDED, finished_at=now))
    return runs.get(ctx, view.run.id)


def test_new_data_is_no_new_version_and_a_changed_module_is(ctx, work, submit):
    first = submit()
    (work / "sales.csv").write_text("tuesday")
    second = submit()
    (work / "helpers.py").write_text("a = 2")
    third = submit()
    assert [view.version.number for view in (first, second, third)] == [1, 1, 2]
    assert inputs_of(ctx, first) == [("sales.csv", b"monday")]
    assert inputs_of(ctx, second) == inputs_of(ctx, third) == [("sales.csv", b"tuesday")]


def test_runs_of_the_same_data_share_what_is_stored_of_them(ctx, submit):
    assert submit().run.inputs_digest == submit().run.inputs_digest is not None


def test_a_rerun_takes_the_bytes_of_then_and_a_new_run_those_of_now(ctx, work, submit):
    old = submit()
    (work / "sales.csv").write_text("tuesday")
    again = runs.rerun(ctx, old.run.id, parameters=None, by=person("someone")).view
    assert inputs_of(ctx, again) == [("sales.csv", b"monday")]
    assert inputs_of(ctx, submit()) == [("sales.csv", b"tuesday")]


def test_an_attempt_gets_code_and_data(ctx, work, submit):
    (work / "empty").mkdir()
    view = submit()
    attempt = Attempt(view.run.id, 1, AttemptState.CLAIMED, token=1, created_at=ctx.clock.now())
    launching = attempt.transition_to(AttemptState.LAUNCHING)
    with ctx.store.begin() as tx:
        tx.attempts.add(attempt, launching)
    bundle = build_bundle(ctx, launching, view.run, {}, reread_launch_data(ctx, launching, view.run))
    assert [file.path for file in bundle.files] == ["sales.ipynb", "helpers.py", "sales.csv"]
    assert (bundle.spec["files"], bundle.spec["folders"]) == (["helpers.py", "sales.csv"], ["empty"])


def test_pins_that_come_with_a_submission_are_those_of_the_job_from_then_on(ctx, work, submit):
    pinned = submit(pinned=("sales.csv",))
    assert inputs_of(ctx, pinned) == []
    assert [file.path for file in pinned.version.manifest.files] == ["helpers.py", "sales.csv"]
    later = submit()
    assert later.version.digest == pinned.version.digest
    assert later.job.pinned == ("sales.csv",)
    assert [view.version.number for view in (submit(pinned=()), submit())] == [2, 2]


def test_pins_of_a_job_are_changed_and_checked(ctx, submit):
    job = submit().job
    changed = jobs.change(ctx, job.id, {"pinned": ["*.csv", "!sales.csv", "*.csv"]}, by=person("someone")).job
    assert changed.pinned == ("!sales.csv", "*.csv")
    assert submit().run.inputs_digest is None
    with pytest.raises(InvalidRequest):
        jobs.change(ctx, job.id, {"pinned": [""]}, by=person("someone"))
    with pytest.raises(InvalidRequest):
        submit(pinned=("",))


def test_an_inspection_uses_the_pins_of_the_job_or_those_that_are_tried(ctx, work, submit):
    submit(pinned=("sales.csv",))
    path = str(work / "sales.ipynb")
    looks = [jobs.inspect(ctx, path, root=str(work), by=person("someone"), pinned=pinned) for pinned in (None, ())]
    assert [[file.path for file in looked.files if file.fresh] for looked in looks] == [[], ["sales.csv"]]


def test_a_version_from_before_still_runs_with_the_data_that_it_holds(ctx, work, submit):
    view = submit()
    old = IncludedFile("sales.csv", ctx.blobs.put(b"from before"), 11)
    manifest = replace(view.version.manifest, files=(*view.version.manifest.files, old))
    with ctx.store.begin() as tx:
        version = tx.versions.add(
            view.job.id, manifest, at=ctx.clock.now(), by=person("someone"), origin=view.run.origin
        )
        run = replace(view.run, id="0" * 26, version_digest=version.digest, inputs_digest=None)
        tx.runs.add(run)
    again = runs.rerun(ctx, run.id, parameters=None, by=person("someone")).view
    assert again.version.digest == manifest.digest
    assert [(file.path, file.digest) for file in records.files(ctx, again.run.id).files][-1] == (
        "sales.csv",
        digest_of(b"from before"),
    )


def test_the_portable_record_holds_the_data_and_names_their_digests(ctx, submit):
    view = ended(ctx, submit())
    target = io.BytesIO()
    portable_records.export(ctx, view.run.id, target)
    with zipfile.ZipFile(target) as archive:
        assert archive.read("input/sales.csv") == b"monday"
        told = json.loads(archive.read("record.json"))["inputs"]
    assert told["digest"] == view.run.inputs_digest
    assert [(file["path"], file["digest"]) for file in told["files"]] == [("sales.csv", digest_of(b"monday"))]


def test_damaged_data_is_named(ctx, submit):
    view = ended(ctx, submit())
    assert integrity.verify(ctx, view.run.id, by=person("someone")) == {}
    ctx.blobs._stored.pop(digest_of(b"monday"))
    assert integrity.verify(ctx, view.run.id, by=person("someone")) == {"input/sales.csv": integrity.MISSING}


def test_data_stays_while_a_run_needs_it_and_goes_with_the_last_one(ctx, work, submit):
    old = ended(ctx, submit())
    again = ended(ctx, runs.rerun(ctx, old.run.id, parameters=None, by=person("someone")).view)
    monday = digest_of(b"monday")
    with ctx.store.read() as tx:
        assert monday in set(tx.blob_digests())
        assert monday in set(tx.blob_digests(without=frozenset({old.run.id})))
        assert monday not in set(tx.blob_digests(without=frozenset({old.run.id, again.run.id})))
    retention.delete(ctx, old.run.id, by=person("someone"))
    retention.apply(ctx, by=person("retention"))
    assert inputs_of(ctx, again) == [("sales.csv", b"monday")]
    retention.delete(ctx, again.run.id, by=person("someone"))
    retention.apply(ctx, by=person("retention"))
    with ctx.store.read() as tx:
        assert monday not in set(tx.blob_digests())
        assert tx.inputs.list_unused() == []


def test_inputs_are_not_removed_while_a_run_has_them(ctx, submit):
    digest = submit().run.inputs_digest
    with ctx.store.begin() as tx:
        unused = tx.inputs.put(Inputs((IncludedFile("other.csv", digest_of(b"x"), 1),)))
        assert tx.inputs.list_unused() == [unused]
        assert (tx.inputs.remove(digest), tx.inputs.remove(unused)) == (False, True)


def test_a_key_from_before_there_were_pins_stands_for_the_same_request(ctx, work, submit):
    first = submit(key="monday")
    asked = asdict(Submission(path=str(work / "sales.ipynb"))) | {"key": None, "root": None}
    for newer in ("pinned", "command", "declared", "include", "reuse", "sweep", "outputs", "publish"):
        del asked[newer]
    assert first.run.request_digest == digest_of(canonical_json(asked))
    assert submit(key="monday").run.id == first.run.id
