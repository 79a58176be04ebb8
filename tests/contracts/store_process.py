"""A process that works on a store. It says "ready", waits for a line, does the work, and prints the result as JSON.

`submit URL KEY COUNT` submits COUNT times, ten at once. `write URL RUN COUNT` notes the progress of the run's first
attempt COUNT times. `hang URL RUN` ends the run under the fence 1 and never commits.
"""

from __future__ import annotations

import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from dataops_lab.domain.runs import Progress, RunState, Submission
from dataops_lab.holidays_reader import LibraryHolidays
from dataops_lab.pipelines.local import LocalPipelines
from dataops_lab.services import Services, runs
from dataops_lab.store import SqlStore, open_store
from dataops_lab.testing import FakeClock, FakeHost, FakeNotebooks, FakeVault, MemoryBlobs, attempt_files_in, person


def submit(store: SqlStore, key: str, count: str) -> list[str]:
    blobs = MemoryBlobs()
    unused = Path("unused")
    machine = (FakeClock(), FakeHost(), FakeVault())
    files = attempt_files_in(unused)
    ctx = Services(store, blobs, FakeNotebooks(blobs), *machine, unused, files, LocalPipelines(), LibraryHolidays())

    def once(_: int) -> str:
        return runs.submit(ctx, Submission("/notebooks/sales.ipynb", key=key), by=person("someone")).view.run.id

    with ThreadPoolExecutor(10) as threads:
        return list(threads.map(once, range(int(count))))


def write(store: SqlStore, run_id: str, count: str) -> None:
    with store.read() as tx:
        [attempt] = tx.attempts.list_for_run(run_id)
    for number in range(int(count)):
        with store.begin() as tx:
            for part in range(random.randint(1, 3)):
                tx.attempts.record_progress(replace(attempt, progress=Progress(number, part)))
                if random.random() < 0.3:
                    # This makes the transaction write its events at once: their numbers are older than its commit.
                    tx.events.last_seq()


def hang(store: SqlStore, run_id: str) -> None:
    with store.begin(fence=1) as tx:
        run = tx.runs.get(run_id)
        tx.runs.transition(run, run.transition_to(RunState.CANCELLED))
        tx.events.last_seq()
        say("inside")
        sys.stdin.readline()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(verb: str, url: str, *arguments: str) -> None:
    work: Any = {"submit": submit, "write": write, "hang": hang}[verb]
    with closing(open_store(url)) as store:
        say("ready")
        sys.stdin.readline()
        say(json.dumps(work(store, *arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
