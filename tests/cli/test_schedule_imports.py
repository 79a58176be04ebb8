"""`import …`: schedules of jupyter-scheduler and of crontabs, from what these programs really leave."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from dataops_lab import services
from dataops_lab.cli.engines import LocalEngine

from ..jupyter_scheduler.old_scheduler import CORPUS, OldScheduler

MAKE_CORPUS = CORPUS.with_name("make_corpus.py")


@pytest.fixture
def old(tmp_path, monkeypatch) -> OldScheduler:
    """The data folder of Jupyter, with four definitions of jupyter-scheduler: two active, one paused, one with code."""
    (tmp_path / "jupyter").mkdir()
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return OldScheduler(tmp_path / "jupyter")


@pytest.fixture
def cli(own_shell, monkeypatch):
    """A function that runs a command in this process, and starts no engine."""
    monkeypatch.setattr(LocalEngine, "ensure", lambda self: None)
    return own_shell.invoke


@pytest.fixture
def preview(shell, tmp_path):
    """A function that returns the preview for an empty workspace."""
    (tmp_path / "empty").mkdir()

    def items(*options):
        return shell.invoke(
            "import", "jupyter-scheduler", "--folder", str(tmp_path / "empty"), *options, "--json"
        ).json["items"]

    return items


@pytest.fixture
def import_old(cli):
    def run(*options):
        answer = cli("import", "jupyter-scheduler", *options, "--json")
        return answer.json["items"]

    return run


def schedules(cli):
    return {found["name"]: found for found in cli("schedule", "list", "--json").json["items"]}


def notes(item):
    return " ".join(note["message"] for note in item["notes"])


def test_the_preview_tells_what_becomes_of_each_and_changes_nothing(cli, own_shell, old, import_old):
    shutil.copy(old.staged("sales.ipynb"), own_shell.folder / "sales.ipynb")
    before = old.database.read_bytes()
    sales, report, nightly, code = import_old()
    assert [item["fate"] for item in (sales, report, nightly, code)] == ["new", "new", "new", "impossible"]
    assert sales["path"] == str(own_shell.folder / "sales.ipynb")
    assert report["path"] is None
    assert "with the files of its folder" in notes(report)
    assert "pdf" in notes(report)
    assert "The tags weekly" in notes(sales)
    assert "one past run stay with jupyter-scheduler; the newest is COMPLETED" in notes(sales)
    assert "paused, as it was there" in notes(nightly)
    assert "took UTC" in notes(nightly)
    assert "is code: `datetime.now()`" in notes(code)
    assert schedules(cli) == {}
    assert old.database.read_bytes() == before
    assert not (own_shell.folder / "imported-schedules").exists()


def test_an_import_carries_over_time_zone_and_typed_parameters_and_starts_nothing_twice(
    cli, own_shell, old, import_old
):
    shutil.copy(old.staged("sales.ipynb"), own_shell.folder / "sales.ipynb")
    import_old("--yes")
    found = schedules(cli)
    assert set(found) == {"sales", "report/of: the day", "nightly"}
    sales = found["sales"]
    assert (sales["rule"]["expression"], sales["timezone"]) == ("0 8 * * 1", "Europe/Paris")
    assert sales["parameters"] == {"region": "north", "limit": 5, "share": 1}
    assert sales["source"] == str(own_shell.folder / "sales.ipynb")
    assert all(each["pause"] for each in found.values())
    assert "still runs it" in sales["pause"]["why"]
    assert len(old.active()) == 3


def test_the_stored_notebook_is_copied_with_its_folder_where_the_workspace_has_none(cli, own_shell, old, import_old):
    import_old("--yes")
    report = schedules(cli)["report/of: the day"]
    folder = Path(report["source"]).parent
    assert folder == own_shell.folder / "imported-schedules" / "report-of-the-day"
    assert (folder / "helper.py").read_text() == "LIMIT = 3\n"


def test_with_pause_old_the_old_ones_are_paused_and_the_new_ones_start(cli, old, import_old):
    import_old("--yes", "--pause-old")
    found = schedules(cli)
    assert {name for name, each in found.items() if not each["pause"]} == {"sales", "report/of: the day"}
    assert old.active() == ["0 9 * * *"], "what could not be imported goes on there"


def test_a_second_import_finds_what_the_first_one_made_and_changes_over(cli, old, import_old):
    import_old("--yes")
    ids = {each["id"] for each in schedules(cli).values()}
    again = import_old("--yes")
    assert [item["fate"] for item in again] == ["imported", "imported", "imported", "impossible"]
    import_old("--yes", "--pause-old")
    found = schedules(cli)
    assert {each["id"] for each in found.values()} == ids
    assert sum(1 for each in found.values() if each["pause"]) == 1
    assert old.active() == ["0 9 * * *"]


def test_an_import_that_stops_between_pausing_and_starting_goes_on_when_it_is_repeated(
    cli, old, import_old, monkeypatch
):
    def crash(*_args, **_more):
        raise OSError("no space left on device")

    with monkeypatch.context() as crashing:
        crashing.setattr(services.schedules, "resume", crash)
        assert cli("import", "jupyter-scheduler", "--yes", "--pause-old", "--json").code != 0
    assert old.active() == ["0 9 * * *"]
    assert all(each["pause"] for each in schedules(cli).values())
    import_old("--yes", "--pause-old")
    assert [each["name"] for each in schedules(cli).values() if each["pause"]] == ["nightly"]


def test_a_schedule_that_somebody_paused_since_is_not_started(cli, old, import_old):
    import_old("--yes")
    for command in (("resume", "sales"), ("pause", "sales", "--why", "month end")):
        assert cli("schedule", *command).code == 0
    import_old("--yes", "--pause-old")
    assert schedules(cli)["sales"]["pause"]["why"] == "month end"


def test_a_taken_name_and_a_changed_notebook_are_named(cli, own_shell, old, import_old):
    path = own_shell.notebook(
        "sales.ipynb", "print(region, limit, share)", parameters="region = 'x'\nlimit = 1\nshare = 1.0"
    )
    assert cli("schedule", "set", path, "--name", "sales", "--cron", "0 1 * * *").code == 0
    sales = import_old()[0]
    assert (sales["name"], sales["path"]) == ("sales (2)", None)
    assert "sales.ipynb has changed since" in notes(sales)
    assert "There is a schedule sales already" in notes(sales)
    assert import_old("--working-files")[0]["path"] == str(own_shell.folder / path)


def test_only_the_chosen_ones_are_imported(cli, old, import_old):
    chosen = import_old()[2]["id"]
    import_old("--yes", "--only", chosen)
    assert set(schedules(cli)) == {"nightly"}
    assert cli("import", "jupyter-scheduler", "--only", "nobody").code == 2


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE job_definitions ADD COLUMN next_feature VARCHAR; UPDATE job_definitions SET next_feature = 'x'",
        "ALTER TABLE job_definitions DROP COLUMN package_input_folder; ALTER TABLE job_definitions DROP COLUMN tags",
        "DROP TABLE jobs",
    ],
)
def test_databases_of_other_versions_are_read(old, preview, change):
    old.execute(change)
    assert [item["fate"] for item in preview()].count("new") == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("schedule = NULL", "no schedule"),
        ("schedule = '0 8 * * 1 30'", "seconds of a minute"),
        ("schedule = '0 8 * * 1W'", "day of week"),
        ("timezone = 'Europe/Pariss'", "Europe/Pariss"),
        ("parameters = '{\"region'", "parameters are damaged"),
        ("parameters = '[1]'", "parameters are damaged"),
        ('parameters = \'{"regin": "1"}\'', "regin"),
        ("parameters = '{\"limit\": \"''many''\"}'", "whole number"),
        ('parameters = \'{"limit": "1e999"}\'', "is code"),
        ("parameters = '{\"limit\": \"b''x''\"}'", "is code"),
        ('parameters = \'{"limit": "((((1"}\'', "is code"),
        ("input_filename = '../../secret.ipynb'", "damaged"),
        ("job_definition_id = '../x'", "damaged"),
        ("input_filename = 'gone.ipynb'", "no such file"),
    ],
)
def test_a_definition_that_cannot_be_carried_over_is_named_with_the_reason(old, preview, change, says):
    old.execute(f"UPDATE job_definitions SET {change} WHERE schedule = '0 8 * * 1'")
    item = preview()[0]
    assert item["fate"] == "impossible"
    assert says in notes(item)


def test_six_fields_with_the_seconds_last_become_five(cli, old, import_old):
    old.execute("UPDATE job_definitions SET schedule = '0 8 * * 1 0' WHERE schedule = '0 8 * * 1'")
    import_old("--yes")
    assert schedules(cli)["sales"]["rule"]["expression"] == "0 8 * * 1"


def test_a_link_in_the_staging_area_is_not_followed(tmp_path, old, preview):
    secret = tmp_path / "secret.ipynb"
    shutil.copy(old.staged("sales.ipynb"), secret)
    old.staged("sales.ipynb").unlink()
    old.staged("sales.ipynb").symlink_to(secret)
    assert preview()[0]["fate"] == "impossible"


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00 but nothing more"])
def test_a_file_that_is_no_database_is_refused(shell, content):
    (shell.folder / "x.sqlite").write_bytes(content)
    answer = shell.invoke("import", "jupyter-scheduler", "--db-url", "sqlite:///x.sqlite", "--json")
    assert json.loads(answer.out)["error"]["code"] == "no_scheduler_database"


def test_a_database_of_another_program_and_a_missing_one_are_refused(shell):
    with sqlite3.connect(shell.folder / "other.sqlite") as connection:
        connection.execute("CREATE TABLE job_definitions (id TEXT)")
    for name in ("other", "missing"):
        answer = shell.invoke("import", "jupyter-scheduler", "--db-url", f"sqlite:///{name}.sqlite", "--json")
        assert json.loads(answer.out)["error"]["code"] == "no_scheduler_database"
    assert not (shell.folder / "missing.sqlite").exists()


def test_a_password_is_in_no_message(shell):
    answer = shell.invoke("import", "jupyter-scheduler", "--db-url", "mysql+nothing://ann:geheim@db/x", "--json")
    assert answer.code == 2
    assert "geheim" not in answer.out + answer.err


def test_people_see_a_table_and_the_reasons(cli, old):
    answer = cli("import", "jupyter-scheduler")
    assert "cannot be imported" in answer.out
    assert "changed: It ran in the environment python3." in answer.err
    assert "Give --yes" in answer.err
    done = cli("import", "jupyter-scheduler", "--yes")
    assert "--pause-old to change over" in done.err


@pytest.mark.slow
@pytest.mark.skipif("JUPYTER_SCHEDULER_PYTHON" not in os.environ, reason="needs a Python that has jupyter-scheduler")
def test_what_jupyter_scheduler_of_today_leaves_is_imported(cli, tmp_path, import_old, monkeypatch):
    folder = tmp_path / "made"
    folder.mkdir()
    subprocess.run([os.environ["JUPYTER_SCHEDULER_PYTHON"], MAKE_CORPUS, folder], check=True, timeout=300)
    with sqlite3.connect(folder / "scheduler.sqlite") as connection:
        connection.executescript((folder / "scheduler.sql").read_text())
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(folder))
    assert [item["fate"] for item in import_old("--yes")] == ["imported"] * 3 + ["impossible"]


# --- crontab --------------------------------------------------------------------------------------

CRONTAB = """\
CRON_TZ=Europe/Paris
# The report of Mondays.
0 8 * * 1 cd {folder} && papermill sales.ipynb out.ipynb -p region north -y 'limit: 7' >> log.txt 2>&1
@daily jupyter nbconvert --execute --to html {folder}/daily.ipynb
15 3 * * * /usr/local/bin/backup.sh
30 6 * * * papermill {folder}/sales.ipynb out.ipynb -p regin north
0 5 * * * papermill {folder}/gone.ipynb out.ipynb
0 7 * * * papermill {folder}/sales.ipynb out.ipynb -p region "$(date +\\%F)"
"""


@pytest.fixture
def table(own_shell):
    own_shell.notebook("sales.ipynb", "print(region, limit)", parameters="region = 'none'\nlimit = 1")
    own_shell.notebook("daily.ipynb", "1")
    return own_shell.text("crontab.txt", CRONTAB.format(folder=own_shell.folder))


def test_lines_of_a_crontab_become_paused_schedules_and_are_printed(cli, own_shell, table):
    answer = cli("import", "crontab", table, "--yes")
    assert answer.code == 2, "two lines cannot be imported"
    found = schedules(cli)
    assert set(found) == {"sales", "daily", "sales (line 8)"}
    assert (found["sales"]["parameters"], found["sales"]["timezone"]) == (
        {"region": "north", "limit": 7},
        "Europe/Paris",
    )
    assert found["daily"]["rule"]["expression"] == "0 0 * * *"
    assert found["sales (line 8)"]["dates"] == {"region": "today"}
    assert all("crontab" in each["pause"]["why"] for each in found.values())
    assert answer.out.count("\n# ") == 3
    assert "line 5 is left: It runs `/usr/local/bin/backup.sh`" in answer.err
    assert "'regin' is not a parameter" in answer.err
    assert "There is no notebook" in answer.err
    assert f"schedule resume {found['daily']['id']}" in answer.err
    assert (own_shell.folder / table).read_text() == CRONTAB.format(folder=own_shell.folder)


def test_a_second_import_of_a_crontab_makes_nothing_new(cli, table):
    cli("import", "crontab", table, "--yes")
    before = set(schedules(cli))
    again = cli("import", "crontab", table, "--yes", "--json")
    assert set(schedules(cli)) == before
    assert [bool(item["schedule_id"]) for item in again.json["items"]] == [True, True, False, False, True]


def test_with_start_the_schedules_are_active(cli, table):
    cli("import", "crontab", table, "--yes", "--start")
    assert not any(each["pause"] for each in schedules(cli).values())


def test_without_yes_nothing_is_imported(cli, table):
    answer = cli("import", "crontab", table, "--json")
    assert [left["line"] for left in answer.json["left"]] == [5]
    assert schedules(cli) == {}


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_a_crontab_that_cannot_be_read_is_refused(cli, name):
    assert cli("import", "crontab", name).code in (2, 4)
