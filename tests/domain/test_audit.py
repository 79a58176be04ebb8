"""The chain of the audit trail: which events are entries, and which changes of a chain are found."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dataops_lab
from dataops_lab.domain.actors import Actor
from dataops_lab.domain.audit import (
    AUDITED,
    GENESIS,
    NOT_AUDITED,
    Checker,
    Damage,
    Entry,
    Finding,
    Head,
    NewEntry,
    Outcome,
    chained,
    changes,
    entry_digest,
    entry_of,
    first_entry,
    object_name,
    plain,
    who_digest,
)
from dataops_lab.domain.events import Event, Subject, SubjectKind
from dataops_lab.domain.policy import ObjectKind
from dataops_lab.domain.runs import RunState
from dataops_lab.testing import person

AT = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)
ANN = person("ann")


def trail(length: int = 6) -> list[Entry]:
    start = first_entry(AT)
    new = [
        NewEntry(AT, ANN, "set", "variable", f"sandbox/V{n}", environment="sandbox", data={"revision": n})
        for n in range(length - 1)
    ]
    return [start, *chained(new, Head(1, start.chain))]


def check(entries: Sequence[Entry], known: Sequence[Head] = ()) -> list[Finding]:
    return list(Checker([(head, "The witness") for head in known]).check(entries))


def heads(entries: list[Entry]) -> list[Head]:
    return [Head(entry.seq, entry.chain) for entry in entries]


# --- which events are entries ---------------------------------------------------------------------

# Events of runs that are no change of a person; all others of the code must be in AUDITED.
FOLLOWS_FROM_A_RUN = {
    "attempt.trouble",
    "image.task_started",
    "run.progress",
    "run.reaction_failed",
    "schedule.reported",
    "step.progress",
}
STATES = {"person.{", "run.{", "attempt.{", "step.{", "tick.{", "notification.{", "run.publication_{"} | {
    f"run.{state}" for state in RunState
}


def kinds_in_the_code() -> set[str]:
    """Collect the texts that have the form of an event's kind. The beginning of an f-string ends with `{`."""
    nouns = "|".join([*SubjectKind, "attempt", "step", "tick", "notification"])
    found = set()
    for room in ("services", "store", "engine"):
        for path in (Path(dataops_lab.__file__).parent / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                    found.add(f"{node.values[0].value}{{")
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
    kind = re.compile(rf"({nouns})\.([a-z_]+|[a-z_]*\{{)")
    return {text for text in found if kind.fullmatch(text)} - {"run.json", "run.publication_"}


def test_each_event_of_the_code_is_a_change_or_follows_from_a_run():
    kinds = kinds_in_the_code()
    assert kinds - AUDITED.keys() - FOLLOWS_FROM_A_RUN - STATES == set()
    assert kinds >= AUDITED.keys()
    assert all(kind.startswith(NOT_AUDITED) for kind in FOLLOWS_FROM_A_RUN | STATES)


def event(kind: str, subject: Subject, actor: Actor | None = ANN, **data: object) -> Event:
    return Event(0, subject, AT, kind, actor, 3, data)


def test_an_event_of_a_kind_that_nobody_decided_on_is_a_change():
    entry = entry_of(event("image.blessed", Subject(SubjectKind.IMAGE, "lean")))
    assert (entry.verb, entry.object_kind, entry.object_id) == ("blessed", "image", "lean")


@pytest.mark.parametrize("kind", ["run.succeeded", "attempt.running", "step.failed", "tick.ran", "run.progress"])
def test_states_of_runs_are_no_entries(kind):
    assert entry_of(event(kind, Subject(SubjectKind.RUN, "1"))) is None


def test_a_publication_is_an_entry_when_a_person_asks_for_it():
    subject = Subject(SubjectKind.RUN, "1")
    assert entry_of(event("run.publication_planned", subject, actor=None)) is None
    assert entry_of(event("run.publication_planned", subject)).verb == "publish"


@pytest.mark.parametrize(
    ("subject", "project", "environment"),
    [
        (Subject(SubjectKind.ENVIRONMENT, "staging"), None, "staging"),
        (Subject(SubjectKind.VARIABLE, "staging/REGION"), None, "staging"),
        (Subject(SubjectKind.SECRET, "environment/staging/TOKEN"), None, "staging"),
        (Subject(SubjectKind.SECRET, "registry/quay.io"), None, None),
        (Subject(SubjectKind.PROJECT, "default"), "default", None),
    ],
)
def test_an_entry_names_the_project_and_the_environment_of_its_object(subject, project, environment):
    entry = entry_of(event("x.changed", subject))
    assert (entry.project, entry.environment) == (project, environment)


def test_the_place_that_an_event_tells_is_not_repeated_in_the_data():
    entry = entry_of(event("schedule.removed", Subject(SubjectKind.SCHEDULE, "1"), project="p", environment="e"))
    assert (entry.project, entry.environment, entry.data) == ("p", "e", {"revision": 3})


def test_a_change_has_the_values_before_and_after_and_long_ones_by_their_digest():
    assert changes({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": [float("nan")]}) == {
        "b": {"from": 2, "to": 3},
        "c": {"from": None, "to": ["NaN"]},
    }
    assert changes(None, {"a": 1}) == {"a": {"to": 1}}
    long = changes(None, {"a": "x" * 1000})["a"]["to"]
    assert (long["bytes"], long["digest"][:7]) == (1002, "sha256:")
    assert plain({"at": AT}) == {"at": str(AT)}


def test_each_object_of_the_policy_has_the_name_that_its_events_have():
    named = {object_name(kind) for kind in ObjectKind}
    assert named >= {"project", "job", "run", "environment", "variable", "secret", "image", "schedule", "calendar"}
    assert object_name(ObjectKind.GUARDED_ENVIRONMENT) == "environment"


# --- the chain ------------------------------------------------------------------------------------


def test_a_trail_that_nobody_touched_is_whole():
    entries = trail()
    assert check(entries, heads(entries)) == []
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5, 6]


def test_the_digests_of_an_entry_are_those_of_the_guide():
    # A change of these rules would make every trail that exists look rewritten.
    salt = "0" * 32
    who = who_digest(salt, "ann", "Ann")
    entry = Entry(
        *(7, AT, "ann", "Ann", salt, who, "set", "variable", "sandbox/ÄRGER", None, "sandbox"),
        *("done", '{"revision":1}', "", GENESIS),
    )
    assert who == "sha256:bdb0b6ef31f2160b7a6285cc3ac84e4314976daae8ef8a6741772a98032991aa"
    assert entry_digest(entry) == "sha256:c16db7807adddf2944034a6177131f66b71bcd2b8636e1ab9e488fd287cb4ca8"


def test_the_name_and_the_id_of_a_person_are_in_the_chain_only_with_a_salt():
    [one, two] = chained([NewEntry(AT, ANN, "set", "variable", "sandbox/A")] * 2, Head(0, GENESIS))
    assert one.who != two.who
    nameless = replace(one, actor="x", actor_name="x", salt=None)
    assert entry_digest(nameless) == entry_digest(one)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("verb", "remove"),
        ("object_id", "production/V"),
        ("at", AT + dt.timedelta(microseconds=1)),
        ("environment", None),
        ("project", "default"),
        ("outcome", "refused"),
        ("data", "{}"),
        ("actor", "bob"),
        ("actor_name", "Bob"),
        ("salt", "0" * 32),
        ("who", GENESIS),
        ("digest", GENESIS),
    ],
)
def test_an_entry_that_was_edited_is_named(field, value):
    entries = trail()
    entries[3] = replace(entries[3], **{field: value})
    found = check(entries)
    assert (found[0].damage, found[0].seq) == (Damage.EDITED, 4)


