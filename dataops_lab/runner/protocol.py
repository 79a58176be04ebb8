"""The run directory: what goes in, what comes out.

In, written before the runner starts:

    spec.json       what to do; `Spec` below
    input.ipynb     the notebook, parameters already filled in
    (stdin          the secrets, see secrets.py)
    files/          the workspace from its root: helper files, and the folder the notebook runs in

Out:

    runner.json     who runs it (pid, start time, boot id, pid of its keeper), held under an exclusive lock while one of
                    the two lives; at the end a line of the keeper: exit_code, dead (nothing of the attempt is alive)
    journal.jsonl   what happened, one JSON object a line, append-only; kinds below
    log.txt         stdout and stderr of the cells, and what the runner has to say
    output.ipynb    the executed notebook: every few seconds, and whole at the end
    artifacts/      files under files/ that the run made or changed, at the same relative path
    values.json     what was recorded, name → JSON value
    result.json     how it ended; written last, by rename, so that its presence means: complete

Every journal line is an object with `seq` (1, 2, 3, …), `t` (seconds since the epoch) and `kind`:

    kind            other members
    start           cells (all cells), code_cells
    cell_started    cell (index in the notebook, from 0), done (code cells finished before it)
    output          cell, output (an nbformat output). A stream output goes on from the one before it
                    when both are streams of the same name
    clear           cell: its outputs so far are gone
    update          display_id, data, metadata: replaces the data of every output whose
                    `output.transient.display_id` is this one
    cell_finished   cell, ok, execution_count, done (code cells finished now)
    value           name, value
    usage           peak_memory_bytes, cpu_seconds: so far, of all processes of the run
    note            code, message, cell (or null): something the runner did, e.g. cut an output off
    end             state, as in result.json

The notebook can write there too. What is no such line is told by every reader as an event `unreadable`, without other
members, and `seq` is always the number of the line.

`seq`, `t`, `kind` come first and in this order, so that a reader can skip large lines unparsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from typing import NotRequired  # newer than the Pythons that the runner is sent to

SPEC = "spec.json"
INPUT = "input.ipynb"
FILES = "files"
LOCK = "runner.json"
JOURNAL = "journal.jsonl"
LOG = "log.txt"
OUTPUT = "output.ipynb"
ARTIFACTS = "artifacts"
VALUES = "values.json"
RESULT = "result.json"

DEEPEST = 100
"""How many folders may lie inside one another in artifacts/. What lies deeper is not kept: much of what reads folders
calls itself for each, and Python ends that at a thousand."""

MOST_ARTIFACTS = 2000
"""As many files as may travel with a notebook. Every list of runs names them all."""

UNREADABLE = "unreadable"
"""The kind of event that stands for a line that is none."""

VALUE_MIME = "application/vnd.dataops.value+json"
"""Display data that records a value: {"name": …, "value": …}."""

MASKED_FROM = 6
"""Characters of a secret, without space around it. Shorter ones are not masked: they would be found everywhere."""

ATTEMPT_VARIABLE = "DATAOPS_LAB_ATTEMPT"
"""Names the attempt in the environment of all that belongs to it, so that nothing is missed when it ends."""

VALUES_VARIABLE = "DATAOPS_LAB_VALUES"
"""Path of a file to which any language may append lines {"name": …, "value": …} to record values."""


class KernelSpec(TypedDict):
    name: str
    language: str
    argv: list[str]
    env: dict[str, str]
    interrupt_mode: str


class OutputLimits(TypedDict):
    """In bytes of JSON. What comes after is dropped, with a note."""

    cell_bytes: int
    run_bytes: int


class Spec(TypedDict):
    format: int
    attempt: str
    kernel: KernelSpec
    folder: str
    """Where the notebook runs, below files/; '' for the root."""
    files: list[str]
    """Helper files that travelled: unchanged ones are no artifacts."""
    folders: NotRequired[list[str]]
    """Folders below files/ that are there from the beginning, although no file in them travelled."""
    output_limits: OutputLimits
    secrets: list[str]
    """Names of those that come over stdin, see secrets.py."""
    startup_timeout_s: float
    interrupt_grace_s: float
    """How long an interrupted cell may take to end after SIGTERM, before the kernel is killed."""
    libraries: NotRequired[list[str]]
    """Imports of these are noted for the next run, see libraries.py."""
    memory_bytes: NotRequired[int | None]
    """The run's own limit, where it has one that the backend enforces."""


class Failure(TypedDict, total=False):
    """`code`: cell_error, exit_status, input_requested, kernel_died, out_of_memory (its own limit),
    machine_out_of_memory, kernel_start_failed, terminated, runner_error."""

    code: str
    message: str
    cell: int | None
    ename: str
    evalue: str
    traceback: list[str]


class Result(TypedDict):
    format: int
    state: str
    """succeeded, failed or terminated (SIGTERM came and the kernel is gone)."""
    nothing_to_do: bool
    failure: Failure | None
    cut_off: str | None
    """Say what was ended by force after the last cell. Missing in older results."""
    started_at: float
    finished_at: float
    done: int
    total: int
    peak_memory_bytes: int | None
    cpu_seconds: float | None
    artifacts: list[dict[str, Any]]
    """{"path", "size"} of each file under artifacts/."""
    imports: list[str]
    """Of the spec's libraries, the modules that the notebook imported, in their order. Missing in older results."""
