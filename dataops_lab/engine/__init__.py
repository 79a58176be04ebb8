"""The engine: a process of its own that starts queued runs, follows them and puts their records away.

One engine leads at a time. `loop` calls `lead`, `claim` and `sweep`, and gives what was claimed to `following`, which
calls `launch`, `watch` and `finish` for each attempt.
"""

from .loop import Engine, Settings

__all__ = ["Engine", "Settings"]
