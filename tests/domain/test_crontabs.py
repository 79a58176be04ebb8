"""Crontabs: which lines run a notebook, and what they give to it."""

from __future__ import annotations

import base64

import pytest

from dataops_lab.domain.crontabs import read_crontab
from dataops_lab.errors import InvalidSchedule


def entry(line, before=""):
    found = read_crontab(before + line, home="/home/ann")
    assert [left.reason for left in found.left] == []
    return found.entries[0]


def command(line, before=""):
    return entry(f"0 8 * * 1 {line}", before).command


def reason(line, before=""):
    found = read_crontab(before + line, home="/home/ann")
    assert not found.entries
    return found.left[0].reason


@pytest.mark.parametrize(
    ("time", "cron"),
    [("0 8 * * 1", "0 8 * * 1"), ("@daily", "0 0 * * *"), ("*/5 8-18 * JAN mon-fri", "*/5 8-18 * JAN mon-fri")],
)
def test_the_time_is_read_as_cron_does(time, cron):
    assert entry(f"{time}\tpapermill a.ipynb out.ipynb").cron == cron


def test_the_zone_and_the_folder_come_from_the_lines_before():
    text = 'SHELL=/bin/bash\nCRON_TZ = "Europe/Paris"\nBASE=/srv/reports\n# a comment\n\n'
    found = entry("30 6 * * * cd $BASE/sales && papermill sales.ipynb out/sales.ipynb > log.txt 2>&1", text)
    assert (found.number, found.timezone) == (6, "Europe/Paris")
    assert (found.command.folder, found.command.path) == ("/srv/reports/sales", "sales.ipynb")


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("papermill a.ipynb -p region 'the north' -p n 2 > log", [("region", "the north"), ("n", "2")]),
        ("papermill a.ipynb -p n 2>log", [("n", None)]),
        ('papermill a.ipynb b.ipynb -p t "a && b"', [("t", "a && b")]),
        ("papermill a.ipynb -p t a\\ b --parameters u c", [("t", "a b"), ("u", "c")]),
        ("papermill a.ipynb -p share 50\\%", [("share", "50%")]),
        ("papermill a.ipynb -p who $NAME", [("who", "ann")]),
    ],
)
def test_parameters_are_read_as_the_shell_gives_them(line, texts):
    if texts[0][1] is None:
        assert "no value" in reason(f"0 8 * * 1 {line}")
    else:
        assert list(command(line, "NAME=ann\n").texts) == texts


def test_all_ways_of_papermill_to_give_parameters_are_known():
    encoded = base64.b64encode(b"c: 3").decode()
    found = command(
        f"python3 -m papermill -kir -r code 007 -y 'a: 1' -f more.yaml -b {encoded} --cwd /x a.ipynb b.ipynb"
    )
    assert (found.kernel, found.raw, found.yaml, found.parameter_files) == (
        "ir",
        (("code", "007"),),
        ("a: 1", "c: 3"),
        ("more.yaml",),
    )
    assert any("--cwd /x" in note for note in found.notes)
    assert any("b.ipynb is not written" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("$(date +\\%F)", "today"),
        ('"$(date +\\%Y-\\%m-\\%d)"', "today"),
        ("`date -d yesterday +\\%F`", "yesterday"),
        ('$(date -d "1 day ago" +\\%F)', "yesterday"),
        ("$(date --date=yesterday +\\%F)", "yesterday"),
        ("$(date +\\%Y-\\%m)", "this_month"),
    ],
)
def test_a_date_that_the_shell_computes_becomes_a_date_that_moves_along(text, function):
    found = command(f"papermill a.ipynb out.ipynb -p day {text}")
    assert (dict(found.dates), found.texts) == ({"day": function}, ())


