"""Dates in the parameters of a schedule: a closed list of functions of the nominal time, in the schedule's zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from ..errors import InvalidSchedule
from .parameters import ParameterSchema, ParameterType

_DAY = dt.timedelta(days=1)


class DateFunction(StrEnum):
    """A docstring below a function says what it gives; all others give a date."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    TOMORROW = "tomorrow"
    WEEK_START = "week_start"
    """The Monday of the week."""
    LAST_WEEK_START = "last_week_start"
    MONTH_START = "month_start"
    MONTH_END = "month_end"
    LAST_MONTH_START = "last_month_start"
    LAST_MONTH_END = "last_month_end"
    QUARTER_START = "quarter_start"
    YEAR_START = "year_start"
    THIS_MONTH = "this_month"
    """Text such as `2026-09`."""
    LAST_MONTH = "last_month"
    """Text such as `2026-08`."""
    NOMINAL_TIME = "nominal_time"
    """The nominal time, with its offset."""
    PREVIOUS_RUN = "previous_run"
    """The nominal time of the newest earlier tick that succeeded; the nominal time itself where there is none."""


def _last_month(day: dt.date) -> dt.date:
    return (day.replace(day=1) - _DAY).replace(day=1)


def _month_end(day: dt.date) -> dt.date:
    return (day.replace(day=28) + 4 * _DAY).replace(day=1) - _DAY


_F = DateFunction
_OF_DAY: dict[DateFunction, Callable[[dt.date], dt.date]] = {
    _F.TODAY: lambda day: day,
    _F.YESTERDAY: lambda day: day - _DAY,
    _F.TOMORROW: lambda day: day + _DAY,
    _F.WEEK_START: lambda day: day - day.weekday() * _DAY,
    _F.LAST_WEEK_START: lambda day: day - (day.weekday() + 7) * _DAY,
    _F.MONTH_START: lambda day: day.replace(day=1),
    _F.MONTH_END: _month_end,
    _F.LAST_MONTH_START: _last_month,
    _F.LAST_MONTH_END: lambda day: day.replace(day=1) - _DAY,
    _F.QUARTER_START: lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    _F.YEAR_START: lambda day: day.replace(month=1, day=1),
}
_MONTHS = {_F.THIS_MONTH: lambda day: day, _F.LAST_MONTH: _last_month}
_TIMES = (_F.NOMINAL_TIME, _F.PREVIOUS_RUN)


def compute_dates(
    wanted: Mapping[str, DateFunction], nominal: dt.datetime, zone: ZoneInfo, *, previous: dt.datetime | None
) -> dict[str, Any]:
    """Return the values of the parameters, as JSON. `previous`: the nominal time of the last tick that succeeded."""
    local = nominal.astimezone(zone)
    found: dict[str, Any] = {}
    for name, function in wanted.items():
        if function in _OF_DAY:
            found[name] = _OF_DAY[function](local.date()).isoformat()
        elif function in _MONTHS:
            found[name] = f"{_MONTHS[function](local.date()):%Y-%m}"
        else:
            instant = (previous or nominal).astimezone(zone) if function is _F.PREVIOUS_RUN else local
            found[name] = instant.isoformat(timespec="seconds")
    return found


def date_function(name: str, text: str) -> DateFunction:
    """Return the function of that name, for a parameter. InvalidSchedule, which names all functions, for none."""
    try:
        return DateFunction(text)
    except ValueError:
        raise InvalidSchedule(
            f"`{text}` is not a date for the parameter `{name}`. There are: {', '.join(DateFunction)}.",
            code="unknown_date",
        ) from None


def check_dates(wanted: Mapping[str, DateFunction], schema: ParameterSchema) -> None:
    """Raise InvalidSchedule for a function that gives another type than its parameter takes."""
    for name, function in wanted.items():
        parameter = schema.get(name)
        gives = _given_type(function)
        if parameter is not None and parameter.type not in (gives, ParameterType.STRING, ParameterType.ANY):
            raise InvalidSchedule(
                f"`{function}` gives a {gives}, and the parameter `{name}` takes a {parameter.type}. Choose another "
                "function.",
                code="unknown_date",
            )


def _given_type(function: DateFunction) -> ParameterType:
    if function in _MONTHS:
        return ParameterType.STRING
    return ParameterType.DATETIME if function in _TIMES else ParameterType.DATE
