"""The keys that wrap data keys: from the environment, and from a file that is made at the first use without a key."""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SecretsLocked

KEY_VARIABLE = "DATAOPS_LAB_KEY"
"""The variable with a key: 32 bytes in base64. While keys are rotated, it has several with commas between them: the
first one seals, and all of them open."""

KEY_BYTES = 32


@dataclass(frozen=True)
class Key:
    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """The name of the key, which does not tell the key."""
        return hashlib.sha256(b"dataops_lab key " + self.secret).hexdigest()[:16]


class Keys:
    """The keys. They are read anew each time, because another process may have rotated them.

    Only the owner of the file can read it.
    """

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self._file = file
        self._environment = environment

    @property
    def has_environment_keys(self) -> bool:
        """True if the environment gives keys. Then no new ones are made."""
        return bool(self._environment.get(KEY_VARIABLE))

    def newest(self) -> Key:
        """Return the key that seals. Make one when there is no key at all."""
        if keys := self._all_keys():
            return keys[0]
        with self._lock():
            # Another process may have been faster.
            return (self._all_keys() or self._write([Key(os.urandom(KEY_BYTES))]))[0]

    def by_id(self, key_id: str) -> Key:
        for key in self._all_keys():
            if key.id == key_id:
                return key
        raise SecretsLocked(
            f"The key {key_id} that secrets were sealed with is not there. Put it back: {self._file} from a backup, "
            f"or {KEY_VARIABLE} of the server and of the engine; or set the secrets anew.",
            key=key_id,
        )

    def add(self) -> Key:
        """Add a new key, which seals from now on. The others still open the values that they sealed."""
        with self._lock():
            return self._write([Key(os.urandom(KEY_BYTES)), *self._file_keys()])[0]

    def forget_older(self, key_id: str) -> None:
        """Forget the keys of the file that are older than this one. Values that they sealed are lost."""
        with self._lock():
            ids = [key.id for key in self._file_keys()]
            if key_id in ids:
                self._write(self._file_keys()[: ids.index(key_id) + 1])
            elif any(key.id == key_id for key in self._environment_keys()):
                self._file.unlink(missing_ok=True)

    def _all_keys(self) -> list[Key]:
        return [*self._environment_keys(), *self._file_keys()]

    def _environment_keys(self) -> list[Key]:
        texts = [text for text in self._environment.get(KEY_VARIABLE, "").split(",") if text.strip()]
        return [_parse_key(text, KEY_VARIABLE) for text in texts]

    def _file_keys(self) -> list[Key]:
        try:
            texts = json.loads(self._file.read_bytes())["keys"]
            return [_parse_key(text, str(self._file)) for text in texts]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SecretsLocked(f"{self._file} cannot be read: {error}. Put it back from a backup.") from error

    def _write(self, keys: list[Key]) -> list[Key]:
        part = self._file.with_name(self._file.name + ".part")
        part.unlink(missing_ok=True)
        text = json.dumps({"keys": [base64.b64encode(key.secret).decode() for key in keys]})
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._file)
            # The key must be there before anything that was sealed with it, also after a power cut.
            folder = os.open(self._file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise SecretsLocked(f"{self._file} cannot be written: {error}. `jupyter dataops doctor`.") from error
        return keys

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            lock = os.open(self._file.with_name(self._file.name + ".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise SecretsLocked(f"{self._file} cannot be written: {error}. `jupyter dataops doctor`.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _parse_key(text: str, source: str) -> Key:
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        # The message does not quote the text, which may be most of a key.
        raise SecretsLocked(
            f"A key in {source} is not {KEY_BYTES} bytes in base64. `openssl rand -base64 {KEY_BYTES}` makes one."
        )
    return Key(secret)
