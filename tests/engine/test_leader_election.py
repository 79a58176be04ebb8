"""Leading, where several hosts use one store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import update

from dataops_lab.domain.leases import ENGINE
from dataops_lab.engine.leader_election import LEASE_DURATION_S, RENEW_INTERVAL_S, Leadership
from dataops_lab.services import Services, installation
from dataops_lab.services.installation import MAX_CLOCK_SKEW_S
from dataops_lab.store import SqlStore
from dataops_lab.store.tables import leases
from dataops_lab.testing import FakeClock, FakeHost


@pytest.fixture
def on(store: SqlStore, clock: FakeClock) -> Callable[..., Leadership]:
    """A function that makes the leadership of an engine on a host of the given name."""

    def leadership(host: str, **more) -> Leadership:
        return Leadership(store, clock, FakeHost(**{"name": host, "boot": f"boot of {host}", **more}), slots=2)

    return leadership


def let_it_expire(store: SqlStore, clock: FakeClock) -> None:
    """Let the lease expire, on a database with a clock of its own by that clock too."""
    clock.advance(LEASE_DURATION_S + MAX_CLOCK_SKEW_S)
    with store._database.writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
            connection.execute(update(leases).values(expires_at=past))


def test_two_hosts_that_share_a_store_never_depose_each_other(on, clock):
    first, second = on("login1"), on("login2")
    assert first.acquire_or_renew()
    token = first.fence
    for _ in range(20):
        assert not second.acquire_or_renew()
        clock.advance(RENEW_INTERVAL_S)
        assert first.acquire_or_renew()
        first.renew_soon()
    assert first.fence == token


def test_a_standby_on_another_host_takes_over_when_the_lease_has_expired(on, clock, store):
    first, second = on("login1"), on("login2")
    assert first.acquire_or_renew()
    let_it_expire(store, clock)
    assert second.acquire_or_renew()
    assert second.fence > first.fence
    first.renew_soon()
    assert not first.acquire_or_renew()


def test_a_lease_that_was_given_up_waits_for_nobody_on_another_host(on):
    first, second = on("login1"), on("login2")
    assert first.acquire_or_renew()
    first.release()
    assert second.acquire_or_renew()


def test_after_the_host_was_started_again_its_next_engine_leads_at_once(on):
    assert on("login1").acquire_or_renew()
    assert on("login1", boot="the next boot").acquire_or_renew()


def test_every_host_sees_the_engine_that_leads(on, ctx: Services, store, clock):
    assert on("login1").acquire_or_renew()
    elsewhere = replace(ctx, host=FakeHost(name="login2", boot="boot of login2"))
    leader = installation.overview(elsewhere).leader
    assert leader is not None
    assert leader.host == "login1"
    let_it_expire(store, clock)
    assert installation.overview(elsewhere).leader is None


def test_a_leader_that_doubts_learns_at_once_that_another_one_leads(on, store):
    first = on("login1")
    assert first.acquire_or_renew()
    with store.begin() as tx:
        lease = tx.leases.get(ENGINE)
        assert tx.leases.acquire(replace(lease, token=lease.token + 1, holder="another"), instead_of=lease)
    assert first.acquire_or_renew()
    first.renew_soon()
    assert not first.acquire_or_renew()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_on_a_database_with_a_clock_of_its_own_no_clock_of_a_host_decides(on, clock):
    assert on("login1").acquire_or_renew()
    clock.set_wall_clock(clock.now() + dt.timedelta(days=1))
    assert not on("login2").acquire_or_renew()
