from __future__ import annotations

import os

from ..domain.secrets import Sealed
from ..errors import Damaged
from .keys import KEY_BYTES, Key, Keys

NONCE_BYTES = 12
"""The bytes of the nonce, which stands before the encrypted bytes. It may be random, because a data key encrypts only
once, and a key wraps far fewer than 2³² data keys."""


class AesEncryptor:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def seal(self, value: str, *, bound_to: str) -> Sealed:
        data_key = os.urandom(KEY_BYTES)
        key = self._keys.newest()
        return Sealed(
            key_id=key.id,
            wrapped=_encrypt(key.secret, data_key, bound_to),
            data=_encrypt(data_key, value.encode(), bound_to),
        )

    def open(self, sealed: Sealed, *, bound_to: str) -> str:
        return _decrypt(self._data_key(sealed, bound_to), sealed.data, bound_to).decode()

    def rewrap(self, sealed: Sealed, *, bound_to: str) -> Sealed:
        key = self._keys.newest()
        wrapped = _encrypt(key.secret, self._data_key(sealed, bound_to), bound_to)
        return Sealed(key.id, wrapped, sealed.data)

    def renew_key(self) -> str:
        key: Key = self._keys.newest() if self._keys.has_environment_keys else self._keys.add()
        return key.id

    def forget_older_keys(self, key_id: str) -> None:
        self._keys.forget_older(key_id)

    def _data_key(self, sealed: Sealed, bound_to: str) -> bytes:
        return _decrypt(self._keys.by_id(sealed.key_id).secret, sealed.wrapped, bound_to)


def _encrypt(key: bytes, data: bytes, bound_to: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, bound_to.encode())


def _decrypt(key: bytes, data: bytes, bound_to: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise Damaged(f"The secret {bound_to} was changed in the database. Set it anew.") from error
