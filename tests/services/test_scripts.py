"""Scripts and commands as jobs: what is refused, stored, repeated and kept of them."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import pytest

from dataops_lab.domain.jobs import JobKind
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.runs import Submission
from dataops_lab.engine.launch import build_bundle, read_launch_data
from dataops_lab.errors import Conflict, InvalidParameters
from dataops_lab.rundir import protocol
from dataops_lab.services import portable_records, records, runs
from dataops_lab.testing import person

SCRIPT = "/programs/load.py"
COMMAND = {
    "path": "/programs/month.pipeline.yaml#clean",
    "command": ("rm", "-rf", "scratch"),
    "declared": (Parameter("month"),),
}


@pytest.fixture
def schema(ctx):
    ctx.notebooks.schemas[SCRIPT] = ParameterSchema(
        (
            Parameter("month", ParameterType.DATE, required=True),
            Parameter("rate", ParameterType.NUMBER, default=0.5),
            Parameter("note", ParameterType.STRING, nullable=True),
        )
    )


def bundle_of(ctx, view):
    run = view.run
    attempt = runs.Attempt(run.id, 1, "launching", token=1, created_at=run.created_at)
    with ctx.store.read() as tx:
        return build_bundle(ctx, attempt, run, {}, read_launch_data(tx, [run])[run.id])


def test_a_script_is_a_job_of_its_own_kind_and_so_is_its_run(submit, ctx):
    view = submit(SCRIPT)
    assert (view.job.kind, view.run.kind, view.version.manifest.kind) == (JobKind.SCRIPT,) * 3
    stored = runs.get(ctx, view.run.id)
    assert (stored.run, stored.job) == (view.run, view.job)
    assert stored.run.kernel is not None
    assert stored.run.kernel.argv == ("/usr/bin/python3",)


def test_the_bundle_of_a_script_has_all_parameters_and_no_notebook(submit, ctx, schema):
    view = submit(SCRIPT, parameters={"month": "2026-10-01"})
    bundle = bundle_of(ctx, view)
    assert bundle.notebook is None
    assert "kernel" not in bundle.spec
    assert bundle.spec["program"] == {
        "kind": "script",
        "argv": ["/usr/bin/python3", "load.py"],
        "env": {},
        "parameters": {"month": "2026-10-01", "rate": 0.5, "note": None},
    }
    assert [file.path for file in bundle.files] == ["load.py"]
    limits = bundle.spec["output_limits"]
    assert limits["cell_bytes"] == limits["run_bytes"]


@pytest.mark.parametrize("name", ["-rf.py", "größe und mehr.py"])
def test_no_name_of_a_script_is_an_option(submit, ctx, name):
    argv = bundle_of(ctx, submit(f"/programs/{name}")).spec["program"]["argv"]
    assert argv[-1] in (name, f"./{name}")
    assert not argv[-1].startswith("-")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "'month' has no default"),
        ({"month": "May"}, "'month' needs a date"),
        ({"month": "2026-10-01", "x": 1}, "'x' is not a parameter of this script"),
        ({"month": "2026-10-01", "note": "n" * 70_000}, "DATAOPS_PARAM_NOTE has 70,000 bytes"),
        ({"month": "2026-10-01", "note": "a\0b"}, "DATAOPS_PARAM_NOTE must be valid Unicode"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(ctx, schema, given, words):
    with pytest.raises(InvalidParameters, match=words):
        runs.submit(ctx, Submission(SCRIPT, parameters=given), by=person("someone"))


def test_a_command_is_known_by_its_place_and_runs_what_it_says(submit, ctx):
    view = submit(**COMMAND, parameters={"month": "2026-10-01"})
    assert (view.job.kind, view.job.path) == (JobKind.COMMAND, "month.pipeline.yaml#clean")
    stored = runs.get(ctx, view.run.id)
    assert stored.version.manifest.command == ("rm", "-rf", "scratch")
    bundle = bundle_of(ctx, stored)
    assert bundle.spec["program"]["argv"] == ["rm", "-rf", "scratch"]
    assert bundle.files == []
    again = submit(**COMMAND, parameters={"month": "2026-11-01"})
    assert (again.job, again.version) == (view.job, view.version)
    other = submit(**COMMAND | {"command": ("true",)})
    assert (other.job, other.version.number) == (view.job, 2)


@pytest.mark.parametrize("what", [{"path": SCRIPT}, COMMAND])
def test_a_rerun_takes_the_same_version_and_interpreter(submit, ctx, what):
    first = submit(**what)
    again = runs.rerun(ctx, first.run.id, parameters=None, by=person("someone")).view
    assert (again.version, again.run.kind) == (first.version, first.run.kind)
    assert again.run.kernel == first.run.kernel


def test_a_rerun_keeps_the_options_of_a_shell(submit, ctx, monkeypatch):
    snapshot = ctx.notebooks.snapshot

    def with_options(path, **more):
        taken = snapshot(path, **more)
        manifest = replace(taken.manifest, kernel_name="bash", language="shell")
        kernel = replace(taken.kernel, name="bash", language="shell", argv=("/bin/bash", "-eu"))
        return replace(taken, manifest=manifest, kernel=kernel)

    monkeypatch.setattr(ctx.notebooks, "snapshot", with_options)
    first = submit("/programs/load.sh")
    again = runs.rerun(ctx, first.run.id, parameters=None, by=person("someone")).view
    assert again.run.kernel.argv == ("/usr/bin/bash", "-eu")


def test_keys_of_notebooks_stand_for_the_same_requests_as_before():
    asked = Submission("/notebooks/sales.ipynb", key="monday")
    assert runs._request_digest(asked) == "sha256:b54af0ff470f16a46dd8a726c0459b2f4c9b632c468a09364d04ec5535dd86d5"


@pytest.fixture
def ended(ctx, engine, executor, submit):
    """A function that runs something to its end. Like a hostile script, it leaves a file named as a notebook."""

    def run(**what):
        run_id = submit(**what).run.id
        for _ in range(200):
            engine.step()
            engine.wait_for_threads()
            view = runs.get(ctx, run_id)
            if view.run.state.is_terminal:
                return view
            for name in executor.alive:
                (executor.directory(name) / protocol.LOG).write_text("hello\n")
                (executor.directory(name) / protocol.OUTPUT).write_text('{"cells": []}')
                executor.end(name)
        raise AssertionError(view)

    return run


def test_there_is_neither_notebook_nor_report_of_a_script(ended, ctx):
    view = ended(path=SCRIPT)
    for read in (
        lambda: records.notebook(ctx, view.run.id),
        lambda: records.executed_notebook(ctx, view.run.id),
        lambda: records.open_notebook(ctx, view.run.id, executed=False),
        lambda: records.report(ctx, view.run.id, code=True),
    ):
        with pytest.raises(Conflict) as refusal:
            read()
        assert refusal.value.precise_code == "no_notebook"
        assert "Look at its log" in refusal.value.message


@pytest.mark.parametrize(
    ("what", "command"),
    [
        ({"path": SCRIPT}, "jupyter dataops run input/load.py --root input --kernel python3"),
        (
            {**COMMAND, "parameters": {"month": "it's"}},
            "mkdir -p input/ && cd input/\nexport DATAOPS_PARAM_MONTH='it'\"'\"'s'\nrm -rf scratch",
        ),
    ],
)
def test_the_portable_record_says_how_to_run_it_again(ended, ctx, what, command):
    view = ended(**what)
    target = io.BytesIO()
    portable_records.export(ctx, view.run.id, target)
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        assert archive.read("reproduce.sh").decode().endswith(f"{command}\n")
        assert "report.html" not in names
        record = json.loads(archive.read("record.json"))
        with ctx.store.read() as tx:
            assert (record["kind"], record["audit_head"]) == (view.run.kind, str(tx.audit.head()))
        assert ("input/load.py" in names) is (view.run.kind is JobKind.SCRIPT)
