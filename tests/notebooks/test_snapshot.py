from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.domain.inputs import Pins, Role
from dataops_lab.domain.outputs import Output
from dataops_lab.domain.snapshots import Snapshot, SnapshotLimits
from dataops_lab.domain.versions import Manifest, digest_of
from dataops_lab.errors import DataOpsError, InvalidOutputs, KernelUnavailable
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.testing import MemoryBlobs

Taking = Callable[..., Snapshot]


@pytest.fixture
def take(project: Any) -> Taking:
    def taken(**more: Any) -> Snapshot:
        options = {"root": str(project.root), "kernel": None, "limits": SnapshotLimits(), **more}
        return project.notebooks.snapshot(str(project.path), **options)

    return taken


def test_everything_that_travels_is_in_the_blobs(project: Any, take: Taking, blobs: MemoryBlobs) -> None:
    project.file("analysis/a.csv", "one")
    project.file("data/b.csv", "two")
    project.file("analysis/run.sh", "#!/bin/sh\n").chmod(0o755)
    project.notebook("open('../data/b.csv')")
    taken = take()
    manifest = taken.manifest
    assert [(f.path, blobs.read(f.digest), f.size, f.executable) for f in manifest.files] == [
        ("analysis/run.sh", b"#!/bin/sh\n", 10, True),
    ]
    assert [(f.path, blobs.read(f.digest), f.size, f.executable) for f in taken.inputs.files] == [
        ("analysis/a.csv", b"one", 3, False),
        ("data/b.csv", b"two", 3, False),
    ]
    assert json.loads(blobs.read(manifest.source_digest))["cells"][0]["source"] == "open('../data/b.csv')"


def test_it_names_what_it_was_taken_of(project: Any, take: Taking) -> None:
    project.notebook("a = 1", "b = 2", "")
    taken = take()
    assert (taken.name, taken.manifest.path, taken.code_cells) == ("sales", "analysis/sales.ipynb", 2)
    assert (taken.location.source, taken.root) == (str(project.path), str(project.root))
    assert (taken.manifest.kernel_name, taken.manifest.language, taken.kernel.name) == ("python3", "python", "python3")


def test_a_job_may_be_named_after_a_notebook_with_a_long_name(project: Any) -> None:
    project.notebook("1")
    path = project.path.rename(project.path.with_name("n" * 240 + ".ipynb"))
    taken = project.notebooks.snapshot(str(path), root=str(project.root), kernel=None, limits=SnapshotLimits())
    assert taken.name == "n" * 199 + "…"


def test_the_same_bytes_are_the_same_version(project: Any, take: Taking) -> None:
    project.file("analysis/helpers.py")
    project.notebook("a = 1")
    assert take().manifest == take().manifest
    before = take().manifest.digest
    project.file("analysis/helpers.py", "changed = True")
    assert take().manifest.digest != before


@pytest.mark.parametrize(
    "path", ["analysis/a.csv", "analysis/2026/12/new.csv", "data/b.csv", "data/2026/new.csv", "analysis/other.ipynb"]
)
def test_data_that_changed_or_came_make_no_new_version(path: str, project: Any, take: Taking) -> None:
    project.file("analysis/a.csv")
    project.file("data/b.csv")
    project.notebook("for path in Path('../data').rglob('*.csv'): path.read_text()", "open('../out/x.csv', 'w')")
    before = take()
    project.file(path, "changed")
    after = take()
    assert after.manifest == before.manifest
    assert after.inputs != before.inputs
    assert path in [file.path for file in after.inputs.files]


def test_an_empty_folder_is_an_input_unless_the_code_speaks_of_it(project: Any, take: Taking) -> None:
    (project.root / "analysis" / "empty").mkdir(parents=True)
    (project.root / "out").mkdir()
    project.notebook("open('../out/x.csv', 'w')")
    taken = take()
    assert (taken.manifest.folders, taken.inputs.folders) == (("out",), ("analysis/empty",))


@pytest.mark.parametrize("cell", ["%run other.ipynb", "pm.execute_notebook('other.ipynb', 'done.ipynb')"])
def test_another_notebook_is_code_where_this_one_names_it(cell: str, project: Any, take: Taking) -> None:
    project.file("analysis/other.ipynb", "{}")
    project.notebook(cell)
    assert [file.path for file in take().manifest.files] == ["analysis/other.ipynb"]