@pytest.mark.parametrize(
    ("line", "path", "kernel"),
    [
        ("jupyter nbconvert --to notebook --execute a.ipynb --output b", "a.ipynb", None),
        (
            "/opt/bin/jupyter-nbconvert --execute --inplace --ExecutePreprocessor.kernel_name=ir a.ipynb",
            "a.ipynb",
            "ir",
        ),
        ("python -m nbconvert --execute --ExecutePreprocessor.timeout 600 --to html a.ipynb", "a.ipynb", None),
        ("jupyter execute --kernel_name=ir a.ipynb", "a.ipynb", "ir"),
        ("flock -n /tmp/x.lock nice -n 10 env TZ=UTC papermill a.ipynb b.ipynb", "a.ipynb", None),
        (". venv/bin/activate; papermill ~/a.ipynb - || echo failed", "/home/ann/a.ipynb", None),
        ("cd /srv && { papermill a.ipynb b.ipynb", None, None),
    ],
)
def test_other_ways_to_run_a_notebook_are_known(line, path, kernel):
    if path is None:
        assert reason(f"0 8 * * 1 {line}")
        return
    found = command(line)
    assert (found.path, found.kernel) == (path, kernel)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 8 * * 1", "no time of five fields"),
        ("@reboot papermill a.ipynb b.ipynb", "when the machine does"),
        ("@sometimes papermill a.ipynb b.ipynb", "not known"),
        ("0 8 * * 8 papermill a.ipynb b.ipynb", "day of week"),
        ("0 8 * * 1 /usr/local/bin/backup.sh", "no notebook"),
        ("0 8 * * 1 papermill 'a.ipynb", "not closed"),
        ("0 8 * * 1 papermill a.ipynb b.ipynb -p day $(", "not closed"),
        ("0 8 * * 1 papermill a.ipynb b.ipynb -p day $(hostname)", "A shell computes"),
        ("0 8 * * 1 papermill $DIR/a.ipynb b.ipynb", "does not set"),
        ("0 8 * * 1 papermill s3://bucket/a.ipynb b.ipynb", "not a file"),
        ("0 8 * * 1 papermill *.ipynb b.ipynb", "several files"),
        ("0 8 * * 1 papermill --frobnicate a.ipynb b.ipynb", "--frobnicate"),
        ("0 8 * * 1 papermill --prepare-only a.ipynb b.ipynb", "does not run it"),
        ("0 8 * * 1 papermill a.ipynb b.ipynb && python send.py", "`python`"),
        ("0 8 * * 1 (cd /srv && papermill a.ipynb b.ipynb)", "subshell"),
        ("0 8 * * 1 jupyter nbconvert --to html a.ipynb", "--execute"),
        ("0 8 * * 1 jupyter nbconvert --execute a.ipynb b.ipynb", "2 notebooks"),
        ("0 8 * * 1 jupyter dataops run a.ipynb", "ours already"),
        ("0 8 * * 1 papermill - -", "no notebook"),
    ],
)
def test_a_line_that_is_not_understood_is_left_with_the_reason(line, says):
    assert says in reason(line)


def test_lines_with_a_user_name_are_read_when_it_is_said():
    found = read_crontab("17 * * * * root papermill a.ipynb b.ipynb", home="/root", with_user=True)
    assert found.entries[0].command.path == "a.ipynb"


def test_mails_and_variables_are_noted():
    notes = command("papermill a.ipynb b.ipynb", "MAILTO=ann@example.com\nDATABASE=x\n").notes
    assert any("ann@example.com" in note for note in notes)
    assert any("DATABASE" in note for note in notes)


@pytest.mark.parametrize(
    "text",
    ["\x1b[31m", "\u202eabc", "ä" * 5000, "\ud800", "\x00", "$(" * 500, "`" * 501, "'" * 501, "2>" * 500, "%" * 50],
)
def test_no_text_breaks_the_reader(text):
    found = read_crontab(f"0 8 * * 1 papermill a.ipynb -p x {text}\n* * * * * {text}\n{text}", home="/home/ann")
    assert len(found.entries) <= 3


def test_a_file_without_end_is_refused():
    with pytest.raises(InvalidSchedule, match="10000 are read"):
        read_crontab("\n" * 20_000, home="/")
