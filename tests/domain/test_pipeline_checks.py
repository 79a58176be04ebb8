from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from dataops_lab.domain.environments import Resources
from dataops_lab.domain.pipeline_checks import nearest, problems_of, upstream
from dataops_lab.domain.pipelines import (
    Approval,
    FilesFrom,
    ForEach,
    Pipeline,
    Problem,
    Reference,
    RunIf,
    Step,
    StepKind,
    Tolerance,
)
from dataops_lab.domain.settings import GivenSettings


def step(id, *needs, kind=StepKind.NOTEBOOK, **more):
    given = {
        StepKind.NOTEBOOK: {"path": f"{id}.ipynb"},
        StepKind.SCRIPT: {"path": f"{id}.py"},
        StepKind.COMMAND: {"command": ("make", id)},
        StepKind.APPROVAL: {"approval": Approval("Publish?")},
    }[kind]
    return Step(id, kind, needs=needs, **{**given, **more})


def problems(*steps, **more):
    return problems_of(Pipeline(steps, **more))


def said(*steps, **more):
    return [(problem.step, problem.member, problem.message) for problem in problems(*steps, **more)]


def only(*steps, **more) -> Problem:
    (problem,) = problems(*steps, **more)
    assert problem.message.endswith((".", "?"))
    return problem


def test_a_pipeline_of_everything_has_no_problems():
    assert not problems(
        step("tidy", "report", kind=StepKind.COMMAND, run_if=RunIf.ALWAYS),
        step("extract", kind=StepKind.SCRIPT, outputs=("data.parquet",), variables={"LEVEL": "debug"}),
        step("clean", "extract", condition="x", files=(FilesFrom("extract", ("data.parquet",), "."),)),
        step(
            "train",
            "clean",
            for_each=ForEach(["North", "South"], "region", concurrency=2, max_failures=Tolerance(percent=5)),
            files=(FilesFrom("extract", ("*.parquet",)),),
        ),
        step("each", "clean", for_each=ForEach(Reference("steps.extract.values.regions"), key="item.id")),
        step("ok", "train", kind=StepKind.APPROVAL, approval=Approval("Publish?", ("ann",), 3600)),
        step("report", "ok", "each", files=(FilesFrom("train", ("model.pkl",), "."),), title="A report"),
        concurrency=1,
    )


class TestSteps:
    def test_are_one_to_two_hundred(self):
        assert said() == [(None, "steps", "A pipeline needs one step or more.")]
        assert not problems(*(step(f"s{number}") for number in range(200)))
        assert "at most 200 steps, and this one has 201" in only(*(step(f"s{number}") for number in range(201))).message

    @pytest.mark.parametrize("id", ["", "Train", "train-model", "1st", "a b", "ü", "x" * 61, "a\n"])
    def test_have_ids_that_expressions_can_name(self, id):
        assert only(step(id, path="a.ipynb")).member == "id"

    def test_have_ids_of_their_own(self):
        assert said(step("a"), step("b"), step("a")) == [("a", None, "2 steps have the id `a`. Give each its own.")]

    @pytest.mark.parametrize(
        ("wrong", "member"),
        [
            (step("a", path=None), "notebook"),
            (step("a", path=" "), "notebook"),
            (step("a", path="/etc/a.ipynb"), "notebook"),
            (step("a", kind=StepKind.SCRIPT, path="a\0.py"), "script"),
            (step("a", kind=StepKind.COMMAND, command=()), "command"),
            (step("a", kind=StepKind.COMMAND, command=("", "x")), "command"),
            (step("a", kind=StepKind.COMMAND, command=("echo", "a\0b")), "command"),
            (step("a", settings=GivenSettings(max_retries=99)), "settings"),
            (step("a", variables={"1x": "y"}), "env"),
            (step("a", variables={"LD_PRELOAD": "y"}), "env"),
            (step("a", variables={"X": "a\0b"}), "env"),
            (step("a", outputs=("../a",)), "outputs"),
        ],
    )
    def test_have_what_their_kind_wants(self, wrong, member):
        problem = only(wrong)
        assert (problem.step, problem.member) == ("a", member)


