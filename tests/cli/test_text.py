from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.cli.text import coloured, duration, one_line, plain, plural, size, time_ago

HOSTILE = [
    ("\x1b]0;title\x07a", "a"),
    ("\x1b]52;c;c2VjcmV0\x1b\\a", "a"),
    ("\x1b[2J\x1b[1;1Ha", "a"),
    ("\x1bPq#0\x1b\\a", "a"),
    ("a\rb\x08\x00\x9b31m", "ab31m"),
    ("a\u202eb", "ab"),
    ("\x1b", ""),
    ("\x1b]0;never ended", ""),
]


@pytest.mark.parametrize(("given", "shown"), HOSTILE)
def test_what_would_command_a_terminal_is_taken_out(given, shown):
    assert plain(given) == shown
    assert coloured(given) == shown


def test_colours_stay_where_they_are_wanted_and_end_with_the_text():
    assert coloured("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert plain("\x1b[1;38;5;9mred\x1b[0m\tb\nc") == "red\tb\nc"


def test_a_line_is_one_line_and_not_longer_than_asked():
    assert one_line("a\n  b\t\x1b[31mc", 80) == "a b c"
    assert one_line("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.04, "0.0 s"), (59.6, "60 s"), (61, "1 min 01 s"), (7380, "2 h 03 min")]
)
def test_durations_are_as_exact_as_people_need(seconds, shown):
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-5, "just now"), (59, "just now"), (60, "1 min ago"), (90_000, "1 d ago")]
)
def test_the_past_is_told_relative_to_now(seconds, shown):
    now = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)

    assert time_ago(now - dt.timedelta(seconds=seconds), now) == shown


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2e13, "20 TB")])
def test_sizes_are_told_in_decimal_units(count, shown):
    assert size(count) == shown


def test_what_is_counted_is_told_as_people_do():
    assert [plural(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert plural(2, "process") == "2 processes"
