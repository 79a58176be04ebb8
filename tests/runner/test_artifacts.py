import os
import pwd
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from dataops_lab.rundir.protocol import MAX_ARTIFACTS, MAX_DEPTH
from dataops_lab.runner import artifacts
from dataops_lab.runner.masking import Masking

from ..hostile import deep, hollow


@pytest.fixture
def root(tmp_path):
    (tmp_path / "files" / "data").mkdir(parents=True)
    (tmp_path / "files" / "data" / "in.csv").write_text("a")
    return tmp_path / "files"


@pytest.fixture
def collected(root, tmp_path):
    """A function that collects the files that have changed since. It returns their paths and the notes."""
    before = artifacts.fingerprint_files(root)
    notes = []

    def collect():
        made = artifacts.collect(root, before, tmp_path / "artifacts", notes.append)
        return [artifact["path"] for artifact in made], notes

    return collect


def test_new_and_changed_files_are_artifacts_and_others_are_not(root, tmp_path, collected):
    (root / "out" / "deep").mkdir(parents=True)
    (root / "out" / "deep" / "new.txt").write_text("new")
    assert collected() == (["out/deep/new.txt"], [])
    assert (tmp_path / "artifacts" / "out" / "deep" / "new.txt").read_text() == "new"


@pytest.mark.parametrize("name", [".git", ".hg", ".svn"])
def test_a_repository_that_the_run_made_is_not_kept_and_said_and_its_files_are_kept(name, root, collected):
    (root / "clone" / name / "objects").mkdir(parents=True)
    (root / "clone" / name / "objects" / "pack").touch()
    (root / "clone" / "README").touch()
    made, notes = collected()
    assert made == ["clone/README"]
    assert notes == [f"The folder clone/{name} is not kept: a record has no repositories."]


def test_what_lies_too_deep_is_not_kept_and_said_and_the_rest_is_kept(root, collected):
    deepest = root.joinpath(*["d"] * MAX_DEPTH)
    (deepest / "d").mkdir(parents=True)
    (deepest / "kept.txt").touch()
    (deepest / "d" / "too-deep.txt").touch()
    made, notes = collected()
    assert made == ["d/" * MAX_DEPTH + "kept.txt"]
    assert [note.partition(",")[0] for note in notes] == [f"Files more than {MAX_DEPTH} folders deep are not kept"]


def test_folders_may_lie_inside_one_another_deeper_than_python_may_call(root, collected):
    with deep(root):
        (root / "new.txt").touch()
        assert collected()[0] == ["new.txt"]


def test_of_more_files_than_a_run_may_leave_the_first_are_kept_and_the_rest_is_counted(root, collected):
    for number in range(MAX_ARTIFACTS + 3):
        (root / f"{number:05}.txt").touch()
    made, notes = collected()
    assert made == [f"{number:05}.txt" for number in range(MAX_ARTIFACTS)]
    assert len(notes) == 1
    assert notes[0].startswith("3 more files are not kept: a run may leave 2,000.")


def test_a_file_that_was_hardly_written_is_not_kept_and_said_and_not_searched_for_secrets(root, tmp_path):
    hollow(root / "memory.dat")
    notes = []
    made = artifacts.collect(root, {}, tmp_path / "artifacts", notes.append, Masking(["a secret"]))
    assert [artifact["path"] for artifact in made] == ["data/in.csv"]
    assert notes == ["The file memory.dat is not kept: more than 1 GiB of it were never written."]


def test_a_file_changed_without_changing_its_size_is_an_artifact(root, collected):
    (root / "data" / "in.csv").write_text("b")
    os.utime(root / "data" / "in.csv", ns=(1, 1))

    assert collected()[0] == ["data/in.csv"]


def test_a_file_replaced_by_another_is_an_artifact(root, collected):
    entry = (root / "data" / "in.csv").stat()
    (root / "other").write_text("c")
    os.utime(root / "other", ns=(entry.st_atime_ns, entry.st_mtime_ns))
    (root / "other").replace(root / "data" / "in.csv")

    assert collected()[0] == ["data/in.csv"]


def test_caches_and_checkpoints_are_no_artifacts(root, collected):
    for folder in (".ipynb_checkpoints", "__pycache__"):
        (root / folder).mkdir()
        (root / folder / "x.txt").touch()
    (root / "module.pyc").touch()

    assert collected() == ([], [])


def test_links_are_not_followed_and_special_files_not_opened(root, tmp_path, collected):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "outside" / "secret")
    (root / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "pipe")

    assert collected() == ([], [])


def test_a_name_that_is_no_utf8_is_noted_not_kept(root, collected):
    (root / os.fsdecode(b"\xff.txt")).touch()
    (root / "good").touch()

    made, notes = collected()

    assert made == ["good"]
    assert "UTF-8" in notes[0]


def test_what_cannot_be_copied_is_noted_and_the_rest_is_kept(root, tmp_path, collected):
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "a").write_text("a file where a folder must be")
    (root / "a").mkdir()
    (root / "a" / "blocked").touch()
    (root / "b").touch()

    made, notes = collected()

    assert made == ["b"]
    assert "a/blocked" in notes[0]


@contextmanager
def nobody_in(folder):
    """Let root act as the user nobody, who gets the folder, because root can read everything. Other users stay."""
    if os.geteuid() != 0:
        yield
        return
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(folder, nobody, -1)
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_file_is_noted():
    # The folder is not below pytest's own, which only its owner can read.
    with tempfile.TemporaryDirectory() as name, nobody_in(name):
        root = Path(name, "files")
        root.mkdir()
        before, notes = artifacts.fingerprint_files(root), []
        (root / "locked").touch(mode=0)
        assert artifacts.collect(root, before, Path(name, "artifacts"), notes.append) == []
    assert "locked" in notes[0]
