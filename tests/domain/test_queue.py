from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.queue import (
    PRIORITY_POINT_S,
    ConcurrencyLimits,
    FairQueue,
    QueueDeadline,
    QueuedRun,
    compute_turn,
)
from dataops_lab.domain.time import Timestamp

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
numbers = count()


def place(person="ann", *, ago_s=0.0, priority=0, job="J", project="p", environment="sandbox") -> QueuedRun:
    turn = compute_turn(NOW - dt.timedelta(seconds=ago_s), priority)
    return QueuedRun(person, turn, f"{next(numbers):026}", project, job, environment, priority)


def asked(queued, active=(), slots=1, last_starts=None, **limits):
    return list(
        FairQueue(ConcurrencyLimits(slots, **limits), queued).schedule(list(active), last_starts or {}, now=NOW)
    )


def starting(*given, **more):
    return [turn.run for turn in asked(*given, **more) if turn.blocker is None]


def test_without_anything_else_the_oldest_starts_first():
    young, old = place(ago_s=1), place(ago_s=2)
    assert starting([young, old]) == [old]
    assert starting([young, old], slots=2) == [old, young]
    assert starting([young, old], [place()]) == []


def test_a_higher_priority_comes_first_until_the_other_has_waited_longer_than_it_is_worth():
    urgent = place(priority=1)
    assert starting([place(ago_s=PRIORITY_POINT_S - 1), urgent]) == [urgent]
    waiting = place(ago_s=PRIORITY_POINT_S + 1)
    assert starting([waiting, urgent]) == [waiting]


def test_people_take_turns_however_much_one_of_them_wants():
    flood = [place("ann", ago_s=3600 - n) for n in range(50)]
    bob = place("bob", ago_s=5)
    assert starting([*flood, bob], last_starts={"ann": NOW}) == [bob]
    assert starting([*flood, bob], last_starts={"ann": NOW, "bob": NOW - HOUR}) == [bob]
    assert starting([*flood, bob], last_starts={"ann": NOW - HOUR, "bob": NOW}) == [flood[0]]


@given(st.data())
def test_what_starts_is_the_same_however_the_lines_came_to_be(data):
    """Compare with a simple search, also when other runs came and went before, and when the limits changed."""
    kinds = st.tuples(
        st.sampled_from("abc"), st.integers(0, 900), st.integers(-2, 2), st.sampled_from("JK"), st.sampled_from("st")
    )

    def drawn(kind):
        person, ago, priority, job, environment = kind
        return place(person, ago_s=ago, priority=priority, job=job, environment=environment)

    queued, gone = (
        [drawn(kind) for kind in data.draw(st.lists(kinds, max_size=12))],
        [drawn(kind) for kind in data.draw(st.lists(kinds, max_size=5))],
    )
    active = [drawn(kind) for kind in data.draw(st.lists(kinds, max_size=3))]
    limit = st.one_of(st.none(), st.integers(0, 3))
    jobs, environments = (
        {name: most for name in names if (most := data.draw(limit)) is not None} for names in ("JK", "st")
    )
    room = ConcurrencyLimits(data.draw(st.integers(1, 6)), jobs, {}, environments)
    served = data.draw(st.dictionaries(st.sampled_from("abc"), st.integers(0, 900)))
    last_starts = {who: NOW - dt.timedelta(seconds=ago) for who, ago in served.items()}

    lines = FairQueue(ConcurrencyLimits(1, {"K": 1}), gone)
    for each in queued:
        lines.add(each)
    lines.add(queued[0]) if queued else None
    for each in gone:
        lines.remove(each.id)
    lines = lines.with_limits(room)
    assert len(lines) == len(queued)
    found = lines.next_starts(active, last_starts, now=NOW)
    assert found == one_by_one(queued, active, room, last_starts)
    in_all = list(lines.schedule(active, last_starts, now=NOW))
    assert [turn.run for turn in in_all if turn.blocker is None] == found
    assert sorted(turn.run for turn in in_all) == sorted(queued)


def one_by_one(queued, active, room, last_starts):
    """Return the starts of a simple search: for each free slot, take the first of all runs that no limit holds back."""
    waiting, busy, since, started = sorted(queued), list(active), dict(last_starts), []

    def is_free(place):
        limits = [("job_id", room.jobs), ("project", room.projects), ("environment", room.environments)]
        return all(
            sum(getattr(other, name) == getattr(place, name) for other in busy) < most.get(getattr(place, name), 10**9)
            for name, most in limits
        )

    while len(busy) < room.slots:
        first_of_each = {}
        for place in filter(is_free, waiting):
            first_of_each.setdefault(place.created_by, place)

        def key(place):
            served = since.get(place.created_by)
            anew = served.timestamp() - place.priority * PRIORITY_POINT_S if served else float("-inf")
            held = sum(other.created_by == place.created_by for other in busy)
            return max(place.turn, anew) + held * PRIORITY_POINT_S, place.id

        if not first_of_each:
            break
        chosen = min(first_of_each.values(), key=key)
        waiting.remove(chosen)
        busy.append(chosen)
        since[chosen.created_by] = NOW
        started.append(chosen)
    return started