def test_an_entry_that_was_removed_is_named():
    entries = trail()
    found = check([*entries[:2], *entries[3:]])
    assert [(finding.damage, finding.seq) for finding in found] == [(Damage.REMOVED, 3)]
    assert check(entries[2:])[0].message == "Entries 1 to 2 were removed."


def test_an_entry_that_was_inserted_is_named():
    entries = trail()
    found = check([replace(entries[0], seq=0), *entries])
    assert (found[0].damage, found[0].seq) == (Damage.INSERTED, 0)
    # One that makes room for itself edits the numbers of all that follow.
    moved = [*entries[:3], *(replace(entry, seq=entry.seq + 1) for entry in entries[2:])]
    assert (check(moved)[0].damage, check(moved)[0].seq) == (Damage.EDITED, 4)


def test_an_end_that_was_cut_off_is_found_by_a_head_that_somebody_kept():
    entries = trail()
    assert check(entries[:4]) == []
    [finding] = check(entries[:4], heads(entries))
    assert (finding.damage, finding.seq) == (Damage.CUT_OFF, 5)


def test_a_trail_that_was_rewritten_as_a_whole_is_found_by_a_head_that_somebody_kept():
    entries = trail()
    forged = [NewEntry(AT, person("bob"), "set", "variable", "sandbox/X") for _ in entries[3:]]
    rewritten = [*entries[:3], *chained(forged, Head(3, entries[2].chain))]
    assert check(rewritten) == []
    [finding] = check(rewritten, heads(entries))
    assert (finding.damage, finding.seq) == (Damage.OTHER_CHAIN, 4)
    assert "after 3, and up to 4" in finding.message


