"""The engine: a process of its own that starts queued runs, follows them and stores their records.

One engine leads at a time. `loop` calls `lead`, `claim` and `sweep`, and gives the claimed attempts to `following`.
`following` calls `launch`, `watch` and `finish` for each attempt.
"""

from .loop import Engine, Settings

__all__ = ["Engine", "Settings"]
