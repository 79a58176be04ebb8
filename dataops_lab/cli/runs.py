"""`jupyter dataops runs …`."""

from __future__ import annotations

import datetime as dt
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..domain.environments import Resources
from ..domain.jobs import JobKind
from ..domain.runs import RunState, TriggerKind
from ..errors import DataOpsError
from . import exit_codes, options, output_paths, outputs
from .connection import open_connection
from .items import print_items, sort_options, sorted_items, write_csv
from .output import print_json, print_note, print_table
from .text import duration, plain, plural, size, terminal_filter, time_ago

if TYPE_CHECKING:
    from ..api_models import PageModel, RunModel, RunSummaryModel
    from ..domain.runs import RunSummary
    from ..ports import Page


@click.group()
def runs() -> None:
    """Look at runs, end them, run them again.

    RUN is a run's id, as many of its first characters as make it unique (six at least), or `last` for the newest one.
    """


runs.add_command(outputs.outputs)
runs.add_command(outputs.publish)


@runs.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([str(state) for state in RunState]),
    help="Only runs in this state. Repeat it for several.",
)
@click.option("--job", metavar="JOB", help="Only runs of this job: its id or its name.")
@click.option("--env", "environment", help="Only runs in this environment.")
@click.option("--user", help="Only runs that this person submitted.")
@click.option("--text", help="Only runs with this text in the job's name, its path or the reason.")
@click.option("--parent", metavar="RUN", help="The runs of the steps or points of this run; lists leave them out else.")
@click.option("--step", help="Only the runs of this step; with --parent.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many at most.")
@click.option("--cursor", help="Where the page before ended: its `next`.")
@options.server_option
@options.json_option
def list_(
    states: tuple[str, ...],
    job: str | None,
    environment: str | None,
    user: str | None,
    text: str | None,
    parent: str | None,
    step: str | None,
    limit: int,
    cursor: str | None,
    server: str | None,
    as_json: bool,
) -> None:
    """List runs, newest first."""
    if step and not parent:
        raise click.UsageError("--step needs --parent: name the pipeline run.")
    found = [RunState(state) for state in states]
    page: Page[RunSummary] | PageModel[RunSummaryModel] | None = None
    if not (server or job or parent or as_json):
        from ..home import Home, state_folder
        from ..ports import RunFilter
        from ..store.fast_path import page_of_runs

        where = RunFilter(states=tuple(found), environment=environment, created_by=user, text=text)
        page = page_of_runs(Home(state_folder()).database, where, limit=limit, cursor=cursor)
    if page is None:
        with open_connection(server) as connection:
            page = connection.client.runs(
                states=found,
                job=connection.find_job(job).id if job else None,
                environment=environment,
                user=user,
                text=text,
                parent=connection.find_run(parent).id if parent else None,
                step=step,
                limit=limit,
                cursor=cursor,
            )
        if as_json:
            print_json(page)
            return
    if page.items:
        now = dt.datetime.now(dt.UTC)
        headings = ["run", "state", "job", "done", "took", "submitted", "by"]
        # Many runs of one step have the same job: their keys tell them apart.
        headings = ["step", *headings] if parent else headings
        rows = [(*([_key(run)] if parent else ()), *_row(run, now)) for run in page.items]
        print_table(headings, rows, folded="job")
        if page.next:
            print_note(f"There are more: --cursor {page.next}")
    else:
        print_note("No runs. `jupyter dataops run NOTEBOOK` makes one.")


@runs.command()
@options.run_argument
@sort_options
@options.server_option
@options.json_option
def show(run_id: str, sort: str | None, descending: bool, server: str | None, as_json: bool) -> None:
    """Show the state, parameters, values and failure of a run.

    It shows what differs between a run that did not succeed and the last one that did.
    It shows the table of points of a sweep.
    """
    with open_connection(server) as connection:
        run = connection.find_run(run_id)
        if run.kind is JobKind.SWEEP:
            table = connection.client.pipelines.items(run.id)
            points = sorted_items(table, sort, descending=descending)
        elif sort or descending:
            raise click.UsageError("--sort is for a sweep. The items of a step are in `runs items RUN --step STEP`.")
        if as_json:
            whole = run.model_dump(mode="json")
            if run.kind is JobKind.SWEEP:
                whole["items"] = [point.model_dump(mode="json") for point in points]
            from .run_summary import comparison_of

            if compared := comparison_of(run, connection.client):
                whole["comparison"] = compared.model_dump(mode="json")
            print_json(whole)
            return
        _print_details(run)
        from .run_summary import headline, print_findings, print_run

        print_findings(run.findings, err=False)
        if run.kind is JobKind.SWEEP:
            click.echo(headline(run))
            if run.reason:
                click.echo(plain(run.reason.message))
            print_items(table, points)
        else:
            print_run(run, connection.client)


