"""The snapshot is enough: a job ends as its notebook does in place, or the check before the start said why not.

The notebooks run in place first. Then the workspaces are moved away, and the jobs run on the travelling files alone.
"""

from __future__ import annotations

import json
import re
import sysconfig
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from dataops_lab.domain.runs import Submission
from dataops_lab.services import records, runs
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_engine, build_services

from .corpus import CORPUS, Written, lay_out

AT_ONCE = 3


@dataclass(frozen=True)
class Ending:
    """`error` is the error that was raised, `printed` the text that all cells wrote."""

    error: str | None
    printed: str

    @classmethod
    def of(cls, notebook: nbformat.NotebookNode) -> Ending:
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        errors = [output.ename for output in outputs if output.output_type == "error"]
        text = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
        return cls(errors[0] if errors else None, re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", text))


@dataclass
class Tried:
    findings: frozenset[str]
    in_place: Ending
    as_job: Ending


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, r_kernel: str) -> Iterator[dict[str, Tried]]:
    """Both results of each notebook of the corpus.

    They all run in one go, which is several times faster than one by one.
    """
    base = tmp_path_factory.mktemp("corpus")
    elsewhere = base / "workspaces" / "elsewhere"
    elsewhere.mkdir(parents=True)
    (elsewhere / "far.csv").write_text("far\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(elsewhere))
        patch.setenv("IPYTHONDIR", str(base / "ipython"))
        patch.setenv("JUPYTER_PATH", str(base / "jupyter"))
        paths = {case.name: written(case, base / "workspaces" / f"w{n}", elsewhere) for n, case in enumerate(CORPUS)}
        editable_kernel(base, paths["an editable package"].parents[1] / "src")
        home = Home(base / "state")
        services = build_services(home)
        submitted = {
            name: runs.submit(services, submission(path), by=person("someone")).view.run for name, path in paths.items()
        }
        with ThreadPoolExecutor(AT_ONCE) as pool:
            in_place = dict(zip(paths, pool.map(executed, paths.values()), strict=True))
        for path in paths.values():
            path.parents[1].rename(base / path.parents[1].name)
        build_engine(home, slots=AT_ONCE, warm=1, exit_when_idle_s=0).run(Event())
        yield {
            name: Tried(
                frozenset(finding.code for finding in run.findings),
                in_place[name],
                Ending.of(nbformat.reads(records.notebook(services, run.id).decode(), as_version=4)),
            )
            for name, run in submitted.items()
        }


def submission(path: Path) -> Submission:
    return Submission(path=str(path), root=str(path.parents[1]), timeout_s=120)


def written(case: Written, root: Path, elsewhere: Path) -> Path:
    lay_out(case, root, elsewhere)
    fill = {"{root}": str(root), "{elsewhere}": str(elsewhere)}
    sources = [re.sub(r"\{root\}|\{elsewhere\}", lambda place: fill[place[0]], cell) for cell in case.cells]
    language = {"ir": "R", "bash": "bash"}.get(case.kernel, "python")
    whole = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources],
        metadata={"kernelspec": {"name": case.kernel, "display_name": case.kernel, "language": language}},
    )
    path = root / "analysis" / "report.ipynb"
    path.write_text(nbformat.writes(whole))
    return path


def editable_kernel(base: Path, source: Path) -> None:
    """Make a kernel in whose environment `source` is installed as by `pip install --editable`."""
    venv.create(base / "venv", symlinks=True)
    python = base / "venv" / "bin" / "python"
    (site,) = (base / "venv" / "lib").glob("python*/site-packages")
    (site / "editable.pth").write_text(f"{sysconfig.get_path('purelib')}\n{source}\n")
    spec = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "editable",
        "language": "python",
    }
    folder = base / "jupyter" / "kernels" / "editable"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec))


def executed(path: Path, *, starts: int = 5) -> Ending:
    """Execute the notebook where it lies. Start again while the kernel dies before its first cell.

    The ports of a kernel are picked before it binds them, so another kernel of this machine may take one in between.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}, allow_errors=False
    )
    try:
        client.execute()
    except CellExecutionError:
        pass
    except RuntimeError as error:
        if "before replying to kernel_info" not in str(error) or starts == 1:
            raise
        return executed(path, starts=starts - 1)
    return Ending.of(notebook)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_job_ends_as_its_notebook_does_in_place_or_it_was_said_why_not(
    case: Written, tried: dict[str, Tried]
) -> None:
    seen = tried[case.name]
    assert seen.findings == case.findings
    assert (seen.as_job == seen.in_place) is case.same, seen
    if not case.same:
        assert seen.in_place.error is None and seen.as_job.error is not None
