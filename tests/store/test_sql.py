from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, replace

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from dataops_lab.domain.events import run_subject
from dataops_lab.domain.images import RunImage
from dataops_lab.domain.runs import Attempt, AttemptState, Progress, Reason, RunState
from dataops_lab.domain.snapshots import Finding, Severity
from dataops_lab.errors import InvalidRequest, NotFound, StaleWrite
from dataops_lab.ports import RunFilter
from dataops_lab.services import runs
from dataops_lab.store import open_store
from dataops_lab.store import tables as t
from dataops_lab.testing import person

from ..waiting import eventually


def test_an_exception_in_a_transaction_undoes_all_of_it(store, submit):
    view = submit()
    with pytest.raises(RuntimeError), store.begin() as tx:
        tx.runs.transition(view.run, view.run.transition_to(RunState.CANCELLED))
        raise RuntimeError
    with store.read() as tx:
        assert tx.runs.get(view.run.id) == view.run
        assert len(tx.events.list_after(0, subject=run_subject(view.run.id))) == 1


def test_writing_in_a_reading_transaction_is_an_error(store, submit):
    view = submit()
    with pytest.raises(DBAPIError), store.read() as tx:
        tx.jobs.rename(view.job.id, "changed")
    with store.read() as tx:
        assert tx.jobs.get(view.job.id).name == view.job.name


def test_what_a_newer_version_says_more_of_a_run_and_its_version_is_not_read(store, submit):
    view = submit()
    told = {
        "reason": Reason("queue_full", "It waits."),
        "image": RunImage("lab", "lab:1", "sha256:0"),
        **{name: getattr(view.run, name) for name in ("kernel", "origin", "resources")},
    }
    finding = Finding("input_call", Severity.WARNING, "A cell asks.", cell=1)
    row = {name: {**asdict(value), "of_tomorrow": 1} for name, value in told.items()}
    with store.begin() as tx:
        tx._connection.execute(update(t.runs).values(**row, findings=[{**asdict(finding), "of_tomorrow": 1}]))
        tx._connection.execute(update(t.versions).values(origin=row["origin"]))
    with store.read() as tx:
        assert tx.runs.get(view.run.id) == replace(view.run, **told, findings=(finding,))
        assert tx.versions.get(view.job.id, view.version.digest) == view.version


def test_the_second_of_two_moves_from_one_state_is_stale(store, submit):
    run = submit().run
    with store.begin() as tx:
        tx.runs.transition(run, run.transition_to(RunState.CANCELLED))
    with pytest.raises(StaleWrite), store.begin() as tx:
        tx.runs.transition(run, run.transition_to(RunState.ACTIVE))


def test_a_move_does_not_undo_a_request_to_cancel(store, submit, clock):
    run = submit().run
    with store.begin() as tx:
        tx.runs.request_cancel(run.id, at=clock.now(), by=person("first"))
        tx.runs.request_cancel(run.id, at=clock.now(), by=person("second"))
        tx.runs.transition(run, run.transition_to(RunState.ACTIVE))
        assert tx.runs.get(run.id).cancel_requested_by == person("first")


def test_every_move_has_its_event_and_no_other(store, engine, submit, executor, ctx):
    view = submit()
    while not (attempts := runs.get(ctx, view.run.id).attempts) or attempts[-1].state is not AttemptState.RUNNING:
        engine.step()
    with store.read() as tx:
        kinds = [event.kind for event in tx.events.list_after(0, subject=run_subject(view.run.id))]
    assert kinds == ["run.queued", "run.active", "attempt.claimed", "attempt.launching", "attempt.running"]


