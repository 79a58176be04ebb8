"""The state of warm starts in words, for `engine status`, `doctor` and the benchmarks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..executors.host import supports_warm_start
from .text import size


def read_report(file: Path, pid: int) -> Mapping[str, Any] | None:
    """Read what the engine with this process id wrote; None when it has not begun a run on this machine."""
    try:
        report = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) and report.get("pid") == pid else None


def describe(report: Mapping[str, Any] | None) -> Iterator[tuple[bool, str]]:
    """Yield sentences on warm starts, each after True when all is well, else False."""
    if not supports_warm_start():
        yield False, "Every run starts cold: interpreters are preloaded on Linux only."
    elif report is None:
        yield True, "No interpreter is preloaded yet; the first run begins them."
    elif not report["size"]:
        yield False, "Every run starts cold: the engine was started with --warm 0."
    else:
        for entry in report["interpreters"]:
            yield entry["state"] != "failed", _describe_interpreter(entry)
        for entry in report["left_out"]:
            yield False, f"{entry['library']} is not imported ahead by {entry['python']}: {entry['problem']}"
        if not report["library_bytes"]:
            yield True, "No libraries are imported ahead of notebooks: DATAOPS_LAB_PRELOAD_BYTES is 0."


def _describe_interpreter(interpreter: Mapping[str, Any]) -> str:
    libraries = sorted({name.partition(".")[0] for name in interpreter["imports"]})
    subject = f"{interpreter['role'].capitalize()} of {interpreter['python']}" + (
        f" with {', '.join(libraries)}" if libraries else ""
    )
    if interpreter["state"] == "failed":
        return f"{subject} starts cold. {interpreter['problem']}"
    return f"{subject}: {interpreter['state']}" + (
        f", {size(interpreter['memory_bytes'])}." if interpreter["state"] == "ready" else "."
    )
