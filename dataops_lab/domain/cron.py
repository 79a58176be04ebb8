"""Cron expressions: five fields as in Debian's cron, where 0 and 7 are Sunday; `L` and `#` are known too.

When clocks are set forward, an expression with a fixed time fires once, at the first minute that exists. When they are
set back, it fires once, at the first of both times. `*` in the field of minutes or hours follows real time.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from ..errors import InvalidSchedule

MAX_LENGTH = 200
_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
_RANGES = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, or L for the last day",
    "month": "1-12, or JAN-DEC",
    "day-of-week": "0-7, where 0 and 7 are Sunday, or SUN-SAT",
}
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PROBE = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def normalize_cron(expression: str) -> str:
    """Return the expression with five fields and single spaces; a name such as `@daily` as the fields it stands for.

    InvalidSchedule names the field that is wrong. For an expression in another dialect it has a `suggestion`.
    """
    text = " ".join(expression.split())
    if len(text) > MAX_LENGTH:
        raise InvalidSchedule(f"A cron expression has at most {MAX_LENGTH} characters.", code="invalid_cron")
    if text.startswith("@"):
        if text.lower() not in _MACROS:
            raise InvalidSchedule(
                f"`{text}` is not known. Use five fields, or one of {', '.join(_MACROS)}.", code="invalid_cron"
            )
        return _MACROS[text.lower()]
    fields = text.split()
    if (suggestion := _translate(text)) is not None:
        offered = f" In five fields it is `{suggestion}`." if suggestion else ""
        raise InvalidSchedule(
            f"`{text}` is not in the dialect of cron, which has five fields: minute, hour, day of the month, month, "
            f"day of the week.{offered or ' Write it with five fields.'}",
            code="invalid_cron",
            **({"suggestion": suggestion} if suggestion else {}),
        )
    if len(fields) != len(_FIELDS):
        raise InvalidSchedule(
            f"`{text}` has {len(fields)} fields, and cron has five: minute, hour, day of the month, month, day of the "
            "week. `0 8 * * 1` is every Monday at 08:00.",
            code="invalid_cron",
        )
    for position, field in enumerate(fields):
        _check_field(text, fields, position, field)
    if not _ever_fires(text):
        raise InvalidSchedule(
            f"`{text}` never fires: no month has such a day. Correct the day or the month.", code="never_fires"
        )
    return text


def fires_after(expression: str, zone: ZoneInfo, after: dt.datetime) -> Iterator[dt.datetime]:
    """Yield the instants after `after`, in UTC and in order, without end. The expression is a normalized one."""
    last = after
    for local in CronSim(expression, after.astimezone(zone)):
        found = local.astimezone(dt.UTC)
        # In the hour that comes twice, the time of the first pass may lie before `after`.
        if found > last:
            last = found
            yield found


def _check_field(text: str, fields: list[str], position: int, field: str) -> None:
    """Raise InvalidSchedule unless the field is right by itself. Tell where it stands."""
    alone = ["*"] * len(_FIELDS)
    alone[position] = field
    try:
        CronSim(" ".join(alone), _PROBE)
    except (CronSimError, ValueError):
        column = sum(len(before) + 1 for before in fields[:position]) + 1
        name = _FIELDS[position]
        hint = " For the nearest weekday use a schedule by business days." if "W" in field.upper() else ""
        raise InvalidSchedule(
            f"`{field}` at character {column} of `{text}` is not right for the {name.replace('-', ' ')}: it takes "
            f"{_RANGES[name]}, lists, ranges and steps.{hint}",
            code="invalid_cron",
            field=name,
            column=column,
        ) from None


def _ever_fires(text: str) -> bool:
    try:
        return next(CronSim(text, _PROBE), None) is not None
    except (CronSimError, RuntimeError):
        return False


def _translate(text: str) -> str | None:
    """Return an expression of another dialect in five fields; "" when that is not possible, None for other texts."""
    if wrapped := re.fullmatch(r"cron\((.*)\)", text, re.IGNORECASE):
        fields = wrapped[1].split()
        return _from_quartz(fields[:5]) if len(fields) == 6 and fields[5] == "*" else ""
    fields = text.split()
    if len(fields) in (6, 7):
        is_quartz = "?" in fields
        if fields[0] not in ("0", "00") or (len(fields) == 7 and fields[6] != "*"):
            return ""
        return _from_quartz(fields[1:6]) if is_quartz else _checked(" ".join(fields[1:6]))
    if len(fields) == 5 and "?" in fields:
        return _checked(" ".join("*" if field == "?" else field for field in fields))
    return None


def _from_quartz(fields: list[str]) -> str:
    """Translate minute to day-of-week of Quartz, which counts the days from 1 for Sunday."""
    *rest, weekday = ["*" if field == "?" else field for field in fields]
    if last := re.fullmatch(r"([1-7])L", weekday):
        return _checked(" ".join([*rest, f"{int(last[1]) - 1}L"]))
    base, mark, nth = weekday.partition("#")
    step = base.partition("/")
    named = re.sub(r"\d+", lambda number: _quartz_day(number[0]), step[0])
    if "?" in named or (step[0] == "L"):
        return ""
    return _checked(" ".join([*rest, f"{named}{step[1]}{step[2]}{mark}{nth}"]))


def _quartz_day(number: str) -> str:
    return _DAYS[int(number) - 1] if 1 <= int(number) <= len(_DAYS) else "?"


def _checked(text: str) -> str:
    try:
        return normalize_cron(text)
    except InvalidSchedule:
        return ""
