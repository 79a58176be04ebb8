"""Webhooks: a delivery makes its ticks once, whatever it says and whenever it comes."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.runs import Reason, TriggerKind
from dataops_lab.domain.schedules import Due, Overlap, Preset, Settings, Webhook
from dataops_lab.domain.secrets import WEBHOOK_SCOPE
from dataops_lab.domain.ticks import TickState
from dataops_lab.domain.webhooks import Delivery, Signature
from dataops_lab.errors import Forbidden, InvalidParameters, InvalidSchedule, NotAuthentic, Refused
from dataops_lab.services import schedules, secrets, webhooks
from dataops_lab.testing import person

from ..schedule_lab import ANN, HOURLY, ScheduleLab

ORDER = ParameterSchema(
    (
        Parameter("order", ParameterType.INTEGER, required=True),
        Parameter("day", ParameterType.DATE, default="2026-01-01"),
        Parameter("note", ParameterType.STRING, default=""),
    )
)
RULE = Webhook(parameters={"order": "/order/id", "day": "/day"})


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    lab = ScheduleLab(ctx, executor, clock)
    lab.notebooks.schema = ORDER
    return lab


def signed(lab, secret, body, *, delivery_id="msg_1"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    timestamp = str(int(lab.clock.now().timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{delivery_id}.{timestamp}.".encode() + raw, "sha256")
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return Delivery({"webhook-id": delivery_id, "webhook-timestamp": timestamp, "webhook-signature": signature}, raw)


def send(lab, schedule, secret, body, *, delivery_id="msg_1"):
    delivery = signed(lab, secret, body, delivery_id=delivery_id)
    genuine = webhooks.check_signature(lab.ctx, lab.get(schedule).hook_id, delivery)
    return webhooks.receive(lab.ctx, genuine, json.loads(delivery.body))


def add(lab, rule=RULE, **settings):
    """Add a schedule with a secret, and return both."""
    schedule = lab.add(rule, **settings)
    _, secret = webhooks.put_secret(lab.ctx, schedule.id, by=ANN)
    return schedule, secret


def test_a_delivery_waits_for_an_engine_and_reaches_the_job_as_typed_parameters_alone(lab):
    schedule, secret = add(lab, parameters={"note": "by mail"})
    receipt = send(lab, schedule, secret, {"order": {"id": 7}, "day": "2026-02-03", "note": "evil", "x": 1})
    (tick,) = receipt.ticks
    assert (tick.state, tick.kind, tick.cause, receipt.is_replay) == ("ready", "webhook", "webhook:msg_1", False)
    assert lab.runs() == []
    lab.settle()
    (run,) = lab.runs()
    assert run.parameters == {"order": 7, "day": "2026-02-03", "note": "by mail"}
    assert (run.trigger.kind, run.trigger.ref, run.created_by) == (TriggerKind.WEBHOOK, tick.id, ANN)


def test_a_delivery_that_comes_again_makes_nothing_whatever_it_says_by_then(lab):
    schedule, secret = add(lab)
    first = send(lab, schedule, secret, {"order": {"id": 7}})
    lab.settle()
    again = send(lab, schedule, secret, {"order": {"id": 8}})
    assert again.is_replay and [tick.id for tick in again.ticks] == [tick.id for tick in first.ticks]
    lab.advance(10 * 86_400)
    assert send(lab, schedule, secret, {"order": {"id": 9}}).is_replay
    lab.settle()
    assert [run.parameters["order"] for run in lab.runs()] == [7]


def test_ten_that_bring_the_same_delivery_at_once_make_one_run(lab):
    schedule, secret = add(lab)
    genuine = webhooks.check_signature(lab.ctx, lab.get(schedule).hook_id, signed(lab, secret, {"order": {"id": 7}}))
    with ThreadPoolExecutor(10) as threads:
        receipts = list(threads.map(lambda _: webhooks.receive(lab.ctx, genuine, {"order": {"id": 7}}), range(10)))
    assert sum(not receipt.is_replay for receipt in receipts) == 1
    assert len(lab.ticks(schedule)) == 1


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"order": {"id": "7"}}, "'order' needs a whole number"),
        ({"order": {"id": None}}, "'order' needs a whole number"),
        ({"order": {}}, "'order' has no default"),
        ([], "'order' has no default"),
        ({"order": {"id": 7}, "day": "tomorrow"}, "'day' needs a date"),
    ],
)
def test_what_the_job_does_not_take_is_refused_with_the_reason_and_in_the_log(lab, body, named):
    schedule, secret = add(lab)
    for _ in range(2):  # The sender may try again.
        with pytest.raises(InvalidParameters, match=named):
            send(lab, schedule, secret, body)
    lab.settle()
    assert lab.log(schedule) == ["31 08:00 refused invalid_parameters"]
    assert (lab.runs(), lab.messages(), lab.get(schedule).failures) == ([], [], 0)


def test_more_than_a_job_can_take_is_refused(lab):
    schedule, secret = add(lab, Webhook(parameters={"order": "/id", "note": "/text"}))
    with pytest.raises(InvalidParameters, match="link to the data"):
        send(lab, schedule, secret, {"id": 1, "text": "x" * 100_000})


def test_each_preset_has_a_run_of_a_delivery(lab):
    presets = (Preset("north", {"note": "n"}), Preset("south", {"note": "s"}))
    schedule, secret = add(lab, presets=presets)
    assert len(send(lab, schedule, secret, {"order": {"id": 1}}).ticks) == 2
    lab.settle()
    assert sorted(run.parameters["note"] for run in lab.runs()) == ["n", "s"]


def test_overlap_and_due_times_count_for_deliveries_too(lab):
    schedule, secret = add(lab, overlap=Overlap.BUFFER_ONE, due=Due(within_s=60.0))
    for number in range(3):
        send(lab, schedule, secret, {"order": {"id": number}}, delivery_id=f"msg_{number}")
        lab.settle()
    assert [(tick.state, tick.due_at is not None) for tick in lab.ticks(schedule)][:2] == [
        ("ran", True),
        ("waiting", True),
    ]
    assert lab.ticks(schedule)[2].state == "skipped"


def test_a_delivery_to_a_paused_schedule_or_one_that_is_over_is_in_the_log(lab):
    schedule, secret = add(lab, ends_at=lab.clock.now() + dt.timedelta(hours=2))
    schedules.pause(lab.ctx, schedule.id, by=ANN)
    assert send(lab, schedule, secret, {"order": {"id": 1}}).ticks[0].reason.code == "paused"
    schedules.resume(lab.ctx, schedule.id, by=ANN)
    lab.clock.advance(3 * 3600)
    assert send(lab, schedule, secret, {"order": {"id": 1}}, delivery_id="b").ticks[0].reason.code == "outside"
    lab.settle()
    assert (lab.log(schedule), lab.runs()) == (["31 08:00 skipped paused", "31 11:00 skipped outside"], [])


def test_without_a_secret_and_without_a_webhook_the_answer_is_the_same(lab):
    schedule = lab.add(RULE)
    messages = set()
    for hook_id in (schedule.hook_id, "x" * 32):
        with pytest.raises(NotAuthentic) as refused:
            webhooks.check_signature(lab.ctx, hook_id, signed(lab, "whsec_" + "A" * 44, {"order": {"id": 1}}))
        messages.add(refused.value.message)
    assert len(messages) == 1


def test_a_new_secret_counts_at_once_and_the_one_before_for_a_day(lab):
    schedule, first = add(lab)
    lab.clock.advance(60)
    _, second = webhooks.put_secret(lab.ctx, schedule.id, by=ANN)
    assert first != second
    for number, secret in enumerate((first, second)):
        assert send(lab, schedule, secret, {"order": {"id": 1}}, delivery_id=f"m{number}").ticks
    hook = schedules.get(lab.ctx, schedule.id).hook
    assert hook.previous_until == lab.clock.now() + dt.timedelta(hours=24)
    lab.clock.advance(24 * 3600)
    with pytest.raises(NotAuthentic):
        send(lab, schedule, first, {"order": {"id": 1}}, delivery_id="m3")
    assert send(lab, schedule, second, {"order": {"id": 1}}, delivery_id="m4").ticks
    assert schedules.get(lab.ctx, schedule.id).hook.previous_until is None


def test_the_secret_before_can_end_at_once(lab):
    schedule, first = add(lab)
    _, second = webhooks.put_secret(lab.ctx, schedule.id, by=ANN)
    webhooks.put_secret(lab.ctx, schedule.id, keep_previous=False, by=ANN)
    for secret in (first, second):
        with pytest.raises(NotAuthentic):
            send(lab, schedule, secret, {"order": {"id": 1}})


def test_a_secret_of_the_sender_is_taken_and_never_shown(lab):
    schedule = lab.add(Webhook(Signature.GITHUB, {"order": "/number"}))
    _, shown = webhooks.put_secret(lab.ctx, schedule.id, "a secret of the sender", by=ANN)
    assert shown is None
    body = b'{"number": 3}'
    mac = hmac.digest(b"a secret of the sender", body, "sha256").hex()
    delivery = Delivery({"x-hub-signature-256": f"sha256={mac}", "x-github-delivery": "d1"}, body)
    genuine = webhooks.check_signature(lab.ctx, lab.get(schedule).hook_id, delivery)
    assert webhooks.receive(lab.ctx, genuine, {"number": 3}).ticks[0].payload == {"order": 3}


def test_secrets_go_with_the_rule_that_they_are_for(lab):
    schedule, _secret = add(lab)
    hook_id = lab.get(schedule).hook_id

    def names():
        with lab.ctx.store.read() as tx:
            return [each.name for each in tx.secrets.list_in_scope(WEBHOOK_SCOPE)]

    webhooks.put_secret(lab.ctx, schedule.id, by=ANN)
    assert names() == [schedule.id, f"{schedule.id}/previous"]
    schedules.change(lab.ctx, schedule.id, Settings(RULE, "UTC", parameters={"note": "x"}), by=ANN)
    assert (lab.get(schedule).hook_id, len(names())) == (hook_id, 2)
    github = Settings(Webhook(Signature.GITHUB, RULE.parameters), "UTC")
    schedules.change(lab.ctx, schedule.id, github, by=ANN)
    assert (lab.get(schedule).hook_id, names()) == (hook_id, [])
    webhooks.put_secret(lab.ctx, schedule.id, by=ANN)
    schedules.change(lab.ctx, schedule.id, Settings(HOURLY, "UTC", parameters={"order": 1}), by=ANN)
    assert (lab.get(schedule).hook_id, names()) == (None, [])
    other, _ = add(lab, name="other")
    schedules.remove(lab.ctx, other.id, by=ANN)
    assert names() == []


def test_secrets_of_webhooks_lie_encrypted_and_move_to_a_new_key(lab):
    schedule, secret = add(lab)
    secrets.rotate_key(lab.ctx, by=ANN)
    assert send(lab, schedule, secret, {"order": {"id": 1}}).ticks


def test_only_the_owner_and_administrators_set_a_secret_and_only_of_a_webhook(ctx, executor, clock):
    lab = ScheduleLab(replace(ctx, administrators=frozenset({"root"})), executor, clock)
    schedule = lab.add(Webhook())
    with pytest.raises(Forbidden, match="ann"):
        webhooks.put_secret(lab.ctx, schedule.id, by=person("bob"))
    assert webhooks.put_secret(lab.ctx, schedule.id, by=person("root"))[1]
    plain = lab.add(name="plain")
    with pytest.raises(Refused, match="not started by a webhook"):
        webhooks.put_secret(lab.ctx, plain.id, by=ANN)


def test_a_webhook_names_declared_parameters(lab):
    with pytest.raises(InvalidParameters, match="'colour' is not a parameter"):
        lab.add(Webhook(parameters={"order": "/id", "colour": "/colour"}))
    with pytest.raises(InvalidParameters, match="'order' has no default"):
        lab.add(Webhook(parameters={"note": "/note"}))
    with pytest.raises(InvalidSchedule, match="JSON pointer"):
        lab.add(Webhook(parameters={"order": "id"}))


def test_a_schedule_with_a_webhook_keeps_the_engine(lab):
    lab.add(RULE)
    with lab.ctx.store.read() as tx:
        assert tx.schedules.count_active() == 1


def test_a_delivery_whose_run_was_refused_later_stays_accepted(lab):
    schedule, secret = add(lab)
    (tick,) = send(lab, schedule, secret, {"order": {"id": 1}}).ticks
    lab.clock.advance(1)
    with lab.ctx.store.begin() as tx:
        why = Reason("invalid_parameters", "The notebook has changed.")
        tx.ticks.move(tick, replace(tick, state=TickState.REFUSED, reason=why, decided_at=lab.clock.now()))
    assert send(lab, schedule, secret, {"order": {"id": 1}}).is_replay
