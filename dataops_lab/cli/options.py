"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..domain.environments import parse_size
from ..domain.settings import MAX_CONCURRENCY, MAX_PRIORITY, MAX_RETRIES, MAX_TIMEOUT_S

F = TypeVar("F", bound=Callable[..., Any])


def seconds(text: str) -> float:
    """Read a number of seconds; a type for click. BadParameter when it is too small, too large or NaN."""
    given: float = click.FLOAT(text)
    # This form also refuses NaN, for which every comparison is false.
    if not 0 < given <= MAX_TIMEOUT_S:
        raise click.BadParameter(f"must be more than 0 and at most {MAX_TIMEOUT_S:.0f} seconds.")
    return given


def size(text: str) -> int:
    """Read a number of bytes such as 4G, 512Mi or 1000000; a type for click."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, nothing else.")

server_option = click.option(
    "--server",
    envvar="DATAOPS_LAB_SERVER",
    show_envvar=True,
    metavar="URL",
    help="Use a running Jupyter server, such as http://127.0.0.1:8888, instead of the state folder of this machine. "
    "Its token is read from DATAOPS_LAB_TOKEN.",
)

root_option = click.option(
    "--root",
    metavar="FOLDER",
    help="The workspace: what lies below it may travel along. Default: the git work tree of the notebook, else the "
    "smallest folder that holds what the notebook reaches. A server has its own.",
)

kernel_option = click.option("--kernel", metavar="NAME", help="Run on this kernel instead of the notebook's own.")

wait_option = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Follow the run to its end, or return when it is queued."
)


def settings_options(command: F) -> F:
    """Add the options for how the run is treated; the job's own settings apply where they are not given."""
    for option in (
        click.option(
            "--total-timeout",
            "total_timeout_s",
            type=seconds,
            metavar="S",
            help="Seconds from now to the end.  [default: 72 hours]",
        ),
        click.option(
            "--timeout",
            "timeout_s",
            type=seconds,
            metavar="S",
            help="Seconds of running after which it is ended.  [default: 24 hours]",
        ),
        click.option(
            "--start-timeout",
            "start_timeout_s",
            type=seconds,
            metavar="S",
            help="Seconds that an attempt may take to start.  [default: 10 minutes]",
        ),
        click.option(
            "--queue-timeout",
            "queue_timeout_s",
            type=seconds,
            metavar="S",
            help="Seconds that it may wait for its start.  [default: 24 hours]",
        ),
        click.option(
            "--retry-on-timeout",
            type=click.BOOL,
            metavar="yes|no",
            help="Whether --retries are for its timeout too.  [default: no]",
        ),
        click.option(
            "--retries",
            "max_retries",
            type=click.IntRange(0, MAX_RETRIES),
            help="How often to try again what the notebook did wrong.  [default: 0]",
        ),
        click.option(
            "--priority",
            type=click.IntRange(-MAX_PRIORITY, MAX_PRIORITY),
            help="Higher comes first; a point is worth five minutes of waiting.  [default: 0]",
        ),
    ):
        command = option(command)
    return command


def resources_options(command: F) -> F:
    """Add the options for the resources of a run; the environment's limits apply where they are not given."""
    positive = click.FloatRange(min=0, min_open=True)
    for option in (
        click.option("--gpus", type=click.IntRange(0), help="GPUs."),
        click.option("--pids", type=click.IntRange(1), help="Processes and threads at a time."),
        click.option("--memory", "memory_bytes", type=size, metavar="SIZE", help="Memory, as 4G or 512Mi."),
        click.option("--cpus", type=positive, help="CPUs, as 1.5."),
    ):
        command = option(command)
    return command


key_option = click.option(
    "--key",
    metavar="KEY",
    help="Idempotency key: the same request with the same key is the same run, so that a script may be repeated.",
)


def parameter_options(command: F) -> F:
    given = click.option(
        "-p",
        "--parameter",
        "texts",
        type=(str, str),
        multiple=True,
        metavar="NAME VALUE",
        help="A parameter, read by its declared type: JSON for lists and mappings, text where no type is declared. "
        "Repeat it for more. Overrides --params.",
    )
    file = click.option(
        "--params",
        "params_file",
        metavar="FILE",
        help="Parameters from a YAML or JSON file that holds a mapping of names to values.",
    )
    return given(file(command))


def sweep_options(command: F) -> F:
    """Add the options that make a sweep of several values."""
    for option in (
        click.option(
            "--max-failures",
            metavar="N|SHARE",
            help="How many points of a sweep may fail, as 3 or 5%; with one more, no more start.  [default: none, and "
            "all run]",
        ),
        click.option(
            "--concurrency",
            type=click.IntRange(1, MAX_CONCURRENCY),
            help="How many points of a sweep may be active at once.  [default: all]",
        ),
        click.option(
            "--sweep",
            "sweeps",
            is_flag=True,
            help="Run once for each combination of values, as one run with many points: repeat -p NAME VALUE, or give "
            "lists in the file of --params.",
        ),
    ):
        command = option(command)
    return command


publish_option = click.option(
    "--publish/--no-publish",
    default=None,
    help="Whether the run publishes its declared outputs.  [default: yes, but not a sweep or a rerun]",
)


def outputs_options(command: F) -> F:
    """Add the options for declared outputs."""
    declared = click.option(
        "--declare-output",
        "declared_outputs",
        multiple=True,
        metavar="[SOURCE:]PATH",
        help="An output: the file at PATH, from the folder of the notebook, which the run must leave and publishes. "
        "SOURCE is another file, or `notebook`, `report`, `report-without-code`. PATH may have {NAME} of a parameter "
        "and {nominal}, the date. Repeat it for more; it replaces what the notebook declares.",
    )
    return declared(publish_option(command))


rows_option = click.option(
    "--params-file",
    "rows_file",
    metavar="FILE",
    help="Make a run for each row of parameters of a file: .csv with the names in its first line, .jsonl, .json or "
    ".yaml with mappings. All of them or none. A row overrides -p and --params.",
)


run_argument = click.argument("run_id", metavar="RUN")
"""The argument that names a run, see `connection.Connection.named`."""
