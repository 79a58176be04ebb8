"""Reading `NAME.pipeline.yaml`."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.environments import Resources
from dataops_lab.domain.expressions import Scope
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.pipelines import (
    Approval,
    FilesFrom,
    ForEach,
    Reference,
    RunIf,
    Step,
    StepKind,
    Tolerance,
)
from dataops_lab.domain.settings import GivenSettings
from dataops_lab.pipelines.expressions import check
from dataops_lab.pipelines.local import LocalPipelines
from dataops_lab.pipelines.reading import MAX_PROBLEMS, read

WHOLE = """\
version: 1
title: Sales
parameters:
  month: {type: date, default: 2026-01-01, description: First day}
  alpha: {type: number, choices: [0.1, 0.5], default: 0.5}
  regions: {type: list, items: string}
  limit: {type: integer, nullable: true, default: null}
  note: {required: false}
defaults:
  image: python-2026.10
  kernel: python3
  retries: 1
  timeout: 30m
  resources: {memory: 4G, cpus: 1}
  env: {LANG: C.UTF-8, LEVEL: low}
timeout: 1h30m
concurrency: 1
steps:
  extract:
    notebook: 01_extract.ipynb
    with: {month: {cel: params.month}, rows: 10, names: [a, no], odd: .inf}
    outputs: [data.parquet]
  check:
    title: Rows plausible?
    script: checks/rows.py
    needs: [extract]
    if: steps.extract.values.rows > 0
    files: [{from: extract, paths: [data.parquet], into: .}]
    image: lean
    retries: 0
    resources: {memory: 512Mi, pids: 50}
    env: {LEVEL: high}
  train:
    notebook: 04_train.ipynb
    needs: [check]
    for_each:
      item: region
      inputs: {cel: params.regions}
      key: region
      concurrency: 4
      max_failures: 10%
    with: {region: {cel: region}}
    files: [{from: extract, paths: ['*.csv']}]
    disabled: true
  ok:
    approve: {ask: Publish these figures?, who: [leads], within: 24h}
    needs: [train]
    run_if: none_failed
  tidy: {command: [rm, -rf, scratch], needs: [ok], run_if: always, timeout: 90}
