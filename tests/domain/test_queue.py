from __future__ import annotations

import datetime as dt
import random
from itertools import count, groupby
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.moments import Moment
from dataops_lab.domain.queue import POINT_S, Patience, Place, Room, turn_of, turns

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
numbers = count()


def place(person="ann", *, ago_s=0.0, priority=0, job="J", project="p", environment="sandbox") -> Place:
    turn = turn_of(NOW - dt.timedelta(seconds=ago_s), priority)
    return Place(person, turn, f"{next(numbers):026}", project, job, environment, priority)


def asked(queued, active=(), slots=1, last_starts=None, **limits):
    return list(turns(sorted(queued), list(active), Room(slots, **limits), last_starts or {}, now=NOW))


def starting(*given, **more):
    return [turn.place for turn in asked(*given, **more) if turn.hindrance is None]


def test_without_anything_else_the_oldest_starts_first():
    young, old = place(ago_s=1), place(ago_s=2)
    assert starting([young, old]) == [old]
    assert starting([young, old], slots=2) == [old, young]
    assert starting([young, old], [place()]) == []


def test_a_higher_priority_comes_first_until_the_other_has_waited_longer_than_it_is_worth():
    urgent = place(priority=1)
    assert starting([place(ago_s=POINT_S - 1), urgent]) == [urgent]
    waiting = place(ago_s=POINT_S + 1)
    assert starting([waiting, urgent]) == [waiting]


def test_people_take_turns_however_much_one_of_them_wants():
    flood = [place("ann", ago_s=3600 - n) for n in range(50)]
    bob = place("bob", ago_s=5)
    assert starting([*flood, bob], last_starts={"ann": NOW}) == [bob]
    assert starting([*flood, bob], last_starts={"ann": NOW, "bob": NOW - HOUR}) == [bob]
    assert starting([*flood, bob], last_starts={"ann": NOW - HOUR, "bob": NOW}) == [flood[0]]


@given(
    wanted=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 900), st.integers(-2, 2)), max_size=12),
    held=st.lists(st.sampled_from("abc"), max_size=3),
    served=st.dictionaries(st.sampled_from("abc"), st.integers(0, 900)),
    free=st.integers(1, 3),
)
def test_without_limits_the_first_ones_of_each_person_tell_who_is_next(wanted, held, served, free):
    queued = sorted(place(who, ago_s=ago, priority=priority) for who, ago, priority in wanted)
    of_person = [list(of_one) for _, of_one in groupby(queued, attrgetter("created_by"))]
    first = [it for of_one in of_person for it in of_one[:free]]
    active, slots = [place(who) for who in held], len(held) + free
    last_starts = {who: NOW - dt.timedelta(seconds=ago) for who, ago in served.items()}
    assert starting(first, active, slots, last_starts) == starting(queued, active, slots, last_starts)


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
    assert first == (held, (kind, 1, 1, 0, None))
    assert second == (other, None)
    # Also among those that start at once.
    assert [turn.hindrance and turn.hindrance.kind for turn in asked([place(), place()], slots=3, **limits)] == [
        None,
        kind,
    ]


def test_a_limit_of_nothing_holds_all_of_it_back():
    assert starting([place()], slots=3, jobs={"J": 0}) == []


def test_what_waits_for_a_slot_knows_how_many_come_first_and_who_is_the_last_of_them():
    running, *line = (place(ago_s=9 - n) for n in range(4))
    found = asked(line, [running])
    assert [turn.place for turn in found] == line
    assert [turn.hindrance for turn in found] == [
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
        assert sorted(turn.place for turn in found) == sorted(queued)
        together = [*active, *(turn.place for turn in found if turn.hindrance is None)]
        assert len(together) <= 5
        for job, limit in room["jobs"].items():
            # What was active before the limit was set goes on.
            assert sum(it.job_id == job for it in together) <= max(limit, sum(it.job_id == job for it in active))
        # No slot stays empty while something could use it.
        if len(together) < 5:
            assert not any(turn.hindrance and turn.hindrance.kind == "slot" for turn in found)


def test_nothing_starves_beside_a_flood_of_the_highest_priority():
    """A slot that is free every minute, and always somebody with priority 100."""
    patient = place("ann", priority=-100)
    last_starts: dict[str, dt.datetime] = {}
    for minute in range(24 * 60):
        now = NOW + dt.timedelta(minutes=minute)
        fresh = Place("bob", turn_of(now, 100), f"{next(numbers):026}", "p", "J", "sandbox", 100)
        [first, _] = turns(sorted([patient, fresh]), [], Room(1), last_starts, now=now)
        if first.place is patient:
            return
        last_starts[first.place.created_by] = now
    raise AssertionError("It waited for a day.")


def test_patience_ends_with_the_queue_clock_before_the_first_start_and_with_the_total_afterwards():
    waiting = Patience("R", NOW, None, None, None, queue_timeout_s=60, total_timeout_s=600)
    again = waiting._replace(started_at=NOW)
    now = Moment(NOW + dt.timedelta(seconds=100))
    assert (waiting.left_s(now), again.left_s(now)) == (-40, 500)
    assert waiting._replace(total_timeout_s=30).left_s(now) == -70


def test_patience_is_measured_on_a_clock_that_nobody_sets():
    waiting = Patience("R", NOW, "boot", 1000.0, None, queue_timeout_s=60, total_timeout_s=600)
    for wall in (NOW - HOUR, NOW, NOW + HOUR):
        assert waiting.left_s(Moment(wall, "boot", 1010.0)) == 50
    # After the machine was started again, only the wall clock is left.
    assert waiting.left_s(Moment(NOW + dt.timedelta(seconds=20), "other", 5.0)) == 40
