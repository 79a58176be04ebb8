"""Secrets at rest: AES-GCM with a data key for each, wrapped by a key that is not in the database."""

from .aes import AesVault
from .keys import KEY_VARIABLE, Keys

__all__ = ["KEY_VARIABLE", "AesVault", "Keys"]