@runs.command()
@options.run_argument
@click.option("--step", help="The fan-out whose items are wanted, in a run of a pipeline.")
@sort_options
@click.option("--csv", "csv_file", metavar="FILE", help="Write the table as CSV; `-` is stdout.")
@options.server_option
@options.json_option
def items(
    run_id: str,
    step: str | None,
    sort: str | None,
    descending: bool,
    csv_file: str | None,
    server: str | None,
    as_json: bool,
) -> None:
    """Show the points of a sweep, or the items of a fan-out.

    For each it shows the given parameters and the recorded values.
    """
    if csv_file and as_json:
        raise click.UsageError("Either --csv or --json.")
    target = output_paths.check_writable(csv_file) if csv_file and csv_file != "-" else None
    with open_connection(server) as connection:
        run = connection.find_run(run_id)
        table = connection.client.pipelines.items(run.id, step)
    rows = sorted_items(table, sort, descending=descending)
    if as_json:
        print_json(table.model_copy(update={"items": rows}))
    elif target is not None:
        with target.open("w", encoding="utf-8", newline="") as file:
            write_csv(table, rows, file)
        _print_written(run, target, as_json)
    elif csv_file:
        write_csv(table, rows, sys.stdout)
    else:
        print_items(table, rows)


@runs.command()
@options.run_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@options.server_option
def logs(run_id: str, follow: bool, server: str | None) -> None:
    """Print the text that the cells of a run wrote."""
    import codecs

    with open_connection(server) as connection:
        run = connection.find_run(run_id)
        if run.kind.has_steps:
            print_note(f"A {run.kind} has no log: those of its parts are with the runs of `runs show {run.id}`.")
            return
        chunks = connection.client.follow_log(run.id) if follow else connection.client.log(run.id)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        terminal = sys.stdout.isatty()
        for chunk in chunks:
            if terminal:
                click.echo(terminal_filter(terminal)(decoder.decode(chunk)), nl=False)
            else:
                # A file or a program gets the bytes as they are.
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()


@runs.command()
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@options.server_option
@options.json_option
def cancel(run_ids: tuple[str, ...], server: str | None, as_json: bool) -> int:
    """Ask for the end of runs. One that runs is cancelled when it is proven that nothing of it is alive."""
    refused: list[tuple[str, DataOpsError]] = []
    asked: list[RunModel] = []
    with open_connection(server) as connection:
        # Look up all of them first: with a mistyped id none is cancelled.
        for run in [connection.find_run(run_id) for run_id in run_ids]:
            try:
                asked.append(connection.client.cancel(run.id))
            except DataOpsError as error:
                refused.append((run.id, error))
        if any(not run.is_terminal for run in asked):
            connection.ensure_engine()
    if as_json:
        errors = [{"run": run_id, "code": error.precise_code, "message": error.message} for run_id, error in refused]
        items = [run.model_dump(mode="json") for run in asked]
        print_json({"items": items, "next": None, "errors": errors})
    else:
        for run in asked:
            click.echo(f"{run.id} {run.phase}")
        for _, why in refused:
            print_note(plain(why.message))
    return exit_codes.code_of_error(refused[0][1]) if refused else exit_codes.SUCCEEDED


_comment_option = click.option("--comment", default="", help="A comment, which stays with the step.")


@runs.command()
@options.run_argument
@click.argument("step")
@_comment_option
@options.server_option
@options.json_option
def approve(run_id: str, step: str, comment: str, server: str | None, as_json: bool) -> None:
    """Approve STEP of a pipeline run, which then goes on."""
    _decide(run_id, step, comment, server, as_json, approved=True)


@runs.command()
@options.run_argument
@click.argument("step")
@_comment_option
@options.server_option
@options.json_option
def reject(run_id: str, step: str, comment: str, server: str | None, as_json: bool) -> None:
    """Reject STEP of a pipeline run.

    The steps after it run only if their `run_if` allows for failures.
    """
    _decide(run_id, step, comment, server, as_json, approved=False)


