"""`schedule …`: options to settings, and tables for people."""

from __future__ import annotations

import json

import pytest

from dataops_lab.cli.engines import LocalEngine


@pytest.fixture
def cli(shell, monkeypatch):
    """A function that runs a command in this process, and starts no engine."""
    monkeypatch.setattr(LocalEngine, "ensure", lambda self: None)
    return shell.invoke


def test_options_become_settings(cli, shell):
    path = shell.notebook("sales.ipynb", "print(region)", parameters="region = 'none'\nday = ''")
    shell.text("presets.yaml", "north: {region: n}\nsouth: {region: s}\n")
    answer = cli(
        *("schedule", "set", path, "--name", "monday", "--cron", "0 8 * * 1", "--timezone", "Europe/Paris"),
        *("-p", "region", "all", "--date", "day", "yesterday", "--presets", "presets.yaml", "--due", "09:00"),
        *("--overlap", "buffer_one", "--misfire", "all", "--jitter", "30", "--pause-on-failure", "3", "--json"),
        *("--send-changed", "auc", "--send-changed", "rows"),
    )
    assert answer.code == 0, answer.out
    found = answer.json
    assert (found["rule"], found["timezone"]) == ({"kind": "cron", "expression": "0 8 * * 1"}, "Europe/Paris")
    assert (found["parameters"], found["dates"]) == ({"region": "all"}, {"day": "yesterday"})
    assert [preset["name"] for preset in found["presets"]] == ["north", "south"]
    assert (found["overlap"], found["misfire"], found["jitter_s"]) == ("buffer_one", "all", 30.0)
    assert found["send"] == {"when": "changed", "values": ["auc", "rows"], "condition": ""}
    assert (found["due"], found["pause_on_failure"]) == ({"at": "09:00:00", "within_s": None}, 3)
    again = cli("schedule", "set", path, "--name", "monday", "--every", "3600", "--json").json
    assert (again["id"], again["rule"]["kind"]) == (found["id"], "interval")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--cron", "0 0 8 ? * MON"], "invalid_cron", "0 8 * * MON"),
        (["--cron", "0 0 30 2 *"], "never_fires", "never fires"),
        (["--cron", "0 8 * * 1", "--timezone", "Europe/Pariss"], "unknown_zone", "Europe/Paris"),
        (["--cron", "0 8 * * 1", "--every", "5"], "invalid_request", "Give one of"),
        (["--cron", "0 8 * * 1", "--send-if", "values.auc <"], "invalid_schedule", "ends too early"),
        (["--once", "2001-01-01T00:00"], "never_fires", "has passed"),
        (["--cron", "0 8 * * 1", "--calendar", "fr"], "unknown_calendar", "no calendar"),
        (["--cron", "0 8 * * 1", "--date", "region", "someday"], "unknown_date", "yesterday"),
        (["--cron", "0 8 * * 1", "-p", "regin", "x"], "invalid_parameters", "region"),
        (["--cron", "* * * * *", "--jitter", "60"], "invalid_schedule", "as long as"),
        (["--after", "nobody"], "not_found", "no job"),
        (["--business-day", "1"], "invalid_request", "--at"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_stored(cli, shell, options, code, says):
    path = shell.notebook("sales.ipynb", "print(region)", parameters="region = 'none'")
    before = cli("schedule", "list", "--json").json["items"]
    answer = cli("schedule", "set", path, *options, "--json")
    assert answer.code == 2
    error = json.loads(answer.out)["error"]
    assert (error["code"], says in error["message"]) == (code, True), error
    assert cli("schedule", "list", "--json").json["items"] == before


def test_a_job_that_would_wait_for_itself_is_refused_with_the_circle(cli, shell):
    first, second = (shell.notebook(f"{name}.ipynb", "1") for name in ("first", "second"))
    assert cli("schedule", "set", first, "--cron", "0 8 * * 1").code == 0
    assert cli("schedule", "set", second, "--after", "first").code == 0
    refused = cli("schedule", "set", first, "--name", "back", "--after", "second", "--json")
    assert json.loads(refused.out)["error"]["code"] == "schedule_cycle"
    assert "first → second → first" in json.loads(refused.out)["error"]["message"]


def test_tables_tell_when_a_schedule_starts_and_what_was_decided(cli, shell):
    path = shell.notebook("sales.ipynb", "1")
    assert (
        "0 8 * * 1 UTC" in cli("schedule", "set", path, "--name", "mon", "--cron", "0 8 * * 1", "--timezone", "UTC").out
    )
    assert cli("schedule", "pause", "mon", "--why", "month end").out == "mon is paused.\n"
    assert "paused by" in cli("schedule", "list").out
    run_id = cli("schedule", "run-now", "mon").out.strip()
    log = cli("schedule", "log", "mon").out
    assert run_id in log and "started it" in log
    assert "goes on" in cli("schedule", "resume", "mon").out
    assert cli("schedule", "delete", "mon").out == "mon is deleted.\n"
    assert cli("schedule", "show", "mon").code == 2


def test_a_calendar_file_is_read_and_a_broken_one_is_refused(cli, shell):
    folder = shell.folder
    event = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260714\nSUMMARY:Closed\nRRULE:FREQ=YEARLY\nEND:VEVENT\n"
    (folder / "days.ics").write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}END:VCALENDAR\n")
    found = cli("schedule", "calendar", "set", "mine", "--ics", "days.ics", "--json").json
    assert {day["name"] for day in found["days"]} == {"Closed"} and len(found["days"]) > 15
    (folder / "days.ics").write_text("BEGIN:VCALENDAR\nnonsense")
    refused = cli("schedule", "calendar", "set", "mine", "--ics", "days.ics", "--json")
    assert (refused.code, json.loads(refused.out)["error"]["code"]) == (2, "invalid_calendar")
    assert cli("schedule", "calendar", "list", "--json").json["items"][0]["days"] == found["days"]
    assert cli("schedule", "calendar", "delete", "mine").code == 0


def test_a_webhook_is_set_and_its_secret_shown_once(cli, shell):
    path = shell.notebook("orders.ipynb", "print(order)", parameters="order: int")
    said = cli("schedule", "set", path, "--webhook", "--from-body", "order", "/order/id").out
    assert "webhook (standard)" in said and "dataops/hooks/" in said
    assert "schedule webhook-secret orders" in cli("schedule", "show", "orders").err
    first = cli("schedule", "webhook-secret", "orders", "--json").json
    assert first["secret"].startswith("whsec_")
    assert first["secret"] not in cli("schedule", "show", "orders", "--json").out
    second = cli("schedule", "webhook-secret", "orders").out
    assert first["path"] in second and first["secret"] not in second
    found = cli("schedule", "show", "orders", "--json").json
    assert found["webhook"]["previous_until"] is not None
    assert found["rule"] == {"kind": "webhook", "signature": "standard", "parameters": {"order": "/order/id"}}
    assert cli("schedule", "list", "--orphaned", "--json").json["items"] == []
