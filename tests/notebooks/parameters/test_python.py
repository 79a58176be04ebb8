from __future__ import annotations

from typing import Any

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterType
from dataops_lab.notebooks.parameters import python

T = ParameterType


def one(source: str) -> Parameter:
    read = python.parameters(source)
    assert read is not None and len(read) == 1, read
    return read[0]


@pytest.mark.parametrize(
    ("source", "kind", "default"),
    [
        ('p = "north"', T.STRING, "north"),
        ("p = 'a' 'b'", T.STRING, "ab"),
        ("p = 5", T.INTEGER, 5),
        ("p = -5", T.INTEGER, -5),
        ("p = 0.5", T.NUMBER, 0.5),
        ("p = 60 * 60", T.INTEGER, 3600),
        ("p = 1 / 4", T.NUMBER, 0.25),
        ("p = 2 ** 10 - 1", T.INTEGER, 1023),
        ("p = True", T.BOOLEAN, True),
        ("p = [1, 2]", T.LIST, [1, 2]),
        ("p = (1, 'a')", T.LIST, [1, "a"]),
        ("p = {'a': [1, {'b': None}]}", T.MAPPING, {"a": [1, {"b": None}]}),
        ("p = date(2026, 1, 31)", T.DATE, "2026-01-31"),
        ("p = datetime.date(2026, 1, 31)", T.DATE, "2026-01-31"),
        ("p = dt.date(year=2026, month=1, day=31)", T.DATE, "2026-01-31"),
        ("p = date.fromisoformat('2026-01-31')", T.DATE, "2026-01-31"),
        ("p = datetime(2026, 1, 31, 8)", T.DATETIME, "2026-01-31T08:00:00"),
        ("p = dt.datetime.fromisoformat('2026-01-31T08:00')", T.DATETIME, "2026-01-31T08:00:00"),
        ("p: float = 1", T.NUMBER, 1),
        ("p: 'int' = 1", T.INTEGER, 1),
        ("p: date = '2026-01-31'", T.DATE, "2026-01-31"),
        ("p: Any = 1", T.ANY, 1),
        ("p: SomeClass = 1", T.INTEGER, 1),
        ("p = 1  # type: float", T.NUMBER, 1),
        ("p = 1  # type: Optional[float]  how much", T.NUMBER, 1),
        ("p: Union[int, float] = 1", T.NUMBER, 1),
        ("p: int | str = 1", T.ANY, 1),
        ("p: Final[int] = 1", T.INTEGER, 1),
    ],
)
def test_type_and_default_are_read(source: str, kind: ParameterType, default: Any) -> None:
    parameter = one(source)
    assert (parameter.type, parameter.default, parameter.required) == (kind, default, False)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("p = f'{a}.csv'", T.STRING),
        ("p = 'data/' + name", T.STRING),
        ("p = date.today()", T.DATE),
        ("p = datetime.now()", T.DATETIME),
        ("p = float('inf')", T.NUMBER),
        ("p = 1e999", T.NUMBER),
        ("p = date(2026, 13, 1)", T.DATE),
        ("p: int = compute()", T.INTEGER),
        ("p = compute()", T.ANY),
        ("p = {1: 'a', 'b': 2}", T.ANY),
        ("p = {n: 'a'}", T.MAPPING),
        ("p = [1, x]", T.LIST),
        ("p = b'bytes'", T.ANY),
        ("p = 1 / 0", T.ANY),
        ("p = 9 ** 9 ** 9", T.NUMBER),
        ("p = 'a' * 10 ** 12", T.ANY),
        ("p = lambda: 1", T.ANY),
        ("p = !ls", T.ANY),
        ("p = %env HOME", T.ANY),
    ],
)
def test_a_default_that_only_running_tells_is_unknown_and_not_required(source: str, kind: ParameterType) -> None:
    parameter = one(source)
    assert (parameter.type, parameter.default, parameter.required, parameter.nullable) == (kind, None, False, False)


def test_a_default_that_cannot_be_shown_as_a_value_is_shown_as_code() -> None:
    assert one("p = date.today()  # last day").description == "last day (default: date.today())"


