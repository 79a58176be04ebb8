"""The settings of a run: its place in the queue, its retries and its four clocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from ..errors import InvalidRequest, Refused
from .environments import RunLimits

HOUR_S = 3600.0
MAX_PRIORITY = 100
MAX_RETRIES = 10
MAX_CONCURRENCY = 10_000
MAX_TIMEOUT_S = 30 * 24 * HOUR_S


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The settings of one run, all decided when it is submitted.

    `max_retries` counts the user's own errors; errors of the machinery have a budget of their own. The
    clocks limit the time until its first start, the time that an attempt may take to start and to run, and
    the time of all of it.
    """

    priority: int = 0
    max_retries: int = 0
    retry_on_timeout: bool = False
    """True: an attempt that ran longer than `timeout_s` counts as a user's error that is tried again."""
    queue_timeout_s: float = 24 * HOUR_S
    start_timeout_s: float = 600.0
    timeout_s: float = 24 * HOUR_S
    total_timeout_s: float = 72 * HOUR_S


@dataclass(frozen=True, kw_only=True)
class GivenSettings:
    """The members of RunSettings that somebody chose, for a job or for one submission. None: not chosen."""

    priority: int | None = None
    max_retries: int | None = None
    retry_on_timeout: bool | None = None
    queue_timeout_s: float | None = None
    start_timeout_s: float | None = None
    timeout_s: float | None = None
    total_timeout_s: float | None = None

    def check(self) -> None:
        """Raise InvalidRequest, which names every setting that makes no sense."""
        if problems := list(_problems(self)):
            raise InvalidRequest(" ".join(problems))


def check_concurrency(concurrency: int | None) -> None:
    if concurrency is not None and not 0 <= concurrency <= MAX_CONCURRENCY:
        raise InvalidRequest(f"A limit on how many are active at once is a number from 0 to {MAX_CONCURRENCY}.")


def resolve_settings(submitted: GivenSettings, job_settings: GivenSettings, limits: RunLimits) -> RunSettings:
    """Choose each setting from the submission, else from the job, else the default.

    An environment's longest run time is the bound. Refused when a submission asks for more; a job's own setting is
    cut to it.
    """
    if submitted.timeout_s is not None and limits.timeout_s is not None and submitted.timeout_s > limits.timeout_s:
        raise Refused(
            f"A run may take {limits.timeout_s:g} seconds in this environment; {submitted.timeout_s:g} were asked for. "
            "Give a shorter timeout, or choose another environment.",
            code="beyond_limit",
            limit="timeout_s",
        )
    settings = RunSettings(**{**_chosen_values(job_settings), **_chosen_values(submitted)})
    if submitted.timeout_s is not None and submitted.timeout_s > settings.total_timeout_s:
        raise Refused(
            f"It would be ended after {settings.total_timeout_s:g} seconds in all, before its timeout of "
            f"{submitted.timeout_s:g}. Give a longer `total_timeout_s` too.",
            code="beyond_limit",
            limit="total_timeout_s",
        )
    return clamp(settings, limits)


def clamp(settings: RunSettings, limits: RunLimits) -> RunSettings:
    longest = math.inf if limits.timeout_s is None else limits.timeout_s
    return replace(settings, timeout_s=min(settings.timeout_s, longest))


def _chosen_values(given: GivenSettings) -> dict[str, Any]:
    # By name: a submission has more fields than these.
    values = {field.name: getattr(given, field.name) for field in fields(GivenSettings)}
    return {name: value for name, value in values.items() if value is not None}


def _problems(given: GivenSettings) -> Iterator[str]:
    if given.priority is not None and abs(given.priority) > MAX_PRIORITY:
        yield f"A priority lies between -{MAX_PRIORITY} and {MAX_PRIORITY}."
    if given.max_retries is not None and not 0 <= given.max_retries <= MAX_RETRIES:
        yield f"There are 0 to {MAX_RETRIES} retries."
    for name in ("queue_timeout_s", "start_timeout_s", "timeout_s", "total_timeout_s"):
        seconds = getattr(given, name)
        # This form refuses NaN too, which is neither greater nor smaller than any number.
        if seconds is not None and not 0 < seconds <= MAX_TIMEOUT_S:
            yield f"`{name}` is a number of seconds greater than 0, and at most {MAX_TIMEOUT_S:.0f}."
