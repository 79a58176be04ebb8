from __future__ import annotations

import json

import pytest

from ..jupyter_scheduler.old_scheduler import OldScheduler


@pytest.fixture
def old(tmp_path, monkeypatch):
    """The data folder of the server, with definitions of jupyter-scheduler."""
    (tmp_path / "old").mkdir()
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "old"))
    return OldScheduler(tmp_path / "old")


async def test_the_definitions_of_the_server_are_previewed_and_imported(api, old, jp_root_dir):
    (jp_root_dir / "work").mkdir()
    (jp_root_dir / "work" / "sales.ipynb").write_bytes(old.staged("sales.ipynb").read_bytes())
    found = await api.json("POST", "schedule-imports/preview", {})
    assert [(item["fate"], item["path"]) for item in found["items"]][:2] == [("new", "work/sales.ipynb"), ("new", None)]
    done = await api.json("POST", "schedule-imports", {"pause_old": True})
    assert [item["is_paused"] for item in done["items"]] == [False, False, True, None]
    assert done["items"][1]["path"] == "imported-schedules/report-of-the-day/report.ipynb"
    listed = await api.json("GET", "schedules")
    assert {item["id"] for item in listed["items"]} == {item["schedule_id"] for item in done["items"][:3]}


async def test_a_folder_outside_of_the_server_and_a_missing_database_are_refused(api, old):
    outside = await api("POST", "schedule-imports/preview", {"folder": "../.."})
    assert outside.code in (403, 404, 422)
    old.database.unlink()
    answer = await api("POST", "schedule-imports/preview", {})
    assert json.loads(answer.body)["code"] == "no_scheduler_database"