class TestNeeds:
    def test_that_are_unknown_name_the_nearest_step(self):
        problem = only(step("extract"), step("clean", "extrat"))
        assert problem == Problem("There is no step `extrat`. Do you mean `extract`?", "clean", "needs")

    def test_that_are_unlike_any_step_name_them_all(self):
        assert only(step("a"), step("b"), step("c", "zzz")).message == "There is no step `zzz`. There are: `a`, `b`."
        assert nearest("zzz", []) == ""

    def test_cannot_be_the_step_itself(self):
        assert only(step("a", "a")) == Problem("`a` needs itself. Take it out of its `needs`.", "a", "needs")

    def test_are_named_once(self):
        assert only(step("a"), step("b", "a", "a")).message == "`a` is named twice. Name it once."

    def test_in_a_circle_are_named_in_order(self):
        problem = only(step("a", "c"), step("b", "a"), step("c", "b"), step("d", "c"))
        named = problem.message.split(":")[1].split(".")[0].replace("`", "").strip().split(" → ")
        assert named[0] == named[-1]
        assert set(named) == {"a", "b", "c"}
        needs = {"a": "c", "b": "a", "c": "b"}
        assert all(needs[later] == earlier for earlier, later in pairwise(named))
        assert problem.step == named[1]

    def test_in_several_circles_are_all_named(self):
        found = problems(step("a", "b"), step("b", "a"), step("c", "d"), step("d", "c"), step("e", "e", "nothing"))
        assert len([problem for problem in found if "wait for one another" in problem.message]) == 2
        assert len(found) == 4

    @pytest.mark.parametrize("rule", RunIf)
    def test_are_there_when_the_rule_asks_for_them(self, rule):
        found = problems(step("a", run_if=rule))
        assert bool(found) == (rule not in (RunIf.ALL_SUCCESS, RunIf.ALL_DONE, RunIf.ALWAYS))
        assert not problems(step("a"), step("b", "a", run_if=rule))

    def test_of_needs_come_before_a_step_too(self):
        graph = Pipeline((step("c", "b"), step("b", "a", "gone"), step("a"), step("d")))
        assert upstream(graph) == {"a": frozenset(), "b": {"a"}, "c": {"a", "b"}, "d": frozenset()}


class TestFiles:
    def test_come_from_a_step_that_is_waited_for(self):
        steps = [step("a"), step("b", "a"), step("c", "b", files=(FilesFrom("a", ("x",)),))]
        assert not problems(*steps)
        problem = only(steps[0], step("b"), steps[2])
        assert problem.message == "`c` takes files from `a` and does not wait for it. Add that to its `needs`."
        assert (problem.step, problem.member) == ("c", "files")

    def test_of_an_unknown_step_name_the_nearest(self):
        found = only(step("extract"), step("b", "extract", files=(FilesFrom("extrakt", ("x",)),)))
        assert found.message == "There is no step `extrakt`. Do you mean `extract`?"

    def test_do_not_come_from_an_approval(self):
        steps = [step("a"), step("ok", "a", kind=StepKind.APPROVAL), step("b", "ok", files=(FilesFrom("ok", ("x",)),))]
        assert only(*steps).message == "`ok` is an approval, which leaves no files."

    @pytest.mark.parametrize(
        "files",
        [
            FilesFrom("a", ()),
            FilesFrom("a", ("",)),
            FilesFrom("a", (".",)),
            FilesFrom("a", ("/etc/passwd",)),
            FilesFrom("a", ("x/../../y",)),
            FilesFrom("a", ("a\nb",)),
            FilesFrom("a", ("x",), ""),
            FilesFrom("a", ("x",), "/tmp"),
            FilesFrom("a", ("x",), "../x"),
        ],
    )
    def test_stay_below_the_workspace(self, files):
        assert only(step("a"), step("b", "a", files=(files,))).member == "files"

    @pytest.mark.parametrize(
        ("into", "collide"), [((".", "."), True), (("x", "./x"), True), ((None, None), False), ((".", None), False)]
    )
    def test_of_two_steps_with_one_path_name_both(self, into, collide):
        files = tuple(FilesFrom(id, ("data.csv",), folder) for id, folder in zip("ab", into, strict=True))
        found = problems(step("a"), step("b"), step("c", "a", "b", files=files))
        assert bool(found) == collide
        assert all("`a` and `b` both leave" in problem.message for problem in found)

    def test_of_patterns_and_of_fan_outs_are_looked_at_when_they_are_there(self):
        files = (FilesFrom("a", ("*.csv",), "."), FilesFrom("b", ("*.csv", "x"), "."))
        many = step("b", for_each=ForEach(["North"]))
        assert not problems(step("a"), many, step("c", "a", "b", files=files))


