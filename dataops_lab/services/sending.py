"""The decision whether the success of a scheduled run is told, in the transaction that ends the run."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

from ..domain.events import Subject, SubjectKind
from ..domain.expressions import Context, Scope
from ..domain.mails import read_wish
from ..domain.parameters import ParameterType
from ..domain.runs import Run, RunState
from ..domain.schedules import Schedule
from ..domain.sending import Result, SendRule, When, wants_to_send
from ..domain.ticks import Tick
from ..errors import ExpressionFailed, InvalidSchedule
from ..ports import Transaction
from .context import Services

log = logging.getLogger("dataops_lab.notifications")

REPORTED = "schedule.reported"
"""The event that a success was told. The next one is compared with it."""
_SCOPE = Scope(item="values")
MAX_EVENTS = 1000


def check_rule(ctx: Services, rule: SendRule) -> SendRule:
    """Return the rule, checked. InvalidSchedule when it, or its condition, makes no sense."""
    rule = rule.checked()
    if rule.when is not When.CONDITION:
        return rule
    checked = ctx.pipelines.check(rule.condition, _SCOPE)
    if checked.problems:
        raise InvalidSchedule(f"The condition for sending: {checked.problems[0].message}")
    if not checked.can_be(ParameterType.BOOLEAN):
        raise InvalidSchedule("The condition for sending gives no truth value. Compare values: `values.auc < 0.8`.")
    if ctx.pipelines.takes_long(rule.condition):
        raise InvalidSchedule("The condition for sending loops over a list. Let the notebook record what it needs.")
    return rule


def is_told(ctx: Services, tx: Transaction, schedule: Schedule, tick: Tick, run: Run, *, at: dt.datetime) -> bool:
    """Decide whether the end of a run is told. Only successes are ever left out.

    A success that is told is noted, so that the next one is compared with it.
    """
    if run.state is not RunState.SUCCEEDED:
        return True
    record = tx.records.find_for_run(run.id)
    values = record.values if record else {}
    rule, wish = schedule.settings.send, read_wish(values).send
    compares = rule.when in (When.CHANGED, When.NEW_VERSION)
    last = _last(tx, schedule, tick) if compares and wish is None else None
    result = Result(run.version_digest, values)
    told = wants_to_send(
        rule, result, last, wish=wish, condition=lambda expression: _holds(ctx, expression, values, run, at)
    )
    if told and compares:
        data = {"run": run.id, "preset": tick.preset}
        tx.events.add(Subject(SubjectKind.SCHEDULE, schedule.id), REPORTED, at=at, data=data)
    return told


def _last(tx: Transaction, schedule: Schedule, tick: Tick) -> Result | None:
    """Return the last success that was told of this preset; None when there is none, or it was deleted."""
    subject, after, run_id = Subject(SubjectKind.SCHEDULE, schedule.id), 0, None
    while events := tx.events.list_after(after, limit=MAX_EVENTS, subject=subject, kinds=[REPORTED]):
        after = events[-1].seq
        run_id = next((e.data["run"] for e in reversed(events) if e.data["preset"] == tick.preset), run_id)
    run = tx.runs.get_many([run_id]).get(run_id) if run_id else None
    if run is None:
        return None
    return Result(run.version_digest, tx.records.find_values_for_runs([run.id]).get(run.id, {}))


def _holds(ctx: Services, expression: str, values: Mapping[str, Any], run: Run, at: dt.datetime) -> bool:
    """Evaluate the condition. One that fails counts as true: a message too many is better than one that is missing."""
    try:
        context = Context(_SCOPE, run.id, run.started_at or at, item=dict(values))
        return ctx.pipelines.evaluate(expression, context) is not False
    except ExpressionFailed as error:
        log.warning("The condition for sending %r of run %s has no value: %s", expression, run.id, error)
        return True
