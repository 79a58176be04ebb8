from __future__ import annotations

import pytest

from dataops_lab.errors import DeliveryFailed, InvalidRequest
from dataops_lab.senders import Guard
from dataops_lab.senders.guard import resolve

PUBLIC = "93.184.215.14"


def guard(*answers: str, allowed=()) -> Guard:
    return Guard(allowed, resolve=lambda _host, _port: list(answers))


def refused(guard: Guard, host: str = "hooks.example.org", **trust) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        guard.find_address(host, 443, **trust)
    return caught.value


def test_a_public_address_is_what_the_caller_connects_to():
    assert guard(PUBLIC).find_address("hooks.example.org", 443) == PUBLIC
    assert guard("2606:2800:21f:cb07:6820:80da:af6b:8b2c").find_address("h.example", 443).startswith("2606:")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_an_address_inside_is_refused_in_every_notation(address):
    error = refused(guard(address))
    assert (error.again, error.precise_code) == (False, "address_refused")
    assert "notification_hosts" in error.message


def test_one_address_inside_among_others_is_enough_to_refuse():
    assert not refused(guard(PUBLIC, "10.0.0.1")).again


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "0"])
def test_what_the_system_reads_as_this_machine_is_refused(host):
    error = refused(Guard(resolve=resolve), host)
    assert "leads to" in error.message or "not known" in error.message


def test_a_name_that_nobody_knows_is_tried_again():
    def unknown(_host, _port):
        raise OSError("no such name")

    assert refused(Guard(resolve=unknown)).again
    assert refused(guard()).again


@pytest.mark.parametrize("allowed", ["10.1.2.3", "10.1.0.0/16", "Hooks.Example.Org", "hooks.example.org."])
def test_an_administrator_allows_single_hosts_and_networks(allowed):
    assert guard("10.1.2.3", allowed=[allowed]).find_address("hooks.example.org", 443) == "10.1.2.3"
    refused(guard("10.2.2.3", allowed=["10.1.0.0/16", "other.example.org"]))


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "168.63.129.16"]
)
def test_a_host_that_is_allowed_by_name_does_not_lead_to_credentials(address):
    refused(guard(address, allowed=["hooks.example.org"]))
    refused(guard(address), trusted=True)


def test_the_network_of_credentials_can_be_named_itself():
    assert guard("169.254.1.1", allowed=["169.254.1.1"]).find_address("h.example", 80) == "169.254.1.1"


@pytest.mark.parametrize("entry", ["", "http://x", "10.0.0.0/99", "host:8080", "a/b"])
def test_an_entry_that_is_no_host_is_refused(entry):
    with pytest.raises(InvalidRequest):
        Guard([entry])
