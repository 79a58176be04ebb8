"""The run directory: the files that go in and the files that come out.

In, written before the runner starts:

    spec.json       what to do; `Spec` below
    input.ipynb     the notebook, parameters already filled in; a program has none, and lies in files/
    (stdin          the secrets, see secrets.py)
    files/          the workspace from its root: helper files, and the folder the notebook runs in

Out:

    runner.json     who runs it (pid, start time, boot id, pid of its keeper), held under an exclusive lock while one of
                    the two lives; at the end a line of the keeper: exit_code, dead (nothing of the attempt is alive)
    journal.jsonl   what happened, one JSON object a line, append-only; kinds below
    log.txt         stdout and stderr of the cells or the program, and what the runner has to say
    output.ipynb    the executed notebook: every few seconds, and whole at the end; none of a program
    artifacts/      files under files/ that the run made or changed, at the same relative path
    values.json     what was recorded, name → JSON value
    result.json     how it ended; written last, by rename, so that its presence means: complete

Every journal line is an object with `seq` (1, 2, 3, …), `t` (seconds since the epoch) and `kind`:

    kind            other members
    start           cells (all cells), code_cells; both are 0 for a program
    cell_started    cell (index in the notebook, from 0), done (code cells finished before it)
    output          cell (null for a program), output (an nbformat output). A stream output continues the one before it
                    when both are streams of the same name
    clear           cell: its outputs so far are gone
    update          display_id, data, metadata: replaces the data of every output whose
                    `output.transient.display_id` is this one
    cell_finished   cell, ok, execution_count, done (code cells finished now)
    value           name, value
    usage           peak_memory_bytes, cpu_seconds: so far, of all processes of the run
    note            code, message, cell (or null): something that the runner did, e.g. cut an output off
    end             state, as in result.json

The notebook can write there, too. Every reader reports any other line as an event `unreadable` without other members.
`seq` is always the number of the line.

`seq`, `t` and `kind` come first and in this order, so that a reader can skip large lines without parsing them.
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

MAX_DEPTH = 100
"""The most folders inside one another in artifacts/. Deeper files are not kept: many functions that read folders
recurse for each, and Python stops that at a depth of a thousand."""

MAX_ARTIFACTS = 2000
"""The most artifacts of a run, as many as files may travel with a notebook. Every list of runs names them all."""

UNREADABLE = "unreadable"
"""The kind of event that stands for a line that is not an event."""

VALUE_MIME = "application/vnd.dataops.value+json"
"""The type of display data that records a value: {"name": …, "value": …}."""

MIN_MASKED = 6
"""The fewest characters of a secret that is masked, without space around it. Shorter ones would be found everywhere."""

ATTEMPT_VARIABLE = "DATAOPS_LAB_ATTEMPT"
"""The variable with the attempt's name, in the environment of all its processes: at the end none of them is missed."""

PARAMETER_PREFIX = "DATAOPS_PARAM_"
"""The beginning of the names of the variables with the parameters of a program. No loader, shell or interpreter reads
such names."""

PARAMETERS_VARIABLE = "DATAOPS_PARAMS_FILE"
"""The variable with the path of a JSON file that holds all parameters of a program."""

VALUES_VARIABLE = "DATAOPS_LAB_VALUES"
"""The variable with the path of a file. Any language may append lines {"name": …, "value": …} to record values."""


class KernelSpec(TypedDict):
    name: str
    language: str
    argv: list[str]
    env: dict[str, str]
    interrupt_mode: str


class ProgramSpec(TypedDict):
    kind: str
    """The word for people: script or command."""
    argv: list[str]
    env: dict[str, str]
    parameters: dict[str, Any]
    """All parameters with their values. They reach the program as program.py says."""


class OutputLimits(TypedDict):
    """The limits in bytes of JSON. Output beyond them is dropped, with a note. A program has the limit of a run."""

    cell_bytes: int
    run_bytes: int


class Spec(TypedDict):
    format: int
    attempt: str
    kernel: NotRequired[KernelSpec]
    """The kernel of a notebook. There is either this or `program`."""
    program: NotRequired[ProgramSpec]
    folder: str
    """The folder below files/ in which it runs; '' for the root."""
    files: list[str]
    """Helper files that travelled: unchanged ones are not artifacts."""
    folders: NotRequired[list[str]]
    """Folders below files/ that exist from the beginning, although no file in them travelled."""
    output_limits: OutputLimits
    secrets: list[str]
    """Names of the secrets that come over stdin, see secrets.py."""
    startup_timeout_s: float
    interrupt_grace_s: float
    """The time that an interrupted cell or program may take to end after SIGTERM, before it is killed."""
    libraries: NotRequired[list[str]]
    """Libraries whose imports are noted for the next run, see libraries.py."""
    memory_bytes: NotRequired[int | None]
    """The run's own memory limit, where it has one that the backend enforces."""


class Failure(TypedDict, total=False):
    """The reason why a run failed.

    `code` is one of cell_error, exit_status, input_requested, kernel_died, program_died, out_of_memory (the run's own
    limit), machine_out_of_memory, kernel_start_failed, program_start_failed, terminated, runner_error.
    """

    code: str
    message: str
    cell: int | None
    ename: str
    evalue: str
    traceback: list[str]


class Result(TypedDict):
    format: int
    state: str
    """One of succeeded, failed and terminated (SIGTERM came, and the kernel or program is gone)."""
    nothing_to_do: bool
    failure: Failure | None
    cut_off: str | None
    """The sentence that says what was ended by force after the last cell. Missing in older results."""
    started_at: float
    finished_at: float
    done: int
    total: int
    peak_memory_bytes: int | None
    cpu_seconds: float | None
    artifacts: list[dict[str, Any]]
    """An object {"path", "size"} for each file under artifacts/."""
    imports: list[str]
    """The modules of the spec's libraries that the notebook imported, in their order. Missing in older results."""
