"""`jupyter dataops run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..domain.environments import Resources
from ..domain.jobs import JobKind, kind_of_path
from ..domain.outputs import Output
from . import exit_codes, options, output_paths
from .connection import Connection, open_connection
from .output import print_json, print_note
from .run_summary import print_findings

if TYPE_CHECKING:
    from ..api_models import RunModel


@click.command()
@click.argument("notebook", metavar="NOTEBOOK|SCRIPT|PIPELINE")
@options.parameter_options
@options.rows_option
@options.sweep_options
@click.option("--env", "environment", default="sandbox", show_default=True, help="The environment to run in.")
@options.kernel_option
@click.option("--image", metavar="NAME", help="The image of the catalogue to run in, where the environment has images.")
@options.resources_options
@click.option("--name", help="Name of the job; the notebook's by default.")
@click.option("--reuse", is_flag=True, help="Take over earlier results of steps of a pipeline that have not changed.")
@click.option("--dry-run", is_flag=True, help="With --reuse: say what would be reused and why, and start nothing.")
@options.wait_option
@click.option(
    "-o",
    "--output",
    metavar="OUT.ipynb",
    help="Write the executed notebook there when the run has ended, also of one that failed. An existing file is "
    "replaced.",
)
@options.outputs_options
@options.key_option
@options.settings_options
@options.root_option
@options.server_option
@options.json_option
def run(
    notebook: str,
    texts: tuple[tuple[str, str], ...],
    params_file: str | None,
    rows_file: str | None,
    sweeps: bool,
    concurrency: int | None,
    max_failures: str | None,
    environment: str,
    kernel: str | None,
    image: str | None,
    cpus: float | None,
    memory_bytes: int | None,
    pids: int | None,
    gpus: int | None,
    name: str | None,
    reuse: bool,
    dry_run: bool,
    wait: bool,
    output: str | None,
    declared_outputs: tuple[str, ...],
    publish: bool | None,
    key: str | None,
    root: str | None,
    server: str | None,
    as_json: bool,
    **settings: Any,
) -> int:
    """Run NOTEBOOK as a job: snapshot it, submit it, follow it.

    A script (.py, .sh, .R) runs the same way: it leaves a log instead of an executed notebook. So does a pipeline
    (.pipeline.yaml): its steps are runs of their own.

    Data files travel as they are now, unless `jupyter dataops jobs set --pin` made them a part of the version.

    With --server, NOTEBOOK is the path that Jupyter's file browser shows. With --params-file, many runs of it. With
    --sweep, one run with a point for each combination of values.

    \b
    Exit code: 0  it succeeded
               1  it failed
               2  refused, nothing was submitted
               3  it was cancelled, timed out or was lost
               4  the state folder, the engine or the server cannot serve now
    """
    from . import follow, parameters

    if output and not wait:
        raise click.UsageError("-o needs the run's end: leave --no-wait out, or use `jupyter dataops runs output`.")
    if output and kind_of_path(notebook) is not JobKind.NOTEBOOK:
        raise click.UsageError(
            "-o is for notebooks: a script leaves a log (`jupyter dataops runs logs`), and a pipeline has steps "
            "(`jupyter dataops runs show`)."
        )
    if output and (rows_file or sweeps):
        raise click.UsageError("-o is for one run: write the notebooks of many with `jupyter dataops runs output`.")
    if rows_file and sweeps:
        raise click.UsageError("Either --params-file or --sweep: rows are runs of their own, a sweep is one run.")
    if not sweeps and (concurrency is not None or max_failures is not None):
        raise click.UsageError("--concurrency and --max-failures are for a sweep: add --sweep, or leave them out.")
    if dry_run and not reuse:
        raise click.UsageError("--dry-run is for --reuse. `jupyter dataops inspect` starts nothing either.")
    if reuse and (rows_file or sweeps):
        raise click.UsageError("--reuse is for one run of a pipeline: leave --params-file and --sweep out.")
    target = output_paths.check_writable(output, forbidden=None if server else notebook) if output else None
    file_values = parameters.read_values(params_file)
    sweep = None
    if sweeps:
        sweep, file_values, texts = parameters.make_sweep(
            file_values, texts, concurrency=concurrency, max_failures=max_failures
        )
    request: dict[str, Any] = {
        "parameters": file_values,
        "texts": texts,
        "name": name,
        "environment": environment,
        "kernel": kernel,
        "image": image,
        "resources": Resources(cpus, memory_bytes, pids, gpus),
        "key": key,
        "outputs": [Output.parse(text) for text in declared_outputs] or None,
        "publish": publish,
        **settings,
    }
    rows = parameters.read_rows(rows_file) if rows_file else None
    with open_connection(server, root) as connection:
        if rows is not None:
            queued_runs = connection.client.submit_many(notebook, rows, **request)
            connection.ensure_engine()
            return follow.follow_many(connection, queued_runs, waits=wait, json=as_json)
        if dry_run:
            return _print_reuse(connection, notebook, request, as_json)
        submitted_run = connection.client.submit(notebook, sweep=sweep, reuse=reuse, **request)
        if not as_json:
            print_findings(submitted_run.findings, err=True)
        connection.ensure_engine()
        outcome = (
            follow.follow_to_end(connection, submitted_run, quiet=as_json) if wait else follow.Outcome(submitted_run)
        )
        if target is not None and not outcome.detached:
            _write_executed(connection, outcome.run, target)
        return follow.report_outcome(connection, outcome, waited=wait, json=as_json)


def _print_reuse(connection: Connection, path: str, request: dict[str, Any], as_json: bool) -> int:
    from . import steps

    asked = {name: request[name] for name in ("parameters", "texts", "environment", "image")}
    found = connection.client.pipelines.preview_reuse(path, **asked)
    if as_json:
        print_json(found)
    else:
        steps.print_reuse(found)
    return exit_codes.SUCCEEDED


def _write_executed(connection: Connection, run: RunModel, target: Path) -> None:
    from ..client.files import open_replacement

    if run.digests.output is None:
        print_note(f"The run left no executed notebook; nothing was written to {target}.")
        return
    with open_replacement(target) as file:
        file.write(connection.client.executed_notebook(run.id))
