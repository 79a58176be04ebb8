"""The promises of every client, on real kernels; the same tests for each implementation."""

from __future__ import annotations

import json
import zipfile

import pytest

from dataops_lab.client import Update
from dataops_lab.domain.retention import RetentionRule
from dataops_lab.domain.runs import ParameterRow, RunState
from dataops_lab.errors import (
    Conflict,
    DataOpsError,
    InvalidParameters,
    InvalidRequest,
    InvalidRows,
    KeyReused,
    NotFound,
    Refused,
)

from .conftest import cell_has_begun


def to_the_end(client, run) -> list[Update]:
    return list(client.follow(run.id, journal=True))


def waiting(client, run, cells_done: int = 0):
    """Wait until the run is in the cell after `cells_done`, and return it."""
    for update in client.follow(run.id, journal=True):
        assert not update.run.is_terminal
        if any(e["kind"] == "cell_started" and e["done"] == cells_done for e in update.events):
            return update.run
    raise AssertionError


ENDLESS = "import time\nwhile True:\n    time.sleep(0.1)"


def test_a_run_is_followed_to_its_end_and_no_journal_event_is_missing_or_comes_twice(installation, client):
    path = installation.notebook("follow.ipynb", "print('one')", "print('two\\u2028more')", parameters="x = 1")
    run = client.submit(path, parameters={"x": 5})

    updates = to_the_end(client, run)

    assert updates[-1].run.state == RunState.SUCCEEDED
    events = [event for update in updates for event in update.events]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["kind"] for event in events if event["kind"] != "usage"]  # Use of memory is told at regular times.
    assert (kinds[0], kinds[-1]) == ("start", "end")
    assert events == client.journal(run.id).events
    assert client.run(run.id).summary() == updates[-1].run


def test_a_run_that_has_ended_is_followed_in_the_same_way(installation, client):
    run = client.submit(installation.notebook("ended.ipynb", "1"))
    live = [event for update in to_the_end(client, run) for event in update.events]

    again = to_the_end(client, run)

    assert [event for update in again for event in update.events] == live
    assert [update.run.state for update in client.follow(run.id)] == [RunState.SUCCEEDED]


def test_nothing_of_a_large_run_is_missing_or_comes_twice(installation, client):
    run = client.submit(installation.notebook("large.ipynb", *["print('x' * 600_000)"] * 6))
    to_the_end(client, run)

    events = [event for update in to_the_end(client, run) for event in update.events]
    log = b"".join(client.log(run.id))

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "end"
    assert len(log) >= 6 * 600_001
    assert b"".join(client.log(run.id, after=1_000_001)) == log[1_000_001:]


def test_following_without_the_journal_tells_the_states_alone(installation, client):
    run = client.submit(installation.notebook("states.ipynb", "1"))

    updates = list(client.follow(run.id))

    assert updates[-1].run.is_terminal
    assert not any(update.events for update in updates)


def test_the_journal_is_read_in_pages(installation, client):
    run = client.submit(installation.notebook("pages.ipynb", "1", "2"))
    to_the_end(client, run)

    first = client.journal(run.id, limit=2)
    rest = client.journal(run.id, after=first.last_seq)

    assert [event["seq"] for event in first.events] == [1, 2]
    assert not first.complete
    assert rest.events[0]["seq"] == 3
    assert rest.complete


def test_parameters_as_typed_are_read_by_their_declared_types_and_override(installation, client):
    path = installation.notebook("typed.ipynb", "1", parameters="n: int = 1\nwho: str = 'a'\nsizes: list = [1]")

    run = client.submit(path, parameters={"n": 2, "who": "b"}, texts=[("n", "3"), ("sizes", "[4, 5]")])

    assert run.parameters == {"n": 3, "who": "b", "sizes": [4, 5]}
    client.cancel(run.id)


