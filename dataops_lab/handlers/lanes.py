"""Threads for requests, in lanes: requests that take long never stop quick ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

Lane = Literal["quick", "submit", "files", "slow"]

SUBMITS_AT_ONCE = 4
FILES_AT_ONCE = 4
SLOW_AT_ONCE = 4
STREAM_THREADS = 2


class Lanes:
    """Pools of threads. A call that finds no free thread in its lane waits.

    `quick` reads and writes rows. `submit` reads notebooks and the files that travel with them. `files` sends the files
    that runs left. `slow` renders, packs and checks things that may be large. `streams` is for the event streams alone.
    """

    def __init__(self, *, quick: int) -> None:
        self.quick = _pool("quick", quick)
        self.submit = _pool("submit", SUBMITS_AT_ONCE)
        self.files = _pool("files", FILES_AT_ONCE)
        self.slow = _pool("slow", SLOW_AT_ONCE)
        self.streams = _pool("streams", STREAM_THREADS)

    def pool(self, lane: Lane) -> ThreadPoolExecutor:
        return {"quick": self.quick, "submit": self.submit, "files": self.files, "slow": self.slow}[lane]

    def shutdown(self) -> None:
        for pool in (self.quick, self.submit, self.files, self.slow, self.streams):
            pool.shutdown(wait=False, cancel_futures=True)


def _pool(name: str, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix=f"dataops-{name}")
