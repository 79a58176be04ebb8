"""Messages: written with the thing that they tell, and planned for those who want them, when they want them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dataops_lab.domain.actors import Actor
from dataops_lab.domain.addresses import PersonSettings
from dataops_lab.domain.delivery_times import GROUP_WAIT, MOST_PER_WINDOW, WINDOW, DeliveryTimes, QuietHours
from dataops_lab.domain.notifications import ChannelKind
from dataops_lab.domain.runs import Submission
from dataops_lab.domain.schedules import Due, Overlap, Preset, Settings
from dataops_lab.domain.subscriptions import Choice, Interest, NamedRecipient, ObjectKind
from dataops_lab.domain.targets import Target
from dataops_lab.domain.timetables import Once
from dataops_lab.ports import DeliveryFilter
from dataops_lab.services import environments, pipelines, recipients, runs, schedules, subscriptions
from dataops_lab.services.schedules import ScheduleWish
from dataops_lab.testing import FakeHost, FakeSender, person

from ..schedule_lab import ANN, HOURLY, PATH, ScheduleLab, utc

BOB = person("bob")
I = Interest  # noqa: E741


class MessageLab(ScheduleLab):
    """A schedule's lab with mail. `mails` lists what arrived: the kind and the address."""

    def address(self, who: Actor, **times) -> None:
        """Give a person a confirmed address and times."""
        with self.ctx.store.begin() as tx:
            settings = PersonSettings(who.id, f"{who.id}@example.org", self.clock.now(), DeliveryTimes(**times))
            tx.people.put(settings, what="address_confirmed", at=self.clock.now(), by=who)

    def subscribe(self, who: Actor, kind: str, name: str, *on: Interest, channels=("mail",), **choice) -> None:
        wanted = Choice(frozenset(on), channels, **choice)
        subscriptions.subscribe(self.ctx, ObjectKind(kind), name, wanted, by=who)

    def mails(self) -> list[str]:
        with self.ctx.store.read() as tx:
            page = tx.deliveries.page(DeliveryFilter(channel=ChannelKind.MAIL), limit=100)
        return [f"{each.kind} {each.recipient.to.partition('@')[0]}" for each in reversed(page.items)]

    def payloads(self) -> list[dict]:
        with self.ctx.store.read() as tx:
            return [dict(message.payload) for message in reversed(tx.outbox.list_newest(limit=100))]

    def run(self, state: str = "failed", *, by: Actor = ANN, environment: str = "sandbox", **wishes) -> str:
        """Submit a run by hand and let it end so."""
        submitted = runs.submit(self.ctx, Submission(PATH, environment=environment, **wishes), by=by).view.run
        self.settle()
        self.end(submitted.id, state)
        return submitted.id

    def tick(self, state: str = "failed") -> None:
        """Let an hour pass, and end the run of its tick so."""
        self.advance(3600)
        for run in self.runs():
            if not run.state.is_terminal:
                self.end(run.id, state)

    def guarded(self) -> str:
        sandbox = environments.get(self.ctx, "sandbox")
        environments.add(self.ctx, replace(sandbox, name="live", position=9, guarded=True), by=ANN)
        return "live"

    def add_in(self, environment: str, rule=None, **settings):
        wanted = Settings(rule or HOURLY, settings.pop("timezone", "UTC"), **settings)
        wish = ScheduleWish(Submission(PATH, environment=environment), wanted, None)
        return schedules.add(self.ctx, wish, by=ANN).schedule


@pytest.fixture
def database(sqlite):
    """The store has a contract test of its own on both databases."""
    return sqlite


@pytest.fixture
def lab(ctx, executor, clock) -> MessageLab:
    ctx = replace(ctx, senders={ChannelKind.MAIL: FakeSender()})
    return MessageLab(ctx, executor, clock)


# --- runs -----------------------------------------------------------------------------------------