def _decide(run_id: str, step: str, comment: str, server: str | None, as_json: bool, *, approved: bool) -> None:
    with open_connection(server) as connection:
        run = connection.find_run(run_id)
        decided = connection.client.pipelines.decide(run.id, step, approved=approved, comment=comment)
        connection.ensure_engine()
    if as_json:
        print_json(decided)
    else:
        click.echo(f"{run.id} {decided.id} {'approved' if approved else 'rejected'}")


@runs.command()
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask. Needed where nobody can be asked.")
@options.server_option
@options.json_option
def delete(run_ids: tuple[str, ...], yes: bool, server: str | None, as_json: bool) -> int:
    """Delete runs that have ended, with their records, for good."""
    with open_connection(server) as connection:
        # Look up all of them first: with a mistyped id none is deleted.
        found = [connection.find_run(run_id).id for run_id in run_ids]
        if not yes and (as_json or not sys.stdin.isatty()):
            raise click.UsageError("This deletes records for good. Say --yes.")
        if not yes:
            click.confirm(f"Delete {plural(len(found), 'run')} and what they left, for good?", abort=True)
        return _apply_to_each(found, connection.client.delete, "deleted", as_json)


@runs.command()
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@options.server_option
@options.json_option
def keep(run_ids: tuple[str, ...], server: str | None, as_json: bool) -> int:
    """Keep runs: neither retention rules nor a person deletes them."""
    with open_connection(server) as connection:
        kept_runs = [connection.find_run(run_id).id for run_id in run_ids]
        return _apply_to_each(kept_runs, connection.client.keep, "kept", as_json)


@runs.command()
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@options.server_option
@options.json_option
def unkeep(run_ids: tuple[str, ...], server: str | None, as_json: bool) -> int:
    """Let runs go again that were kept."""
    with open_connection(server) as connection:
        found = [connection.find_run(run_id).id for run_id in run_ids]
        return _apply_to_each(found, connection.client.unkeep, "no longer kept", as_json)


def _apply_to_each(run_ids: list[str], action: Callable[[str], object], done_text: str, as_json: bool) -> int:
    refused: list[tuple[str, DataOpsError]] = []
    for run_id in run_ids:
        try:
            action(run_id)
        except DataOpsError as error:
            refused.append((run_id, error))
            if not as_json:
                print_note(plain(error.message))
        else:
            if not as_json:
                click.echo(f"{run_id} {done_text}")
    if as_json:
        errors = [{"run": run_id, "code": error.precise_code, "message": error.message} for run_id, error in refused]
        done_ids = [run_id for run_id in run_ids if run_id not in dict(refused)]
        print_json({"runs": done_ids, "errors": errors})
    return exit_codes.code_of_error(refused[0][1]) if refused else exit_codes.SUCCEEDED


@runs.command()
@options.run_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write it; `-` is stdout.  [default: the notebook's name and the run's id, in this folder]",
)
@options.server_option
@options.json_option
def output(run_id: str, output: str | None, server: str | None, as_json: bool) -> None:
    """Write the executed notebook of a run."""
    if output == "-" and as_json:
        raise click.UsageError("Either `-o -` or --json: both would write to stdout.")
    target = output_paths.check_writable(output) if output and output != "-" else None
    with open_connection(server) as connection:
        run = connection.find_run(run_id)
        notebook = connection.client.executed_notebook(run.id)
    if output == "-":
        sys.stdout.buffer.write(notebook)
        return
    target = target or output_paths.check_writable(output_paths.notebook_file_name(run.job.path, run.id))
    from ..client.files import open_replacement

    with open_replacement(target) as file:
        file.write(notebook)
    _print_written(run, target, as_json)


@runs.command()
@options.run_argument
@click.option("-o", "--output", metavar="FILE.zip", required=True, help="Where to write it.")
@options.server_option
@options.json_option
def record(run_id: str, output: str, server: str | None, as_json: bool) -> None:
    """Write everything of a run to one ZIP file.

    Executed notebook, report with and without code, parameters, values, artifacts, log, digests, its inputs, and the
    command that runs it again.
    """
    target = output_paths.check_writable(output)
    with open_connection(server) as connection:
        run = connection.find_run(run_id)
        connection.client.record(run.id, target)
    _print_written(run, target, as_json)


@runs.command()
@options.run_argument
@options.server_option
@options.json_option
def inputs(run_id: str, server: str | None, as_json: bool) -> None:
    """List the files that a run found beside its notebook.

    Those of its version, and those that it took fresh when it was made.
    """
    with open_connection(server) as connection:
        found = connection.client.inputs(connection.find_run(run_id).id)
    if as_json:
        print_json(found)
    elif found.files:
        rows = [
            (file.path, "fresh" if file.fresh else "version", size(file.size), file.digest[:19] + "…")
            for file in found.files
        ]
        print_table(("file", "of", "size", "digest"), rows, folded="file")
    else:
        print_note("No other files.")


