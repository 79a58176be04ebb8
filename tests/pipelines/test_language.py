"""The language of expressions: what each construct means, so that another library could take the place of this one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dataops_lab.pipelines import language
from dataops_lab.pipelines.language import NotCompiled, NoValue, evaluated, evaluated_apart, result_type

TYPES = {
    "whole": "int",
    "half": "double",
    "one": "double",
    "text": "string",
    "yes": "bool",
    "any": "dyn",
    "names": "list<string>",
    "values": "map<string,dyn>",
    "steps.train.values": "map<string,dyn>",
    "then": "timestamp",
}
DATA = {
    "whole": 3,
    "half": 0.5,
    "one": 1,
    "text": "north",
    "yes": True,
    "any": 2,
    "names": ["a", "b"],
    "values": {"rows": 7, "auc": 1, "loss": 0.25, "none": None, "deep": {"list": [1, 2.5, "x"]}},
    "steps.train.values": {"auc": 0.9},
    "then": "2026-01-31T23:30:00+00:00",
}
LIMIT = 1_000

CONFORMANCE = [
    # literals
    ("1", "int", 1),
    ("-1.5e2", "double", -150.0),
    ("0x1F", "int", 31),
    ("'a' + \"b\" + r'\\n'", "string", "ab\\n"),
    ("[1, 2.5, 'x', null, true]", "list", [1, 2.5, "x", None, True]),
    ("{'a': 1, 'b': [half]}", "map", {"a": 1, "b": [0.5]}),
    ("{1: 'a', 2: 'b'}", "map", {"1": "a", "2": "b"}),
    ("null", "null", None),
    ("7u", "uint", 7),
    ("1 // a comment", "int", 1),
    ("1\n +\n 2", "int", 3),
    # names with dots are names, and members of their values
    ("steps.train.values.auc", "dyn", 0.9),
    ("values.deep.list[2]", "dyn", "x"),
    ("values['rows']", "dyn", 7),
    # numbers of both kinds compare and combine
    ("half < 1", "bool", True),
    ("one >= 1", "bool", True),
    ("one == 1", "bool", True),
    ("1 != 1.0", "bool", False),
    ("values.auc > 0.8", "bool", True),  # a whole number on the day when it is exactly 1
    ("values.auc == 1.0", "bool", True),
    ("values.loss * 2", "dyn", 0.5),
    ("half * 2 + whole - 1", "double", 3.0),
    ("3 / 2", "int", 1),
    ("-3 / 2", "int", -1),
    ("3 / 2.0", "double", 1.5),
    ("1 in [1.0, 2.0]", "bool", True),
    ("one in [1, 2]", "bool", True),
    ("-7 % 3", "int", -1),
    ("half / 0", "double", "inf"),
    ("-half / 0", "double", "-inf"),
    ("0 / 0.0", "double", "nan"),
    ("double(whole) / 2", "double", 1.5),
    ("int(2.9)", "int", 2),
    ("int('12')", "int", 12),
    ("string(whole)", "string", "3"),
    # texts
    ("text + '!'", "string", "north!"),
    ("text.startsWith('no') && text.endsWith('th') && text.contains('or')", "bool", True),
    ("text.matches('^n.*h$')", "bool", True),
    ("size(text) == 5 && text.size() == 5", "bool", True),
    ("'a' < 'b' && 'B' < 'a'", "bool", True),
    ("'ü'.size()", "int", 1),
    # logic stops early, in whatever order
    ("yes || 1 / 0 == 1", "bool", True),
    ("1 / 0 == 1 || yes", "bool", True),
    ("!yes && 1 / 0 == 1", "bool", False),
    ("yes ? 'a' : 'b'", "string", "a"),
    # lists and mappings
    ("'a' in names && !('c' in names)", "bool", True),
    ("'rows' in values", "bool", True),
    ("size(names) + size(values)", "int", 7),
    ("names + ['c']", "list", ["a", "b", "c"]),
    ("names == ['a', 'b']", "bool", True),
    ("has(values.rows) && !has(values.columns)", "bool", True),
    ("has(values.none)", "bool", True),
    ("values.none == null", "bool", True),
    ("any == null", "bool", False),
    # time
    ("then", "timestamp", "2026-01-31T23:30:00+00:00"),
    ("then.getMonth('Europe/Paris')", "int", 1),
    ("then + duration('1h')", "timestamp", "2026-02-01T00:30:00+00:00"),
    ("then - timestamp('2026-01-31T00:00:00Z') > duration('23h')", "bool", True),
    ("(then - timestamp('2026-01-31T00:00:00Z')).getHours()", "int", 23),
]
LOOPS = [
    ("names.map(n, n + '!')", ["a!", "b!"]),
    ("[1, 2, 3].filter(n, n > 1.5)", [2, 3]),
    ("names.all(n, n != '') && names.exists(n, n == 'b') && names.exists_one(n, n == 'a')", True),
    ("values.all(name, name != '')", True),
    ("[1, 2].map(n, n * half)", [0.5, 1.0]),
    ("[[1, 2], [3]].map(l, size(l))", [2, 1]),
]


@pytest.mark.parametrize(("expression", "kind", "value"), CONFORMANCE, ids=[case[0] for case in CONFORMANCE])
def test_an_expression_has_its_type_and_value(expression, kind, value):
    assert result_type(expression, TYPES) == kind
    found = evaluated(expression, TYPES, DATA, LIMIT)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("expression", "value"), LOOPS)
def test_a_loop_has_the_same_value_in_a_process_of_its_own(expression, value):
    assert evaluated(expression, TYPES, DATA, LIMIT) == value
    assert evaluated_apart(expression, TYPES, DATA, LIMIT) == value


@pytest.mark.parametrize(
    ("expression", "line", "column", "message"),
    [
        ("text > 3", 1, 6, "`>` does not take a text and a whole number."),
        ("half == 'x'", 1, 6, "`==` does not take a number and a text."),
        ("1 in values", 1, 3, "`in` does not take a whole number and a mapping."),
        ("text + 1", 1, 6, "`+` does not take a text and a whole number."),
        ("!whole", 1, 1, "`!` does not take a whole number."),
        ("-text", 1, 1, "`-` does not take a text."),
        ("size(3)", 1, 5, "`size` does not take a whole number."),
        ("whole ? 1 : 2", 1, 7, "`? :` needs a condition that is true or false and both results of one type."),
        ("yes ? 1 : 'a'", 1, 5, "`? :` needs a condition that is true or false and both results of one type."),
        ("whole == null", 1, 7, "`==` does not take a whole number and null."),
        ("names[names]", 1, 6, "`[]` does not take a list and a list."),
        ("yes\n && text", 2, 2, "`&&` does not take true or false and a text."),
        ("[1] == [1.0]", 1, 5, "`==` does not take a list and a list."),
        ("1 1", 1, 3, "This is not an expression: extraneous input '1'."),
        ("whole = 3", 1, 7, "This is not an expression: token recognition error at: '= '."),
        ("x" * 2_001, 1, 1, "An expression has at most 2,000 characters."),
        ("(" * 100 + "1" + ")" * 100, 1, 1, "It is nested too deeply. Make it simpler."),
    ],
)
def test_what_is_wrong_before_a_run_has_its_place(expression, line, column, message):
    with pytest.raises(NotCompiled) as refused:
        result_type(expression, TYPES)
    (found_line, found_column, said), *_ = refused.value.problems
    assert (max(found_line, 1), max(found_column, 1)) == (line, column)
    assert language.compiler_message(said) == message


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("values.columns", "There is no `columns`. Ask first with `has(…)`."),
        ("values.rows.x", "A value that is neither a mapping nor a list has no members."),
        ("values.rows + 'x'", "`+` does not take a whole number and a text."),
        ("any ? 1 : 2", "`? :` needs a condition that is true or false."),
        ("1 / 0", "Divide by zero."),
        ("9223372036854775807 + 1", "Integer overflow."),
        ("names[5]", "Index error"),
        ("int('x')", "onvert"),
        ("timestamp('soon')", "onver"),
        ("text.matches('(')", "nvalid regular expression"),
        ("[b'x']", "It gives bytes. Give a text."),
        ("[duration('1h')]", "It gives a duration. Give a number, such as its `getSeconds()`."),
    ],
)
def test_what_fails_in_a_run_says_why(expression, message):
    with pytest.raises(NoValue) as refused:
        evaluated(expression, TYPES, DATA, LIMIT)
    if len(message) > 30:
        assert str(refused.value) == message
    else:
        assert message.lower() in str(refused.value).lower()


def test_a_name_without_a_value_fails_only_where_it_is_used():
    assert evaluated("whole", TYPES, {"whole": 1}, LIMIT) == 1
    with pytest.raises(NoValue, match="half"):
        evaluated("half", TYPES, {"whole": 1}, LIMIT)


@pytest.mark.parametrize("value", [2**65, -(2**64), "\ud800"])
def test_a_value_that_the_language_does_not_have_is_refused(value):
    with pytest.raises(NoValue):
        evaluated("any", TYPES, {"any": value}, LIMIT)


def test_numbers_that_json_does_not_have_travel_as_texts():
    assert evaluated("half", TYPES, {"half": "nan"}, LIMIT) == "nan"
    assert evaluated("half * -1", TYPES, {"half": "inf"}, LIMIT) == "-inf"


@pytest.mark.parametrize(
    "expression",
    ["text", "[text]", "{text: 1}", "{'a': {'b': text}}", "[[names, names], [names, names]]"],
)
def test_a_value_that_is_too_large_is_refused(expression):
    with pytest.raises(NoValue, match="more than 0 kB"):
        evaluated(expression, TYPES, {"text": "x" * 5, "names": ["a", "b"]}, 4)


@pytest.mark.parametrize(
    "expression",
    [
        "[text].map(a, " + "+".join("a" * 20) + ")" + (".map(a, " + "+".join("a" * 20) + ")") * 7,
        "names.all(a, names.all(b, [a, b]" + ".map(x, [" + ",".join("x" * 30) + "])" * 6 + " == []))",
        "[1].map(x, [x])" + ".map(x, [" + ",".join("x" * 40) + "])" * 5,
    ],
)
def test_loops_within_loops_end_in_time_and_memory(expression):
    try:
        value = evaluated_apart(expression, TYPES, {"text": "x" * 1_000, "names": ["x"] * 1_000}, LIMIT)
    except NoValue as error:
        value = str(error)
    assert len(json.dumps(value)) < 2 * LIMIT


def test_a_process_that_evaluates_has_bounds_on_time_and_memory():
    script = (
        "import resource; from dataops_lab.pipelines.language import limit_process; limit_process()\n"
        "print(resource.getrlimit(resource.RLIMIT_CPU)[1], resource.getrlimit(resource.RLIMIT_CORE)[1])\n"
        "try: bytearray(2**30)\n"
        "except MemoryError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(language.MAX_SECONDS), "0", "refused"]


def test_too_many_rounds_are_refused():
    numbers = list(range(1_000))
    with pytest.raises(NoValue, match="too many items"):
        evaluated_apart("any.map(a, any.map(b, any.map(c, 1)))", TYPES, {"any": numbers}, LIMIT)


@pytest.mark.parametrize("name", ["__import__('os').system('true')", "open('/etc/passwd')", "text.__class__"])
def test_no_name_of_python_is_known(name):
    with pytest.raises(NotCompiled):
        result_type(name, TYPES)


def test_a_process_that_evaluates_imports_nothing_of_the_domain():
    script = (
        "import sys, dataops_lab.pipelines.bounded; print(*(m for m in sys.modules if m.startswith('dataops_lab')))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {
        "dataops_lab",
        "dataops_lab.pipelines",
        "dataops_lab.pipelines.bounded",
        "dataops_lab.pipelines.language",
    }


def test_the_library_is_imported_only_when_an_expression_is_used():
    script = "import sys, dataops_lab.pipelines.reading; print('cel_expr_python' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
