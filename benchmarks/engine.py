"""The engine alone: runs that are submitted, claimed, launched, finished and recorded, with no kernel in between.

As in the product, the process that submits them is not the process of the engine. Run as a program, this module is the
process that submits. It takes a database and a folder of blobs as arguments, and the count from stdin.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

from sqlalchemy import URL

from dataops_lab.blobs import FolderBlobs
from dataops_lab.domain.runs import Submission
from dataops_lab.engine import Engine, Settings
from dataops_lab.executors.host import SystemClock, SystemHost
from dataops_lab.holidays_reader import LibraryHolidays
from dataops_lab.pipelines.local import LocalPipelines
from dataops_lab.ports import Bundle
from dataops_lab.services import Services, pipelines, runs
from dataops_lab.store import SqlStore, open_store
from dataops_lab.testing import FakeBackends, FakeExecutor, FakeNotebooks, FakeVault, attempt_files_in, person

from .records import postgres, sqlite
from .service import seconds_of
from .serving import wait_until
from .turns import Row

TITLE = "Engine: the whole life of runs that have no kernel"


class InstantExecutor(FakeExecutor):
    """An executor whose attempts have succeeded as soon as they are started."""

    def start(self, bundle: Bundle) -> None:
        super().start(bundle)
        self.end(bundle.name)


def measure(*, quick: bool) -> Iterator[Row]:
    count, rounds = (20, 1) if quick else (500, 3)
    for name, open_database, per_second in (("SQLite", sqlite, 300), ("PostgreSQL", postgres, 500)):
        times = []
        for _ in range(rounds):
            with open_database() as store, tempfile.TemporaryDirectory() as folder:
                ctx = services(store, Path(folder))
                executor = InstantExecutor(Path(folder) / "process")
                engine = Engine(ctx, FakeBackends(executor), Settings(slots=8), inherited=os.environ)
                stop = Event()
                url = store._database.writer.url
                with start_submitter(url, Path(folder)) as process, ThreadPoolExecutor(1) as thread:
                    thread.submit(engine.run, stop)
                    try:
                        times.append(seconds_of(_run_to_end, ctx, process, count))
                    finally:
                        stop.set()
        yield Row(f"{count} runs, {name}", "dataops_lab", tuple(times), f"≤ {count / per_second:.3g}")


def services(store: SqlStore, folder: Path) -> Services:
    blobs = FolderBlobs(folder / "blobs")
    infrastructure = (SystemClock(), SystemHost(), FakeVault())
    return Services(
        store,
        blobs,
        FakeNotebooks(blobs),  # type: ignore[arg-type]
        *infrastructure,
        home=folder,
        attempt_files=attempt_files_in(folder),
        pipelines=LocalPipelines(),
        holidays=LibraryHolidays(),
        reactions=(pipelines.react,),
    )


@contextmanager
def start_submitter(url: URL, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that submits runs, and wait until it is ready. It reads the count, submits them, and ends."""
    command = [sys.executable, "-m", __name__, url.render_as_string(hide_password=False), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        yield process


def _run_to_end(ctx: Services, process: subprocess.Popen[str], count: int) -> None:
    process.communicate(str(count))

    def all_ended() -> bool:
        with ctx.store.read() as tx:
            return not tx.runs.count_by_state()

    wait_until(all_ended, every_s=0.05)  # This check takes time from the engine, in the same interpreter.


def main(url: str, folder: str) -> None:
    with closing(open_store(url)) as store:
        ctx = services(store, Path(folder))
        print("ready", flush=True)
        for _ in range(int(sys.stdin.read())):
            runs.submit(ctx, Submission(path="/notebooks/sales.ipynb"), by=person("someone"))


if __name__ == "__main__":
    main(*sys.argv[1:])