def test_a_run_by_hand_in_the_sandbox_costs_no_message_unless_its_submitter_wants_one(lab):
    lab.address(ANN)
    lab.run("failed")
    assert lab.messages() == []


def test_a_run_by_hand_is_told_to_its_submitter_and_to_nobody_else(lab):
    for who in (ANN, BOB):
        lab.address(who)
    run_id = lab.run("failed")
    job = runs.get(lab.ctx, run_id).run.job_id
    for who in (ANN, BOB):
        lab.subscribe(who, "job", job, I.ON_FAILURE, I.ON_SUCCESS)
    lab.run("failed")
    lab.run("succeeded")
    lab.run("succeeded")
    assert lab.mails() == ["failure ann", "recovery ann", "success ann"]


def test_a_run_by_hand_in_production_is_told_to_the_subscribers_too(lab):
    live = lab.guarded()
    for who in (ANN, BOB):
        lab.address(who)
    lab.subscribe(BOB, "environment", live, I.ON_FAILURE)
    lab.run("failed", environment=live)
    lab.run("succeeded", environment=live)
    lab.run("succeeded", environment=live)
    assert sorted(lab.mails()) == ["failure ann", "failure bob", "recovery ann"]


def test_a_failure_before_the_last_try_is_told_to_those_who_asked_for_it(lab):
    for who in (ANN, BOB):
        lab.address(who)
    schedule = lab.add()
    with lab.ctx.store.read() as tx:
        plan = tx.schedules.get_plan(schedule.id)
    retries = {name: replace(each, settings=replace(each.settings, max_retries=1)) for name, each in plan.items()}
    with lab.ctx.store.begin() as tx:
        current = tx.schedules.get(schedule.id)
        tx.schedules.change(current, "schedule.changed", at=lab.clock.now(), by=ANN, plan=retries)
    lab.subscribe(BOB, "schedule", schedule.name, I.ON_FAILURE, until_last_retry=False)
    lab.advance(3600)
    [run] = lab.runs()
    lab.end(run.id, "failed")
    assert lab.mails() == ["failure bob"]
    lab.advance(600)
    lab.end(run.id, "failed")
    assert sorted(lab.mails()) == ["failure ann", "failure bob", "failure bob"]


def test_a_cancelled_run_is_told_to_those_who_did_not_mute_it(lab):
    for who in (ANN, BOB):
        lab.address(who)
    schedule = lab.add()
    lab.subscribe(BOB, "schedule", schedule.id, I.ON_FAILURE, mute_cancelled=False)
    lab.advance(3600)
    [run] = lab.runs()
    runs.cancel(lab.ctx, run.id, by=ANN)
    lab.advance(60)
    lab.advance(60)
    assert lab.mails() == ["failure bob"]
    assert lab.payloads()[-1]["occasion"] == "cancelled"


def test_a_skipped_tick_is_told_to_those_who_did_not_mute_it(lab):
    for who in (ANN, BOB):
        lab.address(who)
    schedule = lab.add(overlap=Overlap.SKIP)
    lab.subscribe(BOB, "schedule", schedule.id, I.ON_MISSED, mute_skipped=False)
    lab.advance(3600)
    lab.advance(3600)
    assert lab.mails() == ["missed bob"]


def test_a_run_that_takes_unusually_long_is_told_once(lab):
    lab.address(ANN)
    schedule = lab.add()
    lab.subscribe(ANN, "schedule", schedule.id, I.ON_DURATION_WARNING)
    for _ in range(3):
        lab.tick("succeeded")
    lab.advance(3600)
    for _ in range(4):
        lab.advance(100)
    assert lab.mails() == ["duration_warning ann"]


def test_success_is_told_to_nobody_by_default_and_writes_nothing(lab):
    lab.address(ANN)
    lab.add()
    lab.tick("succeeded")
    assert lab.messages() == []


