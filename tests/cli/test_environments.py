"""`environments`, `variables`, `secrets`, `apply` and `export`."""

from __future__ import annotations

import datetime as dt
import io
import json
import sys
from types import SimpleNamespace

import pytest

from dataops_lab.domain.images import Image, PinnedImage, Probe
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_services

CANARY = "correct horse battery"


@pytest.fixture
def stdin(monkeypatch):
    """A function that sets the text that the next command reads."""

    def give(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode()), isatty=lambda: False))

    return give


@pytest.fixture
def cli(shell, stdin):
    """A function that runs a command, which has to succeed, and returns its answer."""

    def run(*arguments: str, given: str = ""):
        stdin(given)
        answer = shell.invoke(*arguments, "--json")
        assert answer.code == 0, answer.out
        return answer.json

    return run


@pytest.fixture
def catalogue(shell):
    """A catalogue with the image `data`. These tests need no daemon."""
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    pinned = PinnedImage("sha256:1", None, "linux/amd64", "", 1)
    probe = Probe(at, "3.12", "/usr/bin/python3", "2.6", (), {}, "1000:1000")
    with build_services(Home(shell.home)).store.begin() as tx:
        tx.images.put(Image("data", "data:1", pinned, at, person("ada"), probe=probe), at=at, by=person("ada"))


def test_an_environment_is_added_changed_shown_and_removed(shell, cli):
    cli("environments", "add", "staging", "--position", "1", "--cpus", "2", "--memory", "4Gi", "--lock", "resources")
    cli("environments", "set", "staging", "--timeout", "60", "--no-limit", "cpus", "--mount", "/srv/data:/data:rw")
    cli("environments", "set", "staging", "--gpus", "0")
    environment = cli("environments", "show", "staging")
    assert environment["limits"]["resources"] == {"cpus": None, "memory_bytes": 2**32, "pids": None, "gpus": 0}
    assert (environment["limits"]["timeout_s"], environment["locked"], environment["position"]) == (
        60,
        ["resources"],
        1,
    )
    assert environment["mounts"] == [{"source": "/srv/data", "target": "/data", "read_only": False}]
    assert "memory 4Gi, gpus 0, timeout 60" in shell.invoke("environments", "list").out
    assert "not held" in shell.invoke("environments", "show", "staging").out
    cli("environments", "remove", "staging")
    assert [each["name"] for each in cli("environments", "list")["items"]] == ["sandbox", "production"]


def test_a_secret_comes_over_stdin_or_from_a_file_and_is_never_shown(shell, cli, tmp_path):
    first = cli("secrets", "set", "sandbox", "PASSWORD", given=f"{CANARY}\n")
    (tmp_path / "key").write_text(CANARY)
    second = cli("secrets", "set", "sandbox", "PASSWORD", "--file", str(tmp_path / "key"))
    assert (first["version"], second["version"]) == (1, 2)
    shown = [shell.invoke(*line).out for line in (("secrets", "list", "sandbox"), ("environments", "show", "sandbox"))]
    shown += [json.dumps([first, second]), shell.invoke("export").out]
    assert all("PASSWORD" in text and CANARY not in text for text in shown)
    assert cli("secrets", "rotate-key")["secrets"] == 1
    cli("secrets", "remove", "sandbox", "PASSWORD")
    assert cli("secrets", "list", "sandbox")["items"] == []


def test_whoever_sets_a_secret_that_is_too_short_to_be_masked_is_told(shell, stdin):
    said = {}
    for value in ("1234", CANARY):
        stdin(value)
        said[value] = shell.invoke("secrets", "set", "sandbox", "PIN").err
    assert "will not be masked" in said["1234"] and said[CANARY] == ""
    stdin("1234")
    assert shell.invoke("secrets", "set", "sandbox", "PIN", "--json").json["masked"] is False
    assert shell.invoke("secrets", "remove", "sandbox", "PIN").code == 0


def test_a_secret_cannot_be_given_on_the_command_line(shell):
    assert shell.invoke("secrets", "set", "sandbox", "PASSWORD", CANARY).code == 2


def test_a_secret_of_a_megabyte_is_refused(shell, stdin):
    stdin("x" * 1_000_000)
    answer = shell.invoke("secrets", "set", "sandbox", "PASSWORD", "--json")
    assert answer.code == 2 and answer.json["error"]["code"] == "value_too_large" and "xxx" not in answer.out


def test_variables_are_set_listed_and_unset(shell, cli):
    cli("variables", "set", "sandbox", "REGION", "South")
    assert "South" in shell.invoke("variables", "list", "sandbox").out
    cli("variables", "unset", "sandbox", "REGION")
    assert cli("variables", "list", "sandbox")["items"] == []
    assert shell.invoke("variables", "set", "sandbox", "LD_PRELOAD", "x").code == 2


def test_a_configuration_is_exported_looked_at_and_applied(shell, stdin):
    text = shell.invoke("export").out
    changed = shell.text("dataops.yaml", text.replace("guarded: true", "guarded: false"))
    looked_at = shell.invoke("apply", "-f", changed, "--dry-run")
    assert "~ guarded: True → False" in looked_at.out and "1 change" in looked_at.out
    stdin("")
    unasked = shell.invoke("apply", "-f", changed)
    assert unasked.code == 2 and "--yes" in unasked.err
    assert shell.invoke("apply", "-f", changed, "--yes").code == 0
    assert "Nothing changes" in shell.invoke("apply", "-f", changed, "--yes").out
    assert shell.invoke("export").out == text.replace("guarded: true", "guarded: false")
    assert shell.invoke("apply", "-f", shell.text("dataops.yaml", text), "--yes").code == 0


def test_what_a_file_says_of_an_image_is_shown_under_its_name(shell, catalogue):
    text = "images:\n- name: data\n  tags: [pandas]\n  deprecated: {on: 2027-01-31}\n"
    answer = shell.invoke("apply", "-f", shell.text("images.yaml", text), "--yes")
    assert answer.out.splitlines() == [
        "image data",
        "  ~ tags: none → pandas",
        "  + deprecated.on: 2027-01-31",
        "  + deprecated.message: ''",
        "3 changes.",
        "Done.",
    ]
    assert shell.invoke("export").out.count("- pandas") == 1


def test_a_file_that_is_wrong_is_refused_with_its_line(shell):
    wrong = shell.text("wrong.yaml", "environments:\n- name: sandbox\n  limit: {}\n")
    answer = shell.invoke("apply", "-f", wrong, "--yes", "--json")
    assert answer.code == 2 and "Line 3: environments.0.limit: unknown key" in answer.json["error"]["message"]
    assert shell.invoke("apply", "-f", "nowhere.yaml", "--yes").code == 2
