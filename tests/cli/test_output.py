from __future__ import annotations

import sys

from dataops_lab.cli.output import table

HEADINGS = ("run", "state", "job")
ROWS = (("01A", "failed", "the sales of a month"), ("01B", "lost", "b"))


def on_terminal(monkeypatch, width=80, **environment):
    # Not in a fixture: pytest's own stdout is another one then.
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"COLUMNS": str(width), **environment}.items():
        monkeypatch.setenv(name, value)


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_a_table_for_a_program_is_as_wide_as_it_needs_to_be_and_has_no_colours(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")

    table(HEADINGS, ROWS, shrinks="job")

    assert lines(capsys) == ["RUN  STATE   JOB", "01A  failed  the sales of a month", "01B  lost    b"]


def test_on_a_terminal_states_have_colours(capsys, monkeypatch):
    on_terminal(monkeypatch)

    table(HEADINGS, ROWS, shrinks="job")

    heading, failed, _ = lines(capsys)
    assert heading == "\x1b[1mRUN\x1b[0m  \x1b[1mSTATE\x1b[0m   \x1b[1mJOB\x1b[0m"
    assert failed == "01A  \x1b[31mfailed\x1b[0m  the sales of a month"


def test_who_wants_no_colours_gets_none(capsys, monkeypatch):
    on_terminal(monkeypatch, NO_COLOR="1")

    table(HEADINGS, ROWS, shrinks="job")

    assert lines(capsys)[1] == "01A  failed  the sales of a month"


def test_on_a_terminal_one_column_gives_way_and_the_others_do_not(capsys, monkeypatch):
    on_terminal(monkeypatch, width=25, NO_COLOR="1")

    table(HEADINGS, ROWS, shrinks="job")

    assert lines(capsys) == ["RUN  STATE   JOB", "01A  failed  the sales of", "             a month", "01B  lost    b"]


def test_columns_stand_below_each_other_whatever_is_in_them(capsys):
    table(("name", "by"), [("日本", "a"), ("e\u0301", "b"), ("[red]", "c")], shrinks="name")

    assert lines(capsys) == ["NAME   BY", "日本   a", "e\u0301      b", "[red]  c"]
