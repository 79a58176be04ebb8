"""The state of warm starts in words, for `engine status`, `doctor` and the benchmarks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..executors.host import starts_warm
from .text import size


def told(file: Path, pid: int) -> Mapping[str, Any] | None:
    """Read what the engine with this process id wrote; None when it has not begun a run on this machine."""
    try:
        report = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) and report.get("pid") == pid else None


def lines(report: Mapping[str, Any] | None) -> Iterator[tuple[bool, str]]:
    """Yield sentences on warm starts, each after True when all is well, else False."""
    if not starts_warm():
        yield False, "Every run starts cold: interpreters are preloaded on Linux only."
    elif report is None:
        yield True, "No interpreter is preloaded yet; the first run begins them."
    elif not report["size"]:
        yield False, "Every run starts cold: the engine was started with --warm 0."
    else:
        for it in report["interpreters"]:
            yield it["state"] != "failed", _line(it)
        for it in report["left_out"]:
            yield False, f"{it['library']} is not imported ahead by {it['python']}: {it['problem']}"
        if not report["library_bytes"]:
            yield True, "No libraries are imported ahead of notebooks: DATAOPS_LAB_PRELOAD_BYTES is 0."


def _line(it: Mapping[str, Any]) -> str:
    libraries = sorted({name.partition(".")[0] for name in it["imports"]})
    subject = f"{it['role'].capitalize()} of {it['python']}" + (f" with {', '.join(libraries)}" if libraries else "")
    if it["state"] == "failed":
        return f"{subject} starts cold. {it['problem']}"
    return f"{subject}: {it['state']}" + (f", {size(it['memory_bytes'])}." if it["state"] == "ready" else ".")
