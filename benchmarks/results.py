"""RESULTS.md: a section for each kind of measurement, with the machine and the versions of the measurement."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path

from .turns import Row

HEAD = "# Benchmarks\n\nMedians in seconds, with least and most in parentheses. `make bench` writes this file.\n"

PACKAGES = ("papermill", "nbclient", "jupyter_client", "ipykernel", "jupyterlab", "pandas", "pyarrow", "scikit-learn")


def line(row: Row) -> str:
    return f"{row.case:32} {row.contender:16} {_seconds(row, 'whole'):28} {_seconds(row, 'cells')}"


def write(path: Path, title: str, rows: Sequence[Row]) -> None:
    """Replace the section `title`, or add it at the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    head, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    others = [section for section in sections if not section.startswith(f"## {title}\n")]
    parts = [head, *others, _section(title, rows)]
    path.write_text("\n".join(part.strip("\n") + "\n" for part in parts), encoding="utf-8")


def _section(title: str, rows: Sequence[Row]) -> str:
    lines = [
        f"## {title}\n",
        f"{dt.date.today().isoformat()}, {_machine()}; {_versions()}.\n",
        "| | | whole run | ours : theirs | ready → last reply | ours : theirs | rounds | target |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case, group in groupby(rows, key=lambda row: row.case):
        ours, *other_rows = group
        for row in (ours, *other_rows):
            ratios = [_ratio(ours, row, measure) if row is not ours else "" for measure in ("whole", "cells")]
            lines.append(
                f"| {case} | {row.contender} | {_seconds(row, 'whole')} | {ratios[0]} "
                f"| {_seconds(row, 'cells')} | {ratios[1]} | {len(row.times)} | {row.target} |"
            )
    return "\n".join(lines)


def _seconds(row: Row, measure: str) -> str:
    spread = row.spread(measure)
    if spread is None:
        return ""
    median, least, most = spread
    return f"{median:.3g}" if least == most else f"{median:.3g} ({least:.3g}–{most:.3g})"


def _ratio(ours: Row, other: Row, measure: str) -> str:
    left, right = ours.spread(measure), other.spread(measure)
    return f"{left[0] / right[0]:.2f}" if left and right else ""


def _machine() -> str:
    model = platform.machine()
    try:
        names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), flags=re.MULTILINE)
        model = names[0] if names else model
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{os.cpu_count()} × {model}, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
