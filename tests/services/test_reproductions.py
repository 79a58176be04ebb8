"""Reproductions: the folder with all that a run found, and the step that has not run."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from dataops_lab.domain.inputs import Inputs
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.reproductions import MARKER_FOLDER
from dataops_lab.domain.variables import Variable
from dataops_lab.domain.versions import IncludedFile
from dataops_lab.errors import Conflict, NotFound, Refused, Unavailable
from dataops_lab.services import reproduction_folders, reproductions, secrets
from dataops_lab.services.reproductions import Reproduction, Wanted
from dataops_lab.testing import person

from ..pipeline_lab import ANN, PipelineLab, engine_of

CANARY = "Tr0ub4dor-and-3-more"
CHAIN = """
version: 1
steps:
  extract: {notebook: extract.ipynb}
  clean: {notebook: clean.ipynb, needs: [extract], files: [{from: extract, paths: [data.csv]}]}
  train: {notebook: train.ipynb, needs: [clean], with: {n: {cel: steps.extract.values.n}}}
  each: {notebook: each.ipynb, needs: [clean], for_each: {inputs: [a, b]}, with: {n: {cel: steps.extract.values.n}}}
  ok: {approve: {ask: Well?}, needs: [train]}
  tidy: {command: [rm, -rf, "a b"], needs: [ok], env: {PLACE: "it's here"}}
"""


@pytest.fixture
def database(sqlite: str) -> str:
    """SQLite alone: other tests send all these statements to both databases."""
    return sqlite


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    lab = PipelineLab(ctx, engine_of(ctx, executor), executor)
    lab.notebooks.schema = ParameterSchema((Parameter("n", ParameterType.INTEGER, 0),))
    return lab


@pytest.fixture
def chain(lab) -> str:
    """A pipeline run whose first step left a value and a file, and whose second one failed."""
    run_id = lab.start(CHAIN)
    lab.end(run_id, "extract", values={"n": 7}, files={"data.csv": "1,2"})
    lab.end(run_id, "clean", "failed")
    return run_id


@pytest.fixture
def reproduce(ctx, tmp_path):
    def reproduced(run_id: str, step: str | None = None, item: str | None = None, **more) -> Reproduction:
        return reproductions.reproduce(ctx, Wanted(run_id, step, item), **{"below": tmp_path, "by": ANN, **more})

    return reproduced


def texts(folder: Path) -> dict[str, str]:
    """Return the contents of the files below a folder that are not its description."""
    found = [path for path in folder.rglob("*") if path.is_file() and MARKER_FOLDER not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


# --- steps of pipelines -----------------------------------------------------------------------------


def test_a_step_that_failed_is_reproduced_with_the_files_that_others_left_for_it(lab, chain, reproduce):
    found = reproduce(chain, "clean")
    assert found.run.id == lab.part(chain, "clean").id
    assert texts(found.folder)["inputs/extract/data.csv"] == "1,2"
    assert found.folder.name == f"chain-clean-{found.run.id[-6:].lower()}"


def test_a_step_that_has_not_run_gets_the_values_that_others_left_and_says_who_left_less(lab, chain, reproduce):
    assert lab.states(chain)["train"] == "skipped"
    found = reproduce(chain, "train")
    assert (found.path, found.run.parameters) == ("train.ipynb", {"n": 7})
    each = reproduce(chain, "each", "b")
    assert (each.run.parent_key, each.run.parameters) == ("each/b", {"n": 7})
    assert not found.missing
    lab.notebooks.schema = ParameterSchema()
    other = lab.start("""
version: 1
steps:
  first: {notebook: a.ipynb}
  second: {notebook: b.ipynb, needs: [first], files: [{from: first, paths: [x]}]}