@pytest.mark.parametrize(
    "source",
    ["p: Optional[int] = 5", "p: int | None = 5", "p: 'Optional[int]' = 5", "p: Union[int, None] = 5", "p: int = None"],
)
def test_what_may_be_none_is_an_integer_that_may_be_left_empty(source: str) -> None:
    assert (one(source).type, one(source).nullable) == (T.INTEGER, True)


def test_literals_are_choices() -> None:
    parameter = one("p: Literal['north', 'south'] = 'north'")
    assert (parameter.type, parameter.choices, parameter.nullable) == (T.STRING, ("north", "south"), False)


def test_choices_of_several_types_none_and_negative_numbers() -> None:
    assert one("p: Literal[-1, 2] = -1").choices == (-1, 2)
    assert one("p: Literal['a', 1] = 1").type is T.ANY
    assert one("p: Optional[Literal['a', None]] = None") == Parameter("p", T.STRING, nullable=True, choices=("a",))


@pytest.mark.parametrize(
    ("source", "items"),
    [
        ("p: list[str] = []", T.STRING),
        ("p: List[int] = [1]", T.INTEGER),
        ("p: tuple[float, ...] = (1,)", T.NUMBER),
        ("p: list[date] = []", T.DATE),
        ("p = [1, 2.5]", T.NUMBER),
        ("p = [1, 'a']", None),
        ("p: list = [1]", T.INTEGER),
        ("p: list[int | None] = []", None),
    ],
)
def test_members_of_lists_have_a_type_where_all_have_the_same(source: str, items: ParameterType | None) -> None:
    assert one(source).items is items


def test_an_annotation_without_a_value_is_required() -> None:
    assert one("p: str") == Parameter("p", T.STRING, required=True)


@pytest.mark.parametrize(
    ("source", "description"),
    [
        ("p = 1  # how many", "how many"),
        ("# how many\np = 1", "how many"),
        ("# how\n# many\np = 1", "how many"),
        ("# above\np = 1  # beside", "beside"),
        ("# far\n\np = 1", ""),
        ("# -------\np = 1", ""),
        ("# p = 2\np = 1", ""),
        ("p = 1  # noqa: E501", ""),
        ("p = 1  # type: ignore", ""),
        ("p = 1  # type: int", ""),
        ("p = 1  # type: int how many", "how many"),
        ("p = [  # first\n  1,\n]", "first"),
        ("p = [\n  1,\n]  # last", "last"),
        ("p = '# no comment'", ""),
        ("p: Annotated[int, 'how many'] = 1", "how many"),
    ],
)
def test_comments_describe(source: str, description: str) -> None:
    assert one(source).description == description


def test_source_order_and_the_last_value_count() -> None:
    read = python.parameters(
        "a = 1\nb = c = 2\na = 3\nd, e = 4, 'x'\nif a:\n    f = 1\ndef g(): h = 1\ni += 1\nj.k = 1\n"
    )
    assert read is not None
    assert [(p.name, p.default) for p in read] == [("a", 3), ("b", 2), ("c", 2), ("d", 4), ("e", "x")]


def test_magics_and_shell_lines_do_not_break_reading() -> None:
    read = python.parameters("%load_ext autoreload\n!pip install x\nn = 1  # count\n?print\nprint?\nm = (7\n % 4)\n")
    assert read is not None
    assert [(p.name, p.default, p.description) for p in read] == [("n", 1, "count"), ("m", 3, "")]


def test_a_modulo_at_the_start_of_a_line_is_no_magic() -> None:
    assert one("m = (7\n % 4)").default == 3


@pytest.mark.parametrize(
    "source", ["n = ", "for", "%%bash\nn=1", "n = (" * 5000, "\0", "n = " + "-" * 100_000 + "1", "x = '" + "\ud800"]
)
def test_what_is_not_python_is_told_apart_from_no_parameters(source: str) -> None:
    assert python.parameters(source) is None


@pytest.mark.parametrize("line", [" " * 100_000, "a," * 50_000, "a." * 50_000, "# type: " + "a[]|" * 20_000])
def test_a_hostile_line_ends_in_time(line: str) -> None:
    python.parameters(f"{line}\nn = 1\n)")
    python.parameters(f"n = 1  {line}")


def test_a_deep_expression_does_not_harm() -> None:
    read = python.parameters("n = " + " + ".join(["1"] * 3000))
    assert read is None or read[0].name == "n"
