"""Messages, written in the transaction of the thing that they tell. `notifications` delivers them later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ulid import ULID

from ..domain.actors import Actor
from ..domain.delivery_times import GROUP_WAIT
from ..domain.durations import WARNING_LEAST_EXCESS_S, warning_after
from ..domain.events import Subject, SubjectKind
from ..domain.mails import read_wish
from ..domain.notifications import Message, MessageKind
from ..domain.occasions import BY_HAND, PresetEnd, kind_of_group, message_of_end, was_failure
from ..domain.pipelines import Step
from ..domain.runs import MAX_SUMMARY_MESSAGE, Reason, Run, RunState
from ..domain.schedules import MAX_PRESETS, Schedule
from ..domain.subscriptions import Happening, Occasion, Subscription, listeners
from ..domain.ticks import Tick, TickState
from ..errors import NotFound, UnknownEnvironment
from ..ports import TickFilter, Transaction
from .context import Services

MAX_SIBLINGS = 4 * MAX_PRESETS
PRESET_EARLIER = 5
EARLIER = 30
"""The number of earlier ends at which a recovery and an expected duration look."""


# --- ticks ----------------------------------------------------------------------------------------


def tell(
    tx: Transaction,
    kind: MessageKind,
    schedule: Schedule,
    tick: Tick,
    *,
    run: Run | None = None,
    occasion: Occasion = Occasion.PLAIN,
    at: dt.datetime,
) -> None:
    """Add a message about a tick. It is delivered when this transaction is committed, and only then.

    A schedule with presets has one message for all of them that belong to one nominal time. It waits until their runs
    have ended, at most `GROUP_WAIT`. Kinds that nobody hears by default are told only when somebody wants to hear them.
    """
    if len(schedule.settings.presets) > 1 and kind in _GROUPED and occasion is Occasion.PLAIN:
        _tell_group(tx, kind, schedule, tick, run=run, at=at)
        return
    payload = _of_tick(tx, schedule, tick, run, occasion)
    if (kind in _ONLY_WHEN_WANTED or occasion is not Occasion.PLAIN) and not is_heard(tx, kind, payload):
        return
    _add(tx, kind, Subject(SubjectKind.SCHEDULE, schedule.id), payload, at=at)


_GROUPED = frozenset(
    {
        MessageKind.FAILURE,
        MessageKind.REFUSED,
        MessageKind.RECOVERY,
        MessageKind.SUCCESS,
        MessageKind.LATE,
        MessageKind.MISSED,
    }
)
FORESEEN = "will_be_late"
"""The code of the reason of a tick that is told before its due time."""
_ONLY_WHEN_WANTED = frozenset({MessageKind.SUCCESS, MessageKind.DURATION_WARNING})
_AT_ONCE = (MessageKind.LATE, MessageKind.MISSED)


def tell_end(tx: Transaction, schedule: Schedule, tick: Tick, run: Run, *, at: dt.datetime) -> None:
    """Add the message about the end of a run of a tick. `schedule` still has the failures from before."""
    after_failure = schedule.failures > 0
    if schedule.settings.presets and run.state is RunState.SUCCEEDED:
        after_failure = _had_failed(tx, tick)
    end = message_of_end(run.state, after_failure=after_failure)
    if end is not None:
        tell(tx, end[0], schedule, tick, run=run, occasion=end[1], at=at)


def _had_failed(tx: Transaction, tick: Tick) -> bool:
    """Tell whether the run of the same preset before failed: those of other presets say nothing about it."""
    where = TickFilter(tick.schedule_id, (TickState.RAN,), tick.preset, nominal_before=tick.nominal)
    earlier = tx.ticks.page(where, limit=PRESET_EARLIER).items
    run_ids = [each.run_id for each in earlier if each.run_id]
    runs = tx.runs.get_many(run_ids)
    return was_failure(runs[run_id].state for run_id in run_ids if run_id in runs)


def _of_tick(tx: Transaction, schedule: Schedule, tick: Tick, run: Run | None, occasion: Occasion) -> dict[str, Any]:
    reason = run.reason if run else tick.reason
    return {
        **_facts(tx, schedule.job_id, schedule.environment, schedule.owner, occasion),
        "schedule": {"id": schedule.id, "name": schedule.name, "timezone": schedule.settings.timezone},
        "tick": tick.id,
        "nominal": tick.nominal.isoformat(),
        "preset": tick.preset,
        "count": tick.count,
        "run": run.id if run else tick.run_id,
        "reason": _shown(reason),
        "due": tick.due_at.isoformat() if tick.due_at else None,
        "foreseen": reason is not None and reason.code == FORESEEN,
        "failures": schedule.failures,
    }


def _facts(tx: Transaction, job_id: str, environment: str, owner: Actor, occasion: Occasion) -> dict[str, Any]:
    """Return the members that every message about a job has."""
    job = tx.jobs.get(job_id)
    return {
        "schedule": None,
        "job": {"id": job.id, "name": job.name},
        "environment": environment,
        "owner": owner.id,
        "by_hand": False,
        "occasion": str(occasion),
        "tick": None,
        "nominal": None,
        "preset": "",
        "presets": [],
        "count": 1,
        "run": None,
        "reason": None,
        "due": None,
        "foreseen": False,
        "failures": 0,
    }


def _shown(reason: Reason | None) -> dict[str, str] | None:
    return {"code": reason.code, "message": reason.message[:MAX_SUMMARY_MESSAGE]} if reason else None


# --- presets of a tick ----------------------------------------------------------------------------


def _tell_group(
    tx: Transaction, kind: MessageKind, schedule: Schedule, tick: Tick, *, run: Run | None, at: dt.datetime
) -> None:
    """Add the message about all presets of a nominal time, or bring the one that waits up to date."""
    at_once = kind in _AT_ONCE
    group = f"{kind if at_once else 'ends'}:{schedule.id}:{tick.nominal.isoformat()}:{tick.kind}"
    open_message = tx.outbox.find_open(group)
    known = {each["preset"]: each for each in open_message.payload["presets"]} if open_message else {}
    ends = _late_presets(known, kind, tick) if at_once else _ends_of(tx, tick, kind, run, known)
    told_kind = kind_of_group(ends) or kind
    worst = next((end for end in ends if end.kind is told_kind), None)
    payload = {
        **_of_tick(tx, schedule, tick, run, Occasion.PLAIN),
        "preset": "",
        "presets": [end.to_json() for end in ends],
        "run": worst.run if worst else None,
        "reason": {"code": worst.state, "message": worst.reason} if worst and worst.reason else None,
    }
    if told_kind in _ONLY_WHEN_WANTED and not is_heard(tx, told_kind, payload):
        return
    waits = not at_once and not all(end.has_ended for end in ends)
    if open_message is None:
        not_before = at + GROUP_WAIT if waits else at
        subject = Subject(SubjectKind.SCHEDULE, schedule.id)
        _add(tx, told_kind, subject, payload, at=at, not_before=not_before, group=group)
    else:
        not_before = open_message.not_before if waits else at
        tx.outbox.change(replace(open_message, kind=told_kind, payload=payload, not_before=not_before))


def _late_presets(known: dict[str, Any], kind: MessageKind, tick: Tick) -> list[PresetEnd]:
    reason = tick.reason.message[:MAX_SUMMARY_MESSAGE] if tick.reason else None
    earlier = [PresetEnd(each["preset"], each["state"], kind, each["run"], each["reason"]) for each in known.values()]
    return [*earlier, PresetEnd(tick.preset, str(kind), kind, tick.run_id, reason)]


def _ends_of(tx: Transaction, tick: Tick, kind: MessageKind, run: Run | None, known: dict[str, Any]) -> list[PresetEnd]:
    """Return what became of each preset: of this one as given, of the others as the log of decisions has it."""
    siblings = [
        each
        for each in tx.ticks.list_between(tick.nominal, tick.nominal, schedule_id=tick.schedule_id, limit=MAX_SIBLINGS)
        if each.nominal == tick.nominal and each.kind is tick.kind and each.preset != tick.preset
    ]
    runs = tx.runs.get_many([each.run_id for each in siblings if each.run_id])
    reason = run.reason if run else tick.reason
    ends = [
        PresetEnd(
            tick.preset,
            str(run.state if run else tick.state),
            kind,
            run.id if run else tick.run_id,
            reason.message[:MAX_SUMMARY_MESSAGE] if reason else None,
        )
    ]
    for each in siblings:
        its_run = runs.get(each.run_id or "")
        state = its_run.state if its_run else each.state
        its_reason = its_run.reason if its_run else each.reason
        if its_run is not None:
            has_ended = its_run.state.is_terminal
            end = message_of_end(its_run.state, after_failure=False) if has_ended else None
            its_kind = end[0] if end and end[1] is Occasion.PLAIN else None
        else:
            has_ended = not each.state.is_open
            its_kind = MessageKind.REFUSED if each.state is TickState.REFUSED else None
        message = its_reason.message[:MAX_SUMMARY_MESSAGE] if its_reason and has_ended else None
        if each.preset in known and known[each.preset]["kind"] == MessageKind.RECOVERY:
            its_kind = MessageKind.RECOVERY
        ends.append(PresetEnd(each.preset, str(state), its_kind, each.run_id, message, has_ended))
    return sorted(ends, key=lambda end: end.preset)


# --- runs -----------------------------------------------------------------------------------------


def react(_: Services, tx: Transaction, ended: Sequence[Run], at: dt.datetime) -> None:
    """Tell of the ends of runs that a person started. `ticks` tells of those of schedules."""
    tops = [run for run in ended if run.parent_id is None and run.tick_id is None and run.trigger.kind in BY_HAND]
    if not tops:
        return
    guarded = {each.name for each in tx.environments.all() if each.guarded}
    known = _subscriptions_to(tx, tops)
    for run in tops:
        if run.environment not in guarded and not known:
            continue  # A run in the sandbox is told to nobody who did not ask for it.
        _tell_run(tx, run, known, guarded=run.environment in guarded, at=at)


def _tell_run(
    tx: Transaction, run: Run, subscriptions: Sequence[Subscription], *, guarded: bool, at: dt.datetime
) -> None:
    end = message_of_end(run.state, after_failure=True)
    if end is None:
        return
    kind, occasion = end
    if run.state is RunState.SUCCEEDED and _wishes_silence(tx, run):
        return
    targets = default_targets(tx, run.environment)

    def has_listeners() -> bool:
        happening = _of_run(kind, run, occasion, guarded=guarded)
        return bool(listeners(happening, subscriptions, default_targets=targets))

    if not has_listeners():
        return
    if kind is MessageKind.RECOVERY:
        # Only now is it worth a look at the earlier runs.
        earlier = tx.runs.list_earlier_ends(run, limit=EARLIER)
        kind = MessageKind.RECOVERY if was_failure(each.state for each in earlier) else MessageKind.SUCCESS
        if not has_listeners():
            return
    _add(tx, kind, _job_subject(run), run_payload(tx, run, occasion), at=at)


def _wishes_silence(tx: Transaction, run: Run) -> bool:
    record = tx.records.find_for_run(run.id)
    return record is not None and read_wish(record.values).send is False


def tell_retries(tx: Transaction, retried: Collection[Run], *, at: dt.datetime) -> None:
    """Tell of failures after which the run is tried again, to those who want to hear of them before the last try."""
    tops = [run for run in retried if run.parent_id is None]
    for run in tops:
        payload = run_payload(tx, run, Occasion.RETRIED)
        if is_heard(tx, MessageKind.FAILURE, payload):
            _add(tx, MessageKind.FAILURE, _job_subject(run), payload, at=at)


def run_payload(tx: Transaction, run: Run, occasion: Occasion = Occasion.PLAIN) -> dict[str, Any]:
    """Return what a message says about a run, with its schedule where it has one."""
    by_hand = run.tick_id is None and run.trigger.kind in BY_HAND
    payload = {
        **_facts(tx, run.job_id, run.environment, run.created_by, occasion),
        "by_hand": by_hand,
        "run": run.id,
        "reason": _shown(run.reason),
    }
    if run.tick_id is None:
        return payload
    try:
        tick = tx.ticks.get(run.tick_id)
        schedule = tx.schedules.get(tick.schedule_id)
    except NotFound:
        return payload
    return _of_tick(tx, schedule, tick, run, occasion)


def _of_run(kind: MessageKind, run: Run, occasion: Occasion, *, guarded: bool) -> Happening:
    return Happening(
        kind,
        run.environment,
        run.job_id,
        owner=run.created_by.id,
        guarded=guarded,
        by_hand=run.trigger.kind in BY_HAND,
        occasion=occasion,
    )


def _subscriptions_to(tx: Transaction, runs: Iterable[Run]) -> Sequence[Subscription]:
    refs = {ref for run in runs for ref in Happening(MessageKind.FAILURE, run.environment, run.job_id).objects}
    return tx.subscriptions.list_to(refs)


def _job_subject(run: Run) -> Subject:
    # An event about the run itself would count as a change of it.
    return Subject(SubjectKind.JOB, run.job_id)


# --- approvals ------------------------------------------------------------------------------------


def tell_approval_wanted(ctx: Services, tx: Transaction, run: Run, step: Step, *, at: dt.datetime) -> None:
    """Ask the people who may decide on a step. Where it names nobody: administrators, or the person of the run."""
    assert step.approval is not None
    asked = step.approval.who
    if not asked:
        asked = tuple(sorted(ctx.administrators)) if is_guarded(tx, run.environment) else ()
    payload = {
        **run_payload(tx, run),
        "step": {"id": step.id, "title": step.title},
        "ask": step.approval.ask[:MAX_SUMMARY_MESSAGE],
        "asked": list(asked or (run.created_by.id,)),
        "reason": None,
    }
    _add(tx, MessageKind.APPROVAL_WANTED, _job_subject(run), payload, at=at)


def tell_approval_given(
    tx: Transaction, run: Run, step: Step, *, approved: bool, comment: str, by: Actor, at: dt.datetime
) -> None:
    """Tell the person of the run what became of an approval, unless they decided themselves."""
    payload = {
        **run_payload(tx, run),
        "step": {"id": step.id, "title": step.title},
        "approved": approved,
        "by": {"id": by.id, "name": by.name},
        "comment": comment[:MAX_SUMMARY_MESSAGE],
        "reason": None,
    }
    if payload["owner"] != by.id or is_heard(tx, MessageKind.APPROVAL_GIVEN, {**payload, "owner": None}):
        _add(tx, MessageKind.APPROVAL_GIVEN, _job_subject(run), payload, at=at)


# --- long runs ------------------------------------------------------------------------------------


def warn_of_long_runs(ctx: Services, *, fence: int) -> int:
    """Tell once of each run that takes unusually long, where somebody wants to hear it. Return how many there were."""
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        late = _long_runs(tx, now)
    if not late:
        return 0
    with ctx.store.begin(fence=fence) as tx:
        # Some may have ended meanwhile.
        late = _long_runs(tx, now)
        for run, payload in late:
            group = long_run_group(run.id)
            _add(tx, MessageKind.DURATION_WARNING, _job_subject(run), payload, at=now, group=group)
    return len(late)


def long_run_group(run_id: str) -> str:
    return f"duration:{run_id}"


def _long_runs(tx: Transaction, now: dt.datetime) -> list[tuple[Run, dict[str, Any]]]:
    found = []
    for run in tx.runs.list_in_states(RunState.ACTIVE):
        if run.parent_id is not None or run.started_at is None:
            continue
        elapsed_s = (now - run.started_at).total_seconds()
        if elapsed_s < WARNING_LEAST_EXCESS_S:
            continue
        durations = [
            end.seconds
            for end in tx.runs.list_earlier_ends(run, limit=EARLIER)
            if end.state is RunState.SUCCEEDED and end.seconds is not None
        ]
        limit_s = warning_after(durations)
        if limit_s is None or elapsed_s < limit_s or tx.outbox.knows(long_run_group(run.id)):
            continue
        if run.tick_id is not None and any(tick.told_at for tick in tx.ticks.get_many([run.tick_id]).values()):
            continue  # It was told already that it is late, or will be.
        payload = {**run_payload(tx, run), "elapsed_s": elapsed_s, "warned_after_s": limit_s}
        if is_heard(tx, MessageKind.DURATION_WARNING, payload):
            found.append((run, payload))
    return found


# --- who would hear it ----------------------------------------------------------------------------


def is_heard(tx: Transaction, kind: MessageKind, payload: dict[str, Any]) -> bool:
    """Tell whether somebody would hear of it, by whatever channel."""
    happening = happening_of(tx, kind, payload)
    targets = default_targets(tx, happening.environment)
    return bool(listeners(happening, tx.subscriptions.list_to(happening.objects), default_targets=targets))


def happening_of(tx: Transaction, kind: MessageKind, payload: Any) -> Happening:
    """Return the facts of a message that decide about its listeners, with the recipients that its schedule has now."""
    schedule = _schedule_of(tx, payload)
    settings = schedule.settings if schedule else None
    recipients = settings.recipients if settings else ()
    if settings and payload["preset"]:
        recipients = (*recipients, *settings.recipients_of(payload["preset"]))
    return Happening(
        kind,
        payload["environment"],
        payload["job"]["id"],
        schedule.id if schedule else None,
        owner=schedule.owner.id if schedule else payload["owner"],
        asked=tuple(payload.get("asked", ())),
        guarded=is_guarded(tx, payload["environment"]),
        by_hand=payload.get("by_hand", False),
        occasion=Occasion(payload.get("occasion", Occasion.PLAIN)),
        recipients=recipients,
    )


def _schedule_of(tx: Transaction, payload: Any) -> Schedule | None:
    if not payload["schedule"]:
        return None
    schedule_id = payload["schedule"]["id"]
    return tx.schedules.get_many([schedule_id]).get(schedule_id)


def default_targets(tx: Transaction, environment: str) -> tuple[str, ...]:
    """Return the names of the targets that hear of trouble in the environment without a subscription.

    They are those that name the environment; one for all environments hears what somebody wants it to hear.
    """
    found = (target for target in tx.targets.all() if target.enabled and target.place)
    return tuple(target.name for target in found if environment in target.environments)


def is_guarded(tx: Transaction, environment: str) -> bool:
    try:
        return tx.environments.get(environment).guarded
    except UnknownEnvironment:
        return False


def _add(
    tx: Transaction,
    kind: MessageKind,
    subject: Subject,
    payload: dict[str, Any],
    *,
    at: dt.datetime,
    not_before: dt.datetime | None = None,
    group: str | None = None,
) -> None:
    message_id = str(ULID.from_datetime(at))
    tx.outbox.add(Message(message_id, kind, subject, payload, at, not_before or at, group=group))
