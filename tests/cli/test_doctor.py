from __future__ import annotations

import sqlite3
import subprocess
from typing import NamedTuple

import pytest

from dataops_lab.cli import doctor
from dataops_lab.wiring import Home


def states(shell, **environment: str) -> dict[str, dict[str, str]]:
    return {found["what"]: found for found in shell.invoke("doctor", "--json", **environment).json["checks"]}


def test_it_looks_at_everything_that_a_run_needs(own_shell):
    own_shell.invoke("runs", "list")

    found = states(own_shell)

    assert {
        *("state folder", "database", "engine", "runner", "kernels", "server extension", "Lab extension"),
    } <= found.keys()
    for what in ("state folder", "database", "engine", "runner", "kernels", "server extension", "Lab extension"):
        assert found[what]["state"] == "ok", found[what]


def test_whatever_is_broken_has_its_mend_and_the_exit_code_says_so(own_shell):
    own_shell.text("a_file", "")

    answer = own_shell.invoke("doctor", "--json", DATAOPS_LAB_HOME=str(own_shell.folder / "a_file"))

    broken = [found for found in answer.json["checks"] if found["state"] == "broken"]
    assert answer.code == 1
    assert not answer.json["healthy"]
    assert "state folder" in [found["what"] for found in broken]
    assert all(found["hint"] for found in broken)


def test_a_kernel_that_cannot_be_used_is_noted_with_the_reason_and_the_others_stay(own_shell):
    file = own_shell.folder / "jupyter" / "kernels" / "odd" / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"argv": [5], "display_name": "Odd", "language": "python", "env": null}')

    answer = own_shell.invoke("doctor", "--json", JUPYTER_PATH=str(own_shell.folder / "jupyter"))

    found = {check["what"]: check for check in answer.json["checks"]}
    assert str(file) in found["kernel"]["message"]
    assert "python3" in found["kernels"]["message"]
    assert "Traceback" not in answer.err


def test_looking_makes_nothing(own_shell):
    own_shell.invoke("doctor")

    assert not own_shell.home.exists()


def test_a_damaged_database_is_found(own_shell):
    own_shell.invoke("runs", "list")
    (database,) = own_shell.home.glob("*.sqlite")
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    connection.close()
    whole = database.read_bytes()

    database.write_bytes(whole[: 3 * size] + b"\xff" * size * (pages - 3))
    damaged = states(own_shell)["database"]
    database.write_bytes(b"no database at all, and longer than a header, which has one hundred bytes" * 3)
    none = states(own_shell)["database"]
    database.write_bytes(whole)

    assert (damaged["state"], none["state"]) == ("broken", "broken")
    assert states(own_shell)["database"]["state"] == "ok"


def test_a_state_folder_on_a_network_file_system_is_noted(tmp_path, monkeypatch):
    home = Home(tmp_path / "not there yet")
    disks = [Disk("/", "ext4"), Disk(str(tmp_path), "nfs4"), Disk(str(tmp_path / "other"), "ext4")]
    monkeypatch.setattr("psutil.disk_partitions", lambda all: disks)

    [found] = doctor.files_are_local(home)
    monkeypatch.setattr("psutil.disk_partitions", lambda all: [*disks, Disk(str(tmp_path), "ext4")])

    assert found.state == "note"
    assert "nfs4" in found.message
    assert not list(doctor.files_are_local(home))


class Disk(NamedTuple):
    mountpoint: str
    fstype: str


def test_a_copy_of_the_database_from_before_an_upgrade_is_noted_with_its_size(tmp_path):
    home = Home(tmp_path)
    assert list(doctor.copies_are_known(home)) == []
    (tmp_path / "dataops.sqlite").write_bytes(b"now")
    (tmp_path / "dataops.sqlite.revision-0006").write_bytes(b"x" * 2000)
    [found] = doctor.copies_are_known(home)
    assert (found.state, "dataops.sqlite.revision-0006" in found.message, "2 kB" in found.message) == (
        "note",
        True,
        True,
    ), found.message


def test_one_notebook_in_two_clones_that_is_two_jobs_is_noted_with_the_command_that_joins_them(own_shell, git_clones):
    own_shell.invoke("projects", "set", "default", "--concurrency", "0")
    jobs = []
    for clone in git_clones:
        jobs.append(own_shell.invoke("run", str(clone / "sales.ipynb"), "--no-wait", "--json").json["job"]["id"])
    assert jobs[0] != jobs[1]
    assert "job" not in states(own_shell)
    for clone in git_clones:
        with (clone / ".git" / "config").open("a") as config:
            config.write('[remote "origin"]\n\turl = git@example.org:team/work.git\n')
        own_shell.invoke("run", str(clone / "sales.ipynb"), "--no-wait")

    noted = states(own_shell)["job"]

    assert noted["state"] == "note"
    assert f"jobs relink {jobs[0]} {jobs[1]}" in noted["hint"]


@pytest.fixture
def git_clones(own_shell):
    """Two work trees with one notebook, which do not know their remote yet."""
    clones = []
    for name in ("work", "copy"):
        notebook = own_shell.folder / own_shell.notebook(f"{name}.ipynb", "1")
        clone = own_shell.folder / name
        subprocess.run(["git", "init", "-q", clone], check=True)
        notebook.rename(clone / "sales.ipynb")
        clones.append(clone)
    return clones
