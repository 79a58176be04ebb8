from __future__ import annotations

from typing import Protocol

from ..domain.secrets import Sealed


class Vault(Protocol):
    """A vault that encrypts values that must not lie in clear anywhere.

    A sealed value opens only with the same `bound_to` as it was sealed with.
    """

    def seal(self, value: str, *, bound_to: str) -> Sealed: ...
    def open(self, sealed: Sealed, *, bound_to: str) -> str:
        """Decrypt it. SecretsLocked when its key is not there.

        Damaged when it was changed, or is bound to something else.
        """
        ...

    def rewrap(self, sealed: Sealed, *, bound_to: str) -> Sealed:
        """Return the same value under the newest key."""
        ...

    def renew_key(self) -> str:
        """Make a new key the newest one, and return its id.

        Where keys come from outside, return the id of the first of them.
        """
        ...

    def forget_older_keys(self, key_id: str) -> None:
        """Drop the keys that are older than `key_id`. Values that are still sealed with one of them are lost.

        Call it only after everything was rewrapped and committed.
        """
        ...
