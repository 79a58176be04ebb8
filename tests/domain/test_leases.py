from __future__ import annotations

import datetime as dt

from dataops_lab.domain.leases import ENGINE, Lease, ProcessIdentity

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def lease(**more) -> Lease:
    process = ProcessIdentity(7, 1.0, "boot")
    return Lease(ENGINE, "me", 1, NOW, 1030.0, process, 2, **{"host": "here", "expires_at": NOW + MINUTE, **more})


def test_on_its_own_host_a_lease_is_told_by_the_clock_of_the_boot():
    assert not lease().is_of_another_host(host="here", boot="boot")
    assert lease().is_held(boot="boot", monotonic=1029.0)
    assert not lease().is_held(boot="boot", monotonic=1030.0)


def test_a_lease_from_before_the_machine_was_started_again_is_not_held():
    assert not lease().is_of_another_host(host="here", boot="next")
    assert not lease().is_held(boot="next", monotonic=5.0)


def test_containers_of_one_machine_share_its_clock_whatever_they_are_called():
    assert not lease().is_of_another_host(host="a container", boot="boot")


def test_on_another_host_a_lease_is_told_by_a_clock_that_both_can_read():
    assert lease().is_of_another_host(host="there", boot="another")
    assert lease().is_held_elsewhere(NOW)
    assert not lease().is_held_elsewhere(NOW + MINUTE)
    assert not lease(expires_at=None).is_held_elsewhere(NOW)


def test_a_lease_of_a_program_that_did_not_tell_hosts_apart_is_told_by_its_boot_alone():
    assert not lease(host="").is_of_another_host(host="there", boot="another")
