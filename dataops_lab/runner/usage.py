"""The cost of a run: memory and CPU of the runner, its kernel and all that they start."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

from .fork_client import ForkedKernel
from .memory import OomKills
from .processes import descendants
from .recorder import Recorder

FIRST_AFTER_S = 0.2
EVERY_S = 1.0
GROWTH = 1.1
"""The factor of growth after which the use is told again: a run of any length tells it a few dozen times."""


class Meter:
    """A meter that measures while the run goes on. It tells the journal, in case that nobody lives to write the result.

    The peak is that of all processes together as seen once a second, and at least that of the largest one alone.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._roots = [os.getpid()]
        self._reported = (0.0, 0.0)
        self._task: asyncio.Task[None] | None = None
        self._forked: ForkedKernel | None = None
        self.peak_memory_bytes = 0
        self.cpu_seconds = 0.0
        self.oom_kills = OomKills.now()
        """The counts at the time when the meter was made."""

    def start(self, loop: asyncio.AbstractEventLoop, forked: ForkedKernel | None) -> None:
        self._forked = forked
        if forked is not None:
            self._roots.append(forked.kernel_parent)
        self._task = loop.create_task(self._measure_repeatedly())

    def stop(self) -> None:
        """Measure once more, when every process has ended and was waited for."""
        if self._task is not None:
            self._task.cancel()
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        unit = 1 if sys.platform == "darwin" else 1024
        cpu_seconds = sum(part.ru_utime + part.ru_stime for part in (own, children))
        largest = max(_own_peak_bytes() or own.ru_maxrss * unit, children.ru_maxrss * unit)
        if self._forked is not None:
            cpu_seconds += self._forked.cpu_seconds
            largest = max(largest, self._forked.peak_memory_bytes)
        self.peak_memory_bytes = max(self.peak_memory_bytes, largest)
        self.cpu_seconds = round(max(self.cpu_seconds, cpu_seconds), 3)

    async def _measure_repeatedly(self) -> None:
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            self.measure()
            await asyncio.sleep(EVERY_S)

    def measure(self) -> None:
        costs = [_process_usage(pid) for pid in (*self._roots, *descendants(*self._roots))]
        sizes, times = [size for size, _ in costs], [time_ for _, time_ in costs]
        self.peak_memory_bytes = max(self.peak_memory_bytes, sum(sizes))
        self.cpu_seconds = max(self.cpu_seconds, round(sum(times), 3))
        if self.peak_memory_bytes > self._reported[0] * GROWTH or self.cpu_seconds > self._reported[1] * GROWTH + 1:
            self._reported = (self.peak_memory_bytes, self.cpu_seconds)
            self._recorder.usage_measured(self.peak_memory_bytes, self.cpu_seconds)


def _own_peak_bytes() -> int:
    """Return the peak memory of this process; 0 where nothing tells it.

    On Linux `getrusage` begins with the size of the process that started this one.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _process_usage(pid: int) -> tuple[int, float]:
    """Return its memory in bytes, with its share of shared pages, and its CPU seconds, with those of ended children."""
    size, seconds = 0, 0.0
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        seconds = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        size = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                size = int(line.split()[1]) * 1024
    return size, seconds
