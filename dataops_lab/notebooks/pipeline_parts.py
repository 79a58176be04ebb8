"""Read what a pipeline consists of: its own file, the parameters of its notebooks and scripts, and their kernels."""

from __future__ import annotations

import stat

from ..domain.jobs import JobKind, kind_of_path
from ..domain.parameters import ParameterSchema
from ..domain.snapshots import SnapshotLimits, TargetRuntime
from ..errors import InvalidPipeline
from .parameters import parameters_of
from .read import read_notebook
from .scripts.header import read_declarations
from .scripts.read import read_script
from .source import read_source
from .workspace import workspace_of

MAX_FILE_BYTES = 1_000_000
"""A larger file would not be read either: see `yaml12.MAX_BYTES`."""


def read_pipeline_file(path: str, *, root: str | None) -> bytes:
    """Return the bytes of a pipeline's file. Raise InvalidPipeline when it is not there, not a file, or too large."""
    file = workspace_of(path, root).notebook
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InvalidPipeline(f"{file} is not a file. Name the file of a pipeline.")
        if status.st_size > MAX_FILE_BYTES:
            raise InvalidPipeline(f"{file} has {status.st_size:,} bytes; {MAX_FILE_BYTES:,} are allowed. Shorten it.")
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        problem = f"There is no pipeline at {file}. Check the path."
    except OSError as error:
        problem = f"{file} cannot be read ({error.strerror}). Check its permissions."
    raise InvalidPipeline(problem, code="pipeline_not_found", path=str(file))


def read_parameters(path: str, *, root: str | None, limits: SnapshotLimits) -> ParameterSchema:
    """Return the parameters of a notebook or a script. Raise InvalidNotebook or InvalidScript when it has none."""
    file = workspace_of(path, root).notebook
    if kind_of_path(file.name) is JobKind.SCRIPT:
        return read_declarations(file, read_script(file, max_bytes=limits.file_bytes))[0]
    notebook = read_notebook(file, max_bytes=limits.file_bytes)
    return parameters_of(notebook, notebook.language or "python")[0]


def check_kernel(
    path: str, *, kernel: str | None, root: str | None, limits: SnapshotLimits, where: TargetRuntime
) -> None:
    """Raise KernelUnavailable when nothing there can run the notebook or script."""
    source = read_source(workspace_of(path, root).notebook, kernel=kernel, limits=limits, where=where)
    if source.kernel_problem is not None:
        raise source.kernel_problem
