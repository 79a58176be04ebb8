from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.workspaces import Location, is_same_notebook, normalize_remote, parent_folders, relative_path


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/team/work.git",
        "https://github.com/team/work",
        "https://github.com/team/work/",
        "https://GitHub.com:443/team/work.git",
        "https://name:token@github.com/team/work.git?token=x#y",
        "http://github.com/team//work.git",
        "git@github.com:team/work.git",
        "github.com:/team/work.git",
        "ssh://git@github.com/team/work.git",
        "ssh://git@github.com:22/team/work.git",
        "git://github.com/team/work.git/",
    ],
)
def test_every_spelling_of_a_remote_is_one_text(url: str) -> None:
    assert normalize_remote(url) == "github.com/team/work"


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("ssh://git@host:2222/team/work.git", "host:2222/team/work"),
        ("https://host/Team/Work", "host/Team/Work"),
        ("/srv/git/work.git", "/srv/git/work"),
        ("file:///srv/git/work.git", "/srv/git/work"),
        ("https://[::1]:8080/work", "::1:8080/work"),
    ],
)
def test_what_tells_repositories_apart_stays(url: str, remote: str) -> None:
    assert normalize_remote(url) == remote


@pytest.mark.parametrize(
    "url",
    ["", "/", "../work.git", "work", "https://", "https://host", "https://host/.git", "https://host:x/a", "a\nb:c"],
)
def test_a_remote_that_names_nothing_from_elsewhere_is_none(url: str) -> None:
    assert normalize_remote(url) is None


def test_a_remote_that_is_too_long_is_none() -> None:
    assert normalize_remote("https://host/" + "a" * 1000) is None


@given(st.text(max_size=60))
def test_a_remote_never_raises_and_never_shows_a_password(text: str) -> None:
    normalize_remote(text)
    remote = normalize_remote(f"https://user:s3cret-@host/{text}")
    assert "s3cret-@" not in (remote or "") or "s3cret-@" in text


def test_a_location_is_a_file_below_a_root() -> None:
    location = Location("/home/ann/work", "reports/sales.ipynb")
    assert location.source == "/home/ann/work/reports/sales.ipynb"
    assert Location("/", "a.ipynb").source == "/a.ipynb"


def test_a_workspace_is_named_after_its_repository_or_its_folder() -> None:
    assert Location("/home/ann/clone2", "a.ipynb", "github.com/team/work").name == "work"
    assert Location("/home/ann/clone2", "a.ipynb").name == "clone2"
    assert Location("/", "a.ipynb").name == "/"


def test_folders_above_begin_with_the_nearest() -> None:
    assert parent_folders("/w/a/nb.ipynb") == ["/w/a", "/w", "/"]


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("/w/a/b", "/w/a", "b"),
        ("/w/a", "/w/a", ""),
        ("/w/ab", "/w/a", None),
        ("/w", "/w/a", None),
        ("/a", "/", "a"),
    ],
)
def test_a_path_is_seen_from_a_folder_that_holds_it(path: str, folder: str, expected: str | None) -> None:
    assert relative_path(path, folder) == expected


def test_a_notebook_is_the_same_when_more_than_half_of_all_cells_are() -> None:
    assert is_same_notebook("abc", "abd") is False  # two of four
    assert is_same_notebook("abcd", "abce") is True  # three of five
    assert is_same_notebook("a", "a") is True


def test_a_notebook_without_ids_is_like_no_other() -> None:
    assert is_same_notebook([], []) is False
    assert is_same_notebook([], ["a"]) is False