""")
    lab.end(other, "first", "failed")
    [missing] = reproduce(other, "second").missing
    assert (missing.name, missing.reason) == ("first", "It failed, and may have left less than it should.")


def test_a_step_whose_inputs_are_not_there_yet_is_refused_with_the_step_it_waits_for(lab, reproduce):
    run_id = lab.start(CHAIN)
    with pytest.raises(Conflict, match="`extract` is running") as refused:
        reproduce(run_id, "clean")
    assert refused.value.precise_code == "inputs_not_there"
    with pytest.raises(Conflict, match="`extract` is running"):
        reproduce(run_id, "train")


def test_a_step_is_named_and_of_a_fan_out_also_its_item(chain, reproduce):
    for step, item, said in (
        (None, None, "extract, clean, train, each, tidy"),
        ("each", None, "a, b"),
        ("each", "c", "a, b"),
        ("train", "a", "no items"),
        ("ok", None, "asks people"),
    ):
        with pytest.raises(Refused, match=said) as refused:
            reproduce(chain, step, item)
        assert refused.value.precise_code == "step_needed"
    with pytest.raises(NotFound):
        reproduce(chain, "nothing")


def test_the_command_of_a_program_quotes_what_a_shell_would_read(chain, reproduce):
    found = reproduce(chain, "tidy")
    assert found.path is None
    assert found.command.splitlines() == [
        f"cd {found.folder}",
        "export PLACE='it'\"'\"'s here'",
        f"export DATAOPS_PARAMS_FILE={found.folder}/{MARKER_FOLDER}/parameters.json",
        f"export PYTHONPATH={found.folder}/{MARKER_FOLDER}/helpers",
        f"export DATAOPS_LAB_VALUES={found.folder}/{MARKER_FOLDER}/values.jsonl",
        "rm -rf 'a b'",
    ]


def test_a_slow_expression_is_evaluated_before_the_folder_is_made(lab, reproduce):
    run_id = lab.start("""
version: 1
steps:
  first: {notebook: a.ipynb}
  second:
    notebook: b.ipynb
    needs: [first]
    with: {n: {cel: "[1, 2, 3].filter(i, [1, 2, 3].exists(j, j == i)).size() + steps.first.values.n"}}