def test_rows_are_a_run_each_in_their_order_and_with_a_key_the_same_ones(installation, client):
    path = installation.notebook("rows.ipynb", "1", parameters="n: int = 1\nwho = 'a'")
    rows = [ParameterRow({"n": 1}), ParameterRow(texts=(("n", "2"),)), ParameterRow()]

    queued = client.submit_many(path, rows, parameters={"who": "b"}, key="rows")

    made = [client.run(run.id).parameters for run in queued]
    assert made == [{"n": 1, "who": "b"}, {"n": 2, "who": "b"}, {"who": "b"}]
    again = client.submit_many(path, rows, parameters={"who": "b"}, key="rows")
    assert [run.id for run in again] == [run.id for run in queued]
    with pytest.raises(InvalidRows) as refused:
        client.submit_many(path, [ParameterRow({"n": 1}), ParameterRow({"m": 1})])
    assert [row["row"] for row in refused.value.detail["rows"]] == [2]


def test_the_same_key_gives_the_same_run_and_another_request_with_it_is_a_conflict(installation, client):
    path = installation.notebook("key.ipynb", "1", parameters="x = 1")

    first, second = client.submit(path, key="once"), client.submit(path, key="once")
    with pytest.raises(KeyReused) as refusal:
        client.submit(path, parameters={"x": 2}, key="once")

    assert second.id == first.id
    assert refusal.value.detail["run"] == first.id


def test_parameters_that_do_not_fit_are_refused_with_every_problem_and_nothing_is_submitted(installation, client):
    path = installation.notebook("refused.ipynb", "1", parameters="n: int = 1")

    with pytest.raises(InvalidParameters) as refusal:
        client.submit(path, parameters={"n": "many", "m": 1})

    assert {problem["name"] for problem in refusal.value.detail["problems"]} == {"n", "m"}
    assert refusal.value.detail["parameters"] == ["n"]
    assert client.runs(text="refused.ipynb").items == []


def test_a_notebook_that_is_not_there_is_refused_by_its_code(installation, client):
    for call in (client.submit, client.inspect):
        with pytest.raises(Refused) as refusal:
            call(installation.path_of("nowhere.ipynb"))
        assert refusal.value.precise_code == "notebook_not_found"


@pytest.mark.parametrize("run_id", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "nothing", "..", "a/b", "a?b=c", "%2e%2e", ""])
def test_a_run_that_is_not_there_is_not_found_whatever_it_is_called(client, run_id):
    for call in (client.run, client.cancel, client.executed_notebook):
        with pytest.raises(DataOpsError) as refusal:
            call(run_id)
        assert not isinstance(refusal.value, Conflict)


def test_a_run_is_found_by_the_beginning_of_its_id(installation, client):
    run = client.submit(installation.notebook("prefix.ipynb", "1"))

    assert client.run(run.id[:-1]).id == run.id
    assert list(client.follow(run.id[:-1].lower()))[-1].run.id == run.id


def test_cancelling_ends_a_run_and_is_safe_to_repeat(installation, client):
    run = client.submit(installation.notebook("cancel.ipynb", ENDLESS))
    waiting(client, run)

    client.cancel(run.id)
    ended = list(client.follow(run.id))[-1].run

    assert ended.state == RunState.CANCELLED
    assert ended.reason.code == "cancelled"
    assert client.cancel(run.id).state == RunState.CANCELLED


def test_a_run_that_has_ended_otherwise_cannot_be_cancelled(installation, client):
    run = client.submit(installation.notebook("too_late.ipynb", "1"))
    to_the_end(client, run)

    with pytest.raises(Conflict) as refusal:
        client.cancel(run.id)

    assert refusal.value.precise_code == "already_ended"


def test_a_rerun_is_a_new_run_of_the_same_version_with_the_parameters_it_is_given(installation, client):
    old = client.submit(installation.notebook("rerun.ipynb", "1", parameters="x = 1\ny = 2"), parameters={"x": 5})

    same, other = client.rerun(old.id, key="again"), client.rerun(old.id, parameters={"y": 7})

    assert same.trigger.ref == other.trigger.ref == old.id
    assert same.version == other.version == old.version
    assert (same.parameters, other.parameters) == ({"x": 5}, {"y": 7})
    assert client.rerun(old.id, key="again").id == same.id
    with pytest.raises(InvalidParameters):
        client.rerun(old.id, parameters={"z": 1})


