"""The engine alone: runs that are submitted, claimed, launched, finished and recorded, with no kernel in between."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from dataops_lab.blobs import FolderBlobs
from dataops_lab.domain.runs import Submission
from dataops_lab.engine import Engine, Settings
from dataops_lab.executors.host import SystemClock, SystemHost
from dataops_lab.ports import Bundle
from dataops_lab.services import Services, runs
from dataops_lab.testing import FakeBackends, FakeExecutor, FakeNotebooks, FakeVault

from .records import postgres, sqlite
from .service import timed
from .serving import until
from .turns import Row

TITLE = "Engine: the whole life of runs that have no kernel"


class Instantly(FakeExecutor):
    """Every attempt has succeeded as soon as it is started."""

    def start(self, bundle: Bundle) -> None:
        super().start(bundle)
        self.end(bundle.name)


def measure(*, quick: bool) -> Iterator[Row]:
    count, rounds = (20, 1) if quick else (500, 3)
    for name, opened, per_second in (("SQLite", sqlite, 300), ("PostgreSQL", postgres, 500)):
        times = []
        for _ in range(rounds):
            with opened() as store, tempfile.TemporaryDirectory() as folder:
                blobs = FolderBlobs(Path(folder) / "blobs")
                parts = (SystemClock(), SystemHost(), FakeVault())
                ctx = Services(store, blobs, FakeNotebooks(blobs), *parts, runs_folder=Path(folder))  # type: ignore[arg-type]
                executor = Instantly(Path(folder) / "process")
                engine = Engine(ctx, FakeBackends(executor), Settings(slots=8), inherited=os.environ)
                stop = Event()
                with ThreadPoolExecutor(1) as thread:
                    thread.submit(engine.run, stop)
                    try:
                        times.append(timed(_live, ctx, count))
                    finally:
                        stop.set()
        yield Row(f"{count} runs, {name}", "dataops_lab", tuple(times), f"≤ {count / per_second:.3g}")


def _live(ctx: Services, count: int) -> None:
    for _ in range(count):
        runs.submit(ctx, Submission(path="/notebooks/sales.ipynb"), by="someone")

    def all_ended() -> bool:
        with ctx.store.read() as tx:
            return not tx.runs.counts()

    until(all_ended, every_s=0.05)  # It takes its share of the one interpreter that all of this runs in.
