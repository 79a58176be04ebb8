"""The engine: a process of its own that starts queued runs, follows them and stores their records.

One engine leads at a time. `loop` calls `leader_election`, `claim` and `orphan_cleanup`; `supervisor` gets attempts.
`supervisor` calls `launch`, `watch` and `finish` for each attempt.
"""

from .loop import Engine, Settings

__all__ = ["Engine", "Settings"]