def test_a_rerun_goes_where_it_is_asked_for(installation, client):
    old = client.submit(installation.notebook("moved.ipynb", "1"))

    assert client.rerun(old.id, environment="production").environment == "production"
    for elsewhere in ({"image": "none-here"}, {"environment": "production", "image": "none-here"}):
        with pytest.raises(Refused) as refusal:
            client.rerun(old.id, **elsewhere)
        assert refusal.value.precise_code == "image_not_allowed"


def test_every_run_comes_once_over_all_pages_newest_first(installation, client):
    path = installation.notebook("many.ipynb", "1")
    submitted = [client.submit(path, name="many of them").id for _ in range(5)]
    job = client.run(submitted[0]).job.id

    page = client.runs(job=job, limit=2)
    every = [run.id for run in client.iter_runs(job=job, limit=2)]

    assert [run.id for run in page.items] == submitted[:2:-1]
    assert every == submitted[::-1]


def test_runs_are_filtered_by_state_text_and_person(installation, client):
    failed = client.submit(installation.notebook("filters.ipynb", "1/0"))
    to_the_end(client, failed)

    def found(**where):
        return failed.id in [run.id for run in client.iter_runs(**where)]

    assert found(states=[RunState.FAILED, RunState.LOST]) and not found(states=[RunState.SUCCEEDED])
    assert found(text="division by zero") and not found(text="no such text")
    assert found(user=failed.created_by.id) and not found(user="nobody at all")
    assert found(environment="sandbox") and not found(environment="production")


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 501}, {"cursor": "made up"}])
def test_a_page_that_makes_no_sense_is_refused(client, query):
    with pytest.raises(InvalidRequest):
        client.runs(**query)


def test_the_log_is_followed_while_it_grows_and_is_the_same_afterwards(installation, client):
    go_on = installation.workspace / "go_on"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(go_on)!r}).exists():\n    time.sleep(0.02)"
    run = client.submit(installation.notebook("log.ipynb", "print('first line')", wait, "print('second line')"))

    said = b""
    for piece in client.follow_log(run.id):
        said += piece
        if b"first line" in said:
            assert go_on.exists() or b"second line" not in said
            go_on.touch()

    assert said.endswith(b"first line\nsecond line\n")
    assert b"".join(client.log(run.id)) == said
    assert b"".join(client.log(run.id, after=6)) == said[6:]
    assert b"".join(client.log(run.id, after=len(said))) == b""


def test_while_it_is_tried_again_a_run_tells_of_its_new_attempt(installation, client):
    was_here, go_on = installation.workspace / "was_here", installation.workspace / "go_on_again"
    path = installation.notebook(
        "again.ipynb",
        f"import pathlib, time\nit = pathlib.Path({str(was_here)!r})\nagain = it.exists()\nit.touch()",
        "print('again' if again else 'the first time, in many more words')",
        f"assert again\nwhile not pathlib.Path({str(go_on)!r}).exists():\n    time.sleep(0.02)",
    )
    run = client.submit(path, max_retries=1)

    told = {1: [], 2: []}
    for update in client.follow(run.id, journal=True):
        told.get(update.run.attempt, []).extend(update.events)
        if cell_has_begun(2, told[2]) and not go_on.exists():
            assert b"".join(client.log(run.id)) == b"again\n"
            assert not any(cell["outputs"] for cell in json.loads(client.notebook(run.id))["cells"])
            go_on.touch()

    assert update.run.state == "succeeded"
    for events in told.values():
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_the_log_of_every_attempt_is_followed_from_its_beginning(installation, client):
    was_here = installation.workspace / "was_here_before"
    first_time = f"import pathlib\nit = pathlib.Path({str(was_here)!r})\nagain = it.exists()\nit.touch()"
    say = "print('again' if again else 'the first time, in many more words')\nassert again"
    run = client.submit(installation.notebook("twice.ipynb", first_time, say), max_retries=1)

    said = b"".join(client.follow_log(run.id))

    assert said.startswith(b"the first time, in many more words\n")
    assert said.endswith(b"again\n")


