"""The runs and bytes that stay, and those that go, on both databases."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dataops_lab.blobs import FolderBlobs
from dataops_lab.domain.events import run_subject
from dataops_lab.domain.leases import ENGINE, Lease, ProcessIdentity
from dataops_lab.domain.parameters import Parameter, ParameterSchema
from dataops_lab.domain.records import Record, RecordFile, RecordFileKind, record_digest
from dataops_lab.domain.retention import RetentionRule
from dataops_lab.domain.runs import Attempt, AttemptState, RunState
from dataops_lab.domain.versions import digest_of
from dataops_lab.errors import Conflict, Forbidden, InvalidRequest, NotFound, UnknownEnvironment
from dataops_lab.ports import RunFilter
from dataops_lab.services import records, retention, runs
from dataops_lab.testing import FakeNotebooks, person

DAY = 24 * 3600


@pytest.fixture
def ctx(ctx, tmp_path):
    blobs = FolderBlobs(tmp_path / "blobs")
    return replace(ctx, blobs=blobs, notebooks=FakeNotebooks(blobs))


@pytest.fixture
def ended(ctx, submit, clock):
    """A function that makes a run that has ended now, with a record of one artifact."""

    def run(path="/n/sales.ipynb", state=RunState.SUCCEEDED, content=None, **more):
        view = submit(path, **more)
        now = clock.now()
        digest = ctx.blobs.put((content or view.run.id).encode())
        files = (
            RecordFile(RecordFileKind.NOTEBOOK, "output.ipynb", ctx.blobs.put(b"{}"), 2),
            RecordFile(RecordFileKind.ARTIFACT, "out.txt", digest, len(content or view.run.id)),
        )
        with ctx.store.begin() as tx:
            active = view.run.transition_to(RunState.ACTIVE, started_at=now)
            tx.runs.transition(view.run, active)
            tx.attempts.add(Attempt(view.run.id, 1, AttemptState.CLAIMED, token=1, created_at=now))
            whole = record_digest(view.run.id, 1, files, {})
            tx.records.add(Record(view.run.id, 1, whole, files, {}, now))
            tx.records.store_report(view.run.id, "with_code", ctx.blobs.put(b"report of " + view.run.id.encode()))
            tx.runs.transition(active, active.transition_to(state, finished_at=now))
        clock.advance(1)
        return runs.get(ctx, view.run.id).run

    return run


def left(ctx) -> list[str]:
    return [run.id for run in runs.page(ctx, RunFilter()).items][::-1]


# --- rules ----------------------------------------------------------------------------------------


def test_without_a_rule_everything_stays(ctx, ended, clock):
    run = ended()
    clock.advance(10_000 * DAY)
    assert retention.apply(ctx, by=person("x")) == retention.RemovalCounts()
    assert left(ctx) == [run.id]


def test_a_preview_of_many_runs_takes_as_many_statements_as_one_of_one_run(ctx, ended, clock, statements):
    rules = [RetentionRule(days=7, last=1)]
    gone = [ended().id, ended().id][:1]

    def previewed():
        assert [run.id for run, _ in retention.preview(ctx, rules).oldest] == gone

    clock.advance(10 * DAY)
    of_one = statements(previewed)
    newer = [ended(f"/n/{name}.ipynb").id for name in "abab"]
    gone += newer[:2]
    clock.advance(10 * DAY)
    assert statements(previewed) == of_one


def test_a_run_goes_when_it_is_old_and_not_among_the_newest_of_its_job(ctx, ended, clock):
    old = [ended("/n/a.ipynb") for _ in range(3)] + [ended("/n/b.ipynb")]
    clock.advance(10 * DAY)
    young = ended("/n/c.ipynb")
    retention.set_rules(ctx, [RetentionRule(days=7, last=2)], by=person("admin"))

    seen = retention.preview(ctx)
    assert [(run.id, job.name) for run, job in seen.oldest] == [(old[0].id, "a")]
    assert left(ctx) == [run.id for run in (*old, young)], "a preview changes nothing"

    assert retention.apply(ctx, by=person("x")).runs == 1
    assert left(ctx) == [run.id for run in (*old[1:], young)]


ALL = ["failure", "first", "second failure", "second"]


@pytest.mark.parametrize(
    ("rules", "stay"),
    [
        ([RetentionRule(days=7)], []),
        # A rule without a state counts the ends of all states together.
        ([RetentionRule(last=1)], ["second"]),
        ([RetentionRule(days=7), RetentionRule(state=RunState.FAILED)], ["failure", "second failure"]),
        ([RetentionRule(days=7), RetentionRule(environment="sandbox")], ALL),
        ([RetentionRule(environment="production", days=7)], ALL),
        ([RetentionRule(days=7), RetentionRule("sandbox", RunState.FAILED, last=1)], ["second failure"]),
        ([RetentionRule(state=RunState.FAILED, days=7), RetentionRule("sandbox")], ALL),
    ],
)
def test_the_most_precise_rule_counts(ctx, ended, clock, rules, stay):
    names = {}
    for name, state in (
        ("failure", RunState.FAILED),
        ("first", RunState.SUCCEEDED),
        ("second failure", RunState.FAILED),
        ("second", RunState.SUCCEEDED),
    ):
        names[ended(state=state).id] = name
    clock.advance(10 * DAY)
    retention.set_rules(ctx, rules, by=person("admin"))
    retention.apply(ctx, by=person("x"))
    assert [names[run_id] for run_id in left(ctx)] == stay


def test_what_is_kept_or_has_not_ended_is_never_touched(ctx, ended, submit, clock):
    kept, gone = ended(), ended()
    retention.keep(ctx, kept.id, by=person("someone"))
    waiting = submit().run
    clock.advance(1000 * DAY)
    retention.set_rules(ctx, [RetentionRule(days=0)], by=person("admin"))
    assert retention.preview(ctx).count == 1
    retention.apply(ctx, by=person("x"))
    assert left(ctx) == [kept.id, waiting.id]
    retention.unkeep(ctx, kept.id, by=person("someone"))
    retention.apply(ctx, by=person("x"))
    assert left(ctx) == [waiting.id]
    with ctx.store.read() as tx:
        kinds = [event.kind for event in tx.events.list_after(0, subject=run_subject(kept.id))]
        assert kinds == ["run.deleted"]
        assert [event.kind for event in tx.events.list_after(0, subject=run_subject(gone.id))] == ["run.deleted"]


def test_a_rerun_stays_when_its_origin_goes_and_names_it(ctx, ended, clock):
    first = ended()
    again = runs.rerun(ctx, first.id, parameters=None, by=person("someone")).view.run
    retention.delete(ctx, first.id, by=person("someone"))
    assert runs.get(ctx, again.id).run.trigger.ref == first.id


def test_a_thousand_runs_go_in_short_transactions_that_can_be_stopped(ctx, ended, clock, monkeypatch):
    monkeypatch.setattr(retention, "_RUN_BATCH_SIZE", 2)
    for _ in range(5):
        ended()
    clock.advance(DAY)
    retention.set_rules(ctx, [RetentionRule(days=0)], by=person("admin"))
    asked = iter([False, True])
    assert retention.apply(ctx, by=person("x"), stopped=lambda: next(asked)).runs == 2
    assert len(left(ctx)) == 3
    with ctx.store.read() as tx:
        assert tx.retention.task_done_at("retention") is None, "what was stopped is due again"
    assert retention.apply(ctx, by=person("x")).runs == 3


def test_rules_are_refused_as_a_whole(ctx):
    good = RetentionRule(days=1)
    retention.set_rules(ctx, [good], by=person("admin"))
    with pytest.raises(InvalidRequest, match="two rules"):
        retention.set_rules(ctx, [RetentionRule(days=2), RetentionRule(last=2)], by=person("admin"))
    with pytest.raises(UnknownEnvironment):
        retention.set_rules(ctx, [RetentionRule("nowhere", days=2)], by=person("admin"))
    with pytest.raises(InvalidRequest, match="number between"):
        RetentionRule(days=-1)
    with pytest.raises(InvalidRequest, match="not an end"):
        RetentionRule(state=RunState.QUEUED, days=1)
    assert retention.rules(ctx) == [good]
    with pytest.raises(Forbidden):
        retention.set_rules(replace(ctx, administrators=frozenset({"ann"})), [], by=person("bob"))


# --- single runs ----------------------------------------------------------------------------------


def test_a_deleted_run_is_gone_with_all_of_it_and_can_be_told_from_its_event(ctx, ended):
    run, other = ended(), ended()
    retention.delete(ctx, run.id, by=person("someone"))
    with pytest.raises(NotFound):
        runs.get(ctx, run.id)
    assert left(ctx) == [other.id]
    with ctx.store.read() as tx:
        assert [(e.kind, e.actor) for e in tx.events.list_after(0, subject=run_subject(run.id))] == [
            ("run.deleted", person("someone"))
        ]
        assert tx.records.find_for_runs([run.id]) == {}
    with pytest.raises(NotFound):
        retention.delete(ctx, run.id, by=person("someone"))


def test_a_report_that_was_rendered_while_its_run_was_deleted_is_not_kept(ctx, ended):
    run = ended()

    class Slow(FakeNotebooks):
        def render_report(self, *args, **more):
            retention.delete(ctx, run.id, by=person("someone"))
            return super().render_report(*args, **more)

    slow = replace(ctx, notebooks=Slow(ctx.blobs))
    with pytest.raises(NotFound):
        records.report(slow, run.id, code=False)


def test_what_has_not_ended_or_is_kept_is_not_deleted(ctx, ended, submit):
    with pytest.raises(Conflict) as refused:
        retention.delete(ctx, submit().run.id, by=person("someone"))
    assert refused.value.precise_code == "not_finished"
    run = ended()
    retention.keep(ctx, run.id, by=person("someone"))
    with pytest.raises(Conflict) as refused:
        retention.delete(ctx, run.id, by=person("someone"))
    assert refused.value.precise_code == "run_kept"
    assert len(left(ctx)) == 2


def test_a_run_is_deleted_and_kept_by_its_owner_and_by_administrators(ctx, ended):
    ctx = replace(ctx, administrators=frozenset({"ann"}))
    run = ended()
    for verb in (retention.keep, retention.unkeep, retention.delete):
        with pytest.raises(Forbidden, match="someone"):
            verb(ctx, run.id, by=person("bob"))
        verb(ctx, run.id, by=person("ann"))


# --- blobs, versions, events ----------------------------------------------------------------------


def test_blobs_go_when_nothing_refers_to_them_and_a_day_has_passed(ctx, ended, clock):
    clock.set_wall_clock(dt.datetime.now(dt.UTC))
    shared = [ended(content="the same") for _ in range(2)]
    alone = ended(content="only mine")
    before = set(blobs(ctx))

    retention.set_rules(ctx, [RetentionRule(days=0, last=1)], by=person("admin"))
    clock.advance(2 * DAY)
    newest = ended(content="the same")
    promised = retention.preview(ctx)
    assert promised.count == 3
    retention.apply(ctx, by=person("x"))
    removed = retention.collect_blobs(ctx)

    reports = sum(len(f"report of {run.id}") for run in (*shared, alone))
    assert promised.bytes == removed.bytes == len("only mine") + reports
    gone = before - set(blobs(ctx))
    assert digest_of(b"only mine") in gone
    assert len(gone) == removed.blobs == 4
    ctx.blobs.verify(runs.get(ctx, newest.id).record.files[0].digest)


def blobs(ctx) -> dict[str, int]:
    return dict(ctx.blobs.list_put_before(dt.datetime.max.replace(tzinfo=dt.UTC)))


def test_what_was_put_lately_stays_though_nothing_refers_to_it_yet(ctx, clock):
    clock.set_wall_clock(dt.datetime.now(dt.UTC))
    digest = ctx.blobs.put(b"of a snapshot that is being taken")
    clock.advance(0.9 * DAY)
    assert retention.collect_blobs(ctx).blobs == 0
    clock.advance(0.2 * DAY)
    assert retention.collect_blobs(ctx).blobs == 1
    assert not ctx.blobs.exists(digest)


def test_a_version_goes_with_its_last_run_but_the_newest_of_a_job_stays(ctx, ended, clock):
    first = ended()
    ctx.notebooks.schema = ParameterSchema((Parameter("p"),))
    second = ended()
    assert first.version_digest != second.version_digest
    for run in (first, second):
        retention.delete(ctx, run.id, by=person("someone"))
    assert retention.apply(ctx, by=person("x")).versions == 1
    with ctx.store.read() as tx:
        assert [version.digest for version in tx.versions.list_for_job(first.job_id)] == [second.version_digest]


def test_old_events_are_trimmed_and_the_last_one_stays(ctx, ended, clock):
    ended()
    with ctx.store.read() as tx:
        last = tx.events.last_seq()
    clock.advance(29 * DAY)
    retention.apply(ctx, by=person("x"))
    with ctx.store.read() as tx:
        assert tx.events.first_seq() == 1
    clock.advance(2 * DAY)
    retention.apply(ctx, by=person("x"))
    with ctx.store.read() as tx:
        assert tx.events.first_seq() == tx.events.last_seq() == last
    newer = ended()
    with ctx.store.read() as tx:
        assert {event.subject.id for event in tx.events.list_after(last)} == {newer.id}


def test_the_engine_is_told_what_is_due_and_no_more(ctx, ended, clock):
    ended()
    clock.advance(2 * DAY)
    retention.set_rules(ctx, [RetentionRule(days=1)], by=person("admin"))
    process = ProcessIdentity(7, 1.0, "boot")
    with ctx.store.begin() as tx:
        tx.leases.acquire(Lease(ENGINE, "engine", 7, clock.now(), 1e9, process, slots=2), instead_of=None)

    def tidy():
        return retention.run_maintenance(ctx, fence=7, stopped=lambda: False)

    assert tidy().runs == 1
    ended()
    clock.advance(0.5 * 3600)
    retention.set_rules(ctx, [RetentionRule(days=0)], by=person("admin"))
    assert tidy().runs == 0
    clock.advance(0.5 * 3600)
    assert tidy().runs == 1
