"""A record whose bytes changed: it is found, and named."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from dataops_lab.blobs import FolderBlobs
from dataops_lab.domain.runs import AttemptState, RunState
from dataops_lab.domain.versions import digest_of
from dataops_lab.errors import Damaged, ReportUnavailable
from dataops_lab.services import integrity, portable_records, records, runs
from dataops_lab.store import tables as t
from dataops_lab.testing import FakeNotebooks, person

NOTEBOOK = b'{"cells": [], "metadata": {"executed": true}, "nbformat": 4, "nbformat_minor": 5}'


@pytest.fixture
def ctx(ctx, tmp_path):
    blobs = FolderBlobs(tmp_path / "blobs")
    return replace(ctx, blobs=blobs, notebooks=FakeNotebooks(blobs))


@pytest.fixture
def run(ctx, engine, submit, executor):
    """A run that the engine has finished, with a notebook, a log and an artifact."""
    view = submit()
    for _ in range(1000):
        engine.step()
        view = runs.get(ctx, view.run.id)
        state = view.attempts[-1].state if view.attempts else None
        if view.run.state is RunState.SUCCEEDED:
            return view.run
        if state is AttemptState.RUNNING and (name := view.attempts[-1].name) in executor.alive:
            folder = executor.directory(name)
            (folder / "output.ipynb").write_bytes(NOTEBOOK)
            (folder / "log.txt").write_text("said")
            (folder / "artifacts").mkdir()
            (folder / "artifacts" / "out.csv").write_text("1,2,3")
            executor.end(name)
        engine.wait_for_threads()
    raise AssertionError(view)


def with_report(ctx, render):
    class Rendering(FakeNotebooks):
        def render_report(self, notebook, **options):
            return render(**options)

    return replace(ctx, notebooks=Rendering(ctx.blobs))


def test_a_report_shows_what_lies_beside_the_notebook(ctx, run):
    seen = {}
    records.report(with_report(ctx, lambda **options: seen.update(options) or b"page"), run.id, code=True)
    [artifact] = runs.get(ctx, run.id).record.artifacts
    assert seen["pictures"]["out.csv"] == artifact.digest


def test_a_record_is_exported_without_a_report_that_takes_too_long(ctx, run, tmp_path):
    def too_slow(**options):
        raise ReportUnavailable("The report was not made within 60 s.")

    with (tmp_path / "archive.zip").open("wb") as target:
        portable_records.export(with_report(ctx, too_slow), run.id, target)
    with zipfile.ZipFile(tmp_path / "archive.zip") as archive:
        assert "notebook.ipynb" in archive.namelist()
        assert b"not made" in archive.read("report.html.missing.txt")


def flip_a_bit(ctx, digest: str) -> None:
    path: Path = ctx.blobs._path(digest)
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


READERS = {
    "output.ipynb": [
        lambda ctx, run_id: records.open_notebook(ctx, run_id, executed=True),
        records.notebook,
        records.executed_notebook,
        lambda ctx, run_id: records.report(ctx, run_id, code=True),
    ],
    "log.txt": [records.log],
    "out.csv": [lambda ctx, run_id: records.artifact(ctx, run_id, "out.csv")],
}


@pytest.mark.parametrize("path", READERS)
def test_a_flipped_bit_is_found_by_whoever_reads_it_named_and_noted(ctx, run, path, tmp_path):
    record = runs.get(ctx, run.id).record
    [file] = [file for file in record.files if file.path == path]
    flip_a_bit(ctx, file.digest)
    with (tmp_path / "archive").open("wb") as target:
        exporting = [lambda ctx, run_id: portable_records.export(ctx, run_id, target)]
        for read in READERS[path] + exporting:
            with pytest.raises(Damaged, match=path) as found:
                read(ctx, run.id)
            assert found.value.detail == {"run": run.id, "path": path, "digest": file.digest}
    assert runs.get(ctx, run.id).record.integrity_errors == {path: integrity.CHANGED}


def test_every_bit_of_a_record_is_looked_at_and_what_is_mended_is_whole_again(ctx, run):
    assert integrity.verify(ctx, run.id, by=person("someone")) == {}
    view = runs.get(ctx, run.id)
    digests = {file.path: file.digest for file in view.record.files}
    digests[f"input/{view.version.manifest.path}"] = view.version.manifest.source_digest
    assert len(digests) == 5
    for path, digest in digests.items():
        flip_a_bit(ctx, digest)
        assert integrity.verify(ctx, run.id, by=person("someone")) == {path: integrity.CHANGED}
        assert runs.get(ctx, run.id).record.integrity_errors == {path: integrity.CHANGED}
        flip_a_bit(ctx, digest)
        assert integrity.verify(ctx, run.id, by=person("someone")) == {}
        assert runs.get(ctx, run.id).record.integrity_errors == {}


def test_a_missing_blob_is_damage_and_not_a_run_that_does_not_exist(ctx, run):
    [log] = [file for file in runs.get(ctx, run.id).record.files if file.path == "log.txt"]
    ctx.blobs._path(log.digest).unlink()
    with pytest.raises(Damaged, match=r"log\.txt"):
        records.log(ctx, run.id)
    assert integrity.verify(ctx, run.id, by=person("someone")) == {"log.txt": integrity.MISSING}


@pytest.mark.parametrize("change", [{"values": {"auc": 1.0}}, {"files": []}, {"digest": digest_of(b"another")}])
def test_a_row_that_was_altered_is_found(ctx, run, change):
    with ctx.store._database.writer.begin() as connection:
        connection.execute(t.records.update().values(change))
    if "files" not in change:
        with pytest.raises(Damaged, match="the record itself"):
            records.log(ctx, run.id)
    assert list(integrity.verify(ctx, run.id, by=person("someone"))) == ["record"]


def test_a_version_that_was_altered_is_found(ctx, run):
    with ctx.store._database.writer.begin() as connection:
        version = runs.get(ctx, run.id).version
        manifest = replace(version.manifest, kernel_name="another").to_json()
        connection.execute(t.versions.update().values(manifest=manifest))
    assert list(integrity.verify(ctx, run.id, by=person("someone"))) == ["version"]
