"""Watching folders for schedules: one thread lists them from time to time, and the loop writes what it found.

A listing asks the folder itself, and no service of the kernel: so it sees what comes over a network, too.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..domain.bursts import BurstDetector, Listing
from ..domain.schedules import Files, Schedule
from ..services import Services, folder_ticks
from .supervisor import CLOSE_TIMEOUT_S
from .wake import WakeSignal

log = logging.getLogger("dataops_lab.engine")

INTERVAL_S = 2.0
MAX_FILES = 20_000
"""The most files of a folder that are looked at. A larger folder starts nothing, and the log says so."""


@dataclass
class _Watched:
    schedule: Schedule
    rule: Files
    detector: BurstDetector


@dataclass(frozen=True)
class _Found:
    schedule: Schedule
    listing: Listing
    files: list[str] | None


class FolderWatch:
    """The folders of all schedules that watch one. There is no thread while there are none."""

    def __init__(self, ctx: Services, wake: WakeSignal) -> None:
        self._ctx = ctx
        self._wake = wake
        self._pool: ThreadPoolExecutor | None = None
        self._future: Future[list[_Found]] | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything, so that the next `look` reads it again."""
        self._watched: dict[str, _Watched] = {}
        self._is_stale = True
        self._listed_at = float("-inf")

    def note_change(self) -> None:
        self._is_stale = True

    def look(self, *, fence: int) -> None:
        """Store the bursts that were found, and list the folders again when it is time."""
        if self._future is not None and self._future.done():
            future, self._future = self._future, None
            self._store(future.result(), fence)
        now = self._ctx.clock.monotonic()
        if self._future is not None or now - self._listed_at < INTERVAL_S:
            return
        self._listed_at = now
        if self._is_stale:
            self._read()
        if self._watched:
            self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="engine-folders")
            self._future = self._pool.submit(_list, list(self._watched.values()), now)
            self._future.add_done_callback(lambda future: self._wake.set() if future.result() else None)

    def wait_for_thread(self) -> None:
        if self._future is not None:
            wait([self._future])

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        if self._future is not None:
            wait([self._future], CLOSE_TIMEOUT_S)

    def _read(self) -> None:
        self._is_stale = False
        watched: dict[str, _Watched] = {}
        for schedule, seen in folder_ticks.list_watched(self._ctx):
            rule = schedule.settings.rule
            assert isinstance(rule, Files)
            known = self._watched.get(schedule.id)
            if known is not None and known.schedule.revision == schedule.revision:
                watched[schedule.id] = known
            else:
                watched[schedule.id] = _Watched(schedule, rule, BurstDetector(seen, rule.quiet_s))
        self._watched = watched

    def _store(self, found: list[_Found], fence: int) -> None:
        for each in found:
            folder_ticks.add_burst(self._ctx, each.schedule, each.listing, each.files, fence=fence)
            if (watched := self._watched.get(each.schedule.id)) is not None:
                watched.detector.taken(each.listing)


def _list(watched: list[_Watched], now: float) -> list[_Found]:
    found = []
    for each in watched:
        listing = list_folder(each.rule.folder, each.rule.pattern)
        if listing is None:
            continue
        is_first = each.detector.seen is None
        files = each.detector.look(listing, now)
        if files is not None or is_first:
            found.append(_Found(each.schedule, listing, files))
    return found


def list_folder(folder: str, pattern: str) -> Listing | None:
    """Return the regular files of the folder that fit the pattern; None when it cannot be listed, or has too many."""
    found: dict[str, tuple[int, int]] = {}
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= MAX_FILES:
                    log.warning("%s has more than %d files: it starts nothing.", folder, MAX_FILES)
                    return None
                if fnmatchcase(entry.name, pattern) and not entry.name.startswith(".") and entry.is_file():
                    stat = entry.stat()
                    found[entry.name] = (stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        # A network folder that is away for a moment has not lost its files.
        log.info("%s cannot be listed: %s", folder, error)
        return None
    return found
