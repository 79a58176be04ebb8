"""Secrets at rest: AES-GCM with a data key for each secret. A key that is not in the database wraps the data keys."""

from .aes import AesEncryptor
from .keys import KEY_VARIABLE, Keys

__all__ = ["KEY_VARIABLE", "AesEncryptor", "Keys"]
