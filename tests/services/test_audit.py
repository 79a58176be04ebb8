"""The audit trail: its witness, its check, its export, and the entries for refused changes."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import create_engine, delete, text

from dataops_lab.domain.audit import Damage, Head
from dataops_lab.domain.images import Login
from dataops_lab.domain.policy import ObjectKind, Verb
from dataops_lab.domain.refusal_limit import MINUTE_S, RefusalLimit
from dataops_lab.domain.retention import RetentionRule
from dataops_lab.errors import Forbidden, InvalidRequest, StoreBusy
from dataops_lab.ports import AuditFilter
from dataops_lab.services import audit, audit_heads, environments, registries, retention, secrets
from dataops_lab.services.permissions import require
from dataops_lab.store import open_sqlite
from dataops_lab.store.tables import audit as table
from dataops_lab.testing import person

ANN, EVE = person("ann"), person("eve")
CANARY = "c4n4ry-v4lu3"
ALL = AuditFilter()


@pytest.fixture
def store(tmp_path, ready_database):
    """A store with a witness, as `wiring` makes it. The contract is tested on every database."""
    path = shutil.copyfile(ready_database, tmp_path / "witnessed.sqlite")
    with closing(open_sqlite(path, witness=partial(audit_heads.append, tmp_path))) as opened:
        yield opened


@pytest.fixture
def past_the_program(tmp_path):
    """A function that runs statements on the database with its triggers removed."""

    def run(*statements):
        engine = create_engine(f"sqlite:///{tmp_path}/witnessed.sqlite")
        with engine.begin() as connection:
            for name in ("audit_stays", "audit_is_not_edited"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            for statement in statements:
                connection.execute(statement)
        engine.dispose()

    return run


def set_variable(ctx, name="REGION", by=ANN):
    environments.set_variable(ctx, "sandbox", name, "south", by=by)


def told(ctx, where=ALL):
    return [json.loads(line) for line in audit.export(ctx, where, by=ANN)][1:]


# --- the check ------------------------------------------------------------------------------------


def test_a_trail_that_nobody_touched_is_whole_and_was_compared_with_each_head(ctx):
    for name in ("A", "B", "C"):
        set_variable(ctx, name)
    result = audit.verify(ctx, by=ANN)
    assert (result.is_whole, result.entries, result.compared, result.head.seq) == (True, 4, 3, 4)


def test_an_end_that_was_cut_off_is_found_by_the_witness_file(ctx, past_the_program):
    for name in ("A", "B", "C"):
        set_variable(ctx, name)
    past_the_program(delete(table).where(table.c.seq > 2))
    findings = audit.verify(ctx, by=ANN).findings
    assert [finding.damage for finding in findings] == [Damage.CUT_OFF, Damage.UNGUARDED]
    assert "audit-heads.jsonl" in findings[0].message


def test_a_witness_file_that_is_missing_is_told_of(ctx):
    set_variable(ctx)
    audit_heads.path(ctx.home).unlink()
    [finding] = audit.verify(ctx, by=ANN).findings
    assert finding.damage is Damage.NO_WITNESS


def test_a_kept_head_and_an_export_are_compared(ctx, tmp_path, past_the_program):
    set_variable(ctx)
    (tmp_path / "x.jsonl").write_text("\n".join(audit.export(ctx, ALL, by=ANN)))
    kept = audit.verify(ctx, by=ANN).head
    set_variable(ctx)
    known = [*audit.known_heads(str(tmp_path / "x.jsonl")), *audit.known_heads(str(kept))]
    assert len(known) == 4
    assert audit.verify(ctx, against=known, by=ANN).is_whole
    past_the_program(delete(table).where(table.c.seq > 1))
    audit_heads.path(ctx.home).write_text("")
    assert audit.verify(ctx, against=known, by=ANN).findings[0].damage is Damage.CUT_OFF
    other = [(Head(1, "sha256:" + "1" * 64), "Mine")]
    assert "Mine has another entry 1" in audit.verify(ctx, against=other, by=ANN).findings[0].message


@pytest.mark.parametrize("content", [b"", b"no JSON", b'{"seq": "1"}', b"\xff\xfe", b"[1]\n2\nnull"])
def test_a_file_without_a_head_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InvalidRequest):
        list(audit.known_heads(str(tmp_path / "x")))
    with pytest.raises(InvalidRequest, match="neither a head"):
        list(audit.known_heads(str(tmp_path / "absent")))


def test_a_part_of_a_line_in_the_witness_file_is_passed_over(ctx):
    set_variable(ctx, "A")
    with audit_heads.path(ctx.home).open("a") as file:
        file.write('{"seq": 3, "cha')
    set_variable(ctx, "B")
    set_variable(ctx, "C")
    assert audit.verify(ctx, by=ANN).is_whole


def test_a_change_is_made_also_where_the_witness_file_cannot_be_written(ctx, caplog):
    audit_heads.path(ctx.home).mkdir()
    set_variable(ctx)
    assert told(ctx)[-1]["object_id"] == "sandbox/REGION"
    assert "could not be written" in caplog.text


def test_only_administrators_read_and_check(ctx):
    closed = replace(ctx, administrators=frozenset({"ann"}))
    for call in (
        lambda by: audit.page(closed, ALL, by=by),
        lambda by: list(audit.export(closed, ALL, by=by)),
        lambda by: audit.verify(closed, by=by),
    ):
        call(ANN)
        with pytest.raises(Forbidden):
            call(EVE)


# --- what an entry tells --------------------------------------------------------------------------


def test_no_value_of_a_secret_or_variable_is_in_the_trail(ctx, tmp_path):
    secrets.put(ctx, "sandbox", "TOKEN", CANARY, by=ANN)
    registries.put(ctx, "registry.example", Login("ann", CANARY), by=ANN)
    environments.set_variable(ctx, "sandbox", "REGION", CANARY, by=ANN)
    secrets.rotate_key(ctx, by=ANN)
    lines = "\n".join(audit.export(ctx, ALL, by=ANN))
    assert lines.count('"verb": "set"') == 3 and CANARY not in lines
    assert CANARY not in audit_heads.path(tmp_path).read_text()


def test_a_changed_environment_is_told_with_the_values_before_and_after(ctx):
    sandbox = environments.get(ctx, "sandbox")
    environments.change(ctx, replace(sandbox, description="For tries"), by=ANN)
    [entry] = told(ctx, AuditFilter(environment="sandbox"))
    assert entry["data"]["description"] == {"from": sandbox.description, "to": "For tries"}


def test_retention_lets_every_entry_stay_and_its_own_deletions_are_entries(ctx, submit, clock):
    view = submit()
    with ctx.store.begin() as tx:
        run = view.run.transition_to("cancelled", finished_at=clock.now())
        tx.runs.transition(view.run, run)
    retention.set_rules(ctx, [RetentionRule(days=1)], by=ANN)
    before = told(ctx)
    clock.advance(400 * 24 * 3600)
    assert retention.apply(ctx, by=EVE).runs == 1
    after = told(ctx)
    assert after[: len(before)] == before
    [deleted] = after[len(before) :]
    assert [deleted[name] for name in ("verb", "object_id", "actor", "environment", "project")] == [
        *("delete", view.run.id, "eve", "sandbox", "default"),
    ]
    assert audit.verify(ctx, by=ANN).is_whole


def test_an_export_has_the_head_first_and_only_what_was_asked_for(ctx, clock):
    set_variable(ctx, "A")
    clock.advance(10)
    since = clock.now()
    set_variable(ctx, "B")
    head, *rest = [json.loads(line) for line in audit.export(ctx, AuditFilter(since=since, actor="ann"), by=ANN)]
    assert (head["format"], head["head"]["seq"], head["from"][:10]) == ("dataops_lab.audit/1", 3, f"{since:%Y-%m-%d}")
    assert [entry["object_id"] for entry in rest] == ["sandbox/B"]


# --- refused changes ------------------------------------------------------------------------------


def refuse(ctx, verb=Verb.CHANGE, by=EVE, **more):
    closed = replace(ctx, administrators=frozenset({"ann"}))
    try:
        require(closed, by, verb, ObjectKind.ENVIRONMENT)
    except Forbidden as error:
        audit.record_refusal(ctx, error, by=by, verb=verb, kind=ObjectKind.ENVIRONMENT, **more)


def test_a_refused_change_is_an_entry_that_names_no_other_people(ctx):
    refuse(ctx, object_id="production")
    [entry] = told(ctx, AuditFilter(outcome="refused"))
    assert [entry[name] for name in ("actor", "verb", "object_kind", "object_id", "data")] == [
        *("eve", "change", "environment", "production", {"code": "not_administrator"}),
    ]
    with ctx.store.read() as tx:
        assert tx.events.list_after(0) == []


def test_a_refused_look_is_none(ctx):
    error = Forbidden("No.", verb="read", object="environments")
    audit.record_refusal(ctx, error, by=EVE, verb=Verb.READ, kind=ObjectKind.ENVIRONMENT)
    assert len(told(ctx)) == 1


def test_refusals_are_limited_for_each_actor_and_those_dropped_are_counted(ctx, clock):
    for _ in range(30):
        refuse(ctx)
    refuse(ctx, by=person("mallory"))
    refused = AuditFilter(outcome="refused")
    assert [entry["actor"] for entry in told(ctx, refused)] == ["eve"] * 20 + ["mallory"]
    clock.advance(MINUTE_S)
    refuse(ctx)
    assert told(ctx, refused)[-1]["data"]["dropped"] == 10
    clock.advance(MINUTE_S)
    refuse(ctx)
    assert "dropped" not in told(ctx, refused)[-1]["data"]


def test_the_limit_remembers_a_bounded_number_of_actors():
    limit = RefusalLimit(per_minute=1)
    for number in range(5000):
        assert limit.take(str(number), 0.0) == 0
    assert len(limit._recent) <= 1001
    assert limit.take("4999", 1.0) is None


def test_a_refusal_that_cannot_be_written_down_is_logged_and_still_told(ctx, caplog, monkeypatch):
    def busy(*_args, **_more):
        raise StoreBusy("The database is busy.")

    monkeypatch.setattr(ctx.store, "begin", busy)
    refuse(ctx)
    assert "not in the audit trail" in caplog.text