def test_an_unconfirmed_address_gets_nothing(lab):
    lab.add()
    subscriptions.enter_address(lab.ctx, "ann@example.org", by=ANN)
    lab.tick("failed")
    assert (lab.messages(), lab.mails()) == (["failure"], [])


def test_recipients_of_a_schedule_and_of_its_presets_hear_of_their_own(lab, monkeypatch):
    monkeypatch.setattr(recipients, "allowed_domains", lambda _: frozenset({"example.org"}))
    monkeypatch.setattr(subscriptions, "allowed_domains", lambda _: frozenset({"example.org"}))
    north = Preset("North", {}, (NamedRecipient("north@example.org"),))
    south = Preset("South", {}, (NamedRecipient("south@example.org"),))
    lab.add(presets=(north, south), recipients=(NamedRecipient("boss@example.org"),))
    lab.advance(3600)
    for run in lab.runs():
        preset = next(tick.preset for tick in lab.ticks(schedules_first(lab)) if tick.run_id == run.id)
        lab.end(run.id, "failed" if preset == "North" else "succeeded")
    assert sorted(lab.mails()) == ["failure boss", "failure north"]


def schedules_first(lab):
    with lab.ctx.store.read() as tx:
        return tx.schedules.page(limit=1).items[0]


def test_a_domain_that_nobody_allowed_is_refused_as_recipient(lab):
    with pytest.raises(Exception, match="is not allowed without an account"):
        lab.add(recipients=(NamedRecipient("boss@elsewhere.org"),))
    assert lab.runs() == []


# --- presets --------------------------------------------------------------------------------------


def regions(lab, count=4):
    names = ("East", "North", "South", "West")[:count]
    return lab.add(presets=tuple(Preset(name) for name in names))


def end_presets(lab, schedule, **states):
    for tick in lab.ticks(schedule):
        if tick.preset in states:
            lab.end(tick.run_id, states[tick.preset])


def test_all_presets_of_a_tick_are_one_message_that_names_the_one_that_failed(lab):
    lab.address(ANN)
    schedule = regions(lab)
    lab.advance(3600)
    end_presets(lab, schedule, East="succeeded", North="failed", South="succeeded")
    assert lab.mails() == []
    end_presets(lab, schedule, West="succeeded")
    assert lab.mails() == ["failure ann"]
    [payload] = lab.payloads()
    states = {each["preset"]: each["state"] for each in payload["presets"]}
    assert states == {"East": "succeeded", "North": "failed", "South": "succeeded", "West": "succeeded"}
    failed = next(tick.run_id for tick in lab.ticks(schedule) if tick.preset == "North")
    assert (payload["run"], payload["preset"]) == (failed, "")


def test_a_preset_that_hangs_does_not_hold_the_failure_of_another_for_long(lab):
    lab.address(ANN)
    schedule = regions(lab, 2)
    lab.advance(3600)
    end_presets(lab, schedule, North="failed")
    lab.advance(GROUP_WAIT.total_seconds() - 60)
    assert lab.mails() == []
    lab.advance(60)
    assert lab.mails() == ["failure ann"]
    [payload] = lab.payloads()
    assert {each["preset"]: each["state"] for each in payload["presets"]} == {"East": "active", "North": "failed"}


def test_presets_that_are_late_together_are_one_message(lab):
    lab.address(ANN)
    lab.add(presets=(Preset("North"), Preset("South")), due=Due(within_s=600))
    lab.advance(3600)
    lab.advance(700)
    assert lab.mails() == ["late ann"]
    assert [each["preset"] for each in lab.payloads()[-1]["presets"]] == ["North", "South"]


# --- when -----------------------------------------------------------------------------------------


