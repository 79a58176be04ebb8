"""Expressions of a pipeline: the names that they see, and what is said about the wrong ones."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.expressions import CheckedExpression, Context, Scope, StepResult, scope_of
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.pipelines import MAX_VALUE_BYTES, ForEach, Pipeline, Step, StepKind, StepState
from dataops_lab.errors import ExpressionFailed
from dataops_lab.pipelines import language
from dataops_lab.pipelines.expressions import check, evaluate

PARAMETERS = ParameterSchema(
    (
        Parameter("month", ParameterType.DATE, "2026-01-01"),
        Parameter("at", ParameterType.DATETIME, "2026-01-01T08:00:00"),
        Parameter("alpha", ParameterType.NUMBER, 1),
        Parameter("rounds", ParameterType.INTEGER, required=True),
        Parameter("dry", ParameterType.BOOLEAN, default=False),
        Parameter("regions", ParameterType.LIST, ["north", "south"]),
        Parameter("options", ParameterType.MAPPING, {"deep": True}),
        Parameter("limit", ParameterType.INTEGER, nullable=True),
        Parameter("anything"),
    )
)
SCOPE = Scope(PARAMETERS, ("train", "extract"), "region", ("report",), "check")
CONTEXT = Context(
    SCOPE,
    "01J",
    dt.datetime(2026, 1, 31, 23, 30, tzinfo=dt.UTC),
    {"rounds": 3, "alpha": 0.5},
    {
        "train": StepResult(StepState.SUCCEEDED, {"auc": [0.9, 1]}, with_failures=True),
        "extract": StepResult(StepState.FAILED, nothing_to_do=True),
    },
    {"name": "north", "size": 2},
)


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("params.month", ParameterType.STRING, "2026-01-01"),
        ("params.alpha > 0", ParameterType.BOOLEAN, True),
        ("params.alpha * params.rounds", ParameterType.NUMBER, 1.5),
        ("params.rounds + 1", ParameterType.INTEGER, 4),
        ("params.regions", ParameterType.LIST, ["north", "south"]),
        ("params.options", ParameterType.MAPPING, {"deep": True}),
        ("params.limit == null", ParameterType.BOOLEAN, True),
        ("params.anything", ParameterType.ANY, None),
        ("steps.train.values.auc[1] > 0.8", ParameterType.BOOLEAN, True),
        ("steps.train.with_failures && steps.extract.nothing_to_do", ParameterType.BOOLEAN, True),
        ("steps.extract.state", ParameterType.STRING, "failed"),
        ("has(steps.extract.values.rows)", ParameterType.BOOLEAN, False),
        ("region.name + '!'", ParameterType.STRING, "north!"),
        ("run.id", ParameterType.STRING, "01J"),
        ("run.started", ParameterType.DATETIME, "2026-01-31T23:30:00+00:00"),
        ("{'cel': params.month}", ParameterType.MAPPING, {"cel": "2026-01-01"}),
        ("params.regions.map(r, r + '!')", ParameterType.LIST, ["north!", "south!"]),
        ("params.regions.exists(r, r == region.name)", ParameterType.BOOLEAN, True),
    ],
)
def test_an_expression_is_checked_and_evaluated(expression, kind, value):
    assert check(expression, SCOPE) == CheckedExpression(kind)
    assert evaluate(expression, CONTEXT) == value


@pytest.mark.parametrize(
    ("expression", "line", "column", "message"),
    [
        ("steps.trian.values.auc", 1, 1, "There is no step `trian`. Do you mean `train`?"),
        ("1 == 2 ||\n  steps.x.state == ''", 2, 3, "There is no step `x`. There are: `train`, `extract`, `report`."),
        (
            "steps.report.values.rows",
            1,
            1,
            "The results of `report` are not known here. Add `report` to `needs`.",
        ),
        ("steps.check.state", 1, 1, "`check` is this step itself, which has no results yet."),
        (
            "steps.train.auc > 1",
            1,
            1,
            "A step has no `auc`. Write `steps.train.values.auc` for a value that it recorded.",
        ),
        (
            "1 + steps.train",
            1,
            5,
            "`steps.train` is not a value. Name one of its members, as in `steps.train.values.rows`.",
        ),
        ("params.mont", 1, 1, "There is no parameter `mont`. Do you mean `month`?"),
        ("params . mont", 1, 1, "There is no parameter `mont`. Do you mean `month`?"),
        ("'params.mont' + params.mont", 1, 17, "There is no parameter `mont`. Do you mean `month`?"),
        ("params", 1, 1, "`params` is not a value. Name one of its members, as in `params.month`."),
        ("run.start", 1, 1, "A run has no `start`. Do you mean `started`?"),
        ("regoin.name", 1, 1, "There is no name `regoin`. Do you mean `region`?"),
        ("params.regions.first()", 1, 21, "There is no function `first`."),
        ("upper('x')", 1, 1, "There is no function `upper`."),
        ("params.alpha > 'x'", 1, 14, "`>` does not take a number and a text."),
        ("1 +", 1, 4, "The expression ends too early."),
        ("", 1, 1, "The expression ends too early."),
        (
            "duration('1h')",
            1,
            1,
            "It gives a duration, and nothing takes that. Give a number, such as its `getSeconds()`.",
        ),
        ("has(params.alpha)", 1, 5, "`params.alpha` is always there. Take `has` away, or compare with null."),
        ("has( (params.dry) )", 1, 7, "`params.dry` is always there. Take `has` away, or compare with null."),
        ("has(region)", 1, 5, "`has` asks for a member of a value, as in `has(steps.train.values.auc)`."),
    ],
)
def test_a_wrong_expression_is_explained_at_its_place(expression, line, column, message):
    problem = check(expression, SCOPE).problems[0]
    assert (problem.line, problem.column, problem.message) == (line, column, message)


@given(st.data())
def test_no_expression_makes_the_check_raise(data):
    words = [
        "params",
        ".",
        "month",
        "steps",
        "train",
        "values",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "1",
        "2.5",
        "+",
        "-",
    ]
    words += [
        "==",
        "&&",
        "?",
        ":",
        ",",
        "in",
        "has",
        "map",
        "region",
        "\n",
        " ",
        "//",
        "é",
        "\\",
        "null",
        "state",
        "r'",
    ]
    expression = "".join(data.draw(st.lists(st.sampled_from(words), max_size=15)))
    for problem in check(expression, SCOPE).problems:
        assert 1 <= problem.line <= expression.count("\n") + 1
        assert problem.message[-1] in ".?"


def test_an_expression_that_is_wrong_is_not_evaluated():
    with pytest.raises(ExpressionFailed) as refused:
        evaluate("params.mont", CONTEXT)
    assert refused.value.detail == {"problem": "There is no parameter `mont`. Do you mean `month`?"}


@pytest.mark.parametrize("expression", ["steps.train.values.x", "[1].map(a, steps.train.values.x)"])
def test_a_value_that_is_missing_is_named(expression):
    with pytest.raises(ExpressionFailed, match=r"has no value: there is no `x`\. Ask first with"):
        evaluate(expression, CONTEXT)


@pytest.mark.parametrize(
    ("expression", "way"),
    [
        ("params.regions.map(r, r)", "evaluated_apart"),
        ("params.regions . filter (r, r != '')", "evaluated_apart"),
        ("[params.alpha]. // a comment\n exists(a, a > 0)", "evaluated_apart"),
        ("params.regions", "evaluated"),
        ("'.map(' + params.month // .map(", "evaluated"),
    ],
)
def test_only_loops_are_evaluated_in_a_process_of_their_own(monkeypatch, expression, way):
    ways = []
    for name in ("evaluated", "evaluated_apart"):
        monkeypatch.setattr(language, name, lambda *_, name=name: ways.append(name))
    evaluate(expression, CONTEXT)
    assert ways == [way]


def test_a_value_above_the_limit_is_refused():
    result = StepResult(StepState.SUCCEEDED, {"text": "x" * MAX_VALUE_BYTES})
    context = Context(Scope(steps=("big",)), "01J", CONTEXT.run_started, steps={"big": result})
    assert evaluate("size(steps.big.values.text)", context) == MAX_VALUE_BYTES
    with pytest.raises(ExpressionFailed, match="more than 64 kB"):
        evaluate("steps.big.values.text", context)


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        (ParameterType.INTEGER, ParameterType.NUMBER, True),
        (ParameterType.NUMBER, ParameterType.INTEGER, False),
        (ParameterType.STRING, ParameterType.DATE, True),
        (ParameterType.DATETIME, ParameterType.STRING, True),
        (ParameterType.ANY, ParameterType.BOOLEAN, True),
        (ParameterType.LIST, ParameterType.ANY, True),
        (ParameterType.LIST, ParameterType.MAPPING, False),
    ],
)
def test_a_type_is_compared_with_the_wanted_one(given, wanted, fits):
    assert CheckedExpression(given).can_be(wanted) is fits


def test_a_step_sees_the_steps_before_it_in_the_order_of_the_file():
    steps = [Step(name, StepKind.NOTEBOOK, name) for name in ("a", "b", "c")]
    fan_out = Step("d", StepKind.NOTEBOOK, "d", for_each=ForEach([1], item="part"))
    pipeline = Pipeline((*steps, fan_out), PARAMETERS)
    before = frozenset({"c", "a"})
    assert scope_of(pipeline, fan_out, before=before, with_item=True) == Scope(
        PARAMETERS, ("a", "c"), "part", ("b",), "d"
    )
    assert scope_of(pipeline, fan_out, before=before, with_item=False).item is None