def test_the_notebook_has_its_parameters_before_the_end_and_its_outputs_afterwards(installation, client):
    path = installation.notebook("notebook.ipynb", ENDLESS, parameters="x = 1")
    run = waiting(client, client.submit(path, parameters={"x": 41}), cells_done=2)

    filled_in = json.loads(client.notebook(run.id))
    with pytest.raises(Conflict) as refusal:
        client.executed_notebook(run.id)
    client.cancel(run.id)
    to_the_end(client, run)
    executed = json.loads(client.executed_notebook(run.id))

    assert refusal.value.precise_code == "not_finished"
    assert "x = 41" in "".join(filled_in["cells"][1]["source"])
    assert executed["cells"][0]["execution_count"] == 1
    assert json.loads(client.notebook(run.id)) == executed


def test_a_record_is_downloaded_whole(installation, client, tmp_path):
    write = "import pathlib\npathlib.Path('a b').mkdir()\npathlib.Path('a b/ü?.txt').write_bytes(bytes(300_000))"
    glue = "from dataops_lab import record\nrecord('auc', 0.9)"
    run = client.submit(installation.notebook("record.ipynb", write, glue))

    to_the_end(client, run)
    ended = client.run(run.id)
    artifact, archive = tmp_path / "artifact", tmp_path / "record.zip"
    client.artifact(run.id, ended.artifacts[0].path, artifact)
    client.record(run.id, archive)

    assert ended.values == {"auc": 0.9}
    assert [found.path for found in ended.artifacts] == ["a b/ü?.txt"]
    assert artifact.read_bytes() == bytes(300_000)
    with zipfile.ZipFile(archive) as held:
        assert {"notebook.ipynb", "report.html", "values.json", "artifacts/a b/ü%3F.txt"} <= set(held.namelist())
        assert held.testzip() is None
    assert sorted(tmp_path.iterdir()) == [artifact, archive]


@pytest.mark.parametrize("name", ["missing", "../../../etc/passwd", ".."])
def test_an_artifact_that_is_not_there_leaves_no_file(installation, client, tmp_path, name):
    run = client.submit(installation.notebook("no_artifact.ipynb", "1"), key="no artifact")
    to_the_end(client, run)

    with pytest.raises(NotFound):
        client.artifact(run.id, name, tmp_path / "artifact")

    assert list(tmp_path.iterdir()) == []


def test_the_report_is_one_page_with_or_without_code(installation, client):
    run = client.submit(installation.notebook("report.ipynb", "print('a' * 3)"))
    to_the_end(client, run)

    with_code, without = client.report(run.id, code=True), client.report(run.id)

    assert b"aaa" in with_code and b"aaa" in without
    assert len(without) < len(with_code)


def test_jobs_and_their_versions_are_found(installation, client):
    path = installation.notebook("job.ipynb", "1")
    run = client.submit(path, name="a named job")

    job = client.job(run.job.id)

    assert (job.name, job.last_run.id) == ("a named job", run.id)
    assert [found.id for found in client.jobs(text="a named job").items] == [job.id]
    assert [(v.number, v.digest) for v in client.versions(job.id)] == [(1, run.version.digest)]
    with pytest.raises(NotFound):
        client.job("01ARZ3NDEKTSV4RRFFQ69G5FAV")


def test_inspecting_tells_what_can_be_given_and_stores_nothing(installation, client):
    path = installation.notebook("inspect.ipynb", "1", parameters="x: float = 0.5  # share of all")

    found = client.inspect(path)

    assert [(p.name, p.type, p.default, p.description) for p in found.parameters] == [
        ("x", "number", 0.5, "share of all")
    ]
    assert found.kernel.name == "python3"
    assert client.jobs(text="inspect.ipynb").items == []