def test_each_change_of_a_run_counts_its_revision_up_and_its_event_tells_it(store, engine, submit, ctx):
    run, untouched = submit().run, submit().run
    assert run.revision == 1
    with store.begin() as tx:
        tx.runs.keep(run.id, at=ctx.clock.now(), by=person("ann"))
        assert tx.runs.get(run.id).revision == 2, "also within the transaction that changes it"
    with store.begin() as tx:
        tx.runs.keep(run.id, at=ctx.clock.now(), by=person("bob"))
    with store.begin() as tx:
        tx.runs.request_cancel(run.id, at=ctx.clock.now(), by=person("bob"))
        tx.runs.unkeep(run.id, at=ctx.clock.now(), by=person("ann"))
    engine.step()
    with store.read() as tx:
        found = [
            (event.kind, event.actor, event.revision) for event in tx.events.list_after(0, subject=run_subject(run.id))
        ]
        assert tx.runs.get(run.id).revision == found[-1][2]
        assert tx.runs.get(untouched.id).revision <= 3
    assert found[:4] == [
        ("run.queued", person("someone"), 1),
        ("run.kept", person("ann"), 2),
        ("run.cancel_requested", person("bob"), 3),
        ("run.unkept", person("ann"), 3),
    ]


def test_what_an_attempt_tells_counts_the_revision_of_its_run_up(store, engine, submit, ctx):
    view = submit()
    while not (attempts := runs.get(ctx, view.run.id).attempts) or attempts[-1].state is not AttemptState.RUNNING:
        engine.step()
    before = runs.get(ctx, view.run.id)
    with store.begin() as tx:
        tx.attempts.record_progress(replace(before.attempts[-1], progress=Progress(1, 2)))
    assert runs.get(ctx, view.run.id).run.revision == before.run.revision + 1


def test_a_change_by_another_connection_is_seen(store, submit, database):
    with closing(open_store(database)) as other:
        before = other.change_counter()
        submit()
        eventually(lambda: other.change_counter() != before)


def test_what_writes_nothing_is_no_change(store, database, submit):
    with closing(open_store(database)) as other:
        before = other.change_counter()
        with store.begin() as tx:
            tx.runs.count_by_state()
        with store.read() as tx:
            tx.events.list_after(0)
        assert other.change_counter() == before
        submit()
        eventually(lambda: other.change_counter() != before)
        assert other.change_counter() == before + 1


def test_a_list_goes_on_where_the_page_before_ended(store, submit):
    ids = [submit().run.id for _ in range(7)]
    seen, cursor = [], None
    with store.read() as tx:
        while True:
            page = tx.runs.page(RunFilter(), limit=3, cursor=cursor)
            seen += [run.id for run in page.items]
            if (cursor := page.next) is None:
                break
    assert seen == sorted(ids, reverse=True)


@pytest.mark.parametrize("cursor", ["x", "' OR 1=1 --", "", "Z" * 500])
def test_a_cursor_that_no_list_gave_is_refused(store, cursor):
    with store.read() as tx, pytest.raises(InvalidRequest):
        tx.runs.page(RunFilter(), limit=3, cursor=cursor)


def test_runs_are_filtered_by_state_job_person_and_text(store, submit):
    sales, churn = submit("/n/sales.ipynb"), submit("/n/churn_100%.ipynb")
    with store.read() as tx:

        def found(**where):
            return [run.id for run in tx.runs.page(RunFilter(**where), limit=10).items]

        assert found(job_id=sales.job.id) == [sales.run.id]
        assert found(text="SALES") == [sales.run.id]
        assert found(text="100%") == [churn.run.id]
        assert found(text="%") == [churn.run.id]
        assert found(states=(RunState.ACTIVE,)) == []
        assert found(created_by="nobody") == []
        assert len(found(states=(RunState.QUEUED,), created_by="someone")) == 2


def test_a_run_is_found_by_a_prefix_that_only_it_has(store, submit):
    first, second = submit().run, submit().run
    common = next(n for n in range(26) if first.id[n] != second.id[n])
    with store.read() as tx:
        assert tx.runs.get(first.id[: common + 1].lower()) == first
        with pytest.raises(InvalidRequest, match="several"):
            tx.runs.get(first.id[:common])
        for absent in ("01", "nothing", "%%%%%%", "______"):
            with pytest.raises(NotFound):
                tx.runs.get(absent)


def test_instants_come_back_as_they_were_given(store, submit, clock):
    clock.advance(0.123456)
    run = submit().run
    with store.read() as tx:
        assert tx.runs.get(run.id).created_at == clock.now()
        found = tx.runs.page(RunFilter(created_after=clock.now(), created_before=None), limit=1)
        assert [run.created_at.utcoffset().total_seconds() for run in found.items] == [0]