@runs.command()
@options.run_argument
@options.parameter_options
@click.option("--env", "environment", metavar="NAME", help="Another environment than the one in which it ran.")
@click.option("--image", metavar="NAME", help="An image of the catalogue, as it is there now.")
@options.resources_options
@options.wait_option
@click.option("--publish", is_flag=True, help="Publish its outputs, as the first run did.")
@options.key_option
@options.server_option
@options.json_option
def rerun(
    run_id: str,
    texts: tuple[tuple[str, str], ...],
    params_file: str | None,
    environment: str | None,
    image: str | None,
    cpus: float | None,
    memory_bytes: int | None,
    pids: int | None,
    gpus: int | None,
    wait: bool,
    publish: bool,
    key: str | None,
    server: str | None,
    as_json: bool,
) -> int:
    """Run the version of an earlier run again, as a new run. Parameters that are not given stay as they were.

    It reads the data that the earlier run read; `jupyter dataops run` takes those of now. It runs where it ran before,
    in the very same image, unless --env or --image names another one.

    Exit codes are those of `jupyter dataops run`.
    """
    from . import follow, parameters

    file_values = parameters.read_values(params_file)
    with open_connection(server) as connection:
        old_run = connection.find_run(run_id)
        new_parameters = (
            {**old_run.parameters, **file_values, **_parse_texts(old_run, texts)} if file_values or texts else None
        )
        new_run = connection.client.rerun(
            old_run.id,
            parameters=new_parameters,
            environment=environment,
            image=image,
            resources=Resources(cpus, memory_bytes, pids, gpus),
            key=key,
            publish=publish,
        )
        connection.ensure_engine()
        outcome = follow.follow_to_end(connection, new_run, quiet=as_json) if wait else follow.Outcome(new_run)
        return follow.report_outcome(connection, outcome, waited=wait, json=as_json)


@runs.command()
@options.run_argument
@click.option("--newer", is_flag=True, help="Take the files as they are now; steps whose code changed run again.")
@click.option("--from", "start_from", metavar="STEP", multiple=True, help="Run STEP again too, and all after it.")
@click.option("--until", metavar="STEP", help="Run nothing that STEP does not need.")
@click.option("--only", metavar="STEP", help="Run STEP alone, with the results before it.")
@options.parameter_options
@click.option("--dry-run", is_flag=True, help="Say what would run again and why, and start nothing.")
@options.wait_option
@options.key_option
@options.server_option
@options.json_option
def repair(
    run_id: str,
    newer: bool,
    start_from: tuple[str, ...],
    until: str | None,
    only: str | None,
    texts: tuple[tuple[str, str], ...],
    params_file: str | None,
    dry_run: bool,
    wait: bool,
    key: str | None,
    server: str | None,
    as_json: bool,
) -> int:
    """Repair an ended pipeline or sweep, as a new run.

    Steps that succeeded keep their results, as long as no step before them runs again; items and points that succeeded
    keep them too. All others run again. It is the same version, unless you ask for the newer files. Parameters that are
    not given stay as they were.

    Exit codes are those of `jupyter dataops run`.
    """
    from ..domain.repairs import RepairWish
    from . import follow, parameters
    from .steps import print_repair

    file_values = parameters.read_values(params_file)
    with open_connection(server) as connection:
        old_run = connection.find_run(run_id)
        given = {**old_run.parameters, **file_values, **_parse_texts(old_run, texts)} if file_values or texts else None
        wish = RepairWish(newer, start_from, until, only, given)
        if dry_run:
            preview = connection.client.pipelines.preview_repair(old_run.id, wish)
            if as_json:
                print_json(preview)
            else:
                print_repair(preview)
            return exit_codes.SUCCEEDED
        new_run = connection.client.pipelines.repair(old_run.id, wish, key=key)
        connection.ensure_engine()
        outcome = follow.follow_to_end(connection, new_run, quiet=as_json) if wait else follow.Outcome(new_run)
        return follow.report_outcome(connection, outcome, waited=wait, json=as_json)


