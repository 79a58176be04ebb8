"""Memory that ran out: the limit that was reached, as far as the system's counters tell it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class OomKills:
    """The numbers of processes that were killed for lack of memory since the machine started.

    `group` counts those in the control group of this process, `machine` those of the whole machine.
    """

    group: int | None
    machine: int | None

    @classmethod
    def now(cls) -> OomKills:
        group = None
        for path in _counters():
            if (group := _read_oom_kills(path)) is not None:
                break
        return cls(group, _read_oom_kills(Path("/proc/vmstat")))

    def increased_since(self, earlier: OomKills) -> bool | None:
        """Tell whether a process was killed for lack of memory since then; None where nothing counts them."""
        for now, before in ((self.group, earlier.group), (self.machine, earlier.machine)):
            if now is not None and before is not None and now > before:
                return True
        return None if self.group is None and self.machine is None else False


def _counters() -> list[Path]:
    """List the counters of cgroup version 2, then of version 1. A container may see its own group as the root."""
    paths = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            paths += [_GROUPS / group.lstrip("/") / "memory.events", _GROUPS / "memory.events"]
        elif "memory" in controllers.split(","):
            v1 = _GROUPS / "memory"
            paths += [v1 / group.lstrip("/") / "memory.oom_control", v1 / "memory.oom_control"]
    return paths


def _read_oom_kills(path: Path) -> int | None:
    try:
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    except (OSError, ValueError):
        pass
    return None


def format_bytes(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.3g} {unit}" if size < 1000 else f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.3g} GiB"


def explain_kill(what: str, *, before: OomKills, peak_bytes: int, limit_bytes: int | None) -> tuple[str | None, str]:
    """Tell why SIGKILL ended `what`, "kernel" or "script": the code of the failure and a sentence for people.

    The code is None where memory did not run out as far as anything tells.
    """
    used = used_memory(peak_bytes)
    killed_for_memory = OomKills.now().increased_since(before)
    if killed_for_memory and limit_bytes:
        return "out_of_memory", (
            f"The run needed more memory than its limit of {format_bytes(limit_bytes)}, so its {what} was killed. "
            f"{used} Give it more, or load less at once."
        )
    if killed_for_memory:
        return "machine_out_of_memory", f"The machine ran out of memory and killed the {what}. {used}"
    guess = ", most likely because memory ran out" if killed_for_memory is None else ""
    return None, f"The {what} {describe_signal(signal.SIGKILL)}{guess}. {used}"


def used_memory(peak_bytes: int) -> str:
    return f"The run had used {format_bytes(peak_bytes)} of memory at most."


def describe_signal(number: int) -> str:
    """Say how a signal ended a process, as words that follow a subject."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"was ended by the signal {number}"
    if number == signal.SIGKILL:
        return f"was killed ({name})"
    if number == signal.SIGSEGV:
        return f"crashed with a segmentation fault ({name})"
    return f"was ended by the signal {name}"
