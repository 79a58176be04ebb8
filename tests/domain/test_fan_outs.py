from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.fan_outs import ItemCounts, check_size, checked_items, fan_out_end, keyed, next_items
from dataops_lab.domain.pipelines import ForEach, Item, StepState, Tolerance
from dataops_lab.domain.runs import RunState
from dataops_lab.errors import Refused


def fan_out(concurrency=None, **tolerance):
    return ForEach([], concurrency=concurrency, max_failures=Tolerance(**tolerance))


def counts(total, nothing_to_do=0, **runs):
    return ItemCounts(total, {RunState(state): count for state, count in runs.items()}, nothing_to_do)


def end(for_each, counted, **more):
    found = fan_out_end(for_each, counted, **more)
    return found and (found.state.value, found.with_failures, found.nothing_to_do)


def test_items_are_counted_from_the_states_of_their_runs():
    found = counts(20, created=1, queued=2, active=3, retry_wait=1, succeeded=4, failed=2, timed_out=1, expired=1)
    assert (found.waiting, found.active, found.succeeded, found.failed) == (5, 7, 4, 4)


class TestNextItems:
    def test_all_start_without_a_concurrency(self):
        assert next_items(fan_out(), counts(1_000)) == 1_000

    def test_no_more_are_active_at_once_than_the_concurrency(self):
        assert next_items(fan_out(4), counts(10)) == 4
        assert next_items(fan_out(4), counts(10, active=3, succeeded=2)) == 1
        assert next_items(fan_out(4), counts(10, queued=4)) == 0
        assert next_items(fan_out(4), counts(10, queued=1, succeeded=8)) == 1
        assert next_items(fan_out(4), counts(10, queued=5)) == 0, "somebody lowered it"

    def test_go_on_after_failures_without_a_tolerance(self):
        assert next_items(fan_out(1), counts(1_000, failed=1)) == 1

    def test_none_start_once_the_tolerance_is_exceeded(self):
        assert next_items(fan_out(1, count=3), counts(10, failed=2, lost=1)) == 1
        assert next_items(fan_out(1, count=3), counts(10, failed=2, lost=2)) == 0
        assert next_items(fan_out(1, count=0), counts(10, failed=1)) == 0

    def test_none_start_when_the_pipeline_ended_the_step(self):
        assert next_items(fan_out(), counts(10), stopped=True) == 0


@pytest.mark.parametrize(
    ("tolerance", "total", "most"),
    [
        (Tolerance(), 10, 0),
        (Tolerance(count=0), 10, 0),
        (Tolerance(count=3), 10, 3),
        (Tolerance(percent=5), 60, 3),
        (Tolerance(percent=5), 59, 2),
        (Tolerance(percent=5), 10, 0),
        (Tolerance(percent=0), 10, 0),
        (Tolerance(percent=33.3), 1_000, 333),
        (Tolerance(percent=100), 7, 7),
    ],
)
def test_the_tolerance_is_a_number_or_a_share_of_all_items(tolerance, total, most):
    assert [failed for failed in range(total + 1) if tolerance.tolerates(failed, total)] == list(range(most + 1))


class TestEnd:
    @pytest.mark.parametrize("tolerance", [{}, {"count": 0}, {"percent": 5}])
    def test_of_an_empty_list_is_a_success_with_nothing_to_do(self, tolerance):
        assert end(fan_out(**tolerance), counts(0)) == ("succeeded", False, True)

    @pytest.mark.parametrize("state", ["created", "queued", "active", "retry_wait", "awaiting_approval"])
    def test_does_not_come_while_an_item_is_active(self, state):
        assert end(fan_out(count=0), counts(2, failed=1, **{state: 1})) is None
        assert end(fan_out(), counts(2, succeeded=1, **{state: 1}), stopped=True) is None

    def test_does_not_come_while_more_items_may_start(self):
        assert end(fan_out(1), counts(2, failed=1)) is None

    def test_is_a_success_when_all_succeeded(self):
        assert end(fan_out(), counts(2, succeeded=2)) == ("succeeded", False, False)
        assert end(fan_out(), counts(2, succeeded=2, nothing_to_do=1)) == ("succeeded", False, False)
        assert end(fan_out(), counts(2, succeeded=2, nothing_to_do=2)) == ("succeeded", False, True)

    def test_is_a_success_with_failures_within_the_tolerance(self):
        assert end(fan_out(count=1), counts(2, succeeded=1, expired=1)) == ("succeeded", True, False)
        assert end(fan_out(percent=50), counts(2, succeeded=1, cancelled=1)) == ("succeeded", True, False)

    @pytest.mark.parametrize(
        ("runs", "state"),
        [
            ({"failed": 1}, "failed"),
            ({"expired": 1}, "failed"),
            ({"rejected": 1, "failed": 1}, "failed"),
            ({"lost": 1, "failed": 5}, "lost"),
            ({"timed_out": 1, "lost": 3, "failed": 5}, "timed_out"),
            ({"cancelled": 1, "timed_out": 1, "lost": 3}, "cancelled"),
        ],
    )
    def test_is_that_of_the_worst_item(self, runs, state):
        assert end(fan_out(), counts(10, succeeded=10 - sum(runs.values()), **runs)) == (state, False, False)

    def test_comes_with_items_that_never_started_when_the_tolerance_is_exceeded(self):
        found = fan_out_end(fan_out(1, count=0), counts(1_500, succeeded=3, failed=1))
        assert found.state is StepState.FAILED
        assert found.reason.message == "1 of 1,500 items did not succeed. 1,496 more did not start."

    def test_is_a_cancel_when_the_pipeline_ended_it(self):
        assert end(fan_out(1), counts(3, succeeded=1), stopped=True) == ("cancelled", False, False)
        assert end(fan_out(count=3), counts(3, succeeded=2, cancelled=1), stopped=True) == ("cancelled", False, False)

    def test_is_its_own_when_the_pipeline_ended_it_too_late(self):
        assert end(fan_out(), counts(2, succeeded=2), stopped=True) == ("succeeded", False, False)
        assert end(fan_out(), counts(2, succeeded=1, failed=1), stopped=True) == ("failed", False, False)


