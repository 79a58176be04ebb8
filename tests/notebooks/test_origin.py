from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dataops_lab.domain.versions import Origin
from dataops_lab.notebooks import origin
from dataops_lab.notebooks.origin import read_origin, read_remote, without_credentials

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    for name, value in {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    run("init", "-q", "-b", "main")
    return run


def committed(git: Git, folder: Path) -> str:
    (folder / "a.txt").write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "First")
    return git("rev-parse", "HEAD")


def test_remote_commit_and_branch_are_told(git: Git, tmp_path: Path) -> None:
    commit = committed(git, tmp_path)
    git("remote", "add", "origin", "git@example.org:team/work.git")
    (tmp_path / "deep").mkdir()
    assert read_origin(tmp_path / "deep") == Origin("git@example.org:team/work.git", commit, "main", dirty=False)


@pytest.mark.parametrize("name", ["a.txt", "new.txt"])
def test_changed_and_new_files_make_it_dirty(name: str, git: Git, tmp_path: Path) -> None:
    committed(git, tmp_path)
    (tmp_path / name).write_text("2 changed")
    assert read_origin(tmp_path).dirty is True


def test_a_repository_without_commits_has_a_branch_alone(git: Git, tmp_path: Path) -> None:
    assert read_origin(tmp_path) == Origin(None, None, "main", dirty=False)


def test_a_detached_head_has_no_branch(git: Git, tmp_path: Path) -> None:
    git("checkout", "-q", committed(git, tmp_path))
    assert read_origin(tmp_path).branch is None


def test_outside_a_work_tree_nothing_is_known(tmp_path: Path) -> None:
    assert read_origin(tmp_path) == Origin()


