"""Which steps a repair takes over, which run again, and why: a table by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataops_lab.domain.pipelines import (
    ForEach,
    Item,
    Pipeline,
    Reference,
    RunIf,
    Step,
    StepKind,
    StepState,
    StepStatus,
)
from dataops_lab.domain.repairs import EarlierStep, Fate, Repair, RepairWish
from dataops_lab.domain.runs import Reason
from dataops_lab.errors import InvalidRequest, Refused

LETTERS = {Fate.TAKEN_OVER: "T", Fate.RUNS: "R", Fate.NOT_WANTED: "-", Fate.DISABLED: "D"}


def step(id, *needs, **more):
    return Step(id, more.pop("kind", StepKind.NOTEBOOK), needs=needs, **more)


# a ── b ── c ── e
#  └─ d ────────┘
GRAPH = (step("a"), step("b", "a"), step("c", "b"), step("d", "a"), step("e", "c", "d"))
STATES = {"S": "succeeded", "F": "failed", "C": "cancelled", "L": "lost", "T": "timed_out", "X": "rejected"}


def status_of(letter):
    if letter == "K":
        return StepStatus(StepState.SKIPPED, Reason("condition_not_met", "Its condition does not hold."))
    if letter == "N":
        return StepStatus(StepState.SKIPPED, Reason("need_failed", "`a` failed."))
    return StepStatus(StepState(STATES[letter]))


def earlier_of(states, steps=GRAPH, **changed):
    earlier = {
        each.id: EarlierStep(each, status_of(letter), code=f"{each.id}1")
        for each, letter in zip(steps, states, strict=True)
    }
    return {**earlier, **{step_id: replace(earlier[step_id], **changes) for step_id, changes in changed.items()}}


def plan_of(states, steps=GRAPH, *, codes=(), parameters=(), changed=None, **wish):
    repair = Repair(
        Pipeline(tuple(steps)),
        {each.id: f"{each.id}1" for each in steps} | dict(codes),
        earlier_of(states, **(changed or {})),
        RepairWish(**wish),
        frozenset(parameters),
    )
    return repair.plan()


def letters(plan):
    return "".join(LETTERS[each.fate] for each in plan.values())


@pytest.mark.parametrize(
    ("states", "fates"),
    [
        ("SSFSN", "TTRTR"),
        ("SFNSN", "TRRTR"),
        ("FNNNN", "RRRRR"),
        ("SSCSN", "TTRTR"),
        ("SSLSN", "TTRTR"),
        ("SSTSN", "TTRTR"),
        ("SSXSN", "TTRTR"),
        # A failure that was handled runs again, and so do those that handled it.
        ("SSFSS", "TTRTR"),
        # A skip by its own condition stays as long as what is before it stays.
        ("SKKFN", "TTTRR"),
        ("FNKNN", "RRRRR"),
    ],
)
def test_what_succeeded_is_taken_over_unless_a_step_before_it_runs_again(states, fates):
    assert letters(plan_of(states)) == fates


@pytest.mark.parametrize(
    ("states", "wish", "fates"),
    [
        ("SSSSS", {"start_from": ("b",)}, "TRRTR"),
        ("SSSSS", {"start_from": ("d", "c")}, "TTRRR"),
        ("SFNSN", {"until": "c"}, "TRRT-"),
        ("SFNFN", {"until": "d"}, "T--R-"),
        ("SSSSS", {"start_from": ("b",), "until": "b"}, "TR-T-"),
        ("SSSSS", {"only": "c"}, "TTRT-"),
        ("SSFFN", {"only": "c"}, "TTR--"),
    ],
)
def test_a_part_can_be_wished_for(states, wish, fates):
    assert letters(plan_of(states, **wish)) == fates


def test_a_changed_code_runs_again_with_all_that_follows_and_nothing_before_it():
    plan = plan_of("SSSSS", codes={"d": "d2"})
    assert letters(plan) == "TTTRR"
    assert plan["d"].why == "Its code changed."
    assert plan["e"].why == "`d` runs again."


def test_a_changed_text_of_the_file_counts_and_the_place_and_limits_do_not():
    graph = (GRAPH[0], replace(GRAPH[1], run_if=RunIf.ALL_DONE), *GRAPH[2:])
    assert letters(plan_of("SSSSS", graph)) == "TRRTR"
    graph = (replace(GRAPH[0], title="First", image="other", disabled=False), *GRAPH[1:4], replace(GRAPH[4], title="E"))
    with pytest.raises(Refused) as refused:
        plan_of("SSSSS", graph)
    assert refused.value.precise_code == "nothing_to_repair"


@pytest.mark.parametrize("member", ["parameters", "variables"])
def test_a_changed_parameter_runs_what_reads_it(member):
    def with_parameter(cel):
        return (*GRAPH[:3], replace(GRAPH[3], **{member: {"x": Reference(cel)}}), GRAPH[4])

    for cel, reads in {
        "params.month": True,
        "params.monthly": False,
        "params": True,
        "steps.a.values.month": False,
    }.items():
        graph = with_parameter(cel)
        changed = {"d": {"step": graph[3]}}
        if reads:
            plan = plan_of("SSSSS", graph, parameters=["month"], changed=changed)
            assert letters(plan) == "TTTRR", cel
            assert plan["d"].why == "The parameter `month` changed."
        else:
            with pytest.raises(Refused):
                plan_of("SSSSS", graph, parameters=["month"], changed=changed)


def test_a_damaged_record_is_not_taken_over():
    plan = plan_of("SSSFN", changed={"b": {"damage": "Its record is damaged."}})
    assert letters(plan) == "TRRRR"
    assert plan["b"].why == "Its record is damaged."


def test_a_new_step_runs_and_a_disabled_one_does_not():
    graph = (*GRAPH[:4], replace(GRAPH[4], disabled=True), step("f", "c"))
    repair = Repair(
        Pipeline(graph), {each.id: f"{each.id}1" for each in graph}, earlier_of("SSSSS"), RepairWish(newer=True)
    )
    plan = repair.plan()
    assert letters(plan) == "TTTTDR"
    assert plan["f"].why == "It is new."


FAN_OUT = (step("a"), step("b", "a", for_each=ForEach(inputs=[1, 2, 3])), step("c", "b"))
ITEMS = tuple(Item(str(n), n) for n in (1, 2, 3))


def fan_out_plan(*whole, state="failed", codes=(), damage="", **wish):
    earlier = earlier_of("SSS", FAN_OUT)
    status = StepStatus(StepState(state), items=ITEMS)
    earlier["b"] = replace(earlier["b"], status=status, whole_items=frozenset(whole), damage=damage)
    earlier["c"] = replace(earlier["c"], status=status_of("N"))
    codes = {each.id: f"{each.id}1" for each in FAN_OUT} | dict(codes)
    return Repair(Pipeline(FAN_OUT), codes, earlier, RepairWish(**wish)).plan()


def test_items_that_succeeded_are_taken_over_when_nothing_else_changed():
    plan = fan_out_plan("1", "3")
    assert letters(plan) == "TRR"
    assert plan["b"].items == {"1", "3"}
    assert fan_out_plan("1", state="cancelled")["b"].items == {"1"}
    assert fan_out_plan("1", "2", state="succeeded", damage="Item '3': Its record is gone.")["b"].items == {"1", "2"}


@pytest.mark.parametrize(
    "more", [{"codes": {"b": "b2"}}, {"codes": {"a": "a2"}}, {"start_from": ("b",)}, {"only": "b"}]
)
def test_all_items_run_again_when_their_step_does_for_another_reason(more):
    assert fan_out_plan("1", "3", **more)["b"].items == frozenset()


def test_all_items_run_again_when_the_step_failed_for_none_of_them():
    assert fan_out_plan("1", "2", "3")["b"].items == frozenset()


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"until": "x"}, "has no step `x`"),
        ({"start_from": ("x",)}, "has no step `x`"),
        ({"only": "c", "until": "c"}, "takes no other step"),
        ({"start_from": ("d",), "until": "c"}, "`d` does not come before `c`"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(wish, said):
    with pytest.raises(InvalidRequest, match=said):
        plan_of("SSFSN", **wish)


def test_one_step_alone_needs_the_results_before_it():
    with pytest.raises(Refused, match="result of `c` cannot be taken over"):
        plan_of("SSFSN", only="e")


def test_nothing_to_repair_is_said():
    with pytest.raises(Refused, match="nothing to repair"):
        plan_of("SSSSS")
