"""Webhooks: their secrets, and the ticks of what other programs send."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..domain.actors import Actor
from ..domain.parameters import Json
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import Reason
from ..domain.schedules import Schedule, Webhook
from ..domain.secrets import WEBHOOK_SCOPE
from ..domain.ticks import Tick, TickKind, TickState
from ..domain.time import Timestamp
from ..domain.webhooks import (
    PREVIOUS_VALID_FOR,
    Delivery,
    Signature,
    authenticate,
    check_secret,
    new_hook_id,
    new_secret,
    parameters_in,
)
from ..errors import DataOpsError, InvalidParameters, NotAuthentic, Refused
from ..ports import Transaction
from . import secrets, ticks
from .context import Services
from .permissions import require

MAX_GIVEN_BYTES = 100_000


@dataclass(frozen=True)
class HookState:
    """The secret of a webhook without its value. `previous_until`: the one before it counts until then."""

    changed_at: dt.datetime
    changed_by: Actor
    previous_until: dt.datetime | None


@dataclass(frozen=True)
class Genuine:
    """A delivery whose signature was checked."""

    schedule_id: str
    hook_id: str
    delivery_id: str


@dataclass(frozen=True)
class Receipt:
    """The ticks of a delivery, one for each preset. `is_replay`: it had come before, and made them then."""

    ticks: Sequence[Tick]
    is_replay: bool = False


# --- setting --------------------------------------------------------------------------------------


def with_address(
    tx: Transaction, before: Schedule | None, schedule: Schedule, *, by: Actor, at: dt.datetime
) -> Schedule:
    """Return the schedule with an address when its rule is a webhook, and with none otherwise.

    Its secrets go when nobody can sign with them any more.
    """
    rule = schedule.settings.rule
    earlier = before.settings.rule if before else None
    if isinstance(earlier, Webhook) and not (isinstance(rule, Webhook) and rule.signature is earlier.signature):
        forget(tx, schedule.id, by=by, at=at)
    return replace(schedule, hook_id=(schedule.hook_id or new_hook_id()) if isinstance(rule, Webhook) else None)


def put_secret(
    ctx: Services, name: str, given: str | None = None, *, keep_previous: bool = True, by: Actor
) -> tuple[Schedule, str | None]:
    """Give the webhook of a schedule a new secret: the given one, or one that is made and returned this one time.

    The secret before it counts for a day more, so that nothing is lost until the sender has the new one; without
    `keep_previous` it ends at once.
    """
    with ctx.store.begin() as tx:
        schedule = tx.schedules.get(name)
        require(ctx, by, Verb.CHANGE, ObjectKind.SCHEDULE, owner=schedule.owner, what=f"Schedule {schedule.name}")
        rule = schedule.settings.rule
        if not isinstance(rule, Webhook):
            raise Refused(f"{schedule.name} is not started by a webhook. Change its rule first.", code="not_a_webhook")
        secret = check_secret(rule.signature, given) if given is not None else new_secret()
        current = tx.secrets.find(WEBHOOK_SCOPE, schedule.id)
        previous = _previous(schedule.id)
        if keep_previous and current is not None and current.sealed is not None:
            value = ctx.vault.open(current.sealed, bound_to=current.bound_to)
            secrets.seal(ctx, tx, WEBHOOK_SCOPE, previous, value, by=by)
        elif tx.secrets.find(WEBHOOK_SCOPE, previous) is not None:
            tx.secrets.remove(WEBHOOK_SCOPE, previous, at=ctx.clock.now(), by=by)
        secrets.seal(ctx, tx, WEBHOOK_SCOPE, schedule.id, secret, by=by)
        # Somebody who looks at the schedule sees that it has a new secret.
        schedule = tx.schedules.change(schedule, "schedule.secret_set", at=ctx.clock.now(), by=by)
    return schedule, secret if given is None else None


def states(ctx: Services, schedules: Sequence[Schedule]) -> dict[str, HookState]:
    """Return the states of the secrets by schedule, for those that have one."""
    if not any(schedule.hook_id for schedule in schedules):
        return {}
    with ctx.store.read() as tx:
        found = {secret.name: secret for secret in tx.secrets.list_in_scope(WEBHOOK_SCOPE)}
    now = ctx.clock.now()
    result = {}
    for schedule in schedules:
        if (secret := found.get(schedule.id)) is not None:
            until = secret.changed_at + PREVIOUS_VALID_FOR
            has_previous = _previous(schedule.id) in found and now < until
            result[schedule.id] = HookState(secret.changed_at, secret.changed_by, until if has_previous else None)
    return result


def forget(tx: Transaction, schedule_id: str, *, by: Actor, at: dt.datetime) -> None:
    """Remove the secrets of a schedule, if it has any."""
    for name in (schedule_id, _previous(schedule_id)):
        if tx.secrets.find(WEBHOOK_SCOPE, name) is not None:
            tx.secrets.remove(WEBHOOK_SCOPE, name, at=at, by=by)


def _previous(schedule_id: str) -> str:
    return f"{schedule_id}/previous"


# --- receiving ------------------------------------------------------------------------------------


def check_signature(ctx: Services, hook_id: str, delivery: Delivery) -> Genuine:
    """Find the webhook and check the signature. NotAuthentic, with the same words whether there is one or not."""
    with ctx.store.read() as tx:
        schedule = tx.schedules.find_by_hook(hook_id)
    rule = schedule.settings.rule if schedule else None
    signature = rule.signature if isinstance(rule, Webhook) else Signature.STANDARD
    valid = _valid_secrets(ctx, schedule.id) if schedule else []
    delivery_id = authenticate(delivery, signature, valid, ctx.clock.now())
    assert schedule is not None
    return Genuine(schedule.id, hook_id, delivery_id)


def _valid_secrets(ctx: Services, schedule_id: str) -> list[str]:
    with ctx.store.read() as tx:
        found = {secret.name: secret for secret in tx.secrets.list_in_scope(WEBHOOK_SCOPE)}
    current, previous = found.get(schedule_id), found.get(_previous(schedule_id))
    if current is None:
        return []
    if previous is not None and ctx.clock.now() >= current.changed_at + PREVIOUS_VALID_FOR:
        previous = None
    return [
        ctx.vault.open(secret.sealed, bound_to=secret.bound_to)
        for secret in (current, previous)
        if secret is not None and secret.sealed is not None
    ]


def receive(ctx: Services, genuine: Genuine, body: Json) -> Receipt:
    """Add the ticks of a delivery, which the engine starts as soon as there is one. The same delivery makes them once.

    InvalidParameters when the job does not take what the body gives; then the log has a row with the reason.
    """
    at = ctx.moment()
    with ctx.store.begin() as tx:
        schedule = tx.schedules.get_many([genuine.schedule_id]).get(genuine.schedule_id)
        rule = schedule.settings.rule if schedule else None
        if schedule is None or schedule.hook_id != genuine.hook_id or not isinstance(rule, Webhook):
            raise NotAuthentic("The webhook was removed while the delivery came.")
        cause = f"webhook:{genuine.delivery_id}"
        if known := tx.ticks.list_by_cause(schedule.id, cause):
            receipt = Receipt(known, is_replay=True)
        else:
            receipt = Receipt(_add(ctx, tx, schedule, rule, cause, body, at=at))
    for tick in receipt.ticks:
        # A tick that was refused later, when its run should start, was accepted here.
        if tick.state is TickState.REFUSED and tick.decided_at == tick.nominal and tick.reason is not None:
            raise InvalidParameters(tick.reason.message, code=tick.reason.code)
    return receipt


def _add(
    ctx: Services, tx: Transaction, schedule: Schedule, rule: Webhook, cause: str, body: Json, *, at: Timestamp
) -> Sequence[Tick]:
    now = at.wall_time
    if schedule.pause is not None:
        why = Reason("paused", f"{schedule.pause.by} had paused the schedule.")
        return [_closed(tx, schedule, cause, TickState.SKIPPED, why, at=at)]
    if not ticks.is_within(schedule, now):
        why = Reason("outside", "It came before the schedule starts, or after it ends.")
        return [_closed(tx, schedule, cause, TickState.SKIPPED, why, at=at)]
    given = parameters_in(body, rule.parameters)
    try:
        _check(tx, schedule, given)
    except DataOpsError as error:
        why = Reason(error.precise_code, error.message)
        return [_closed(tx, schedule, cause, TickState.REFUSED, why, at=at)]
    return ticks.add_event_ticks(ctx, tx, schedule, TickKind.WEBHOOK, nominal=now, cause=cause, payload=given, at=now)


def _check(tx: Transaction, schedule: Schedule, given: dict[str, Json]) -> None:
    """Raise InvalidParameters unless the version takes what is given. Only declared parameters get through."""
    if len(json.dumps(given).encode()) > MAX_GIVEN_BYTES:
        raise InvalidParameters(
            f"The parameters of the delivery have more than {MAX_GIVEN_BYTES} bytes. Send a link to the data.",
            code="parameters_too_large",
        )
    manifest = tx.versions.get(schedule.job_id, schedule.version_digest).manifest
    settings = schedule.settings
    for preset in settings.preset_names:
        dates = {
            name: parameter.sample()
            for name in settings.dates_of(preset)
            if (parameter := manifest.parameters.get(name))
        }
        manifest.parameters.validate({**dates, **settings.parameters_of(preset), **given}, word=manifest.kind)


def _closed(
    tx: Transaction, schedule: Schedule, cause: str, state: TickState, reason: Reason, *, at: Timestamp
) -> Tick:
    """Add the one row of the log for a delivery that starts nothing."""
    tick = Tick(
        id=ticks.new_id(at),
        schedule_id=schedule.id,
        nominal=at.wall_time,
        preset=schedule.settings.preset_names[0],
        kind=TickKind.WEBHOOK,
        state=state,
        decided_at=at.wall_time,
        cause=cause,
        reason=reason,
    )
    tx.ticks.add(tick)
    return tick