def test_a_name_may_be_replaced_when_a_later_entry_tells_of_it():
    entries = trail()
    entries[2] = replace(entries[2], actor="gone-1", actor_name="somebody", salt=None)
    assert [(finding.damage, finding.seq) for finding in check(entries)] == [(Damage.RENAMED, 3)]
    told = NewEntry(AT, ANN, "replace_name", "actor", "gone-1", data={"entries": [3]})
    assert check([*entries, *chained([told], Head(6, entries[-1].chain))]) == []
    refused = replace(told, outcome=Outcome.REFUSED)
    assert check([*entries, *chained([refused], Head(6, entries[-1].chain))]) != []


# --- any edit -------------------------------------------------------------------------------------

WHOLE = trail(8)
KNOWN = heads(WHOLE)
FIELDS = [field.name for field in fields(Entry)]


def other_value(name: str, value: object) -> st.SearchStrategy[object]:
    match value:
        case dt.datetime():
            values: st.SearchStrategy[object] = st.datetimes(timezones=st.just(dt.UTC))
        case int():
            values = st.integers(0, 20)
        case _:
            values = st.text(max_size=80) if name != "salt" else st.text(min_size=1, max_size=32)
            values = values if name in ("data", "chain") else values | st.none() if value is None else values
    return values.filter(lambda other: other != value)


@st.composite
def damaged(draw: st.DrawFn) -> list[Entry]:
    """A trail of which some rows were edited, removed, copied or exchanged."""
    entries = list(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(entries) - 1))
        match draw(st.sampled_from(["edit", "remove", "copy", "exchange"])):
            case "edit":
                name = draw(st.sampled_from(FIELDS))
                value = getattr(entries[place], name)
                entries[place] = replace(entries[place], **{name: draw(other_value(name, value))})
            case "remove" if len(entries) > 1:
                del entries[place]
            case "copy":
                entries.insert(place, replace(entries[place], seq=draw(st.integers(-3, 12))))
            case _:
                other = draw(st.integers(0, len(entries) - 1))
                one, two = entries[place], entries[other]
                entries[place], entries[other] = replace(two, seq=one.seq), replace(one, seq=two.seq)
    # A database returns each number once, in their order.
    by_number = {entry.seq: entry for entry in entries}
    return [by_number[seq] for seq in sorted(by_number)]


@given(damaged())
def test_every_edit_of_rows_is_found(entries):
    assert (check(entries, KNOWN) == []) == (entries == WHOLE)


@given(damaged(), st.integers(1, 7))
def test_every_edit_is_found_when_its_author_also_made_a_new_chain(entries, place):
    as_new = [
        NewEntry(e.at, Actor(e.actor, e.actor_name), e.verb, e.object_kind, e.object_id, e.project, e.environment)
        for e in entries[place:]
    ]
    kept = entries[:place]
    rewritten = [*kept, *chained(as_new, Head(kept[-1].seq, kept[-1].chain))] if kept else []
    assert check(rewritten, KNOWN) != [] or rewritten == WHOLE
