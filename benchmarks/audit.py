"""The audit trail: the time of its check, and of the entries that a submission writes. No kernel runs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dataops_lab.domain.audit import NewEntry
from dataops_lab.domain.runs import Submission
from dataops_lab.services import Services, audit, runs
from dataops_lab.store.audit import SqlAudit
from dataops_lab.testing import person

from .engine import services
from .records import postgres, sqlite
from .turns import Row, Times

TITLE = "Audit trail: its check, and the cost of its entries"

ANN = person("ann")
BATCH_SIZE = 1000


def measure(*, quick: bool) -> Iterator[Row]:
    entries, submissions, rounds = (1000, 10, 1) if quick else (100_000, 300, 5)
    for name, open_database in (("SQLite", sqlite), ("PostgreSQL", postgres)):
        with open_database() as store, tempfile.TemporaryDirectory() as folder:
            ctx = services(store, Path(folder))
            _fill(ctx, entries)
            checks = tuple(Times(_seconds(partial(audit.verify, ctx, by=ANN))) for _ in range(rounds))
            yield Row(f"check of {entries:,} entries, {name}", "dataops_lab", checks, "≤ 10")
        with open_database() as store, tempfile.TemporaryDirectory() as folder:
            ctx = services(store, Path(folder))
            times: dict[str, list[Times]] = {"dataops_lab": [], "without entries": []}
            for number in range(submissions):
                times["dataops_lab"].append(Times(_submit(ctx, f"with{number}")))
                with _no_entries():
                    times["without entries"].append(Times(_submit(ctx, f"without{number}")))
            for contender, measured in times.items():
                target = "≤ 1.2 of without" if contender == "dataops_lab" else ""
                yield Row(f"submission of a new job, {name}", contender, tuple(measured), target)


def _fill(ctx: Services, count: int) -> None:
    for start in range(0, count, BATCH_SIZE):
        with ctx.store.begin() as tx:
            for number in range(start, min(start + BATCH_SIZE, count)):
                data = {"revision": number, "description": {"from": "As it was before", "to": "As it is now"}}
                tx.audit.add(NewEntry(ctx.clock.now(), ANN, "change", "environment", "production", data=data))


def _submit(ctx: Services, name: str) -> float:
    submission = Submission(f"/notebooks/{name}.ipynb")
    return _seconds(lambda: runs.submit(ctx, submission, by=ANN))


def _seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


@contextmanager
def _no_entries() -> Iterator[None]:
    """Let the store write events alone."""
    kept = SqlAudit.add_events
    SqlAudit.add_events = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        SqlAudit.add_events = kept  # type: ignore[method-assign]
