"""The event stream after a break: the missed events come, whatever happened meanwhile."""

from __future__ import annotations

import datetime as dt
import json
import re

import httpx
import pytest

from dataops_lab.client.stream import frames
from dataops_lab.domain.events import run_subject
from dataops_lab.domain.runs import AttemptState
from dataops_lab.handlers.broadcaster import changes_after
from dataops_lab.handlers.events import Follower
from dataops_lab.handlers.routes import PREFIX
from dataops_lab.services import runs

from ..client.conftest import TOKEN, Server

BOTH = ["print('a')", "import time, pathlib\nwhile not pathlib.Path('{go}').exists(): time.sleep(0.02)\nprint('b')"]


def begin(ctx, cursor=None, *journals):
    with ctx.store.read() as tx:
        return Follower.begin(ctx, cursor, list(journals), at=tx.events.last_seq())


def news(follower):
    """Read all that a stream says next."""
    told = []
    while batch := changes_after(follower.services, follower.seq):
        told += follower.new_frames(batch)
    return b"".join([*told, *follower.new_frames(None)])


def test_thousands_of_events_that_were_missed_are_told_at_once(ctx, submit):
    follower = begin(ctx)
    assert news(follower) == b""
    one, other = submit().run.id, submit("/notebooks/churn.ipynb").run.id
    with ctx.store.begin() as tx:
        for _ in range(2_500):
            tx.events.add(run_subject(one), "run", at=dt.datetime.now(dt.UTC))
        tx.events.add(run_subject(other), "run", at=dt.datetime.now(dt.UTC))
        last = tx.events.last_seq()
    told = list(frames([news(follower)]))
    assert {json.loads(frame.data)["id"] for frame in told} == {one, other}
    assert told[-1].id == str(last)
    assert news(begin(ctx, told[-1].id)) == b""


FORGED = [
    b'{"seq":0}],"run_id":"OTHER","attempt":1,"events":[{"seq":1,"kind":"output","forged":true}',
    b'{"seq":0}]}\r\revent: run\rid: 999999999\rdata: {"id":"OTHER","state":"succeeded"}\r\r',
    b'{"seq":0}\r',
    b"]]",
    b"",
    b'{"kind":"x","x":' + b"[" * 100_000,
    b'{"kind":"x",\r\r"seq":2}',
]


@pytest.mark.parametrize("lines", [*([line] for line in FORGED), FORGED])
def test_no_line_of_a_journal_is_read_as_anything_but_an_event_of_its_run(ctx, running, lines):
    view, folder = running
    run_id = view.run.id
    event = b'{"seq": 1, "t": 0.5, "kind": "end", "state": "succeeded"}'
    (folder / "journal.jsonl").write_bytes(b"\n".join([event, *lines, event]) + b"\n")
    stream = news(begin(ctx, None, run_id))
    # A browser splits it at each kind of line end.
    assert [block for block in re.split(rb"(?:\r\n|\r|\n){2}", stream) if block] == stream.split(b"\n\n")[:-1]
    told = [json.loads(frame.data) for frame in frames([stream]) if frame.event == "journal"]
    assert {(page["run_id"], page["attempt"], page["complete"]) for page in told} == {(run_id, 1, False)}
    events = [event for page in told for event in page["events"]]
    assert [event["seq"] for event in events] == list(range(1, len(lines) + 3))
    assert not any("forged" in event or "OTHER" in event.values() for event in events)


def test_who_comes_back_is_told_each_line_once_whatever_stands_in_it(ctx, running):
    view, folder = running
    journal = folder / "journal.jsonl"
    journal.write_bytes(b"\n".join(FORGED) + b"\n")
    *_, last = frames([news(begin(ctx, None, view.run.id))])
    assert last.id.endswith(f"=1.{len(FORGED)}")
    assert news(begin(ctx, last.id, view.run.id)) == b""
    with journal.open("ab") as file:
        file.write(b"]]\n")
    [frame] = frames([news(begin(ctx, last.id, view.run.id))])
    assert [event["seq"] for event in json.loads(frame.data)["events"]] == [len(FORGED) + 1]


@pytest.fixture
def running(ctx, engine, submit, executor):
    """A run whose attempt is running, and its directory."""
    view = submit()
    for _ in range(100):
        engine.step()
        engine.wait_for_threads()
        view = runs.get(ctx, view.run.id)
        if view.attempts and view.attempts[-1].state is AttemptState.RUNNING:
            return view, executor.directory(view.attempts[-1].name)
    raise AssertionError(view)


@pytest.fixture
def server(tmp_path):
    (tmp_path / "work").mkdir()
    started = Server(tmp_path / "home", tmp_path / "work", tmp_path / "server.log")
    started.start()
    yield started
    started.stop()


def test_a_stream_goes_on_without_a_gap_when_the_server_was_killed_meanwhile(server, tmp_path):
    go = tmp_path / "go"
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": s.replace("{go}", str(go)),
        }
        for s in BOTH
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 4}
    (server.workspace / "long.ipynb").write_text(json.dumps(whole))
    with httpx.Client(base_url=server.url + PREFIX, headers={"Authorization": f"token {TOKEN}"}, timeout=120) as api:
        run = api.post("/runs", json={"path": "long.ipynb"}).raise_for_status().json()
        seen, cursor = follow(api, run["id"], None, until=b'"a\\n"')
        server.kill()
        go.touch()
        server.start()
        rest, _ = follow(api, run["id"], cursor, until=b'"complete":true')
    events = [
        event for frame in [*seen, *rest] if frame.event == "journal" for event in json.loads(frame.data)["events"]
    ]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [json.loads(frame.data)["state"] for frame in rest if frame.event == "run"][-1] == "succeeded"


def follow(api, run_id, cursor, *, until):
    """Read frames up to the first one that holds `until`; return them and the cursor to come back with."""
    headers = {"Last-Event-ID": cursor} if cursor else {}
    seen = []
    with api.stream("GET", "/events", params={"journal": run_id}, headers=headers) as response:
        for frame in frames(response.iter_bytes()):
            seen.append(frame)
            if until in frame.data:
                break
    return seen, seen[-1].id
