"""Following a log, whatever happens between an update and the reading of the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from dataops_lab.client import Client, Update
from dataops_lab.errors import ServerUnreachable

RUNNING, ENDED = False, True


@dataclass
class Scripted(Client):
    """A client that plays steps: an update, as the attempt's number and whether the run has ended, and the log of then.

    With an error, reading the log breaks off behind its text.
    """

    steps: list[tuple[tuple[int, bool], bytes, Exception | None]]

    def follow(self, run_id: str, *, journal: bool = False) -> Iterator[Update]:
        for (attempt, ended), text, error in self.steps:
            self.text, self.error = text, error
            run: Any = SimpleNamespace(attempt=attempt, is_terminal=ended)
            yield Update(run)

    def log(self, run_id: str, *, after: int = 0) -> Iterator[bytes]:
        yield self.text[after:]
        if self.error:
            raise self.error


def test_a_log_that_is_ahead_of_what_is_known_of_its_run_comes_once():
    client = Scripted([((0, RUNNING), b"one ", None), ((1, RUNNING), b"one two", None), ((1, ENDED), b"one two", None)])
    assert b"".join(client.follow_log("run")) == b"one two"


def test_the_log_of_another_attempt_is_told_from_its_beginning():
    client = Scripted([((1, RUNNING), b"a long first one;", None), ((2, ENDED), b"second", None)])
    assert b"".join(client.follow_log("run")) == b"a long first one;second"


def test_a_log_goes_on_when_its_server_goes_away_while_it_is_read():
    away = ServerUnreachable("gone")
    steps = [((1, RUNNING), b"one ", away), ((1, ENDED), b"one two", away), ((1, ENDED), b"one two.", None)]
    client = Scripted(steps)
    assert b"".join(client.follow_log("run")) == b"one two."


def test_a_log_whose_end_cannot_be_read_is_not_taken_for_whole():
    client = Scripted([((1, RUNNING), b"one ", None), ((1, ENDED), b"one ", ServerUnreachable("gone"))])
    with pytest.raises(ServerUnreachable):
        list(client.follow_log("run"))