""")
    lab.end(run_id, "first", "failed", values={"n": 4})
    assert reproduce(run_id, "second").run.parameters == {"n": 7}


# --- variables and secrets --------------------------------------------------------------------------


@pytest.fixture
def guarded(ctx, submit):
    """A run in an environment with a variable and a secret, which only administrators may use."""
    run = submit(environment="sandbox").run
    with ctx.store.begin() as tx:
        tx.environments.put(replace(tx.environments.get("sandbox"), guarded=True), at=ctx.clock.now(), by=ANN)
        tx.variables.put(Variable("sandbox", "PLACE", "here", ctx.clock.now(), ANN))
    secrets.put(ctx, "sandbox", "PASSWORD", CANARY, by=ANN)
    return run


def test_no_file_of_a_reproduction_has_a_secret(guarded, reproduce):
    found = reproduce(guarded.id)
    assert (found.variables.given, found.variables.secrets) == ({"PLACE": "here"}, ["PASSWORD"])
    assert "# Set these yourself: PASSWORD" in found.command.splitlines()
    for path in found.folder.rglob("*"):
        assert path.is_dir() or CANARY not in path.read_text()


def test_a_person_who_may_not_run_there_gets_neither_variables_nor_secrets(ctx, guarded, tmp_path):
    ctx = replace(ctx, administrators=frozenset({"boss"}))
    ben, wanted = person("ben"), Wanted(guarded.id)
    found = reproductions.reproduce(ctx, wanted, below=tmp_path, by=ben)
    assert (found.variables.given, found.variables.secrets) == ({}, ())
    assert found.variables.left_out == ["PASSWORD", "PLACE"]
    kernel = reproductions.find_kernel(ctx, wanted, found.folder, place="local", by=ben)
    assert "PLACE" not in (environment := reproductions.environment_of(ctx, kernel))
    assert CANARY not in environment.values()
    assert "here" not in (found.folder / MARKER_FOLDER / "run.json").read_text()


def test_an_event_says_who_got_secrets_and_their_names_alone(ctx, guarded, reproduce):
    found = reproduce(guarded.id)
    with ctx.store.read() as tx:
        before = tx.events.last_seq()
    kernel = reproductions.find_kernel(ctx, Wanted(guarded.id), found.folder, place="local", by=ANN)
    assert reproductions.environment_of(ctx, kernel)["PASSWORD"] == CANARY
    assert CANARY not in repr(kernel)
    with ctx.store.read() as tx:
        [event] = tx.events.list_after(before, limit=10)
    assert (event.kind, event.subject.id, event.actor) == ("run.reproduced", guarded.id, ANN)
    assert event.data == {"secrets": ["PASSWORD"], "step": None}


def test_the_environment_of_a_container_is_not_that_of_this_machine(ctx, submit):
    run = replace(submit().run, variables={"OWN": "1"})
    variables = reproductions.Variables({"PATH": "/bin"}, {"OWN": "1"}, (), ())
    kernel = reproductions.ReproductionKernel(Wanted(run.id), run, Path("/x"), "a.ipynb", "python3", variables, ANN)
    environment = reproductions.environment_of(ctx, kernel)
    assert (environment["PATH"], environment["OWN"]) == ("/bin", "1")
    assert environment["PYTHONPATH"] == f"/x/{MARKER_FOLDER}/helpers"
    in_image = replace(kernel, container=object())
    environment = reproductions.environment_of(ctx, in_image, root=Path("/workspace"))
    assert environment.keys() == {"OWN", "PYTHONPATH", "DATAOPS_LAB_VALUES"}
    assert environment["DATAOPS_LAB_VALUES"] == f"/workspace/{MARKER_FOLDER}/values.jsonl"


# --- folders ----------------------------------------------------------------------------------------


@pytest.fixture
def with_files(ctx, submit):
    """A function that returns a run with these inputs. A content of None stands for bytes that are not stored."""

    def submitted(files: dict[str, str | None]) -> str:
        run = submit().run
        taken = [
            IncludedFile(path, ctx.blobs.put(text.encode()) if text is not None else "sha256:" + "0" * 64, 1)
            for path, text in files.items()
        ]
        with ctx.store.begin() as tx:
            digest = tx.inputs.put(Inputs(tuple(taken)))
            copy = replace(run, id=f"{run.id[:-4]}{len(files):04d}", inputs_digest=digest)
            tx.runs.add(copy)
        return copy.id

    return submitted


def test_what_is_not_stored_any_more_is_named_and_the_rest_is_there(ctx, with_files, reproduce):
    run_id = with_files({"a.csv": "a", "gone.csv": None})
    found = reproduce(run_id)
    assert [vars(each) for each in found.missing] == [
        {"name": "gone.csv", "reason": "Its bytes are not stored any more."}
    ]
    assert texts(found.folder).keys() == {"a.csv", "sales.ipynb"}
    assert not reproduce(run_id).created


def test_a_path_that_leads_out_of_the_folder_is_left_out(with_files, reproduce, tmp_path):
    absolute = tmp_path / "absolute"
    hostile = ["../out", str(absolute), "a/../../out", ".", f"{MARKER_FOLDER}/run.json", "a//b", "n\0l"]
    found = reproduce(with_files(dict.fromkeys(hostile, "x")))
    assert {each.name for each in found.missing} == set(hostile)
    assert texts(found.folder).keys() == {"sales.ipynb"}
    assert not (tmp_path / "out").exists()
    assert not absolute.exists()


def test_files_that_cannot_lie_beside_one_another_are_named(with_files, reproduce):
    found = reproduce(with_files({"a": "x", "a/b": "y", "l" * 300: "z"}))
    assert {each.name: each.reason for each in found.missing} == {
        "a/b": "Another file of the run has its place.",
        "l" * 300: "Its path is too long for this file system.",
    }


@pytest.mark.parametrize("prepared", ["link", "file", "folder", "open", "forged"])
def test_a_place_that_somebody_prepared_is_not_filled(with_files, reproduce, tmp_path, prepared):
    run_id = with_files({"a.csv": "a"})
    original = reproduce(run_id)
    place, elsewhere = original.folder, tmp_path / "elsewhere"
    elsewhere.mkdir()
    kept = place.rename(tmp_path / "kept")
    match prepared:
        case "link":
            place.symlink_to(elsewhere)
        case "file":
            place.write_text("")
        case "folder":
            place.mkdir()
        case "open":
            kept.rename(place)
            place.chmod(0o777)
        case "forged":
            kept.rename(place)
            (place / "a.csv").unlink()
            (place / "a.csv").symlink_to("/etc/hostname")
    found = reproduce(run_id)
    assert found.created
    assert found.folder.name == f"{place.name}-2"
    assert list(elsewhere.iterdir()) == []


def test_reproductions_do_not_go_into_a_linked_folder(with_files, reproduce, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "dataops-reproduce").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="is a link") as refused:
        reproduce(with_files({}))
    assert refused.value.precise_code == "reproduction_not_written"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_named_folder_is_new_or_the_same_that_nobody_changed(with_files, reproduce, tmp_path):
    run_id = with_files({"a.csv": "a"})
    assert reproduce(run_id, folder=tmp_path / "why").created
    assert not reproduce(run_id, folder=tmp_path / "why").created
    (tmp_path / "why" / "note.txt").write_text("mine")
    with pytest.raises(Conflict, match="Name another folder"):
        reproduce(run_id, folder=tmp_path / "why")
    assert (tmp_path / "why" / "note.txt").read_text() == "mine"
    with pytest.raises(Refused, match="does not exist"):
        reproduce(run_id, folder=tmp_path / "no" / "why")


def test_files_that_have_no_room_are_refused_before_anything_is_written(with_files, reproduce, tmp_path, monkeypatch):
    run_id = with_files({"a.csv": "a"})
    usage = reproduction_folders.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(reproduction_folders.shutil, "disk_usage", lambda _: usage._replace(free=1))
    with pytest.raises(Refused, match="room for 1") as refused:
        reproduce(run_id)
    assert refused.value.precise_code == "reproduction_no_room"
    assert [path.name for path in (tmp_path / "dataops-reproduce").iterdir()] == [".gitignore"]


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(ctx, with_files, reproduce, tmp_path, monkeypatch):
    run_id = with_files({"a.csv": "a", "b.csv": "b"})
    copy = ctx.blobs.copy_to

    def full(digest, path):
        if path.name == "b.csv":
            raise OSError(28, os.strerror(28), str(path))
        copy(digest, path)

    monkeypatch.setattr(ctx.blobs, "copy_to", full)
    with pytest.raises(Unavailable, match="No space left") as refused:
        reproduce(run_id)
    assert refused.value.precise_code == "reproduction_not_written"
    assert [path.name for path in (tmp_path / "dataops-reproduce").iterdir()] == [".gitignore"]


def test_the_description_names_everything_and_is_what_a_folder_is_known_by(with_files, reproduce, tmp_path):
    found = reproduce(with_files({"a.csv": "a"}))
    described = json.loads((found.folder / MARKER_FOLDER / "run.json").read_text())
    assert described["run"]["id"] == found.run.id
    assert described["files"].keys() == {"a.csv", "sales.ipynb"}
    other = reproduce(with_files({"a.csv": "a", "b.csv": "b"}))
    assert other.folder != found.folder
    assert other.created


def test_a_run_that_waits_is_reproduced_too(submit, reproduce):
    found = reproduce(submit().run.id)
    assert (found.cell, found.path) == (None, "sales.ipynb")


def test_a_run_of_a_machine_has_no_kernel_in_an_image(ctx, submit, tmp_path):
    run = submit().run
    with pytest.raises(Refused, match="kernel of this machine") as refused:
        reproductions.find_kernel(ctx, Wanted(run.id), tmp_path, place="image", by=ANN)
    assert refused.value.precise_code == "reproduction_without_image"
