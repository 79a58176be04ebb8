"""The contract of the audit trail that every database keeps: one chain, which nobody changes."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from dataops_lab.domain.audit import NO_HEAD, Checker, Head, NewEntry, Outcome
from dataops_lab.domain.environments import Environment
from dataops_lab.domain.events import Subject, SubjectKind
from dataops_lab.domain.leases import ENGINE
from dataops_lab.errors import InvalidRequest, StaleWrite
from dataops_lab.ports import AuditFilter
from dataops_lab.services import environments
from dataops_lab.store import open_store
from dataops_lab.store.tables import audit
from dataops_lab.testing import person

from .test_store import lease

ANN, BOB = person("ann"), person("bob")
ALL = AuditFilter()


def entries(ctx, where=ALL):
    with ctx.store.read() as tx:
        return list(tx.audit.iterate(where))


def findings(ctx, known=()):
    return list(Checker(known).check(entries(ctx)))


def set_variable(ctx, name="REGION", by=ANN):
    environments.set_variable(ctx, "sandbox", name, "south", by=by)


@pytest.fixture
def raw(database, store):
    """A connection past the program, which commits each statement."""
    engine = create_engine(database, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_the_trail_begins_with_the_moment_from_which_on_it_exists(ctx):
    [start] = entries(ctx)
    assert (start.seq, start.verb, start.actor) == (1, "start", "system:dataops_lab")
    assert dt.datetime.now(dt.UTC) - start.at < dt.timedelta(days=1)
    assert findings(ctx) == []


def test_a_change_and_its_entry_are_there_together_or_not_at_all(ctx):
    set_variable(ctx)
    assert [entry.object_id for entry in entries(ctx)[1:]] == ["sandbox/REGION"]
    with pytest.raises(ZeroDivisionError), ctx.store.begin() as tx:
        environments.put_variable(ctx, tx, "sandbox", "LOST", "1", by=ANN)
        tx.events.last_seq()
        assert tx.audit.head().seq == 3
        1 / 0  # noqa: B018
    assert len(entries(ctx)) == 2


def test_a_savepoint_that_is_taken_back_takes_its_entries_back(ctx):
    with ctx.store.begin() as tx:
        environments.put_variable(ctx, tx, "sandbox", "KEPT", "1", by=ANN)
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            environments.put_variable(ctx, tx, "sandbox", "LOST", "1", by=ANN)
            tx.audit.add(NewEntry(ctx.clock.now(), ANN, "change", "project", "x", outcome=Outcome.REFUSED))
            tx.events.last_seq()
            1 / 0  # noqa: B018
    assert [entry.object_id for entry in entries(ctx)[1:]] == ["sandbox/KEPT"]
    assert findings(ctx) == []


def test_a_reader_sees_no_head_that_is_not_committed(ctx):
    with ctx.store.begin() as tx:
        environments.put_variable(ctx, tx, "sandbox", "REGION", "1", by=ANN)
        tx.events.last_seq()
        with ctx.store.read() as other:
            assert other.audit.head().seq == 1


def test_many_that_change_something_at_once_continue_one_chain(database, ctx):
    barrier = Barrier(4)

    def change(number: int) -> None:
        with closing(open_store(database)) as store:
            own = replace(ctx, store=store)
            barrier.wait()
            for turn in range(10):
                set_variable(own, f"V{number}_{turn}")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(change, range(4)))
    assert [entry.seq for entry in entries(ctx)] == list(range(1, 42))
    assert findings(ctx) == []


def test_an_engine_that_lost_its_lease_writes_no_entry(ctx):
    with ctx.store.begin() as tx:
        tx.leases.acquire(lease(1), instead_of=None)
    with pytest.raises(StaleWrite), ctx.store.begin(fence=2) as tx:
        tx.events.add(Subject(SubjectKind.IMAGE, "lean"), "image.changed", at=ctx.clock.now(), actor=ANN)
    assert len(entries(ctx)) == 1
    with ctx.store.read() as tx:
        assert tx.leases.get(ENGINE).token == 1


@pytest.mark.parametrize(
    "statement",
    [
        update(audit).values(verb="x"),
        update(audit).where(audit.c.seq == 1).values(at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        update(audit).values(actor_name="x"),
        update(audit).values(actor_name="x", salt=None, project="p"),
        delete(audit),
        delete(audit).where(audit.c.seq == 2),
    ],
    ids=str,
)
def test_the_database_refuses_to_change_an_entry(ctx, raw, statement):
    set_variable(ctx)
    before = entries(ctx)
    with pytest.raises(DBAPIError, match="stay as they are"):
        raw.execute(statement)
    assert entries(ctx) == before


def test_the_database_refuses_to_replace_and_to_empty(ctx, raw):
    before = entries(ctx)
    row = dict(raw.execute(select(audit)).one()._mapping)
    replacing = insert(audit).values(row)
    if raw.dialect.name == "sqlite":
        replacing = replacing.prefix_with("OR REPLACE")
    with pytest.raises(DBAPIError):
        raw.execute(replacing)
    if raw.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="stay as they are"):
            raw.execute(text("TRUNCATE audit"))
    assert entries(ctx) == before


def test_the_person_of_an_entry_can_be_replaced_once_and_the_chain_stays_whole(ctx, raw):
    set_variable(ctx)
    forget = update(audit).where(audit.c.seq == 2).values(actor="gone-1", actor_name="somebody", salt=None)
    raw.execute(forget)
    assert [finding.damage for finding in findings(ctx)] == ["renamed"]
    with ctx.store.begin() as tx:
        tx.audit.add(NewEntry(ctx.clock.now(), BOB, "replace_name", "actor", "gone-1", data={"entries": [2]}))
    assert findings(ctx) == []
    with pytest.raises(DBAPIError, match="stay as they are"):
        raw.execute(forget)


def test_removed_triggers_are_seen(ctx, raw):
    with ctx.store.read() as tx:
        assert tx.audit.is_guarded()
    on_table = " ON audit" if raw.dialect.name == "postgresql" else ""
    raw.execute(text(f"DROP TRIGGER audit_stays{on_table}"))
    with ctx.store.read() as tx:
        assert not tx.audit.is_guarded()


def test_entries_are_found_by_what_they_tell(ctx, submit, clock):
    set_variable(ctx)
    clock.advance(60)
    between = clock.now()
    environments.add(ctx, Environment("staging", 2), by=BOB)
    view = submit()
    with ctx.store.begin() as tx:
        tx.runs.request_cancel(view.run.id, at=clock.now(), by=BOB)

    def found(**where):
        return [f"{entry.verb} {entry.object_kind}" for entry in entries(ctx, AuditFilter(**where))]

    assert found(actor="ann") == ["set variable"]
    assert found(verb="add", actor="bob") == ["add environment"]
    assert found(environment="sandbox") == ["set variable", "cancel run"]
    assert found(object_kind="run", object_id=view.run.id) == ["cancel run"]
    assert found(project="default") == ["add workspace", "add job", "add_version job", "cancel run"]
    assert found(until=between, object_kind="variable") == ["set variable"]
    assert found(since=between, actor="ann") == []
    assert found(outcome=Outcome.REFUSED) == []


def test_pages_follow_one_another_newest_first(ctx):
    for number in range(5):
        set_variable(ctx, f"V{number}")
    with ctx.store.read() as tx:
        first = tx.audit.page(ALL, limit=4)
        second = tx.audit.page(ALL, limit=4, cursor=first.next)
        assert [entry.seq for entry in (*first.items, *second.items)] == [6, 5, 4, 3, 2, 1]
        assert (first.next, second.next) == ("3", None)
        for cursor in ("x", "-1", "9" * 30, "١"):
            with pytest.raises(InvalidRequest, match="cursor"):
                tx.audit.page(ALL, limit=4, cursor=cursor)
        assert tx.audit.head() == Head(6, first.items[0].chain) != NO_HEAD


def test_an_entry_is_read_as_it_was_written_whatever_it_tells(ctx):
    odd = NewEntry(
        dt.datetime(2026, 3, 29, 2, 30, 0, 123456, dt.timezone(dt.timedelta(hours=2))),
        replace(ANN, name="Änn \u2028 '); DROP TABLE audit; --"),
        "set",
        "variable",
        "sandbox/ÄRGER",
        data={"n": 1e300, "text": "\u0001 é 𝄞", "none": None},
    )
    with ctx.store.begin() as tx:
        tx.audit.add(odd)
    assert entries(ctx)[-1].to_json()["data"] == odd.data
    assert entries(ctx)[-1].at == odd.at
    assert findings(ctx) == []


def test_a_text_that_no_database_can_hold_is_refused_with_its_change(ctx):
    with pytest.raises(InvalidRequest), ctx.store.begin() as tx:
        environments.put_variable(ctx, tx, "sandbox", "REGION", "1", by=ANN)
        tx.audit.add(NewEntry(ctx.clock.now(), ANN, "change", "project", "x" * 501))
    assert len(entries(ctx)) == 1


EDITS = {
    "verb": st.text("abc", max_size=5),
    "object_id": st.text("abc", max_size=5),
    "actor_name": st.text("abc", max_size=5),
    "data": st.just("{}"),
    "environment": st.none() | st.just("production"),
    "digest": st.just("sha256:" + "0" * 64),
    "chain": st.just("sha256:" + "0" * 64),
    "outcome": st.just("refused"),
    "salt": st.none() | st.just("0" * 32),
}
edits = st.sampled_from(sorted(EDITS)).flatmap(lambda name: st.tuples(st.just(name), EDITS[name]))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edit=edits | st.none(), seq=st.integers(1, 8))
def test_an_edit_of_any_row_past_the_triggers_is_found(ctx, raw, edit, seq):
    if len(entries(ctx)) == 1:
        for number in range(7):
            set_variable(ctx, f"V{number}")
        on_table = " ON audit" if raw.dialect.name == "postgresql" else ""
        for name in ("audit_stays", "audit_is_not_edited"):
            raw.execute(text(f"DROP TRIGGER {name}{on_table}"))
    whole = entries(ctx)
    known = [(Head(entry.seq, entry.chain), "The witness") for entry in whole]
    row = dict(raw.execute(select(audit).where(audit.c.seq == seq)).one()._mapping)
    at_row = audit.c.seq == seq
    raw.execute(delete(audit).where(at_row) if edit is None else update(audit).where(at_row).values(**dict([edit])))
    is_edited = entries(ctx) != whole
    assert bool(findings(ctx, known)) == is_edited
    # Put it back for the next example.
    raw.execute(delete(audit).where(at_row))
    raw.execute(insert(audit).values(row))
    assert findings(ctx, known) == []
