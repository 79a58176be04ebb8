"""The source of a job, for the readers of code: a notebook as it is, a script or a command as one cell."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..domain.jobs import JobKind, kind_of_path
from ..domain.outputs import Output
from ..domain.parameters import ParameterSchema
from ..domain.snapshots import Command, Finding, KernelChoice, Severity, SnapshotLimits, TargetRuntime
from ..errors import KernelUnavailable
from . import kernels
from .canonical import canonical_bytes
from .outputs import read_declared
from .parameters import parameters_of
from .read import Notebook, read_notebook
from .scripts.header import read_declarations
from .scripts.interpreters import select_interpreter
from .scripts.read import Script, read_script


@dataclass(frozen=True)
class Source:
    """The code of a job, and what was found in it.

    When there is no kernel or interpreter, `kernel_problem` says why.
    """

    kind: JobKind
    code: Notebook
    language: str
    kernel: KernelChoice | None
    kernel_problem: KernelUnavailable | None
    parameters: ParameterSchema
    outputs: tuple[Output, ...]
    findings: tuple[Finding, ...]
    content: Callable[[], bytes | None]
    """Makes the bytes that the version keeps; None for a command."""

    @property
    def code_cells(self) -> int:
        return len(self.code.code_cells) if self.kind is JobKind.NOTEBOOK else 0


def read_source(
    path: Path, *, kernel: str | None, limits: SnapshotLimits, where: TargetRuntime, command: Command | None = None
) -> Source:
    """Read the source at `path`, which for a command is the file that names it.

    Raise InvalidNotebook or InvalidScript when it is none, SnapshotTooLarge when it is too large.
    """
    if command is not None:
        return _command(command)
    if kind_of_path(path.name) is JobKind.SCRIPT:
        return _script(path, kernel, limits, where)
    return _notebook(path, kernel, limits, where)


def installed_choices(source: Source, where: TargetRuntime) -> tuple[str, ...]:
    """Return the names of the kernels that may run this source; none where nobody chooses one."""
    choosable = source.kind is JobKind.NOTEBOOK or source.language == "python"
    if not choosable or source.kind is JobKind.COMMAND:
        return ()
    found = kernels.survey_kernels()[0].values() if where.kernels is None else where.kernels
    languages = None if source.kind is JobKind.NOTEBOOK else "python"
    return tuple(choice.name for choice in found if languages is None or choice.language.lower() == languages)


def _notebook(path: Path, kernel: str | None, limits: SnapshotLimits, where: TargetRuntime) -> Source:
    notebook = read_notebook(path, max_bytes=limits.file_bytes)
    choice, problem = _choose(lambda: kernels.select_kernel(notebook, kernel, where))
    language = (choice.language if choice else None) or notebook.language or "python"
    schema, findings = parameters_of(notebook, language)
    content = partial(canonical_bytes, notebook)
    outputs = read_declared(notebook.metadata)
    return Source(JobKind.NOTEBOOK, notebook, language, choice, problem, schema, outputs, tuple(findings), content)


def _script(path: Path, kernel: str | None, limits: SnapshotLimits, where: TargetRuntime) -> Source:
    script = read_script(path, max_bytes=limits.file_bytes)
    choice, problem = _choose(lambda: select_interpreter(script, kernel, where))
    schema, outputs = read_declarations(path, script)
    # To be compared with the packages of an image, a script of Python is written on the kernel that would run it here.
    written_on = kernel or "python3" if script.language == "python" else None
    code = code_of_script(script, written_on)
    findings = tuple(_odd_bytes(script))
    return Source(
        JobKind.SCRIPT, code, script.language, choice, problem, schema, outputs, findings, lambda: script.data
    )


def _command(command: Command) -> Source:
    program = KernelChoice(name="", language="", display_name=shlex.join(command.argv), argv=command.argv)
    schema = ParameterSchema(command.parameters)
    return Source(JobKind.COMMAND, code_of_command(command), "shell", program, None, schema, (), (), lambda: None)


def _choose(select: Callable[[], KernelChoice]) -> tuple[KernelChoice | None, KernelUnavailable | None]:
    try:
        return select(), None
    except KernelUnavailable as refused:
        return None, refused


def code_of_script(script: Script, kernel: str | None) -> Notebook:
    """Return the script as one cell. `kernel`: the one on which it counts as written."""
    return _one_cell(script.text, kernel, word="script")


def code_of_command(command: Command) -> Notebook:
    return _one_cell(shlex.join(command.argv), None, word="command")


def _one_cell(text: str, kernel: str | None, *, word: str) -> Notebook:
    cell = {"cell_type": "code", "metadata": {}, "source": text}
    metadata = {"kernelspec": {"name": kernel}} if kernel else {}
    return Notebook({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}, word=word)


def _odd_bytes(script: Script) -> Sequence[Finding]:
    """Find what an editor hides and the interpreter does not take."""
    found = []
    if script.language == "shell" and script.has_windows_line_ends:
        message = f"{script.name} has the line ends of Windows, which a shell takes as a part of its commands."
        found.append(
            Finding("windows_line_ends", Severity.WARNING, message, "Save it with the line ends of Unix (LF).")
        )
    if script.language != "python" and script.has_byte_order_mark:
        message = f"{script.name} begins with a byte order mark, which its interpreter takes as a part of the code."
        found.append(Finding("byte_order_mark", Severity.WARNING, message, "Save it as UTF-8 without it."))
    return found


def in_words_of(source: Source, findings: Sequence[Finding]) -> list[Finding]:
    """Return findings of the checks for this source: they speak of notebooks and cells, which a program has not."""
    if source.kind is JobKind.NOTEBOOK:
        return list(findings)
    word = source.code.word
    return [
        replace(
            finding,
            cell=None,
            message=_speak_of(word, finding.message),
            hint=_speak_of(word, finding.hint),
        )
        for finding in findings
    ]


def _speak_of(word: str, text: str) -> str:
    for notebook in ("the notebook", "The notebook"):
        text = text.replace(notebook, notebook.replace("notebook", word))
    return text
