"""The same commands through a running Jupyter server."""

from __future__ import annotations

import json

import pytest

from ..client.conftest import TOKEN, Server
from .conftest import Shell


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A shell whose own state folder stays empty, and the server that it speaks to."""
    folder = tmp_path_factory.mktemp("remote")
    shell = Shell(folder / "home of the shell", folder / "work")
    shell.folder.mkdir()
    server = Server(folder / "home of the server", shell.folder, folder / "server.log")
    server.start()

    def call(*arguments: str):
        return shell(*arguments, DATAOPS_LAB_SERVER=server.url, DATAOPS_LAB_TOKEN=TOKEN)

    call.shell, call.server = shell, server
    yield call
    server.stop()
    assert not shell.home.exists()


def test_a_notebook_runs_there_to_its_end(remote):
    remote.shell.notebook("there.ipynb", "print('said there')\nx / 0", parameters="x: int = 1")

    answer = remote("run", "there.ipynb", "-p", "x", "5", "-o", "executed.ipynb")

    assert answer.code == 1
    assert "Cell 2 failed" in answer.out
    assert "ZeroDivisionError" in answer.out
    executed = json.loads((remote.shell.folder / "executed.ipynb").read_text())
    assert executed["cells"][2]["outputs"][0]["output_type"] == "stream"
    assert remote("runs", "show", "last", "--json").json["parameters"] == {"x": 5}
    assert remote("runs", "logs", "-f", "last").out.count("said there\n") == 1


def test_what_is_refused_there_is_refused_here(remote):
    remote.shell.notebook("refused.ipynb", "1", parameters="x: int = 1")

    unknown = remote("run", "refused.ipynb", "-p", "y", "1", "--json")
    missing = remote("run", "nowhere.ipynb", "--json")

    assert (unknown.code, unknown.json["error"]["code"]) == (2, "invalid_parameters")
    assert unknown.json["error"]["detail"]["parameters"] == ["x"]
    assert (missing.code, missing.json["error"]["code"]) == (2, "notebook_not_found")


def test_without_the_right_token_nothing_is_told(remote):
    answer = remote.shell("runs", "list", "--json", "--server", remote.server.url, DATAOPS_LAB_TOKEN="wrong")

    assert answer.code == 2
    assert answer.json["error"]["code"] == "forbidden"
    assert "DATAOPS_LAB_TOKEN" in answer.json["error"]["message"]