def test_a_script_that_is_run_is_code_whatever_its_name(project: Any, take: Taking) -> None:
    project.file("analysis/steps.txt", "a = 1")
    project.notebook("%run steps.txt")
    assert [file.path for file in take().manifest.files] == ["analysis/steps.txt"]


def test_pinned_data_belong_to_the_version(project: Any, take: Taking) -> None:
    project.file("data/countries.csv", "one")
    project.file("analysis/a.csv")
    project.notebook("open('../data/countries.csv')")
    taken = take(pins=Pins(("../data/*",)))
    assert [file.path for file in taken.manifest.files] == ["data/countries.csv"]
    assert [file.path for file in taken.inputs.files] == ["analysis/a.csv"]
    project.file("data/countries.csv", "two")
    assert take(pins=Pins(("../data/*",))).manifest.digest != taken.manifest.digest


def test_settings_may_be_taken_fresh_but_code_may_not(project: Any, take: Taking) -> None:
    project.file("analysis/today.yaml")
    project.file("analysis/helpers.py")
    project.notebook("import helpers")
    taken = take(pins=Pins(("!*",)))
    assert [file.path for file in taken.manifest.files] == ["analysis/helpers.py"]
    assert [file.path for file in taken.inputs.files] == ["analysis/today.yaml"]


def test_an_inspection_tells_the_part_of_each_file(project: Any) -> None:
    project.file("data/b.csv")
    for name in ("a.csv", "helpers.py", "limits.yaml"):
        project.file(f"analysis/{name}")
    project.notebook("open('../data/b.csv')")
    looked = project.inspect(pins=Pins(("../data/b.csv",)))
    assert [(file.path, file.role, file.fresh, file.pattern) for file in looked.files] == [
        ("analysis/a.csv", Role.DATA, True, "/a.csv"),
        ("analysis/helpers.py", Role.CODE, False, "/helpers.py"),
        ("analysis/limits.yaml", Role.SETTINGS, False, "/limits.yaml"),
        ("data/b.csv", Role.DATA, False, "../data/b.csv"),
    ]
    assert looked.pinned == Pins(("../data/b.csv",))


def test_running_the_notebook_makes_no_new_version(project: Any, take: Taking) -> None:
    path = project.notebook("a = 1")
    before = take().manifest.digest
    raw = json.loads(path.read_text())
    raw["cells"][0].update(execution_count=3, outputs=[{"output_type": "stream", "name": "stdout", "text": "x"}])
    path.write_text(json.dumps(raw, indent=1))
    assert take().manifest.digest == before


def test_the_manifest_survives_json(project: Any, take: Taking) -> None:
    project.file("analysis/a.csv")
    project.notebook("1", dataops={"parameters": [{"name": "n", "type": "list", "items": "integer", "choices": [[1]]}]})
    manifest = take().manifest
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_the_source_is_never_written_to(project: Any, take: Taking) -> None:
    project.file("analysis/a.csv")
    path = project.notebook("import os")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in project.root.rglob("*") if p.is_file()}
    take()
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in project.root.rglob("*") if p.is_file()} == before
    assert path in before


