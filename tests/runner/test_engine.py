import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import papermill  # noqa: F401  (looks the engine up while it is imported, so it comes first)
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from dataops_lab.runner.engine import SAVE_EVERY_S, SAVE_SHARE, PacedManager

PAPERMILL = Path(sys.executable).with_name("papermill")
KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


@pytest.fixture
def installed(tmp_path):
    """An environment in which dataops_lab is installed, as far as papermill can tell."""
    repository = Path(__file__).parents[2]
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    metadata = tmp_path / "site" / "dataops_lab-0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: dataops-lab\nVersion: 0\n")
    engines = [f"{name} = {target}" for name, target in project["entry-points"]["papermill.engine"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[papermill.engine]", *engines, ""]))
    return {**os.environ, "PYTHONPATH": f"{metadata.parent}{os.pathsep}{repository}"}


@pytest.fixture
def papermill_run(tmp_path, installed):
    """A function that runs cells with papermill's command and the engine `dataops`.

    It returns the completed process and the notebook that papermill wrote.
    """

    def run(*cells, options=()):
        notebook = new_notebook(
            cells=list(cells), metadata={"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
        )
        nbformat.write(notebook, tmp_path / "in.ipynb")
        arguments = ["--engine", "dataops", str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb"), *options]
        done = subprocess.run([PAPERMILL, *arguments], env=installed, check=False, capture_output=True, text=True)
        return done, nbformat.read(tmp_path / "out.ipynb", as_version=4)

    return run


def test_papermill_runs_a_notebook_with_our_engine_and_its_own_parameters(papermill_run):
    parameters = new_code_cell("x = 0", metadata={"tags": ["parameters"]})

    done, notebook = papermill_run(parameters, new_code_cell("print(x + 1)"), options=["-p", "x", "41", "--log-output"])

    assert done.returncode == 0, done.stderr
    assert notebook.cells[-1].outputs[0].text == "42\n"
    assert "42" in done.stderr
    assert notebook.metadata.papermill.parameters == {"x": 41}
    assert notebook.metadata.papermill.duration > 0
    assert {cell.metadata.papermill.status for cell in notebook.cells} == {"completed"}
    assert all(cell.metadata.papermill.duration > 0 for cell in notebook.cells)
    assert "Executing" in done.stderr


def test_papermill_tells_of_a_failing_cell_as_ever(papermill_run):
    done, notebook = papermill_run(new_code_cell("1 / 0"), new_code_cell("print('never')"))

    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert notebook.metadata.papermill.exception is True
    assert [c.metadata.papermill.status for c in notebook.cells if c.cell_type == "code"] == ["failed", "pending"]


def test_papermill_takes_a_clean_exit_as_success(papermill_run):
    done, notebook = papermill_run(new_code_cell("exit()"), new_code_cell("print('never')"))

    assert done.returncode == 0, done.stderr
    assert notebook.cells[0].outputs == []
    assert notebook.cells[1].metadata.papermill.status == "pending"


def test_the_runner_works_where_papermill_looks_its_engine_up(runs, installed):
    run = runs.make("1").start(env=installed).wait()

    assert run.result["state"] == "succeeded", run.log


class Clock:
    def __init__(self, monkeypatch, save_takes):
        self.now, self.saves, self._takes = 1000.0, [], save_takes
        monkeypatch.setattr("time.monotonic", lambda: self.now)

    def save(self, notebook):
        self.saves.append(json.dumps(notebook))
        self.now += self._takes


@pytest.mark.parametrize("save_takes", [0.0, 0.1, 4.0])
def test_saving_takes_a_small_share_of_the_time_however_many_cells_there_are(monkeypatch, save_takes):
    clock = Clock(monkeypatch, save_takes)
    notebook = new_notebook(cells=[new_code_cell("1")], metadata={"papermill": {}})
    manager = PacedManager(notebook, write=clock.save, progress_bar=False)
    manager.notebook_start()
    began = clock.now

    while clock.now < began + 1000:
        manager.cell_start(notebook.cells[0], 0)
        manager.autosave_cell()
        clock.now += 0.01
        manager.cell_complete(notebook.cells[0], 0)

    assert 2 <= len(clock.saves) <= 1000 / SAVE_EVERY_S + 2
    assert (len(clock.saves) - 1) * save_takes <= 1.1 * SAVE_SHARE * (clock.now - began)


def test_the_last_state_is_saved_whole_at_the_end(monkeypatch):
    clock = Clock(monkeypatch, 0.0)
    notebook = new_notebook(cells=[new_code_cell("1")], metadata={"papermill": {}})
    manager = PacedManager(notebook, write=clock.save, progress_bar=False)
    manager.notebook_start()
    notebook.cells[0].source = "2"

    manager.notebook_complete()

    assert json.loads(clock.saves[-1])["cells"][0]["source"] == "2"
    assert json.loads(clock.saves[-1])["metadata"]["papermill"]["end_time"]
