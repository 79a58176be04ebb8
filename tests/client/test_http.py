"""What only a client of a server can meet: no server, another server, one that goes away and comes back."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataops_lab.client import HttpClient
from dataops_lab.errors import DataOpsError, Forbidden, InvalidRequest, ServerUnreachable

from .conftest import TOKEN, Installation


def test_a_server_that_is_not_there_is_unreachable():
    with HttpClient("http://127.0.0.1:9", TOKEN) as client, pytest.raises(ServerUnreachable, match="running"):
        client.status()


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://", "", "http://[", "http://127.0.0.1:port"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises((InvalidRequest, ServerUnreachable)), HttpClient(url, TOKEN) as client:
        client.status()


@pytest.fixture
def another_server() -> Iterator[str]:
    """One that knows nothing of us."""
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_another_server_is_told_by_what_is_missing_there(another_server):
    with HttpClient(another_server) as client, pytest.raises(ServerUnreachable, match="no dataops_lab"):
        client.status()


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_the_token_the_next_step_is_named(http, token):
    with HttpClient(http.client._url, token) as stranger, pytest.raises(Forbidden, match="DATAOPS_LAB_TOKEN"):
        stranger.runs()


def test_what_the_api_would_not_take_is_refused_before_it_is_sent(http):
    path = http.notebook("checked.ipynb", "1")

    for request in ({"timeout_s": -1}, {"timeout_s": 1e9}, {"name": "x" * 201}, {"key": "clé"}, {"key": "a\nb"}):
        with pytest.raises(InvalidRequest):
            http.client.submit(path, **request)


@pytest.mark.parametrize("path", ["../outside.ipynb", "a/../../outside.ipynb", "/etc/passwd", "", "a\0b"])
def test_a_path_outside_of_the_servers_root_is_refused(http, path):
    (Path(http.workspace).parent / "outside.ipynb").write_text("{}")

    with pytest.raises(DataOpsError) as refusal:
        http.client.submit(path)

    assert not isinstance(refusal.value, ServerUnreachable)


def test_following_goes_on_without_a_gap_after_the_server_was_killed_and_started_again(server):
    go_on = server.workspace / "go_on"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(go_on)!r}).exists():\n    time.sleep(0.02)"
    with HttpClient(server.url, TOKEN) as client:
        path = Installation(client, server.workspace, False).notebook("survives.ipynb", "print(1)", wait, "print(2)")
        run = client.submit(path)
        events = []
        for update in client.follow(run.id, journal=True):
            events += update.events
            if events and events[-1]["kind"] == "cell_started" and events[-1]["cell"] == 1 and not go_on.exists():
                server.kill()
                server.start()
                go_on.touch()

    assert update.run.state == "succeeded"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "end"
