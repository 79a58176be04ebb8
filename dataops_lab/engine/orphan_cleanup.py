"""Orphan cleanup: the engine removes the run directories of attempts that have ended."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator

from ..domain.environments import Backend
from ..errors import DataOpsError, Unavailable
from ..ports import Backends, Executor, Store

log = logging.getLogger("dataops_lab.engine")


def remove_orphaned_attempts(store: Store, backends: Backends, *, busy: Collection[str]) -> list[str]:
    """Remove the run directories that no living attempt owns, and return their names.

    A runner that still runs is stopped first. When it does not die, its directory stays for the next call.
    The attempts `busy` are left alone.
    """
    removed = []
    for executor, names in _find_orphans(store, backends, busy):
        for name in names:
            try:
                observation = executor.observe(name)
                if observation.ran and not observation.is_dead:
                    executor.stop(name, force=True)
                    if not executor.observe(name).is_dead:
                        continue
                executor.forget(name)
                removed.append(name)
            except Unavailable as error:
                log.warning("%s", error)
                break
            except (DataOpsError, OSError) as error:
                log.warning("%s is left behind for now: %s", name, error)
    return removed


def orphaned_attempts(store: Store, backends: Backends) -> list[str]:
    """Return the names of the attempts that `remove_orphaned_attempts` would remove, or stop first."""
    return [name for _, names in _find_orphans(store, backends, ()) for name in names]


def _find_orphans(store: Store, backends: Backends, busy: Collection[str]) -> Iterator[tuple[Executor, list[str]]]:
    with store.read() as tx:
        known_backends = {environment.backend for environment in tx.environments.all()} | {Backend()}
    for backend in sorted(known_backends, key=str):
        try:
            executor = backends.get(backend)
            orphaned = set(executor.list_names()) - set(busy)
            if orphaned:
                # The store is asked after the names: it knows an attempt before anything of the attempt exists.
                with store.read() as tx:
                    orphaned -= {attempt.name for attempt in tx.attempts.list_unfinished()}
        except DataOpsError as error:
            log.warning("%s", error)
        else:
            yield executor, sorted(orphaned)
