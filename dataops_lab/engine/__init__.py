"""The engine: a process of its own that starts queued runs, follows them and puts their records away.

One engine leads at a time. Read in the order of work: `lead`, `claim`, `launch`, `watch`, `finish`,
`sweep`; `loop` calls them.
"""

from .loop import Engine, Settings

__all__ = ["Engine", "Settings"]
