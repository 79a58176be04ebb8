"""The contract that every implementation of the port `OutputFolders` keeps."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dataops_lab.domain.versions import digest_of
from dataops_lab.errors import Refused
from dataops_lab.outputs.folder import LocalOutputFolders
from dataops_lab.ports import OutputFolder, OutputFolders
from dataops_lab.testing import FakeOutputFolders


@pytest.fixture
def place(tmp_path: Path) -> str:
    (tmp_path / "place").mkdir()
    return str(tmp_path / "place")


@pytest.fixture(params=["local", "fake"])
def folders(request: pytest.FixtureRequest, tmp_path: Path, place: str) -> OutputFolders:
    """The target folders of a machine that allows no folder but workspaces."""
    if request.param == "local":
        return LocalOutputFolders([], protected=[tmp_path / "state"])
    fake = FakeOutputFolders()
    fake.refused.add(place)
    return fake


@pytest.fixture
def folder(folders: OutputFolders, place: str) -> OutputFolder:
    return folders.open(place, is_workspace=True)


def test_what_was_put_is_there_with_its_digest_and_in_its_folders(folder: OutputFolder):
    assert folder.digest_of("a/b/x.csv") is None
    assert folder.put("a/b/x.csv", io.BytesIO(b"old"))
    assert folder.digest_of("a/b/x.csv") == digest_of(b"old")
    assert folder.put("a/b/x.csv", io.BytesIO(b"new"))
    assert folder.digest_of("a/b/x.csv") == digest_of(b"new")
    assert folder.digest_of("a/b/y.csv") is None


def test_the_question_whether_it_is_wanted_comes_last_and_a_no_changes_nothing(folder: OutputFolder):
    folder.put("x.csv", io.BytesIO(b"old"))
    content = io.BytesIO(b"new")
    read_before: list[int] = []

    def decline() -> bool:
        read_before.append(content.tell())
        return False

    assert not folder.put("x.csv", content, wanted=decline)
    assert read_before == [3]
    assert folder.digest_of("x.csv") == digest_of(b"old")


def test_a_folder_is_locked_again_after_it_was_released(folder: OutputFolder):
    for _ in range(2):
        with folder.lock():
            folder.put("x.csv", io.BytesIO(b"new"))
    assert folder.digest_of("x.csv") == digest_of(b"new")


def test_a_folder_that_is_not_allowed_is_refused_unless_it_is_the_workspace(folders: OutputFolders, place: str):
    for ask in (lambda: folders.check(place), lambda: folders.open(place, is_workspace=False)):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.precise_code == "output_folder_refused"
    folders.open(place, is_workspace=True)
