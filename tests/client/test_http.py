"""Cases of a client of a server: no server, another server, one that goes away and comes back."""

from __future__ import annotations

import datetime as dt
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataops_lab.client import HttpClient, LocalClient
from dataops_lab.errors import DataOpsError, Forbidden, InvalidRequest, ServerUnreachable
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_services

from .. import written
from .conftest import TOKEN, cell_has_begun


def test_a_server_that_is_not_there_is_unreachable():
    with HttpClient("http://127.0.0.1:9", TOKEN) as client, pytest.raises(ServerUnreachable, match="running"):
        client.status()


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://", "", "http://[", "http://127.0.0.1:port"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises((InvalidRequest, ServerUnreachable)), HttpClient(url, TOKEN) as client:
        client.status()


@pytest.fixture
def another_server() -> Iterator[str]:
    """A server that knows nothing of us."""
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


@pytest.fixture
def go_on(server) -> Path:
    """A file for which a run of `survives` waits."""
    return server.workspace / "go_on"


@pytest.fixture
def survives(server, go_on) -> str:
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(go_on)!r}).exists():\n    time.sleep(0.02)"
    sources = ("print('before')", wait, "print('after')")
    (server.workspace / "survives.ipynb").write_text(written.notebook(*sources))
    return "survives.ipynb"


def away_while_events_are_trimmed(server) -> None:
    """Kill the server, let more happen than it can tell afterwards, and start it again."""
    server.kill()
    services = build_services(Home(server.home))
    with services.store.read() as tx:
        seen = tx.events.last_seq()
    meanwhile = LocalClient(services, user=person("ada"), root=str(server.workspace))
    for _ in range(2):
        meanwhile.cancel(meanwhile.submit(str(server.workspace / "survives.ipynb")).id)
    with services.store.begin() as tx:
        assert tx.events.delete_old(before=dt.datetime.now(dt.UTC) + dt.timedelta(days=1)) > 0
        assert tx.events.first_seq() > seen + 1
    server.start()


def test_following_goes_on_without_a_gap_after_the_server_was_killed_and_started_again(server, survives, go_on):
    with HttpClient(server.url, TOKEN) as client:
        run = client.submit(survives)
        events = []
        for update in client.follow(run.id, journal=True):
            events += update.events
            if cell_has_begun(1, events) and not go_on.exists():
                server.kill()
                server.start()
                go_on.touch()

    assert update.run.state == "succeeded"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "end"


def test_following_goes_on_without_a_gap_where_events_were_trimmed_meanwhile(server, survives, go_on):
    with HttpClient(server.url, TOKEN) as client:
        run = client.submit(survives)
        events = []
        for update in client.follow(run.id, journal=True):
            events += update.events
            if cell_has_begun(1, events) and not go_on.exists():
                away_while_events_are_trimmed(server)
                go_on.touch()

    assert update.run.state == "succeeded"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "end"


def test_the_end_of_a_run_is_told_also_where_its_event_was_trimmed(server, survives, go_on):
    with HttpClient(server.url, TOKEN) as client:
        run = client.submit(survives)
        for update in client.follow(run.id):
            if update.run.progress.current == 1 and not go_on.exists():
                go_on.touch()
                away_while_events_are_trimmed(server)

    assert update.run.state == "succeeded"


def test_a_log_is_followed_without_a_gap_where_events_were_trimmed_meanwhile(server, survives, go_on):
    with HttpClient(server.url, TOKEN) as client:
        run, said = client.submit(survives), b""
        for piece in client.follow_log(run.id):
            said += piece
            if b"before" in said and not go_on.exists():
                away_while_events_are_trimmed(server)
                go_on.touch()
        assert said == b"".join(client.log(run.id))

    assert said.endswith(b"before\nafter\n")
