"""`jupyter dataops run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..domain.environments import Resources
from . import options, targets
from .connection import Connection, connected
from .output import remark
from .story import tell_findings

if TYPE_CHECKING:
    from ..api_models import RunModel


@click.command()
@click.argument("notebook")
@options.parameter_options
@options.rows_option
@click.option("--env", "environment", default="sandbox", show_default=True, help="The environment to run in.")
@options.kernel_option
@click.option("--image", metavar="NAME", help="The image of the catalogue to run in, where the environment has images.")
@options.resources_options
@click.option("--name", help="Name of the job; the notebook's by default.")
@options.wait_option
@click.option(
    "-o",
    "--output",
    metavar="OUT.ipynb",
    help="Write the executed notebook there when the run has ended, also of one that failed. An existing file is "
    "replaced.",
)
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
    environment: str,
    kernel: str | None,
    image: str | None,
    cpus: float | None,
    memory_bytes: int | None,
    pids: int | None,
    gpus: int | None,
    name: str | None,
    wait: bool,
    output: str | None,
    key: str | None,
    root: str | None,
    server: str | None,
    as_json: bool,
    **settings: Any,
) -> int:
    """Run NOTEBOOK as a job: snapshot it, submit it, follow it.

    Data files travel as they are now, unless `jupyter dataops jobs set --pin` made them a part of the version.

    With --server, NOTEBOOK is the path that Jupyter's file browser shows. With --params-file, many runs of it.

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
    if output and rows_file:
        raise click.UsageError("-o is for one run: write the notebooks of many with `jupyter dataops runs output`.")
    target = targets.checked(output, never=None if server else notebook) if output else None
    given = parameters.read(params_file)
    asked: dict[str, Any] = {
        "parameters": given,
        "texts": texts,
        "name": name,
        "environment": environment,
        "kernel": kernel,
        "image": image,
        "resources": Resources(cpus, memory_bytes, pids, gpus),
        "key": key,
        **settings,
    }
    rows = parameters.read_rows(rows_file) if rows_file else None
    with connected(server, root) as connection:
        if rows is not None:
            queued = connection.client.submit_many(notebook, rows, **asked)
            connection.keep_engine()
            return follow.many(connection, queued, waits=wait, json=as_json)
        submitted = connection.client.submit(notebook, **asked)
        if not as_json:
            tell_findings(submitted.findings, err=True)
        connection.keep_engine()
        outcome = follow.to_its_end(connection, submitted, quiet=as_json) if wait else follow.Outcome(submitted)
        if target is not None and not outcome.left:
            _write_executed(connection, outcome.run, target)
        return follow.answer(connection, outcome, waited=wait, json=as_json)


def _write_executed(connection: Connection, run: RunModel, target: Path) -> None:
    from ..client.files import replacing

    if run.digests.output is None:
        remark(f"The run left no executed notebook; nothing was written to {target}.")
        return
    with replacing(target) as file:
        file.write(connection.client.executed_notebook(run.id))
