"""Sweeping: run directories whose attempts have ended."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..errors import Unavailable
from ..ports import Backends, Executor, Store

log = logging.getLogger("dataops_lab.engine")


def sweep(store: Store, backends: Backends, *, busy: Iterable[str]) -> list[str]:
    """Remove what no living attempt owns; the names of what was removed. What still runs is stopped first."""
    with store.read() as tx:
        known = {environment.backend for environment in tx.environments.all()} | {"process"}
    removed = []
    for backend in sorted(known):
        try:
            removed += _sweep(store, backends.get(backend), set(busy))
        except Unavailable as error:
            log.warning("%s", error)
    return removed


def _sweep(store: Store, executor: Executor, busy: set[str]) -> list[str]:
    left = set(executor.names()) - busy
    if not left:
        return []
    with store.read() as tx:
        left -= {attempt.name for attempt in tx.attempts.alive()}
    removed = []
    for name in sorted(left):
        look = executor.look(name)
        if not look.gone and look.started:
            executor.stop(name, force=True)
            continue
        executor.forget(name)
        removed.append(name)
    return removed
