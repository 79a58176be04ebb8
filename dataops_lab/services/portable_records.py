"""The portable record: everything of a run in one file, that can be read and run again elsewhere."""

from __future__ import annotations

import json
import posixpath
import shlex
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

from ..domain.inputs import Inputs
from ..domain.jobs import JobKind
from ..domain.records import RecordFileKind
from ..domain.sweeps import SWEEP_STEP, Sweep
from ..domain.versions import Manifest, canonical_json
from ..errors import ReportUnavailable
from ..ports import PipelineProgress
from ..rundir.parameters import parameter_variables
from . import publications, records
from .archive_names import ArchiveNames
from .context import Services
from .integrity import inputs_of
from .runs import RunView, get


def export(ctx: Services, run_id: str, target: BinaryIO) -> None:
    """Write the portable record: a ZIP file with everything, its inputs included, and the command to run it again.

    That of a pipeline or a sweep has its file and its outputs, and names the records of its parts by their digests.
    """
    view = get(ctx, run_id)
    if view.run.kind.has_steps:
        _export_pipeline(ctx, view, target)
        return
    record = view.record
    if record is None:
        raise records.not_available(view, "record")
    manifest, inputs = view.version.manifest, inputs_of(ctx, view)
    names = ArchiveNames()
    stored: dict[str, str] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in record.files:
            name = _ARCHIVE_NAMES.get(file.kind) or names.name_for(f"artifacts/{file.path}")
            stored[file.digest] = name
            with records.open_stored(ctx, view, file) as source:
                _add(archive, name, source)
        if view.run.kind is JobKind.NOTEBOOK and record.find_file(RecordFileKind.NOTEBOOK):
            for code, name in ((True, "report.html"), (False, "report-without-code.html")):
                try:
                    with records.report(ctx, view.run.id, code=code) as page:
                        _add(archive, name, page)
                except ReportUnavailable as error:  # The rest of the record must not depend on it.
                    archive.writestr(f"{name}.missing.txt", f"{error.message}\n")
        archive.writestr("parameters.json", _pretty(view.run.parameters))
        archive.writestr("values.json", _pretty(record.values))
        if manifest.source_digest is None:
            archive.writestr("reproduce.sh", _reproduce_command(view))
        else:
            source_name = names.name_for(f"input/{manifest.path}")
            archive.writestr("reproduce.sh", _reproduce(view, source_name))
            archive.writestr(source_name, ctx.blobs.read(manifest.source_digest))
        _add_inputs(ctx, archive, names, manifest, inputs)
        outputs = _add_outputs(ctx, view, archive, names, stored)
        archive.writestr(
            "record.json",
            _pretty(
                {
                    **_summary(view, inputs),
                    "outputs": outputs,
                    "renamed": names.changed,
                    "audit_head": _audit_head(ctx),
                }
            ),
        )


def _audit_head(ctx: Services) -> str:
    """Read the head of the audit trail. Each copy of it proves later that no entry before was changed."""
    with ctx.store.read() as tx:
        return str(tx.audit.head())


def _export_pipeline(ctx: Services, view: RunView, target: BinaryIO) -> None:
    if not view.run.state.is_terminal or view.progress is None:
        raise records.not_available(view, "record")
    manifest, names = view.version.manifest, ArchiveNames()
    assert manifest.source_digest is not None
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("parameters.json", _pretty(view.run.parameters))
        source_name = names.name_for(f"input/{manifest.path}")
        archive.writestr(source_name, ctx.blobs.read(manifest.source_digest))
        record = {**_run_summary(view), "steps": _step_summaries(ctx, view, view.progress)}
        if view.progress.sweep is not None:
            record["sweep"] = view.progress.sweep.values
            _add_sweep(ctx, view, view.progress.sweep, archive, names, source_name)
        record["outputs"] = _add_outputs(ctx, view, archive, names, {})
        archive.writestr("record.json", _pretty({**record, "renamed": names.changed, "audit_head": _audit_head(ctx)}))


def _add_sweep(
    ctx: Services, view: RunView, sweep: Sweep, archive: zipfile.ZipFile, names: ArchiveNames, source: str
) -> None:
    """Add what runs the sweep again: the files of its points, which all have the same, and the command."""
    with ctx.store.read() as tx:
        points = tx.pipelines.list_parts(view.run.id, [SWEEP_STEP]).get(SWEEP_STEP, ())
    if not points:  # It ended before a point had begun, and nobody knows the files.
        return
    point = get(ctx, points[0].id)
    _add_inputs(ctx, archive, names, view.version.manifest, inputs_of(ctx, point))
    # The command takes a list for values of the sweep: a value that is a list stands in a list.
    shared = {name: [value] if isinstance(value, list) else value for name, value in view.run.parameters.items()}
    archive.writestr("sweep.json", _pretty({**shared, **sweep.values}))
    archive.writestr("reproduce.sh", _reproduce_sweep(point, sweep, source))


def _add_inputs(
    ctx: Services, archive: zipfile.ZipFile, names: ArchiveNames, manifest: Manifest, inputs: Inputs
) -> None:
    for travelled in (*manifest.files, *inputs.files):
        with ctx.blobs.open(travelled.digest) as source:
            _add(archive, names.name_for(f"input/{travelled.path}"), source)
    for folder in (*manifest.folders, *inputs.folders):
        archive.writestr(names.name_for(f"input/{folder}") + "/", b"")