def test_what_quiet_hours_hold_is_told_once_when_they_end_though_the_engine_has_died(lab):
    # The lab begins at 08:00.
    lab.address(ANN, quiet=QuietHours(dt.time(9), dt.time(12)))
    lab.add(Once(utc("2026-01-31T09:00")))
    lab.tick("failed")
    assert (lab.messages(), lab.mails()) == (["failure"], [])
    other = lab.other_engine(FakeHost())
    other.advance(4 * 3600)
    other.advance(60)
    assert lab.mails() == ["digest ann"]
    assert lab.payloads()[-1]["held"] == {"quiet": 1}


def test_quiet_hours_hold_no_failure_of_production(lab):
    live = lab.guarded()
    lab.address(ANN, quiet=QuietHours(dt.time(9), dt.time(12)))
    lab.add_in(live)
    lab.tick("failed")
    lab.tick("succeeded")
    assert lab.mails() == ["failure ann"]


def test_a_digest_tells_everything_of_the_day_in_one_message(lab):
    lab.address(ANN, digest_at=dt.time(11, 30))
    lab.add()
    for state in ("failed", "succeeded", "failed"):
        lab.tick(state)
    assert lab.mails() == []
    lab.advance(1800)
    assert lab.mails() == ["digest ann"]
    payload = lab.payloads()[-1]
    assert payload["held"] == {"digest": 3}
    assert [each["kind"] for each in payload["messages"]] == ["failure", "recovery", "failure"]


def test_messages_over_the_limit_are_counted_in_the_next_one(lab):
    lab.address(ANN)
    job = runs.get(lab.ctx, lab.run("succeeded")).run.job_id
    lab.subscribe(ANN, "job", job, I.ON_SUCCESS)
    for _ in range(MOST_PER_WINDOW + 3):
        lab.run("succeeded")
    assert lab.mails() == ["success ann"] * MOST_PER_WINDOW
    lab.advance(WINDOW.total_seconds())
    assert lab.mails()[MOST_PER_WINDOW:] == ["digest ann"]
    assert lab.payloads()[-1]["held"] == {"limit": 3}


def test_what_waits_goes_to_the_address_that_the_person_has_then(lab):
    lab.address(ANN, digest_at=dt.time(9, 30))
    lab.add()
    lab.tick("failed")
    subscriptions.remove_address(lab.ctx, by=ANN)
    lab.advance(3600)
    assert lab.mails() == []


# --- approvals ------------------------------------------------------------------------------------

ASKS = """
version: 1
steps:
  report: {notebook: report.ipynb}
  ok: {approve: {ask: Publish?, who: [bob]}, needs: [report]}
"""


def test_an_approval_is_told_to_those_who_decide_and_its_end_to_the_submitter(lab):
    for who in (ANN, BOB):
        lab.address(who)
    path = "/n/chain.pipeline.yaml"
    lab.notebooks.pipeline_files[path] = ASKS.encode()
    run_id = runs.submit(lab.ctx, Submission(path), by=ANN).view.run.id
    lab.settle()
    lab.end(next(iter(lab.executor.alive)).rpartition("-")[0])
    assert lab.mails() == ["approval_wanted bob"]
    pipelines.decide(lab.ctx, run_id, "ok", approved=True, comment="Fine.", by=BOB)
    lab.settle()
    assert lab.mails() == ["approval_wanted bob", "approval_given ann"]
    assert (lab.payloads()[-1]["approved"], lab.payloads()[-1]["comment"]) == (True, "Fine.")


def test_a_target_that_names_production_hears_of_its_failures_and_one_for_all_does_not(lab):
    live = lab.guarded()
    with lab.ctx.store.begin() as tx:
        for name, named in (("ops", (live,)), ("reports", ())):
            target = Target(name, ChannelKind.SLACK, "hooks.example.org", environments=named)
            tx.targets.put(target, at=lab.clock.now(), by=ANN)
    lab.add_in(live)
    lab.tick("failed")
    with lab.ctx.store.read() as tx:
        found = tx.deliveries.page(DeliveryFilter(channel=ChannelKind.SLACK), limit=10).items
    assert [each.recipient.to for each in found] == ["ops"]
