import json
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from dataops_lab.runner.bookkeeping import SAVE_EVERY_S, SAVE_SHARE, Bookkeeping

PAPERMILL = Path(sys.executable).with_name("papermill")


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
    notebook = new_notebook(cells=[new_code_cell("1")])
    books = Bookkeeping(notebook, clock.save)
    books.notebook_start()
    began = clock.now

    while clock.now < began + 1000:
        books.cell_start(notebook.cells[0], 0)
        books.autosave_cell()
        clock.now += 0.01
        books.cell_complete(notebook.cells[0], 0)

    assert 2 <= len(clock.saves) <= 1000 / SAVE_EVERY_S + 2
    assert (len(clock.saves) - 1) * save_takes <= 1.1 * SAVE_SHARE * (clock.now - began)


def test_the_last_state_is_saved_whole_at_the_end(monkeypatch):
    clock = Clock(monkeypatch, 0.0)
    notebook = new_notebook(cells=[new_code_cell("1")])
    books = Bookkeeping(notebook, clock.save)
    books.notebook_start()
    notebook.cells[0].source = "2"

    books.notebook_complete()

    assert json.loads(clock.saves[-1])["cells"][0]["source"] == "2"
    assert json.loads(clock.saves[-1])["metadata"]["papermill"]["end_time"]


def test_the_metadata_is_what_papermill_would_have_written(runs, tmp_path):
    run = runs.run(runs.markdown("# Sales"), "print(1)", "1 / 0", "print('never')")
    command = [
        PAPERMILL,
        "--no-progress-bar",
        "-k",
        "python3",
        str(run.path / "input.ipynb"),
        str(tmp_path / "out.ipynb"),
    ]

    subprocess.run(command, check=False, capture_output=True)

    theirs = json.loads((tmp_path / "out.ipynb").read_text())
    # papermill says on top of the notebook, and before the cell, that it failed; and where it lay.
    cells = [cell for cell in theirs["cells"] if "papermill-error-cell-tag" not in cell["metadata"].get("tags", [])]
    for path in ("input_path", "output_path"):
        theirs["metadata"]["papermill"].pop(path)
    assert noted(run.notebook["metadata"]) == noted(theirs["metadata"])
    assert [noted(cell["metadata"]) for cell in run.notebook["cells"]] == [noted(cell["metadata"]) for cell in cells]


def noted(metadata):
    """What papermill notes, without the moments."""
    return {
        key: type(value) if key.endswith("time") or key == "duration" else value
        for key, value in metadata["papermill"].items()
    }