"""


def problems(text: str) -> list[tuple[int, int, str | None, str]]:
    return [(each.line, each.column, each.step, each.message) for each in read(dedent(text).encode()).problems]


def of(steps: str) -> str:
    return f"version: 1\nparameters: {{x: {{default: 1, type: integer}}}}\nsteps:\n{steps}"


def test_every_member_of_the_file_is_read():
    reading = LocalPipelines().read(WHOLE.encode())
    assert reading.problems == ()
    pipeline = reading.pipeline
    assert pipeline is not None
    assert (pipeline.title, pipeline.concurrency) == ("Sales", 1)
    assert pipeline.settings == GivenSettings(total_timeout_s=5_400)
    assert pipeline.parameters.parameters == (
        Parameter("month", ParameterType.DATE, "2026-01-01", description="First day"),
        Parameter("alpha", ParameterType.NUMBER, 0.5, choices=(0.1, 0.5)),
        Parameter("regions", ParameterType.LIST, required=True, items=ParameterType.STRING),
        Parameter("limit", ParameterType.INTEGER, nullable=True),
        Parameter("note"),
    )
    common = {"LANG": "C.UTF-8", "LEVEL": "low"}
    once = GivenSettings(max_retries=1, timeout_s=1_800)
    given = Resources(cpus=1, memory_bytes=4 * 10**9)
    assert pipeline.steps == (
        Step(
            "extract",
            StepKind.NOTEBOOK,
            "01_extract.ipynb",
            parameters={"month": Reference("params.month"), "rows": 10, "names": ["a", "no"], "odd": "inf"},
            outputs=("data.parquet",),
            image="python-2026.10",
            kernel="python3",
            resources=given,
            settings=once,
            variables=common,
        ),
        Step(
            "check",
            StepKind.SCRIPT,
            "checks/rows.py",
            title="Rows plausible?",
            needs=("extract",),
            condition="steps.extract.values.rows > 0",
            files=(FilesFrom("extract", ("data.parquet",), "."),),
            image="lean",
            resources=Resources(cpus=1, memory_bytes=2**29, pids=50),
            settings=GivenSettings(max_retries=0, timeout_s=1_800),
            variables={"LANG": "C.UTF-8", "LEVEL": "high"},
        ),
        Step(
            "train",
            StepKind.NOTEBOOK,
            "04_train.ipynb",
            needs=("check",),
            for_each=ForEach(Reference("params.regions"), "region", "region", 4, Tolerance(percent=10)),
            parameters={"region": Reference("region")},
            files=(FilesFrom("extract", ("*.csv",)),),
            image="python-2026.10",
            kernel="python3",
            resources=given,
            settings=once,
            variables=common,
            disabled=True,
        ),
        Step(
            "ok",
            StepKind.APPROVAL,
            approval=Approval("Publish these figures?", ("leads",), 86_400),
            needs=("train",),
            run_if=RunIf.NONE_FAILED,
        ),
        Step(
            "tidy",
            StepKind.COMMAND,
            command=("rm", "-rf", "scratch"),
            needs=("ok",),
            run_if=RunIf.ALWAYS,
            image="python-2026.10",
            resources=given,
            settings=GivenSettings(max_retries=1, timeout_s=90),
            variables=common,
        ),
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "step", "message"),
    [
        # the text
        ("", 1, 1, None, "`version` is missing. Write `version: 1` at the top."),
        ("version: 1", 1, 1, None, "`steps` is missing. A pipeline needs one step or more."),
        ("version: 2\nsteps: {}", 1, 1, None, "`version` is one of 1, not 2."),
        ("version: 1\nsteps: {}", 2, 1, None, "A pipeline needs one step or more."),
        ("[]", 1, 1, None, "The file needs a mapping of names to values."),
        ("version: 1\nsteps: [a]", 2, 1, None, "`steps` needs a mapping of names to values."),
        ("a: [", 1, 5, None, "This is not YAML: did not find expected node content."),
        ("a: &x 1\nb: *x", 2, 4, None, "Aliases are not taken. Write it out."),
        # keys
        (of("  a: {notbook: x}"), 4, 7, "a", "`notbook` is not known here. Do you mean `notebook`?"),
        (of("  a: {command: [x], resources: {cpu: 1}}"), 4, 33, "a", "`cpu` is not known here. Do you mean `cpus`?"),
        (of("  a: {command: [x]}\n  a: {command: [y]}"), 5, 3, "a", "`a` is there twice. Take one of them out."),
        (of("  a: {command: [x], title: x, title: y}"), 4, 31, "a", "`title` is there twice. Take one of them out."),
        (
            "version: 1\nstepps: {}\nsteps: {a: {command: [x]}}",
            2,
            1,
            None,
            "`stepps` is not known here. Do you mean `steps`?",
        ),
        # types
        (of("  a: {command: x}"), 4, 7, "a", "`command` needs a list, such as [x]."),
        (of("  a: {command: [sleep, 5]}"), 4, 24, "a", "Number 2 of `command` needs a text. Put it in quotes."),
        (of("  a: {command: [x], title: 12}"), 4, 21, "a", "`title` needs a text. Put it in quotes."),
        (of("  a: {command: [x], disabled: yes}"), 4, 21, "a", "`disabled` needs true or false."),
        (of("  a: {command: [x], retries: many}"), 4, 21, "a", "`retries` needs a whole number."),
        (of("  a: {command: [x], env: {A: 1}}"), 4, 27, "a", "`A` needs a text. Put it in quotes."),
        (of("  a: {command: [x], env: {A: {b: c}}}"), 4, 27, "a", "A variable is a text, or {cel: EXPRESSION}."),
        (
            of("  a: {command: [x], env: {A: {cel: '1 + 1'}}}"),
            4,
            31,
            "a",
            "A variable is a text, and this expression gives a number.",
        ),
        (
            "version: 1\ndefaults: {env: {A: {cel: params.x}}}\nsteps: {a: {command: [x]}}",
            2,
            27,
            None,
            "There is no parameter `x`.",
        ),
        (of("  a: {command: [x], for_each: {}}"), 4, 21, "a", "`inputs` is missing."),
        (of("  a: x"), 4, 3, "a", "`a` needs a mapping of names to values."),
        (
            of("  a: {command: [x], timeout: soon}"),
            4,
            21,
            "a",
            "'soon' is not a time. Write one such as 30m, 1h30m or 90 (seconds).",
        ),
        (
            of("  a: {command: [x], retries: 11}"),
            4,
            21,
            "a",
            "`retries` is not taken: input should be less than or equal to 10.",
        ),
        (
            of("  a: {command: [x], timeout: 31d}"),
            4,
            21,
            "a",
            "A time is more than 0 and at most 30d, not '31d'.",
        ),
        (
            of("  a: {command: [x], timeout: true}"),
            4,
            21,
            "a",
            "True is not a time. Write one such as 30m, 1h30m or 90 (seconds).",
        ),
        (
            of("  a: {command: [x], resources: {memory: lots}}"),
            4,
            33,
            "a",
            "'lots' is not a size. Write one such as 4G, 512Mi or 1000000.",
        ),
        (
            of("  a: {command: [x], for_each: {inputs: [1], max_failures: few}}"),
            4,
            45,
            "a",
            "'few' is neither a number of items, such as 3, nor a share of them, such as 5%.",
        ),
        # steps
        (of("  a: {title: x}"), 4, 3, "a", "A step has exactly one of `notebook`, `script`, `command` and `approve`."),
        (
            of("  a: {command: [x], script: x}"),
            4,
            3,
            "a",
            "A step has exactly one of `notebook`, `script`, `command` and `approve`.",
        ),
        (
            of("  in: {command: [x]}"),
            4,
            3,
            "in",
            "`in` is a word of the language of expressions. Give the step another id.",
        ),
        (
            of("  a: {command: [x], needs: [b]}\n  bb: {command: [x]}"),
            4,
            21,
            "a",
            "There is no step `b`. Do you mean `bb`?",
        ),
        (
            of("  a: {command: [x], timeout: -1}"),
            4,
            21,
            "a",
            "A time is more than 0 and at most 30d, not -1.",
        ),
        # parameters
        (
            "version: 1\nparameters: {a-b: {}}\nsteps: {a: {command: [x]}}",
            2,
            14,
            None,
            "'a-b' is not a name of a parameter. Use letters, digits and underscores.",
        ),
        (
            "version: 1\nparameters: {a: {type: integer, default: x}}\nsteps: {a: {command: [x]}}",
            2,
            33,
            None,
            'The default of `a` needs a whole number, not "x".',
        ),
        (
            "version: 1\nparameters: {a: {default: {cel: x}}}\nsteps: {a: {command: [x]}}",
            2,
            18,
            None,
            "A default is a value, and takes no expression.",
        ),
        (
            "version: 1\nparameters: {a: {required: true, default: 1}}\nsteps: {a: {command: [x]}}",
            2,
            18,
            None,
            "A parameter that must be given has no default. Take one of both out.",
        ),
        (
            "version: 1\nparameters: {a: {items: string}}\nsteps: {a: {command: [x]}}",
            2,
            18,
            None,
            "`items` is the type of the members of a list. Set `type: list`.",
        ),
        # expressions
        (of("  a: {command: [x], if: params.y > 1}"), 4, 25, "a", "There is no parameter `y`. There are: `x`."),
        (
            of("  a: {command: [x], if: 'params.x'}"),
            4,
            21,
            "a",
            "A condition gives true or false, and this expression gives a number.",
        ),
        (of("  a: {command: [x], with: {y: {cel: 5}}}"), 4, 32, "a", "An expression is a text. Put it in quotes."),
        (
            of("  a: {command: [x], for_each: {inputs: {cel: params.x}}}"),
            4,
            41,
            "a",
            "A fan-out needs a list, and this expression gives a number.",
        ),
        (
            of("  a: {command: [x], for_each: {inputs: [1], key: '[item]'}}"),
            4,
            45,
            "a",
            "A key is a text or a number, and this expression gives a list.",
        ),
        (
            of("  a: {command: [x], for_each: {inputs: [1]}, if: item > 0}"),
            4,
            50,
            "a",
            "There is no name `item`. There are: `params`, `steps`, `run`.",
        ),
        (
            of("  a: {command: [x]}\n  b:\n    command: [x]\n    if: |\n      true &&\n        steps.a.state == ''"),
            9,
            9,
            "b",
            "The results of `a` are not known here. Add `a` to `needs`.",
        ),
        (
            of("  a: {command: [x], with: {y: {z: [{cel: params.x}]}}}"),
            4,
            36,
            "a",
            "An expression stands for a whole value, not for a part of one. Write the whole value as one expression, "
            "such as {cel: '{\"region\": params.region}'}.",
        ),
    ],
)
def test_what_is_wrong_is_located_and_explained(text, line, column, step, message):
    assert (line, column, step, message) in problems(text)


def test_all_problems_are_found_at_once_in_the_order_of_the_file():
    found = problems(
        """\
        version: 1
        steps:
          a: {command: [x], if: params.y}
          b-c: {command: [x]}
          d: {notebook: x, script: x}
          e: {command: [x], needs: [f], with: {x: {cel: steps.a.state}}}
        """
    )
    assert [(line, step) for line, _, step, _ in found] == [(3, "a"), (4, "b-c"), (5, "d"), (6, "e"), (6, "e")]


def test_a_pipeline_with_problems_is_there_to_be_shown():
    reading = read(of("  a: {command: [x], needs: [a, b], if: '1'}\n  b: {command: [x], needs: [a]}").encode())
    assert reading.pipeline is not None
    assert [step.id for step in reading.pipeline.steps] == ["a", "b"]
    assert reading.problems


def test_steps_that_wait_for_one_another_are_named_and_nothing_follows_from_it():
    (problem,) = problems(
        of("  a: {command: [x], needs: [b], if: steps.b.state == ''}\n  b: {command: [x], needs: [a]}")
    )
    assert "wait for one another" in problem[3]


def test_each_part_of_a_step_has_its_place():
    reading = read(of("  a: {command: [x, y], with: {b: {cel: '1'}}}").encode())
    assert reading.place("a") == (4, 3)
    assert reading.place("a", "command", 1) == (4, 20)
    assert reading.place("a", "with", "b", "cel") == (4, 35)
    assert reading.place("a", "with", "c") == reading.place("a", "with") == (4, 24)
    assert reading.place("z") == (3, 1)


def test_the_example_of_the_guide_is_read():
    guide = Path(__file__).parents[2] / "docs/guide/pipeline-file.md"
    example = guide.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    reading = read(example.encode())
    assert reading.problems == ()
    assert len(reading.pipeline.steps) == 5


def test_the_expressions_of_the_guide_are_right():
    guide = Path(__file__).parents[2] / "docs/guide/pipeline-file.md"
    [block] = re.findall(r"^```\n([^`]*)^```$", guide.read_text(encoding="utf-8"), re.MULTILINE)
    expressions = block.splitlines()
    scope = Scope(ParameterSchema((Parameter("regions", ParameterType.LIST, []),)), ("check", "train"))
    assert [check(expression, scope).problems for expression in expressions] == [()] * 4


def test_a_condition_may_be_a_constant():
    reading = read(of("  a: {command: [x], if: false}").encode())
    assert reading.problems == ()
    assert reading.pipeline.steps[0].condition == "false"


def test_a_mapping_with_the_one_key_cel_is_passed_by_an_expression():
    reading = read(of("""  a: {command: [x], with: {y: {cel: "{'cel': 'text'}"}, z: {cel: x, more: 1}}}""").encode())
    assert reading.problems == ()
    assert reading.pipeline.steps[0].parameters == {"y": Reference("{'cel': 'text'}"), "z": {"cel": "x", "more": 1}}


def test_a_value_that_is_too_large_is_refused():
    ((line, _, step, message),) = problems(of(f"  a: {{command: [x], with: {{y: {'x' * 70_000}}}}}"))
    assert (line, step) == (4, "a")
    assert message.startswith("The value of `y` has 70,002 bytes as JSON")


@pytest.mark.parametrize("data", [b"version: 1\nsteps: \xff", b"\xff\xfe\x00", "version: 1".encode("utf-16")])
def test_bytes_that_are_not_a_text_are_refused(data):
    (problem,) = read(data).problems
    assert problem.message == "This is not a text in UTF-8. Save the file with that encoding."
    assert problem.line == 1 + (b"steps" in data)


def test_a_mark_of_the_byte_order_is_taken():
    assert read(b"\xef\xbb\xbf" + of("  a: {command: [x]}").encode()).problems == ()


def test_a_file_with_many_problems_says_the_first_ones():
    text = of("".join(f"  s{number}: {{command: [x], if: nothing}}\n" for number in range(150)))
    assert len(read(text.encode()).problems) == MAX_PROBLEMS


def test_a_file_with_very_many_problems_is_read_in_time():
    twice = "".join(f"  s: {{command: [x], k{n}: 1}}\n" for n in range(9_000))
    assert len(read(of(twice).encode()).problems) == MAX_PROBLEMS


@given(st.data())
def test_nothing_in_a_file_makes_the_reader_raise(data):
    text = WHOLE
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        put = data.draw(
            st.sampled_from(
                ["", " ", "\n", "[", "}", ":", "'", "null", "1", "{cel: 1 +}", "- ", "&a", "\t", "é", "x.y"]
            )
        )
        text = text[:start] + put + text[end:]
    reading = read(text.encode())
    assert reading.pipeline is not None or reading.problems
    for problem in reading.problems:
        assert 1 <= problem.line <= text.count("\n") + 1
        assert problem.message[-1] in ".?"


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_raise(data):
    assert read(data).problems


def test_more_steps_than_a_pipeline_may_have_are_refused_at_once():
    chain = "".join(f"  s{n}: {{command: [x], needs: [s{n - 1}]}}\n" for n in range(1, 5_000))
    ((*_, message),) = problems(of("  s0: {command: [x]}\n" + chain))
    assert message == "A pipeline has at most 200 steps, and this one has 5,000. Make parts of it."


def test_more_expressions_than_a_pipeline_may_have_are_refused_at_once():
    given = ", ".join(f"p{n}: {{cel: params.x + {n}}}" for n in range(3_000))
    ((*_, message),) = problems(of(f"  s0: {{command: [x], with: {{{given}}}}}"))
    assert message == "A pipeline has at most 2,000 expressions, and this one has 3,000."


def test_a_name_of_any_length_makes_a_short_message():
    for text in (
        f"  {'x' * 100_000}: {{command: [y]}}",
        f"  a: {{{'x' * 100_000}: 1}}",
        f"  a: {{run_if: {'x' * 90_000}}}",
    ):
        assert all(len(message) < 1_000 for *_, message in problems(of(text)))


def test_the_largest_pipeline_is_read():
    steps = "".join(
        f"  s{number}: {{command: [x]{f', needs: [s{number - 1}], if: steps.s0.state != null' if number else ''}}}\n"
        for number in range(200)
    )
    assert not [message for *_, message in problems(of(steps)) if "null" not in message]
