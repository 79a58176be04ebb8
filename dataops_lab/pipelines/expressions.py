"""Expressions of a pipeline: checked and evaluated with the names that the pipeline has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..domain.expressions import CheckedExpression, Context, ExpressionProblem, Scope
from ..domain.parameters import Json, Parameter, ParameterType
from ..domain.pipeline_checks import nearest
from ..domain.pipelines import MAX_VALUE_BYTES
from ..errors import ExpressionFailed
from . import language

_LOOPS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_STEP_MEMBERS = {"state": "string", "values": "map<string,dyn>", "nothing_to_do": "bool", "with_failures": "bool"}
_RUN_MEMBERS = {"id": "string", "started": "timestamp"}

_TYPES = {
    ParameterType.STRING: "string",
    ParameterType.DATE: "string",
    ParameterType.DATETIME: "string",
    ParameterType.INTEGER: "int",
    ParameterType.NUMBER: "double",
    ParameterType.BOOLEAN: "bool",
    ParameterType.LIST: "list<dyn>",
    ParameterType.MAPPING: "map<string,dyn>",
    ParameterType.ANY: "dyn",
}
_PARAMETER_TYPES = {
    "string": ParameterType.STRING,
    "int": ParameterType.INTEGER,
    "uint": ParameterType.INTEGER,
    "double": ParameterType.NUMBER,
    "bool": ParameterType.BOOLEAN,
    "list": ParameterType.LIST,
    "map": ParameterType.MAPPING,
    "timestamp": ParameterType.DATETIME,
}


def check(expression: str, scope: Scope) -> CheckedExpression:
    """Find what is wrong with an expression before any run."""
    try:
        kind = language.result_type(expression, _types(scope))
    except language.NotCompiled as error:
        problems = (_explained(expression, scope, *problem) for problem in error.problems)
        return CheckedExpression(problems=tuple(dict.fromkeys(problems)))
    if problem := _misuse_of_has(expression, scope):
        return CheckedExpression(problems=(problem,))
    if kind in language.UNSENDABLE:
        message = f"It gives {language.type_name(kind)}, and nothing takes that. {language.UNSENDABLE[kind]}"
        return CheckedExpression(problems=(ExpressionProblem(message),))
    return CheckedExpression(_PARAMETER_TYPES.get(kind, ParameterType.ANY))


def takes_long(expression: str) -> bool:
    """Tell whether the expression has a loop. The time of all others is bounded by their length."""
    return any(word.is_call and word.names[-1] in _LOOPS for word in _words(expression))


def evaluate(expression: str, context: Context) -> Json:
    """Return the value of an expression. Raise ExpressionFailed, which says why there is none."""
    checked = check(expression, context.scope)
    if checked.problems:
        raise _failed(checked.problems[0].message)
    data = {name: value for name, value in _data(context) if all(part in expression for part in name.split("."))}
    evaluated = language.evaluated_apart if takes_long(expression) else language.evaluated
    try:
        return evaluated(expression, _types(context.scope), data, MAX_VALUE_BYTES)
    except language.NoValue as error:
        raise _failed(str(error)) from None


# --- names and values -----------------------------------------------------------------------------


def _types(scope: Scope) -> dict[str, str]:
    """Return the type of each name. The names have dots: a mapping would have no names that can be checked."""
    types = {f"params.{each.name}": _type(each) for each in scope.parameters.parameters}
    for step in scope.steps:
        types.update({f"steps.{step}.{member}": kind for member, kind in _STEP_MEMBERS.items()})
    types.update({f"run.{member}": kind for member, kind in _RUN_MEMBERS.items()})
    if scope.item:
        types[scope.item] = "dyn"
    return types


def _type(parameter: Parameter) -> str:
    may_be_other = parameter.nullable or parameter.unsupported or (parameter.default is None and not parameter.required)
    return "dyn" if may_be_other else _TYPES[parameter.type]


def _data(context: Context) -> Iterator[tuple[str, Json]]:
    for parameter in context.scope.parameters.parameters:
        yield f"params.{parameter.name}", context.parameters.get(parameter.name, parameter.default)
    for step in context.scope.steps:
        result = context.steps[step]
        yield f"steps.{step}.state", str(result.state)
        yield f"steps.{step}.values", dict(result.values)
        yield f"steps.{step}.nothing_to_do", result.nothing_to_do
        yield f"steps.{step}.with_failures", result.with_failures
    yield "run.id", context.run_id
    yield "run.started", context.run_started.isoformat()
    if context.scope.item:
        yield context.scope.item, context.item


# --- messages -------------------------------------------------------------------------------------

_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_EXAMPLES = {"params": "params.month", "steps": "steps.train.values.auc", "run": "run.id"}


@dataclass(frozen=True)
class _Word:
    """A dotted name in an expression, with the place where it begins. `is_call`: parentheses follow."""

    names: tuple[str, ...]
    line: int
    column: int
    is_call: bool
    argument_of: str = ""
    """The function whose only argument it is."""


_TOKEN = re.compile(
    r"""
    (?P<text> [rRbB]{0,2} (?: \"{3} .*? \"{3} | '{3} .*? '{3} | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' ) )
  | (?P<comment> //[^\n]* )
  | (?P<chain> [A-Za-z_]\w* (?: \s* \. \s* [A-Za-z_]\w* )* )
  | (?P<mark> \d[\w.]* | \S )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


def _words(expression: str) -> Iterator[_Word]:
    tokens = [token for token in _TOKEN.finditer(expression) if token.lastgroup != "comment"]
    for place, token in enumerate(tokens):
        if token.lastgroup != "chain":
            continue
        before = [each[0] for each in tokens[:place]]
        after = tokens[place + 1][0] if place + 1 < len(tokens) else ""
        outer = [each for each in before if each != "("] if before[-1:] == ["("] else [""]
        start = expression.rfind("\n", 0, token.start()) + 1
        yield _Word(
            names=tuple(re.split(r"\s*\.\s*", token[0])),
            line=expression.count("\n", 0, token.start()) + 1,
            column=token.start() - start + 1,
            is_call=after == "(",
            argument_of=outer[-1] if after == ")" and outer else "",
        )


def _misuse_of_has(expression: str, scope: Scope) -> ExpressionProblem | None:
    """Find a `has` around a name that is always there: for those the library returns the value of the name."""
    always = _types(scope)
    for word in _words(expression):
        if word.argument_of == "has" and ".".join(word.names) in always:
            name = ".".join(word.names)
            message = f"`{name}` is always there. Take `has` away, or compare with null."
            return ExpressionProblem(message, word.line, word.column)
    return None


def _explained(expression: str, scope: Scope, line: int, column: int, message: str) -> ExpressionProblem:
    """Return a message of the compiler in the words of this project, at the place where the name begins."""
    if match := _UNDECLARED.match(message):
        return _unknown(expression, scope, match[1], line, column)
    if language.ends_too_early(message):
        lines = expression.split("\n")
        return ExpressionProblem("The expression ends too early.", len(lines), len(lines[-1]) + 1)
    return ExpressionProblem(language.compiler_message(message), max(line, 1), max(column, 1))


def _unknown(expression: str, scope: Scope, name: str, line: int, column: int) -> ExpressionProblem:
    names = tuple(name.split("."))
    word = next((each for each in _words(expression) if each.names[: len(names)] == names), None)
    if word:
        line, column = word.line, word.column
    is_call = any(each.is_call and each.names[-1] == names[-1] for each in _words(expression))
    return ExpressionProblem(_why_unknown(names, scope, is_call=is_call), line, column)


def _why_unknown(names: tuple[str, ...], scope: Scope, *, is_call: bool) -> str:
    match names:
        case ("params",) | ("steps",) | ("run",):
            return f"`{names[0]}` is not a value. Name one of its members, as in `{_EXAMPLES[names[0]]}`."
        case ("params", name, *_):
            return f"There is no parameter `{name}`.{nearest(name, [p.name for p in scope.parameters.parameters])}"
        case ("steps", scope.own_step, *_):
            return f"`{scope.own_step}` is this step itself, which has no results yet."
        case ("steps", step, *_) if step in scope.other_steps:
            return f"The results of `{step}` are not known here. Add `{step}` to `needs`."
        case ("steps", step, *_) if step not in scope.steps:
            return f"There is no step `{step}`.{nearest(step, scope.steps + scope.other_steps)}"
        case ("steps", step):
            return f"`steps.{step}` is not a value. Name one of its members, as in `steps.{step}.values.rows`."
        case ("steps", step, member, *_):
            return f"A step has no `{member}`. Write `steps.{step}.values.{member}` for a value that it recorded."
        case ("run", member, *_):
            return f"A run has no `{member}`.{nearest(member, list(_RUN_MEMBERS))}"
    if is_call:
        return f"There is no function `{names[-1]}`."
    roots = ["params", "steps", "run", *([scope.item] if scope.item else [])]
    return f"There is no name `{names[0]}`.{nearest(names[0], roots)}"


def _failed(problem: str) -> ExpressionFailed:
    return ExpressionFailed(f"The expression has no value: {problem[0].lower()}{problem[1:]}", problem=problem)