@given(
    total=st.integers(0, 30),
    concurrency=st.none() | st.integers(1, 5),
    tolerance=st.builds(Tolerance, count=st.none() | st.integers(0, 5))
    | st.builds(Tolerance, percent=st.floats(0, 100)),
    data=st.data(),
)
def test_every_fan_out_ends_with_no_item_started_twice(total, concurrency, tolerance, data):
    for_each = ForEach([], concurrency=concurrency, max_failures=tolerance)
    runs = Counter()
    for _ in range(2 * total + 2):
        counted = ItemCounts(total, runs)
        if found := fan_out_end(for_each, counted):
            break
        runs[RunState.ACTIVE] += (started := next_items(for_each, counted))
        assert sum(runs.values()) <= total
        assert concurrency is None or runs[RunState.ACTIVE] <= concurrency
        assert started or runs[RunState.ACTIVE]
        if runs[RunState.ACTIVE]:
            runs[RunState.ACTIVE] -= 1
            runs[data.draw(st.sampled_from([RunState.SUCCEEDED, RunState.FAILED, RunState.LOST]))] += 1
    assert found is not None
    assert (found.state is StepState.SUCCEEDED) == tolerance.tolerates(total - runs[RunState.SUCCEEDED], total)


class TestItems:
    @pytest.mark.parametrize(
        ("value", "kind"),
        [("North", "a text"), (None, "null"), (True, "true"), (3, "a number"), ({"a": 1}, "a mapping")],
    )
    def test_come_from_a_list_alone(self, value, kind):
        with pytest.raises(Refused, match=f"needs a list, not {kind}") as refused:
            checked_items(value)
        assert refused.value.precise_code == "invalid_items"

    def test_are_a_thousand_at_most(self):
        assert len(checked_items(list(range(1_000)))) == 1_000
        with pytest.raises(Refused, match="at most 1,000 items, and this list has 1,001"):
            checked_items(list(range(1_001)))

    def test_have_64_kilobytes_at_most(self):
        assert checked_items(["x" * (64 * 1024 - 4)])
        with pytest.raises(Refused, match="list of a fan-out has 65,537 bytes") as refused:
            checked_items(["x" * (64 * 1024 - 3)])
        assert refused.value.precise_code == "step_value_too_large"

    def test_of_any_characters_can_be_measured(self):
        check_size("\ud800", "The value")

    def test_too_deep_inside_one_another_are_refused(self):
        value = []
        for _ in range(200_000):
            value = [value]
        with pytest.raises(Refused, match="too deep"):
            check_size(value, "The value")


class TestKeys:
    @pytest.mark.parametrize(
        ("value", "key"),
        [
            ("North", "North"),
            ("a/b", "a/b"),
            ("Zürich – Süd", "Zürich – Süd"),
            (3, "3"),
            (2.5, "2.5"),
            (True, "true"),
            ({"key": "k", "name": "n"}, "k"),
            ({"name": "n", "x": 1}, "n"),
        ],
    )
    def test_are_the_item_or_its_own_name(self, value, key):
        assert keyed([value]) == (Item(key, value),)

    def test_are_those_of_the_expression_where_there_is_one(self):
        assert keyed([{"id": 1}, {"id": 2}], [1, 2]) == (Item("1", {"id": 1}), Item("2", {"id": 2}))

    @pytest.mark.parametrize("value", [{}, {"id": 1}, [], ["a"], None])
    def test_cannot_be_a_mapping_a_list_or_nothing(self, value):
        with pytest.raises(Refused, match=r"Item 2 has .* as its key"):
            keyed(["a", value])

    @pytest.mark.parametrize("key", ["", "  ", "a\nb", "a\0b", "a\u202eb", "x" * 101])
    def test_are_texts_that_can_be_printed(self, key):
        with pytest.raises(Refused, match="of item 1 is not a text"):
            keyed([key])

    @pytest.mark.parametrize("values", [["a", "b", "a"], [1, 2, "1"]])
    def test_are_unique(self, values):
        with pytest.raises(Refused, match="The items 1 and 3 have the same key"):
            keyed(values)
