"""Runs with and without preloaded interpreters, and the processes that started them."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dataops_lab.executors.fork_server import ForkServerPool
from dataops_lab.executors.process import ProcessExecutor
from dataops_lab.ports import Bundle, BundleFile
from dataops_lab.rundir import protocol
from dataops_lab.testing import MemoryBlobs

from .waiting import eventually

EXAMPLES = Path(__file__).parents[1] / "examples"
PYTHON = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
BASH = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]

ANCESTORS = r"""
parent() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status"; }
runner=$(sed 's/.*"pid": \([0-9]*\).*/\1/' ../../runner.json)
echo "$runner" "$(parent "$(parent "$runner")")" "$(parent "$1")" "$(parent "$(parent "$1")")" > ../../.ancestors
mv ../../.ancestors ../../ancestors
"""
"""A script that is given the pid of a kernel.

It tells the runner, the parent of the runner's keeper, and the parent and grandparent of the kernel.
"""

TELL_ANCESTORS = {
    "python": "import os\nos.system(f'sh {script} {{os.getpid()}}');",
    "bash": "sh {script} $PPID",
    "R": "invisible(system(paste('sh {script}', Sys.getpid())))",
}

TRIES = 3
"""The number of tries: on a busy machine a run may wait too long for a preloaded interpreter, and start cold."""


@dataclass
class Site:
    """A folder of runs, and the preloaded interpreters that they may use."""

    folder: Path
    warm: ForkServerPool
    blobs: MemoryBlobs
    count: int = 0

    def __post_init__(self) -> None:
        self._script = self.folder / ".ancestors.sh"
        self._script.write_text(ANCESTORS)
        self._roles: dict[int, str] = {}
        self._cold = ForkServerPool(0)
        self._cold.libraries = self.warm.libraries  # Cold runs tell their imports too.

    def start(self, notebook: bytes | str, *, warm: bool, **more: Any) -> Run:
        """Start a run, and return it as soon as its ancestors are known. Try again until they are the wanted ones."""
        kernel = "libraries" if more.get("imports") else "preloaded"
        wanted = By("preloaded", kernel if more.get("language", "python") == "python" else "runner")
        for _ in range(TRIES):
            run = self.start_once(notebook, warm=warm, **more)
            run.told()
            if not warm or self.started_by(run) == wanted:
                break
            run.executor.stop(run.name, force=True)
            run.ended()
            assert self.warm.wait(60)
        assert self.started_by(run) == (wanted if warm else COLD)
        return run

    def started_by(self, run: Run) -> By:
        """Tell the processes that started runner and kernel of `run`.

        The pids of the preloaded interpreters tell them: a process that they fork looks like the program it became.
        """
        for interpreter in self.warm._servers.values():
            self._roles[interpreter.process.pid] = (
                "libraries" if interpreter.imports else {"kernel": "preloaded"}.get(interpreter.role, interpreter.role)
            )
        assert run.ancestors, "It ended before it could tell."
        runner, of_runner, of_kernel, of_keeper = run.ancestors
        return By(
            {os.getpid(): "engine"}.get(of_runner, "preloaded" if self._roles.get(of_runner) == "runner" else None),
            {runner: "runner"}.get(of_kernel, self._roles.get(of_keeper)),
        )

    def start_once(
        self, notebook: bytes | str, *, warm: bool, files: list[BundleFile] | None = None, **kernel: Any
    ) -> Run:
        spec_of_kernel = {"name": "k", "language": "python", "argv": PYTHON, "env": {}, "interrupt_mode": "signal"}
        spec_of_kernel |= kernel
        imports = spec_of_kernel.pop("imports", ())
        if isinstance(notebook, str):
            content = {"cells": [code_cell(notebook)], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
        else:
            content = json.loads(notebook)
        tell = code_cell(TELL_ANCESTORS[str(spec_of_kernel["language"])].format(script=self._script))
        if content["nbformat_minor"] >= 5:
            tell["id"] = "ancestors"
        content["cells"].insert(0, tell)
        self.count += 1
        name = f"{os.getpid()}-{self.folder.name}-{self.count:03}"
        spec: dict[str, Any] = {
            "format": 1,
            "attempt": name,
            "kernel": spec_of_kernel,
            "folder": "work",
            "files": [],
            "output_limits": {"cell_bytes": 10**6, "run_bytes": 10**7},
            "startup_timeout_s": 60.0,
            "interrupt_grace_s": 2.0,
        }
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "IPYTHONDIR")} | {"OF_THE_ENVIRONMENT": "ü"}
        executor = ProcessExecutor(self.folder, self.blobs, fork_servers=self.warm if warm else self._cold)
        executor.start(Bundle(name, spec, json.dumps(content).encode(), files or [], environment, imports=imports))
        return Run(executor, name)

    def run(self, notebook: bytes | str, *, warm: bool, **more: Any) -> Run:
        return self.start(notebook, warm=warm, **more).ended()

    def run_ahead(self, notebook: bytes | str, cold: Run, **more: Any) -> Run:
        """Run warm, in an interpreter that has imported exactly the libraries that the cold run imported."""
        imports = cold.result["imports"]
        for key, each in list(self.warm._servers.items()):
            if each.imports and list(each.imports) != imports:
                self.warm._stop_server(key)
        return self.run(notebook, warm=True, imports=imports, **more)

    def make_ready(self, **kernel: Any) -> None:
        """Make the preloaded interpreters ready, by a run that starts cold and lets them begin."""
        self.start_once("1", warm=True, **kernel).ended()
        assert self.warm.wait(60)


class By(NamedTuple):
    """The processes that started runner and kernel. None means a process that should not have."""

    runner: str | None
    kernel: str | None


COLD = By("engine", "runner")


def code_cell(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}


@dataclass
class Run:
    executor: ProcessExecutor
    name: str

    @property
    def directory(self) -> Path:
        return self.executor.directory(self.name)

    @property
    def ancestors(self) -> list[int]:
        """The pids that `ANCESTORS` tells; empty until the first cell has run."""
        path = self.directory / "ancestors"
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def told(self) -> None:
        eventually(lambda: self.ancestors or self.executor.observe(self.name).is_dead)

    def ended(self) -> Run:
        eventually(lambda: self.executor.observe(self.name).has_ended)
        if not self.executor.observe(self.name).is_dead:
            self.executor.stop(self.name, force=True)  # The engine does the same.
        eventually(lambda: self.executor.observe(self.name).is_dead)
        return self

    @property
    def log(self) -> str:
        return (self.directory / protocol.LOG).read_text().replace(self.name, "NAME")

    @property
    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((self.directory / protocol.RESULT).read_text())
        return result

    def record(self) -> dict[str, Any]:
        """Return everything that the run left, without the parts that differ between any two runs."""
        notebook = json.loads((self.directory / protocol.OUTPUT).read_text())
        outputs = [cell.get("outputs") for cell in notebook["cells"]]
        artifacts = self.directory / protocol.ARTIFACTS
        return {
            "ended": {key: self.result[key] for key in ("state", "nothing_to_do", "failure", "done", "total")},
            # Addresses, and the names that pandas gives to styled tables, are random.
            "outputs": re.sub(r"T_[0-9a-f]{5}|0x[0-9a-f]+", "", json.dumps(outputs)).replace(self.name, "NAME"),
            "counts": [cell.get("execution_count") for cell in notebook["cells"]],
            "values": json.loads((self.directory / protocol.VALUES).read_text()),
            "artifacts": {
                str(path.relative_to(artifacts)): path.stat().st_size for path in artifacts.rglob("*") if path.is_file()
            },
            "log": self.log,
            "events": sorted(
                {json.loads(line)["kind"] for line in (self.directory / protocol.JOURNAL).open()} - {"usage"}
            ),
        }
