"""Remains of crashes, for `doctor`, each with a function that removes it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .text import plural, size

if TYPE_CHECKING:
    from ..services import Services
    from ..wiring import Home

T = TypeVar("T")

STOP_WITHIN_S = 30
OLD_AFTER_S = 24 * 3600.0
"""The age from which an unfinished file is a leftover; a younger one may still be in use."""


@dataclass(frozen=True)
class Leftover:
    what: str
    message: str
    remove: Callable[[], object]


def leftovers(home: Home, ctx: Services) -> Iterator[Leftover]:
    """Yield the remains of crashes. Nobody needs them, even while an engine works on the same folder."""
    for find in (_run_directories, _processes, _lease, _blobs, _unfinished):
        yield from find(home, ctx)


def _run_directories(home: Home, ctx: Services) -> Iterator[Leftover]:
    from ..engine.orphan_cleanup import orphaned_attempts, remove_orphaned_attempts
    from ..wiring import build_backends

    backends = build_backends(home, ctx.blobs)
    if names := orphaned_attempts(ctx.store, backends):
        message = f"{plural(len(names), 'run')} that ended left a directory or a container: {_abbreviated(names)}"

        def remove() -> None:
            for _ in range(STOP_WITHIN_S * 10):
                remove_orphaned_attempts(ctx.store, backends, busy=())
                if not orphaned_attempts(ctx.store, backends):
                    return
                time.sleep(0.1)  # The cleanup stopped what still ran, and can remove it once it is dead.

        yield Leftover("run directories", message, remove)


def _processes(_: Home, __: Services) -> Iterator[Leftover]:
    from ..executors.orphan_processes import find_orphan_processes, kill

    found = list(find_orphan_processes())
    if found:
        ids = _abbreviated(str(process.pid) for process in found)
        message = f"{plural(len(found), 'process')} of state folders that were deleted: {ids}"
        yield Leftover("processes", message, partial(_for_each, kill, found))


def _lease(_: Home, ctx: Services) -> Iterator[Leftover]:
    from ..domain.leases import ENGINE
    from ..services.installation import is_leading

    with ctx.store.read() as tx:
        lease = tx.leases.get(ENGINE)
        is_abandoned = lease is not None and lease.holder and not is_leading(tx, lease, ctx.clock, ctx.host)
    if lease is not None and is_abandoned:

        def release() -> None:
            with ctx.store.begin() as tx:
                tx.leases.release(lease)

        message = f"The engine that led, process {lease.process.pid}, is gone without giving up its lease."
        yield Leftover("engine lease", message, release)


def _blobs(_: Home, ctx: Services) -> Iterator[Leftover]:
    from ..services import retention

    count, freed = retention.unreferenced(ctx)
    if count:
        message = f"Nothing refers to {plural(count, 'blob')} any more: {size(freed)}. The engine removes them daily."
        yield Leftover("blobs", message, lambda: retention.collect_blobs(ctx))


def _unfinished(home: Home, _: Services) -> Iterator[Leftover]:
    from ..blobs.folder import TEMPORARY_PREFIX

    candidates = [*home.blobs.glob(f"{TEMPORARY_PREFIX}*"), *home.folder.parent.glob(f".{home.folder.name}-*")]
    old = [path for path in candidates if _is_old(path)]
    if old:
        message = f"Left by something that was killed while it wrote: {_abbreviated(str(path) for path in old)}"
        yield Leftover("unfinished files", message, partial(_for_each, _remove, old))


def _for_each(remove: Callable[[T], None], items: Iterable[T]) -> None:
    for item in items:
        remove(item)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > OLD_AFTER_S
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _abbreviated(names: Iterator[str] | list[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