HOSTILE = {
    "not a number": [float("inf"), float("-inf")],
    "nul": "a\0b",
    "half a character": "\ud800",
    "quotes": "'\"\\;--",
    "nested": {"ä": [None, True, 1, 0.1, {}]},
}


def test_parameters_arrive_as_they_were_given(store, submit):
    run = submit().run
    given = replace(run, id="0" * 26, parameters=HOSTILE)
    with store.begin() as tx:
        tx.runs.add(given)
    with store.read() as tx:
        assert tx.runs.get(given.id) == given


def test_whatever_an_error_says_the_run_ends_with_it_and_is_found_by_it(store, submit, clock):
    run = submit().run
    reason = Reason("failed", "It said: \0 \ud800 NEEDLE", {"cell": float("nan"), "traceback": ["\0"], "\0": 1})
    active = run.transition_to(RunState.ACTIVE)
    attempt = Attempt(run.id, 1, AttemptState.LAUNCHING, token=1, created_at=clock.now())
    with store.begin() as tx:
        tx.runs.transition(run, active)
        tx.attempts.add(attempt)
    with store.begin() as tx:
        tx.attempts.transition(attempt, attempt.transition_to(AttemptState.FAILED, reason=reason))
        tx.runs.transition(active, active.transition_to(RunState.FAILED, reason=reason))
    with store.read() as tx:
        [found] = tx.runs.page(RunFilter(text="needle"), limit=2).items
        assert found.reason.message == "It said: \N{REPLACEMENT CHARACTER} ? NEEDLE"
        assert tx.attempts.list_for_run(run.id)[0].reason == tx.runs.get(run.id).reason


def test_a_run_is_found_by_the_beginning_of_what_its_reason_says_however_long_that_is(store, submit):
    run = submit().run
    ended = run.transition_to(RunState.CANCELLED, reason=Reason("x", "Needle \N{HAMMER AND WRENCH}" * 10_000))
    with store.begin() as tx:
        tx.runs.transition(run, ended)
    with store.read() as tx:
        assert [found.id for found in tx.runs.page(RunFilter(text="needle"), limit=2).items] == [run.id]
        assert tx.runs.get(run.id).reason == ended.reason


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_not_every_database_has_is_refused_when_it_is_written_and_when_it_is_looked_for(store, submit, text):
    view = submit()
    with pytest.raises(InvalidRequest), store.begin() as tx:
        tx.jobs.rename(view.job.id, text)
    for look in (
        lambda tx: tx.runs.get(text),
        lambda tx: tx.runs.page(RunFilter(text=text), limit=1),
        lambda tx: tx.workspaces.find_by_remote("default", text),
    ):
        with pytest.raises(InvalidRequest), store.read() as tx:
            look(tx)
    with store.read() as tx:
        assert tx.jobs.get(view.job.id) == view.job


def test_text_that_is_longer_than_its_column_is_refused(store, submit):
    view = submit()
    with pytest.raises(InvalidRequest, match="200"), store.begin() as tx:
        tx.jobs.rename(view.job.id, "x" * 201)
    with pytest.raises(InvalidRequest), store.begin() as tx:
        tx.jobs.add(replace(view.job, id="0" * 26, source="/".join("abcdefgh" for _ in range(400))))
    with store.begin() as tx:
        tx.jobs.rename(view.job.id, "ä" * 200)


def test_the_blobs_of_versions_records_and_reports_are_known(store, submit, engine, executor, ctx):
    view = submit()
    while not (attempts := runs.get(ctx, view.run.id).attempts) or attempts[-1].state is not AttemptState.RUNNING:
        engine.step()
    executor.end(attempts[-1].name)
    while not (record := runs.get(ctx, view.run.id).record):
        engine.step()
    with store.begin() as tx:
        tx.records.store_report(view.run.id, "with_code", "sha256:" + "0" * 64)
        tx.records.store_report(view.run.id, "with_code", "sha256:" + "1" * 64)
    with store.read() as tx:
        assert set(tx.blob_digests()) == {
            view.version.manifest.source_digest,
            *(file.digest for file in view.version.manifest.files),
            *(file.digest for file in record.files),
            "sha256:" + "0" * 64,
        }