@runs.command()
@options.run_argument
@click.option("--step", metavar="STEP", help="This step of a pipeline run, also one that has not run.")
@click.option("--item", metavar="KEY", help="This item of a fan-out; with --step.")
@click.option("-o", "--output", "folder", metavar="FOLDER", help="A new folder, in place of one in dataops-reproduce.")
@options.server_option
@options.json_option
def reproduce(
    run_id: str, step: str | None, item: str | None, folder: str | None, server: str | None, as_json: bool
) -> None:
    """Fill a folder with all that a run found.

    It holds the files of the run, and its notebook with the parameters, as it ran. The commands that are printed set
    the variables of the run. Secrets are named, and never written. Nothing is executed.
    """
    with open_connection(server) as connection:
        run = connection.find_run(run_id)
        found = connection.client.reproduce(run.id, step=step, item=item, folder=folder)
    if as_json:
        print_json(found)
        return
    click.echo(f"{plain(found.folder)} ({size(found.size)})")
    for each in found.missing:
        print_note(f"Missing: {plain(each.name)}. {plain(each.reason)}")
    if found.left_out:
        print_note(f"Only those who may run in {found.environment} get these variables: {', '.join(found.left_out)}")
    if found.cell is not None:
        click.echo(f"Cell {found.cell + 1} failed. Run the cells above it first.")
    click.echo(f"\n{plain(found.command)}")


def _parse_texts(run: RunModel, texts: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    from ..domain.parameters import ParameterSchema
    from ..domain.versions import parameter_from_json

    schema = ParameterSchema(tuple(parameter_from_json(parameter.model_dump()) for parameter in run.parameter_schema))
    return schema.parse_texts(texts)


def _row(run: RunSummary | RunSummaryModel, now: dt.datetime) -> tuple[str, ...]:
    cells = f"{run.progress.done}/{run.progress.total}" if run.progress.total else ""
    duration_text = duration(((run.finished_at or now) - run.started_at).total_seconds()) if run.started_at else ""
    return run.id, run.phase, run.job_name, cells, duration_text, time_ago(run.created_at, now), run.created_by.name


def _key(run: RunSummary | RunSummaryModel) -> str:
    parent = getattr(run, "parent", None)
    return str(parent.key) if parent else ""


def _kernel_details(run: RunModel) -> dict[str, str]:
    if run.kernel is None or run.command:
        return {}
    if run.kind == JobKind.NOTEBOOK:
        return {"kernel": f"{run.kernel.display_name} ({run.kernel.name})"}
    return {"interpreter": run.kernel.display_name}


def _print_details(run: RunModel) -> None:
    from .run_summary import print_mapping
    from .text import one_line

    last_attempt = run.attempts[-1] if run.attempts else None
    memory = (
        f", {size(last_attempt.peak_memory_bytes)} of memory at most"
        if last_attempt and last_attempt.peak_memory_bytes
        else ""
    )
    details = {
        str(run.kind): shlex.join(run.command) if run.command else run.job.source,
        "version": f"{run.version.number} ({run.version.digest[:19]}…)",
        **_kernel_details(run),
        "where": run.environment,
        "image": f"{run.image.name} ({run.image.digest})" if run.image else None,
        "submitted": f"{run.created_at.astimezone():%Y-%m-%d %H:%M:%S} by {run.created_by.name}",
        _PARTS.get(run.kind, "cells"): f"{run.progress.done} of {run.progress.total}{memory}"
        if run.progress.total
        else None,
        "again of": run.trigger.ref if run.trigger.kind in (TriggerKind.RERUN, TriggerKind.TRIAL) else None,
        "repair of": run.trigger.ref if run.trigger.kind is TriggerKind.REPAIR else None,
        "repairs": ", ".join(run.repairs),
        "taken from": run.trigger.ref if run.trigger.kind is TriggerKind.TAKEN_OVER else None,
        "kept": f"{run.kept_at.astimezone():%Y-%m-%d} by {run.kept_by}" if run.kept_at else None,
        "damaged": ", ".join(run.integrity_errors),
    }
    for name, value in details.items():
        if value:
            click.echo(f"{name:<11}{one_line(value, 200)}")
    print_mapping("parameters", run.parameters)
    if run.sweep:
        swept = {name: ", ".join(map(str, values)) for name, values in run.sweep.items()}
        print_mapping("sweep", swept)


_PARTS = {JobKind.PIPELINE: "steps", JobKind.SWEEP: "points"}


def _print_written(run: RunModel, path: Path, as_json: bool) -> None:
    size_bytes = path.stat().st_size
    if as_json:
        print_json({"run": run.id, "path": str(path.absolute()), "size": size_bytes})
    else:
        click.echo(f"{path} ({size(size_bytes)})")
