"""The real command, in a process of its own, on a state folder and a workspace of its own."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.cli import main

from .. import written

TIMEOUT_S = 90
COMMAND = (sys.executable, "-m", "dataops_lab.cli")


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON object on stdout. It fails unless stdout is exactly one."""
        answer = json.loads(self.out)
        assert isinstance(answer, dict)
        return answer


@dataclass
class Shell:
    home: Path
    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept_variables = {name: value for name, value in os.environ.items() if not name.startswith("DATAOPS_LAB_")}
        return {**kept_variables, "DATAOPS_LAB_HOME": str(self.home), **more}

    def __call__(self, *arguments: str, **environment: str) -> Answer:
        completed = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Answer(completed.returncode, completed.stdout.decode(), completed.stderr.decode())

    def invoke(self, *arguments: str, **environment: str) -> Answer:
        """Run the command in this process: for tests of many inputs that start nothing."""
        out, err, folder = io.StringIO(), io.StringIO(), Path.cwd()
        with pytest.MonkeyPatch.context() as monkeypatch, redirect_stdout(out), redirect_stderr(err):
            for name in os.environ.keys() - self.environment().keys():
                monkeypatch.delenv(name)
            for name, value in self.environment(**environment).items():
                monkeypatch.setenv(name, value)
            os.chdir(self.folder)
            try:
                main(arguments)
            except SystemExit as ended:
                return Answer(int(ended.code or 0), out.getvalue(), err.getvalue())
            finally:
                os.chdir(folder)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = {"env": self.environment(), **pipes, **options}
        return subprocess.Popen([*COMMAND, *arguments], cwd=self.folder, text=True, **options)

    def notebook(self, name: str, *sources: str, parameters: str | None = None, **metadata: Any) -> str:
        (self.folder / name).write_text(written.notebook(*sources, parameters=parameters, **metadata))
        return name

    def text(self, name: str, content: str) -> str:
        (self.folder / name).write_text(content)
        return name

    def runs(self) -> list[dict[str, Any]]:
        return self.invoke("runs", "list", "--json").json["items"]


def _shell(folder: Path) -> Iterator[Shell]:
    (folder / "work").mkdir()
    shell = Shell(folder / "home", folder / "work")
    yield shell
    assert shell.invoke("engine", "stop").code == 0
    # An engine that was just started does not lead yet; without its folder it ends by itself.
    shutil.rmtree(shell.home, ignore_errors=True)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell that the tests of a file share: its engine need not start for each of them."""
    yield from _shell(tmp_path_factory.mktemp("shell"))


@pytest.fixture
def own_shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell for one test, which may count runs or harm the engine."""
    yield from _shell(tmp_path)


ENDLESS = "import time\nwhile True:\n    time.sleep(0.1)"


def wait_for_file(file: Path) -> str:
    """Write the source of a cell that ends when `file` is there."""
    return f"import pathlib, time\nwhile not pathlib.Path({str(file)!r}).exists():\n    time.sleep(0.02)"
