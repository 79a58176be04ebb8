"""Sweeping: run directories whose attempts have ended."""

from __future__ import annotations

from collections.abc import Iterable

from ..ports import Executor, Store


def sweep(store: Store, executor: Executor, *, busy: Iterable[str]) -> list[str]:
    """Remove what no living attempt owns; the names of what was removed. What still runs is stopped first."""
    left = set(executor.names()) - set(busy)
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
