"""Codes that confirm an address: one use, a short life, few tries, and never stored as they are."""

from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.domain.addresses import (
    CODE_LIFE,
    CODES_WINDOW,
    MAX_CODES,
    MAX_TRIES,
    PendingAddress,
    check_code_limit,
    hash_code,
)
from dataops_lab.errors import Conflict, Forbidden

NOW = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
CODE = "ABCD2345"


@pytest.fixture(scope="module")
def pending() -> PendingAddress:
    return PendingAddress("ann@example.org", b"salt", hash_code(CODE, b"salt"), NOW + CODE_LIFE)


@pytest.mark.parametrize(
    ("typed", "fits"), [(CODE, True), (" abcd-2345 ", True), ("ABCD2346", False), ("", False), ("é" * 9, False)]
)
def test_a_code_is_taken_as_people_type_it(pending, typed, fits):
    assert pending.fits(typed, NOW) is fits


def test_a_code_expires(pending):
    with pytest.raises(Conflict, match="expired"):
        pending.fits(CODE, NOW + CODE_LIFE)


def test_the_right_code_does_not_count_after_too_many_wrong_ones(pending):
    for _ in range(MAX_TRIES):
        pending = pending.tried()
    with pytest.raises(Conflict, match="wrong codes"):
        pending.fits(CODE, NOW)


def test_what_is_stored_holds_no_code(pending):
    stored = pending.to_json()
    assert PendingAddress.from_json(stored) == pending
    assert CODE.lower() not in str(stored).lower()


def test_only_so_many_codes_are_sent_within_an_hour():
    sent: tuple[dt.datetime, ...] = ()
    for minute in range(MAX_CODES):
        sent = check_code_limit(sent, NOW + dt.timedelta(minutes=minute))
    with pytest.raises(Forbidden):
        check_code_limit(sent, NOW + CODES_WINDOW - dt.timedelta(seconds=1))
    assert len(check_code_limit(sent, NOW + CODES_WINDOW)) == MAX_CODES