@pytest.mark.parametrize("how", ["kernel", "limit", "surrogate"])
def test_a_refusal_stores_nothing(how: str, project: Any, blobs: MemoryBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    project.file("analysis/a.csv", "x" * 100)
    project.notebook("a = '\ud800'" if how == "surrogate" else "a = 1")
    stored: list[object] = []
    monkeypatch.setattr(MemoryBlobs, "put", lambda self, data: stored.append(data))
    monkeypatch.setattr(MemoryBlobs, "put_file", lambda self, path: stored.append(path))
    with pytest.raises(DataOpsError):
        LocalNotebooks(blobs).snapshot(
            str(project.path),
            root=str(project.root),
            kernel="absent" if how == "kernel" else None,
            limits=SnapshotLimits(file_bytes=99 if how == "limit" else 10_000),
        )
    assert stored == []


def test_a_file_that_changes_while_it_is_read_is_kept_as_it_was_stored(project: Any) -> None:
    class Growing(MemoryBlobs):
        def put_file(self, path: Path) -> tuple[str, int]:
            path.write_text("grown meanwhile")
            return super().put_file(path)

    project.file("analysis/a.csv", "x")
    project.notebook("1")
    blobs = Growing()
    taken = LocalNotebooks(blobs).snapshot(
        str(project.path), root=str(project.root), kernel=None, limits=SnapshotLimits()
    )
    file = taken.inputs.files[0]
    assert (file.digest, file.size) == (digest_of(b"grown meanwhile"), 15)


def test_a_file_that_cannot_be_read_is_said_and_left_behind(project: Any) -> None:
    class Gone(MemoryBlobs):
        def put_file(self, path: Path) -> tuple[str, int]:
            path.unlink()
            return super().put_file(path)

    project.file("analysis/a.csv", "x")
    project.notebook("1")
    taken = LocalNotebooks(Gone()).snapshot(
        str(project.path), root=str(project.root), kernel=None, limits=SnapshotLimits()
    )
    assert taken.inputs.files == ()
    assert "unreadable_file" in [finding.code for finding in taken.findings]


def test_an_inspection_says_the_same_without_storing(project: Any, take: Taking) -> None:
    project.file("analysis/a.csv", "one")
    project.notebook("n = 1", "input()")
    looked, taken = project.inspect(), take()
    assert [(f.path, f.size) for f in looked.files] == [(f.path, f.size) for f in taken.inputs.files]
    assert looked.parameters == taken.manifest.parameters
    assert looked.findings == taken.findings
    assert (looked.name, looked.notebook_path, looked.code_cells) == ("sales", "analysis/sales.ipynb", 2)
    assert "python3" in looked.kernels


def test_a_name_that_is_too_long_for_a_job_is_cut(project: Any) -> None:
    project.notebook("n = 1")
    longest = project.path.rename(project.path.with_name("n" * 230 + ".ipynb"))
    looked = project.notebooks.inspect(str(longest), root=str(project.root), kernel=None, limits=SnapshotLimits())
    assert looked.name == "n" * 199 + "…"
    assert looked.notebook_path == f"analysis/{longest.name}"


def test_an_inspection_suggests_the_only_kernel_of_the_language_for_one_that_is_not_here(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "jupyter" / "kernels" / "only"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text('{"argv": ["bash"], "display_name": "Only", "language": "julia"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    project.notebook("n = 1", kernel={"name": "conda-env-j-jl", "display_name": "J", "language": "julia"})
    looked = project.inspect()
    assert (looked.kernel, looked.kernel_suggestion) == (None, "only")
    assert project.inspect(kernel="only").kernel_suggestion is None


def test_an_inspection_without_a_kernel_says_why_where_a_snapshot_is_refused(project: Any, take: Taking) -> None:
    project.notebook("n = 1", kernel=None)
    looked = project.inspect()
    assert looked.kernel is None
    assert looked.kernel_problem is not None and "--kernel" in looked.kernel_problem
    with pytest.raises(KernelUnavailable):
        take()
    assert take(kernel="python3").kernel.name == "python3"


def test_what_runs_published_travels_only_when_the_code_reads_it(project: Any, take: Taking) -> None:
    published = [str(project.file(f"analysis/out/{name}.csv", name)) for name in ("read", "written", "other")]
    project.file("analysis/.dataops-outputs.json", "{}")
    project.notebook("open('out/read.csv'); open('out/written.csv', 'w')")
    assert [file.path for file in take(published=published).inputs.files] == ["analysis/out/read.csv"]
    assert len(take().inputs.files) == 3


def test_a_notebook_declares_its_outputs_in_its_metadata(project: Any, take: Taking) -> None:
    plain = take_with(project, take)
    assert plain.manifest.outputs == ()
    declared = take_with(project, take, {"dataops": {"outputs": ["out.csv"]}})
    assert declared.manifest.outputs == (Output("out.csv"),)
    assert Manifest.from_json(declared.manifest.to_json()) == declared.manifest
    with pytest.raises(InvalidOutputs, match="not a list"):
        take_with(project, take, {"dataops": {"outputs": "out.csv"}})


def take_with(project: Any, take: Taking, metadata: dict[str, Any] | None = None) -> Snapshot:
    project.notebook("1")
    notebook = json.loads(project.path.read_text())
    notebook["metadata"] |= metadata or {}
    project.path.write_text(json.dumps(notebook))
    return take()