class TestFanOut:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"item": "my item"},
            {"item": "steps"},
            {"concurrency": 0},
            {"concurrency": 10_001},
            {"max_failures": Tolerance(count=-1)},
            {"max_failures": Tolerance(percent=101)},
            {"max_failures": Tolerance(percent=float("nan"))},
            {"inputs": "North"},
            {"inputs": list(range(1_001))},
            {"inputs": ["North", "North"]},
            {"inputs": [{"id": 1}]},
        ],
    )
    def test_makes_sense(self, wrong):
        for_each = replace(ForEach(["North"]), **wrong)
        assert only(step("a", for_each=for_each)).member == "for_each"

    def test_with_an_expression_for_its_keys_takes_any_items(self):
        assert not problems(step("a", for_each=ForEach([{"id": 1}, {"id": 2}], key="item.id")))


class TestApproval:
    def test_comes_after_a_step_with_a_record(self):
        ok, again = step("ok", "a", kind=StepKind.APPROVAL), step("again", "ok", kind=StepKind.APPROVAL)
        assert not problems(step("a"), ok, again)
        found = problems(step("ok", kind=StepKind.APPROVAL), again)
        assert [(problem.step, problem.member) for problem in found] == [("ok", "needs"), ("again", "needs")]

    @pytest.mark.parametrize(
        ("wrong", "member"),
        [
            ({"approval": None}, "approve"),
            ({"approval": Approval("")}, "approve"),
            ({"approval": Approval("x" * 2_001)}, "approve"),
            ({"approval": Approval("Publish?", within_s=0)}, "approve"),
            ({"approval": Approval("Publish?", within_s=float("inf"))}, "approve"),
            ({"run_if": RunIf.ALWAYS}, "run_if"),
            ({"for_each": ForEach(["x"])}, "for_each"),
            ({"parameters": {"x": 1}}, "with"),
            ({"files": (FilesFrom("a", ("x",)),)}, "files"),
            ({"outputs": ("x",)}, "outputs"),
            ({"image": "python"}, "image"),
            ({"kernel": "python3"}, "kernel"),
            ({"variables": {"X": "y"}}, "env"),
            ({"resources": Resources(cpus=1)}, "resources"),
            ({"settings": GivenSettings(max_retries=2)}, "retries"),
            ({"settings": GivenSettings(timeout_s=60)}, "timeout"),
        ],
    )
    def test_has_a_question_and_runs_nothing(self, wrong, member):
        problem = only(step("a"), step("ok", "a", kind=StepKind.APPROVAL, **wrong))
        assert (problem.step, problem.member) == ("ok", member)


def test_the_settings_of_the_pipeline_make_sense():
    assert only(step("a"), concurrency=0).member == "concurrency"
    assert only(step("a"), settings=GivenSettings(total_timeout_s=-1)).step is None


def test_a_step_that_cleans_up_has_a_timeout():
    assert step("a", run_if=RunIf.ALWAYS).run_settings.timeout_s == 3600
    assert step("a", run_if=RunIf.ALWAYS, settings=GivenSettings(timeout_s=5)).run_settings.timeout_s == 5
    assert step("a").run_settings.timeout_s is None


@pytest.mark.parametrize("pattern", ["", "/etc/passwd", "..", "a\nb"])
def test_a_command_includes_paths_from_the_folder_of_the_file(pattern):
    command = step("a", kind=StepKind.COMMAND, path=None, command=("make",), include=(pattern,))
    assert only(command).member == "include"


def test_only_a_command_includes_files():
    assert only(step("a", include=("x.py",))).member == "include"