def test_without_git_nothing_is_known(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(git, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_origin(tmp_path) == Origin()


def test_a_folder_that_is_gone_has_no_origin(tmp_path: Path) -> None:
    assert read_origin(tmp_path / "gone") == Origin()


def test_the_repository_that_the_environment_names_is_another_one(
    git: Git, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(git, tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert read_origin(tmp_path_factory.mktemp("elsewhere")) == Origin()


def test_no_program_that_a_repository_names_runs(git: Git, tmp_path: Path) -> None:
    committed(git, tmp_path)
    trap = f"touch {tmp_path}/ran; cat"
    (tmp_path / ".gitattributes").write_text("* filter=Trap.x diff=trap\n")
    hooks = tmp_path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("fsmonitor-watchman", "post-index-change"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / hook).chmod(0o755)
    for name in ("filter.Trap.x.clean", "filter.Trap.x.process", "core.fsmonitor", "core.sshCommand", "diff.external"):
        git("config", name, trap)
    (tmp_path / "a.txt").write_text("2")
    os.utime(tmp_path / "a.txt", (1, 1))
    assert read_origin(tmp_path).dirty is True
    assert not (tmp_path / "ran").exists()


def _filtered(text: str) -> Callable[[Git, Path, str], None]:
    def prepare(git: Git, folder: Path, trap: str) -> None:
        (folder / ".gitattributes").write_text("* filter=a=b\n[attr]again filter=c\n*.md again\n")
        (folder / "b.md").write_text("1")
        git("add", "b.md")
        (folder / ".git" / "more").write_text(f'[filter "a=b"]\n\tclean = {trap}\n[filter "c"]\n\tclean = {trap}\n')
        _configure(folder, text)
        for name in ("a.txt", "b.md"):
            os.utime(folder / name, (1, 1))

    return prepare


def _lacks_a_tree(git: Git, folder: Path, trap: str) -> None:
    tree = git("rev-parse", "HEAD^{tree}")
    (folder / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    command = trap.replace("%", "%%").replace(" ", "% ")
    _configure(
        folder,
        "[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tpartialClone = origin\n"
        f'[remote "origin"]\n\turl = "ext::sh -c {command}"\n\tpromisor = true\n'
        '[protocol "ext"]\n\tallow = always\n',
    )


def _has_a_monitor_elsewhere(git: Git, folder: Path, trap: str) -> None:
    (folder / ".git" / "config.worktree").write_text(f'[core]\n\tfsmonitor = "{trap}"\n')
    _configure(folder, "[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tworktreeConfig = true\n")


def _configure(folder: Path, text: str) -> None:
    with (folder / ".git" / "config").open("a") as config:
        config.write(text)


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(_filtered("[include]\n\tpath = more\n"), id="a filter whose name holds a ="),
        pytest.param(_filtered('[includeIf "gitdir:/**"]\n\tpath = more\n'), id="settings included on a condition"),
        pytest.param(_lacks_a_tree, id="a missing object that a remote promises"),
        pytest.param(_has_a_monitor_elsewhere, id="settings of a work tree"),
    ],
)
def test_no_setting_of_a_repository_runs_a_program(
    prepare: Callable[[Git, Path, str], None], git: Git, tmp_path: Path
) -> None:
    committed(git, tmp_path)
    prepare(git, tmp_path, f"touch {tmp_path}/ran")
    read_origin(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_work_tree_that_the_repository_names_is_not_looked_at(
    git: Git, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    committed(git, tmp_path)
    git("config", "core.worktree", str(tmp_path_factory.mktemp("elsewhere")))
    assert read_origin(tmp_path).dirty is False


def test_another_work_tree_of_a_repository_has_a_branch_of_its_own(git: Git, tmp_path: Path) -> None:
    commit = committed(git, tmp_path)
    git("remote", "add", "origin", "https://example.org/work")
    git("worktree", "add", "-q", "-b", "side", "other")
    (tmp_path / "other" / "new.txt").write_text("1")
    assert read_origin(tmp_path / "other") == Origin("https://example.org/work", commit, "side", dirty=True)


def test_names_of_64_digits_and_a_split_index_are_read(tmp_path: Path, git: Git) -> None:
    folder = tmp_path / "long"
    git("init", "-q", "-b", "main", "--object-format=sha256", str(folder))
    (folder / "a.txt").write_text("1")
    git("-C", "long", "add", ".")
    git("-C", "long", "commit", "-q", "-m", "First")
    git("-C", "long", "update-index", "--split-index")
    assert read_origin(folder) == Origin(None, git("-C", "long", "rev-parse", "HEAD"), "main", dirty=False)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The git commands that were started."""
    verbs: list[str] = []
    run = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda command, **named: (verbs.append(command[1]), run(command, **named))[1]
    )
    return verbs


def test_git_is_asked_for_the_settings_of_a_repository_once(
    git: Git, tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(git, tmp_path)
    monkeypatch.setattr(origin, "_RACY_NS", -60_000_000_000)  # treats the files as written long ago
    started.clear()
    assert [read_origin(tmp_path).dirty for _ in range(3)] == [False] * 3
    assert started == ["config", "status", "status", "status"]


def test_settings_that_were_written_a_moment_ago_are_not_remembered(
    git: Git, tmp_path: Path, started: list[str]
) -> None:
    committed(git, tmp_path)
    started.clear()
    assert [read_origin(tmp_path).dirty for _ in range(2)] == [False] * 2
    assert started == ["config", "status"] * 2


def test_settings_that_changed_are_asked_for_again(git: Git, tmp_path: Path) -> None:
    committed(git, tmp_path)
    assert read_origin(tmp_path).remote is None
    git("remote", "add", "origin", "git@example.org:team/work.git")
    assert read_origin(tmp_path).remote == "git@example.org:team/work.git"
    git("remote", "set-url", "origin", "git@example.org:team/work.bak")
    assert read_origin(tmp_path).remote == "git@example.org:team/work.bak"


def test_looking_writes_nothing(git: Git, tmp_path: Path) -> None:
    committed(git, tmp_path)
    os.utime(tmp_path / "a.txt", (1, 1))
    index = (tmp_path / ".git" / "index").read_bytes()
    read_origin(tmp_path)
    assert (tmp_path / ".git" / "index").read_bytes() == index


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://name:token@example.org/team/work.git", "https://example.org/team/work.git"),
        ("https://token@example.org:8443/work", "https://example.org:8443/work"),
        ("https://example.org/work?private_token=x#y", "https://example.org/work"),
        ("ssh://git:secret@example.org/work", "ssh://git@example.org/work"),
        ("git@example.org:team/work.git", "git@example.org:team/work.git"),
        ("../work.git", "../work.git"),
    ],
)
def test_credentials_are_taken_out_of_a_url(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_the_remote_of_a_folder_is_normalised(git: Git, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    assert read_remote(tmp_path / "deep") is None
    git("remote", "add", "origin", "https://ann:s3cret@example.org/team/work.git")
    assert read_remote(tmp_path / "deep") == "example.org/team/work"


def test_reading_the_remote_of_a_folder_runs_nothing_and_includes_nothing(git: Git, tmp_path: Path) -> None:
    (tmp_path / "more").write_text('[remote "origin"]\n\turl = https://example.org/included\n')
    git("config", "include.path", str(tmp_path / "more"))
    git("config", "core.fsmonitor", f"touch {tmp_path}/ran")
    assert read_remote(tmp_path) is None
    assert not (tmp_path / "ran").exists()


def test_no_folder_and_no_work_tree_have_no_remote(tmp_path: Path) -> None:
    assert read_remote(tmp_path) is None
    assert read_remote(tmp_path / "gone") is None
