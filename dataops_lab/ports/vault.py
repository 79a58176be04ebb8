from __future__ import annotations

from typing import Protocol

from ..domain.secrets import Sealed


class Vault(Protocol):
    """Encrypts what must not lie in clear anywhere. A sealed value opens only under what it was `bound_to`."""

    def seal(self, value: str, *, bound_to: str) -> Sealed: ...
    def open(self, sealed: Sealed, *, bound_to: str) -> str:
        """SecretsLocked when its key is not there; Damaged when it was changed, or bound to something else."""
        ...

    def rewrap(self, sealed: Sealed, *, bound_to: str) -> Sealed:
        """The same value under the newest key."""
        ...

    def renew_key(self) -> str:
        """Make a new key the newest one; its id. Where keys are given from outside, the first of them."""
        ...

    def forget_older_keys(self, key_id: str) -> None:
        """What is still sealed with one of them is lost: call it when everything was rewrapped and committed."""
        ...