def test_ten_thousand_that_wait_make_no_decision_look_at_more_than_the_heads_of_their_lines():
    looked_at = Counter()

    class Watched(QueuedRun):
        @property
        def priority(self):
            looked_at["times"] += 1
            return 0

    lines = FairQueue(
        ConcurrencyLimits(3, jobs={"J": 0, "K": 1}, environments={"sandbox": 2}),
        [Watched(*place(who, ago_s=n, job=job)) for n in range(2_500) for who in "ab" for job in "JK"],
    )
    for _ in range(10):
        assert len(lines.next_starts([], {}, now=NOW)) == 1
    assert looked_at["times"] <= 100


def test_a_person_whose_first_run_meets_a_limit_is_served_by_the_priority_of_the_next_one():
    ann, bob = place("ann", ago_s=1_000, job="J"), place("bob", ago_s=100, job="K")
    held_back, urgent = place("eve", ago_s=900, job="J"), place("eve", ago_s=200, priority=1, job="K")
    lines = FairQueue(ConcurrencyLimits(3, jobs={"J": 1}), [ann, bob, held_back, urgent])
    assert lines.next_starts([], {"eve": NOW}, now=NOW) == [ann, urgent, bob]


def test_who_holds_slots_comes_after_who_holds_none():
    ann, bob = place("ann", ago_s=60), place("bob", ago_s=30)
    assert starting([ann, bob], [place("ann")], slots=2) == [bob]
    assert starting([ann, bob], [place("bob")], slots=2) == [ann]


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        ({"jobs": {"J": 1}}, "job"),
        ({"projects": {"p": 1}}, "project"),
        ({"environments": {"sandbox": 1}}, "environment"),
    ],
)
def test_a_limit_holds_back_what_it_is_for_and_nothing_else(limits, kind):
    held, other = place(ago_s=9), place(job="other", project="other", environment="other")
    first, second = asked([held, other], [place()], slots=3, **limits)
    assert first == (other, None)
    assert second == (held, (kind, 1, 1, 0, None))
    # The limit counts also among runs that start at once.
    assert [turn.blocker and turn.blocker.kind for turn in asked([place(), place()], slots=3, **limits)] == [
        None,
        kind,
    ]


def test_a_limit_of_nothing_holds_all_of_it_back():
    assert starting([place()], slots=3, jobs={"J": 0}) == []


def test_what_waits_for_a_slot_knows_how_many_come_first_and_who_is_the_last_of_them():
    running, *line = (place(ago_s=9 - n) for n in range(4))
    found = asked(line, [running])
    assert [turn.run for turn in found] == line
    assert [turn.blocker for turn in found] == [
        ("slot", 1, 1, 0, None),
        ("slot", 1, 1, 1, line[0]),
        ("slot", 1, 1, 2, line[1]),
    ]


def test_everybody_has_one_turn_and_what_starts_fits():
    dice = random.Random(7)
    for _ in range(200):
        people, jobs = "abc", "JKL"
        queued = [
            place(
                dice.choice(people), ago_s=dice.randrange(5000), priority=dice.randrange(-9, 9), job=dice.choice(jobs)
            )
            for _ in range(dice.randrange(30))
        ]
        active = [place(dice.choice(people), job=dice.choice(jobs)) for _ in range(dice.randrange(4))]
        room = {"slots": 5, "jobs": {"J": 2, "K": 0}}
        found = asked(queued, active, **room)
        assert sorted(turn.run for turn in found) == sorted(queued)
        together = [*active, *(turn.run for turn in found if turn.blocker is None)]
        assert len(together) <= 5
        for job, limit in room["jobs"].items():
            # Runs that were active before somebody set the limit go on.
            assert sum(place.job_id == job for place in together) <= max(
                limit, sum(place.job_id == job for place in active)
            )
        # No slot stays empty while a run could use it.
        if len(together) < 5:
            assert not any(turn.blocker and turn.blocker.kind == "slot" for turn in found)


def test_nothing_starves_beside_a_flood_of_the_highest_priority():
    """Give one free slot a minute, and each time a new run with priority 100."""
    patient = place("ann", priority=-100)
    last_starts: dict[str, dt.datetime] = {}
    for minute in range(24 * 60):
        now = NOW + dt.timedelta(minutes=minute)
        fresh = QueuedRun("bob", compute_turn(now, 100), f"{next(numbers):026}", "p", "J", "sandbox", 100)
        [first, _] = FairQueue(ConcurrencyLimits(1), [patient, fresh]).schedule([], last_starts, now=now)
        if first.run is patient:
            return
        last_starts[first.run.created_by] = now
    raise AssertionError("It waited for a day.")


def test_patience_ends_with_the_queue_clock_before_the_first_start_and_with_the_total_afterwards():
    waiting = QueueDeadline("R", NOW, None, None, None, queue_timeout_s=60, total_timeout_s=600)
    again = waiting._replace(started_at=NOW)
    now = Timestamp(NOW + dt.timedelta(seconds=100))
    assert (waiting.remaining_s(now), again.remaining_s(now)) == (-40, 500)
    assert waiting._replace(total_timeout_s=30).remaining_s(now) == -70


def test_patience_is_measured_on_a_clock_that_nobody_sets():
    waiting = QueueDeadline("R", NOW, "boot", 1000.0, None, queue_timeout_s=60, total_timeout_s=600)
    for wall in (NOW - HOUR, NOW, NOW + HOUR):
        assert waiting.remaining_s(Timestamp(wall, "boot", 1010.0)) == 50
    # After a restart of the machine, only the wall clock is left.
    assert waiting.remaining_s(Timestamp(NOW + dt.timedelta(seconds=20), "other", 5.0)) == 40
