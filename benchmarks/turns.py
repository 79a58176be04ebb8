"""Measurements in turns: one round of all contenders after the other, so that a busy machine slows all of them down."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Times:
    """Times in seconds. `cells` is the time from the ready kernel to the reply of the last cell."""

    whole: float
    cells: float | None = None


Contender = Callable[[dict[str, Any], Path], Times]
"""A function that runs a notebook in a new folder."""


@dataclass(frozen=True)
class Row:
    case: str
    contender: str
    times: tuple[Times, ...]
    target: str = ""
    """The aim, in words."""

    def spread(self, measure: str) -> tuple[float, float, float] | None:
        """Return median, least and most; None without any time."""
        values = [value for times in self.times if (value := getattr(times, measure)) is not None]
        return (statistics.median(values), min(values), max(values)) if values else None


@dataclass(frozen=True)
class Case:
    """A notebook to measure. Each contender runs it `rounds` times; those in `slow` run it once."""

    name: str
    notebook: dict[str, Any]
    rounds: int
    slow: frozenset[str] = frozenset()
    target: str = ""


def run_in_turns(case: Case, contenders: Mapping[str, Contender]) -> Iterator[Row]:
    times: dict[str, list[Times]] = {name: [] for name in contenders}
    for round_number in range(case.rounds):
        for name, contender in contenders.items():
            if round_number > 0 and name in case.slow:
                continue
            with tempfile.TemporaryDirectory() as folder:
                times[name].append(contender(case.notebook, Path(folder)))
    ours, *_ = contenders
    for name, measured in times.items():
        yield Row(case.name, name, tuple(measured), case.target if name == ours else "")