def test_data_is_fresh_or_pinned_and_a_run_names_what_it_took(installation, client):
    path = installation.notebook("pins/read.ipynb", "open('sales.csv').read()")
    data = installation.workspace / "pins" / "sales.csv"
    data.write_text("monday")
    [found] = client.inspect(path).files
    assert (found.role, found.fresh, found.pattern) == ("data", True, "/sales.csv")
    tried = client.inspect(path, pinned=[found.pattern])
    assert (tried.fresh_count, tried.pinned) == (0, ["/sales.csv"])

    first = client.submit(path)
    data.write_text("tuesday")
    second = client.submit(path)
    assert first.version == second.version
    assert first.digests.inputs != second.digests.inputs
    [monday], [tuesday] = (client.inputs(run.id).files for run in (first, second))
    assert (monday.fresh, monday.size, tuesday.size) == (True, 6, 7)
    assert client.rerun(first.id).digests.inputs == first.digests.inputs

    job = client.job(first.job.id)
    assert client.change_job(job.id, pinned=["*.csv"], revision=job.revision).pinned == ["*.csv"]
    third = client.submit(path)
    assert (third.digests.inputs, third.version.number) == (None, 2)
    assert [file.fresh for file in client.inputs(third.id).files] == [False]
    assert client.submit(path, pinned=[]).version.number == 1
    with pytest.raises(InvalidRequest):
        client.change_job(job.id, pinned=["/"])


def test_the_status_names_the_engine_that_leads(client):
    status = client.status()

    assert status.engine.leading
    assert status.engine.pid
    assert status.engine.since is not None


# --- what stays and what goes ---------------------------------------------------------------------


def test_a_run_is_kept_deleted_and_verified_in_the_same_way(installation, client):
    run = client.submit(installation.notebook("goes.ipynb", "print('said')"))
    with pytest.raises(Conflict) as refused:
        client.delete(run.id)
    assert refused.value.precise_code == "not_finished"
    to_the_end(client, run)
    assert client.verify(run.id).integrity_errors == {}
    size = len(b"".join(client.log(run.id)))
    assert list(client.log(run.id, after=size)) == []

    assert client.keep(run.id).kept_by == client.run(run.id).kept_by is not None
    with pytest.raises(Conflict) as refused:
        client.delete(run.id)
    assert refused.value.precise_code == "run_kept"
    assert client.unkeep(run.id).kept_by is None
    client.delete(run.id)
    with pytest.raises(NotFound):
        client.run(run.id)


def test_retention_rules_are_set_and_previewed_in_the_same_way(installation, client):
    run = client.submit(installation.notebook("old.ipynb", "1"))
    to_the_end(client, run)
    rule = RetentionRule(state=RunState.SUCCEEDED, days=1000)
    assert client.set_retention([rule]) == client.retention() == [rule]
    assert client.preview_retention().count == 0
    wanted = client.preview_retention([RetentionRule(state=RunState.SUCCEEDED, days=0)])
    assert run.id in [summary.id for summary in wanted.oldest]
    assert client.apply_retention().runs == 0
    assert client.run(run.id).is_terminal
    assert client.set_retention([]) == []


def test_the_settings_of_a_job_are_those_of_its_runs_until_a_run_has_its_own(installation, client):
    path = installation.notebook("treated.ipynb", "1")
    job = client.submit(path, priority=2).job

    changed = client.change_job(job.id, max_retries=1, timeout_s=60.0)
    assert (changed.max_retries, changed.timeout_s, changed.priority) == (1, 60.0, None)
    run = client.submit(path, timeout_s=30.0)
    assert (run.max_retries, run.timeout_s, run.priority) == (1, 30.0, 0)

    with pytest.raises(Conflict):
        client.change_job(job.id, revision=changed.revision - 1, priority=1)
    assert client.change_job(job.id, revision=changed.revision, max_retries=None).max_retries is None
    with pytest.raises(InvalidRequest):
        client.change_job(job.id, priority=101)


def test_a_notebook_that_fails_is_tried_again_as_often_as_was_asked_for(installation, client):
    path = installation.notebook("wrong.ipynb", "1 / 0")
    run = client.run(to_the_end(client, client.submit(path, max_retries=1))[-1].run.id)
    assert run.state == RunState.FAILED
    assert [attempt.budget for attempt in run.attempts] == ["user", "user"]


def test_a_project_has_a_limit(client):
    assert client.limit_project("default", 7) == client.project("default")
    assert client.limit_project("default", None).concurrency is None
    with pytest.raises(NotFound):
        client.project("nothing")