def _add_outputs(
    ctx: Services, view: RunView, archive: zipfile.ZipFile, names: ArchiveNames, stored: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Add the declared outputs that are not in the archive yet, and return them with the names that they have there.

    `stored` has the names by digest of what is in the archive.
    """
    found = []
    for output in publications.list_outputs(ctx, view.run.id).outputs:
        left = output.publication
        name = None if left is None else stored.get(left.digest or "")
        if left is not None and name is None:
            try:
                _, source = publications.open_output(ctx, view.run.id, output.path)
            except ReportUnavailable as error:  # The rest of the record must not depend on it.
                archive.writestr(f"{names.name_for(f'outputs/{output.path}')}.missing.txt", f"{error.message}\n")
            else:
                name = names.name_for(f"outputs/{output.path}")
                with source:
                    _add(archive, name, source)
        found.append(
            {
                "path": output.path,
                "source": output.source,
                "optional": output.optional,
                "digest": left.digest if left else None,
                "file": name,
            }
        )
    return found


def _step_summaries(ctx: Services, view: RunView, progress: PipelineProgress) -> dict[str, Any]:
    """Return for each step its end, and its runs with the digests of their records."""
    with ctx.store.read() as tx:
        parts = tx.pipelines.list_parts(view.run.id, list(progress.statuses))
        records = tx.records.find_for_runs([part.id for of_step in parts.values() for part in of_step])
    versions = dict(view.version.manifest.steps)
    return {
        step_id: {
            "state": status.state,
            "reason": asdict(status.reason) if status.reason else None,
            "version": versions.get(step_id),
            "decided_by": asdict(status.decided_by) if status.decided_by else None,
            "comment": status.comment,
            "runs": [
                {
                    "run": part.id,
                    "item": part.item_key,
                    "state": part.state,
                    "record": records[part.id].digest if part.id in records else None,
                }
                for part in parts.get(step_id, ())
            ],
        }
        for step_id, status in progress.statuses.items()
    }


_ARCHIVE_NAMES = {
    RecordFileKind.NOTEBOOK: "notebook.ipynb",
    RecordFileKind.JOURNAL: "journal.jsonl",
    RecordFileKind.LOG: "log.txt",
    RecordFileKind.RESULT: "result.json",
}


def _add(archive: zipfile.ZipFile, name: str, source: BinaryIO) -> None:
    with archive.open(name, "w", force_zip64=True) as entry:
        while chunk := source.read(1024 * 1024):
            entry.write(chunk)


def _summary(view: RunView, inputs: Inputs) -> dict[str, Any]:
    record = view.record
    assert record is not None
    return {
        **_run_summary(view),
        "inputs": {"digest": inputs.digest, **inputs.to_json()},
        "record": record.digest,
        "files": [asdict(file) for file in record.files],
    }


def _run_summary(view: RunView) -> dict[str, Any]:
    run = view.run
    return {
        "run": run.id,
        "job": view.job.name,
        "path": view.job.path,
        "state": run.state,
        "reason": asdict(run.reason) if run.reason else None,
        "environment": run.environment,
        "created_by": asdict(run.created_by),
        "trigger": asdict(run.trigger),
        "created_at": run.created_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "kind": run.kind,
        "kernel": {"name": run.kernel.name, "argv": list(run.kernel.argv)} if run.kernel else None,
        "origin": asdict(run.origin),
        "version": view.version.digest,
        "manifest": view.version.manifest.to_json(),
    }


def _reproduce(view: RunView, source: str) -> str:
    command = _run_command(view, source)
    if view.run.parameters:
        command += ["--params", "parameters.json"]
    return f"{_SHELL}{shlex.join(command)}\n"


def _run_command(view: RunView, source: str) -> list[str]:
    kernel = view.run.kernel
    command = ["jupyter", "dataops", "run", source, "--root", "input"]
    # For a script a kernel chooses the Python; no kernel runs a shell or R.
    if kernel and (view.run.kind is JobKind.NOTEBOOK or kernel.language == "python"):
        command += ["--kernel", kernel.name]
    return command


def _reproduce_sweep(point: RunView, sweep: Sweep, source: str) -> str:
    command = [*_run_command(point, source), "--sweep", "--params", "sweep.json"]
    if sweep.concurrency is not None:
        command += ["--concurrency", str(sweep.concurrency)]
    if (tolerated := sweep.max_failures.written) is not None:
        command += ["--max-failures", str(tolerated)]
    return f"{_SHELL}{shlex.join(command)}\n"


def _reproduce_command(view: RunView) -> str:
    manifest = view.version.manifest
    variables = parameter_variables(manifest.parameters.complete(view.run.parameters))
    exports = "".join(f"export {name}={shlex.quote(text)}\n" for name, text in variables.items())
    folder = shlex.quote(posixpath.join("input", manifest.folder))
    return f"{_SHELL}mkdir -p {folder} && cd {folder}\n{exports}{shlex.join(manifest.command)}\n"


_SHELL = "#!/bin/sh\n# Run in the folder that this file lies in.\n"


def _pretty(value: Any) -> str:
    # Use the canonical form: it refuses values that JSON cannot hold, before a reader finds them.
    return json.dumps(json.loads(canonical_json(value)), indent=2, ensure_ascii=False) + "\n"
