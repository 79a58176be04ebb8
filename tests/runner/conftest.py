"""Run directories that are made from cells, and the real runner that is started on them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.runner import keeper
from dataops_lab.runner.secrets import open_secrets

from ..waiting import eventually

PYTHON_KERNEL = {
    "name": "python3",
    "language": "python",
    "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "env": {},
    "interrupt_mode": "signal",
}
BASH_KERNEL = {
    "name": "bash",
    "language": "bash",
    "argv": [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"],
    "env": {"PS1": "$"},
    "interrupt_mode": "signal",
}

TIMEOUT_S = 60


@dataclass
class RunDirectory:
    path: Path
    attempt: str
    process: subprocess.Popen[bytes] | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def write_spec(self) -> None:
        (self.path / "spec.json").write_text(json.dumps(self.spec))

    def start(self, **options: Any) -> RunDirectory:
        if self.secrets:
            options["stdin"] = open_secrets(self.secrets)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dataops_lab.runner", str(self.path)],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            **options,
        )
        return self

    def wait(self) -> RunDirectory:
        assert self.process is not None
        assert self.process.wait(TIMEOUT_S) == 0
        return self

    def run(self) -> RunDirectory:
        return self.start().wait()

    @property
    def lock(self) -> dict[str, Any]:
        """The members of all lines of `runner.json` together."""
        lines = (self.path / "runner.json").read_text().splitlines()
        return {name: value for line in lines for name, value in json.loads(line).items()}

    def kill_runner(self) -> None:
        """Kill the runner, and wait until its keeper has ended, which is the started process."""
        os.kill(self.lock["pid"], signal.SIGKILL)
        assert self.process is not None
        assert self.process.wait(TIMEOUT_S) == 128 + signal.SIGKILL

    def terminate(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    @property
    def result(self) -> dict[str, Any]:
        return json.loads((self.path / "result.json").read_text())

    @property
    def notebook(self) -> dict[str, Any]:
        return json.loads((self.path / "output.ipynb").read_text())

    @property
    def values(self) -> dict[str, Any]:
        return json.loads((self.path / "values.json").read_text())

    @property
    def log(self) -> str:
        return (self.path / "log.txt").read_text()

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        journal = self.path / "journal.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
        events = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [event for event in events if kind is None or event["kind"] == kind]

    def text(self, cell: int, name: str = "stdout") -> str:
        """Return the text of a stream that the notebook shows below a cell."""
        outputs = self.notebook["cells"][cell]["outputs"]
        return "".join(
            output["text"] for output in outputs if output["output_type"] == "stream" and output["name"] == name
        )

    def streamed(self, name: str) -> str:
        """Return the text of a stream in the journal of a program."""
        outputs = [event["output"] for event in self.events("output") if event["cell"] is None]
        return "".join(output["text"] for output in outputs if output["name"] == name)

    def wait_for(self, kind: str, **members: Any) -> dict[str, Any]:
        def has_event() -> dict[str, Any] | None:
            matching = (event for event in self.events(kind) if members.items() <= event.items())
            return next(matching, None)

        return eventually(has_event)

    def processes(self) -> list[int]:
        """List the processes with the attempt's name in their environment. Runner and keeper do not have it."""
        mark = f"DATAOPS_LAB_ATTEMPT={self.attempt}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


class Runs:
    """A maker of run directories."""

    bash = BASH_KERNEL
    python = PYTHON_KERNEL

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made: list[RunDirectory] = []

    @staticmethod
    def code(source: str, *tags: str) -> dict[str, Any]:
        return {
            "cell_type": "code",
            "source": source,
            "metadata": {"tags": list(tags)},
            "outputs": [],
            "execution_count": None,
        }

    @staticmethod
    def markdown(source: str) -> dict[str, Any]:
        return {"cell_type": "markdown", "source": source, "metadata": {}}

    def make(self, *cells: str | dict[str, Any], files: dict[str, str] | None = None, **changes: Any) -> RunDirectory:
        """Make a run directory from cells (a text is a code cell's source) and changes to the spec. Start nothing."""
        path = self.root / f"run{len(self.made)}"
        attempt = f"{os.getpid()}-{self.root.name}-{len(self.made)}"
        (path / "files").mkdir(parents=True)
        for name, content in (files or {}).items():
            target = path / "files" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, newline="")
        spec = {
            "format": 1,
            "attempt": attempt,
            "kernel": self.python,
            "folder": "",
            "files": sorted(files or {}),
            "output_limits": {"cell_bytes": 10_000_000, "run_bytes": 50_000_000},
            "startup_timeout_s": 60.0,
            "interrupt_grace_s": 5.0,
            **changes,
        }
        notebook = {
            "nbformat": 4,
            "nbformat_minor": 4,
            "metadata": {"kernelspec": {"name": spec["kernel"]["name"], "display_name": "", "language": ""}},
            "cells": [self.code(cell) if isinstance(cell, str) else cell for cell in cells],
        }
        (path / "input.ipynb").write_text(json.dumps(notebook))
        self.made.append(RunDirectory(path, attempt, spec=spec))
        self.made[-1].write_spec()
        return self.made[-1]

    def run(self, *cells: str | dict[str, Any], **changes: Any) -> RunDirectory:
        return self.make(*cells, **changes).run()

    def make_program(
        self,
        argv: list[str],
        *,
        kind: str = "script",
        parameters: dict[str, Any] | None = None,
        secrets: dict[str, str] | None = None,
        grace_s: float = 5.0,
        **changes: Any,
    ) -> RunDirectory:
        """Make a run directory with a program instead of a notebook."""
        program = {"kind": kind, "argv": argv, "env": {}, "parameters": parameters or {}}
        directory = self.make(program=program, interrupt_grace_s=grace_s, secrets=sorted(secrets or {}), **changes)
        (directory.path / "input.ipynb").unlink()
        del directory.spec["kernel"]
        directory.write_spec()
        directory.secrets = secrets or {}
        return directory

    def make_script(
        self, source: str, *, name: str = "script.py", files: dict[str, str] | None = None, **changes: Any
    ) -> RunDirectory:
        """Make a run directory with a script, which its usual interpreter runs in the folder of the script."""
        path = Path(name)
        interpreter = {".py": sys.executable, ".sh": "/bin/sh", ".R": "Rscript"}[path.suffix]
        folder = "" if path.parent == Path() else path.parent.as_posix()
        file = f"./{path.name}" if path.name.startswith("-") else path.name
        return self.make_program([interpreter, file], files={name: source, **(files or {})}, folder=folder, **changes)

    def program(self, argv: list[str], **changes: Any) -> RunDirectory:
        return self.make_program(argv, **changes).run()

    def script(self, source: str, **changes: Any) -> RunDirectory:
        return self.make_script(source, **changes).run()

    def start_script(self, source: str, **changes: Any) -> RunDirectory:
        return self.make_script(source, **changes).start()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path)
    yield runs
    for directory in runs.made:
        if directory.process is not None and directory.process.poll() is None:
            directory.process.send_signal(keeper.KILL_SIGNAL)
            directory.process.wait()
        for pid in directory.processes():
            os.kill(pid, signal.SIGKILL)
