"""Sealing with keys of a file and of the environment."""

from __future__ import annotations

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from dataops_lab.encryption import KEY_VARIABLE, AesEncryptor, Keys
from dataops_lab.errors import Damaged, SecretsLocked
from dataops_lab.testing import FakeVault


def a_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def keys(tmp_path) -> Keys:
    return Keys(tmp_path / "keys.json", {})


@pytest.fixture(params=["aes", "fake"])
def vault(request, keys):
    """Both keep the port's contract."""
    return AesEncryptor(keys) if request.param == "aes" else FakeVault()


def test_what_was_sealed_opens_under_what_it_was_bound_to_and_nothing_else(vault):
    sealed = vault.seal("grüße ✓", bound_to="a/b")
    assert vault.open(sealed, bound_to="a/b") == "grüße ✓"
    with pytest.raises(Damaged):
        vault.open(sealed, bound_to="a/c")


def test_a_renewed_key_seals_while_the_earlier_one_still_opens_until_it_is_forgotten(vault):
    before = vault.seal("x", bound_to="a")
    key = vault.renew_key()
    after = vault.seal("y", bound_to="a")
    assert vault.open(before, bound_to="a") == "x"
    assert vault.rewrap(before, bound_to="a").key_id == after.key_id == key != before.key_id
    moved = vault.rewrap(before, bound_to="a")
    vault.forget_older_keys(key)
    assert vault.open(moved, bound_to="a") == "x" and vault.open(after, bound_to="a") == "y"
    with pytest.raises(SecretsLocked):
        vault.open(before, bound_to="a")


def test_keys_that_came_later_are_not_forgotten(vault):
    first, second = vault.renew_key(), vault.renew_key()
    sealed = vault.seal("x", bound_to="a")
    vault.forget_older_keys(first)
    assert sealed.key_id == second and vault.open(sealed, bound_to="a") == "x"


@pytest.mark.parametrize("part", ["wrapped", "data"])
def test_changed_bytes_are_found(keys, part):
    vault = AesEncryptor(keys)
    sealed = vault.seal("x" * 40, bound_to="a")
    for changed in (bytes([getattr(sealed, part)[0] ^ 1]) + getattr(sealed, part)[1:], b"", b"short"):
        with pytest.raises(Damaged):
            vault.open(replace(sealed, **{part: changed}), bound_to="a")


def test_the_same_value_is_sealed_differently_each_time(keys):
    vault = AesEncryptor(keys)
    one, two = vault.seal("x", bound_to="a"), vault.seal("x", bound_to="a")
    assert one.data != two.data and one.wrapped != two.wrapped


def test_the_key_file_is_its_owners_alone_and_made_once_by_many_at_a_time(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        vaults = [AesEncryptor(Keys(tmp_path / "keys.json", {})) for _ in range(8)]
        sealed = list(threads.map(lambda vault: vault.seal("x", bound_to="a"), vaults))
    assert len({box.key_id for box in sealed}) == 1
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_a_key_of_the_environment_comes_first_and_no_file_is_made(tmp_path):
    vault = AesEncryptor(Keys(tmp_path / "keys.json", {KEY_VARIABLE: a_key()}))
    assert vault.open(vault.seal("x", bound_to="a"), bound_to="a") == "x"
    assert list(tmp_path.iterdir()) == []


def test_keys_are_rotated_from_the_file_to_the_environment_and_there_to_the_next(tmp_path, keys):
    sealed = AesEncryptor(keys).seal("x", bound_to="a")
    first, second = a_key(), a_key()
    for given in (first, f"{second}, {first}", second):
        vault = AesEncryptor(Keys(tmp_path / "keys.json", {KEY_VARIABLE: given}))
        key = vault.renew_key()
        sealed = vault.rewrap(sealed, bound_to="a")
        vault.forget_older_keys(key)
        assert vault.open(sealed, bound_to="a") == "x"
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize("bad", ["short", base64.b64encode(b"x" * 16).decode(), "ä" * 40])
def test_a_key_that_is_none_is_refused_and_not_quoted(tmp_path, bad):
    with pytest.raises(SecretsLocked) as refused:
        AesEncryptor(Keys(tmp_path / "keys.json", {KEY_VARIABLE: bad})).seal("x", bound_to="a")
    assert bad not in str(refused.value)


def test_a_key_file_that_cannot_be_read_is_never_replaced(tmp_path, keys):
    sealed = AesEncryptor(keys).seal("x", bound_to="a")
    (tmp_path / "keys.json").write_text("{")
    for attempt in (
        lambda: AesEncryptor(keys).seal("x", bound_to="a"),
        lambda: AesEncryptor(keys).open(sealed, bound_to="a"),
        lambda: AesEncryptor(keys).renew_key(),
    ):
        with pytest.raises(SecretsLocked):
            attempt()
    assert (tmp_path / "keys.json").read_text() == "{"
