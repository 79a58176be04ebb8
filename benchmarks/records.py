"""The lists of a store with a million runs, on SQLite and on PostgreSQL: the pages that people open."""

from __future__ import annotations

import datetime as dt
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Column, MetaData, String, Table, insert, select, text
from ulid import ULID

from dataops_lab.api_models import PageModel, RunSummaryModel
from dataops_lab.domain.retention import RetentionRule
from dataops_lab.domain.runs import Attempt, AttemptState, Reason, RunState, Submission
from dataops_lab.holidays_reader import LibraryHolidays
from dataops_lab.pipelines.local import LocalPipelines
from dataops_lab.ports import RunFilter
from dataops_lab.services import Services, installation, retention, runs
from dataops_lab.services.runs import RunView
from dataops_lab.store import SqlStore, open_store
from dataops_lab.store import attempts as attempt_rows
from dataops_lab.store import runs as run_rows
from dataops_lab.store import tables as t
from dataops_lab.testing import FakeClock, FakeHost, FakeNotebooks, MemoryBlobs, attempt_files_in, person
from tests.postgres import Cluster, Postgres

from .turns import Row, Times

TITLE = "A million runs: each page as the API sends it, 50 runs, newest first; the longest time is the 99th percentile"

GROWS_BY_AT_MOST = 32 * 1024**2


def measure(*, quick: bool) -> Iterator[Row]:
    count, rounds = (10_000, 20) if quick else (1_000_000, 200)
    for name, open_database in (("SQLite", sqlite), ("PostgreSQL", postgres)):
        with open_database() as store:
            began = time.perf_counter()
            jobs = fill(store, count)
            print(f"{name}: {count:,} runs in {time.perf_counter() - began:.0f} s", flush=True)
            yield from pages(_services(store), jobs, name, rounds)


@contextmanager
def sqlite() -> Iterator[SqlStore]:
    with (
        tempfile.TemporaryDirectory(prefix="dataops-bench-") as folder,
        closing(open_store(f"sqlite:///{folder}/x.sqlite")) as store,
    ):
        yield store


@contextmanager
def postgres() -> Iterator[SqlStore]:
    with (
        tempfile.TemporaryDirectory(prefix="dataops-pg-") as folder,
        Cluster(Path(folder)) as cluster,
        closing(Postgres(cluster.folder)) as postgres,
        postgres.database() as url,
        closing(open_store(url)) as store,
    ):
        yield store


def _services(store: SqlStore) -> Services:
    blobs = MemoryBlobs()
    clock = FakeClock(NOW)
    return Services(
        store,
        blobs,
        FakeNotebooks(blobs),
        clock,
        FakeHost(),
        vault=None,  # type: ignore[arg-type]
        home=Path("/nowhere"),
        attempt_files=attempt_files_in(Path("/nowhere")),
        pipelines=LocalPipelines(),
        holidays=LibraryHolidays(),
    )


NOW = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
_STATES = [RunState.SUCCEEDED] * 880 + [RunState.FAILED] * 90 + [RunState.CANCELLED] * 20 + [RunState.TIMED_OUT] * 9
_STATES += [RunState.LOST]
_ERRORS = ("KeyError: 'amount'", "FileNotFoundError: data.csv", "The kernel died: 2.1 GB of memory at most.")


def fill(store: SqlStore, count: int) -> list[str]:
    """Fill the store with the runs of a year, and return the ids of their jobs.

    Eight people submitted them. Some jobs run very often, and some very seldom.
    """
    ctx = _services(store)
    random_source = random.Random(1)
    views = [
        runs.submit(ctx, Submission(path=f"/home/ann/reports/{name}_{number}.ipynb"), by=person("ann")).view
        for number in range(min(2000, count // 100))
        for name in [random_source.choice(("sales", "churn", "quality", "forecast"))]
    ]
    with store.begin() as tx:
        for view in views:
            tx.runs.transition(view.run, view.run.transition_to(RunState.CANCELLED, finished_at=NOW))
    weights = [1 / (1 + place) for place in range(len(views))]
    first, span = NOW - dt.timedelta(days=365), dt.timedelta(days=364)
    models = min(count, MODELS)
    with store._database.writer.begin() as connection:
        rows: dict[Table, list[dict[str, Any]]] = {t.runs: [], t.attempts: [], t.records: []}
        for number, view in enumerate(random_source.choices(views, weights, k=models)):
            _add(rows, view, first + span * number / count, random_source)
        for table, values in rows.items():
            connection.execute(insert(table), values)
        ids = [row["id"] for row in rows[t.runs]]
        copies.create(connection)
        for begin in range(models, count, AT_ONCE):
            numbers = range(begin, min(count, begin + AT_ONCE))
            moments = [first + span * number / count for number in numbers]
            made = [
                {"id": str(ULID.from_datetime(at))[:10] + f"{n:016d}", "at": at, "model": random_source.choice(ids)}
                for n, at in zip(numbers, moments, strict=True)
            ]
            connection.execute(insert(copies), made)
        for table, changed in ((t.runs, _RUN), (t.attempts, _RESULT), (t.records, _RESULT)):
            key = table.c.id if table is t.runs else table.c.run_id
            columns = [changed.get(column.name, column) for column in table.c]
            copied = select(*columns).join_from(copies, table, key == copies.c.model)
            connection.execute(insert(table).from_select([column.name for column in table.c], copied))
        copies.drop(connection)
    with store._database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
        if connection.dialect.name == "postgresql":
            connection.execute(text("VACUUM"))
    return [view.job.id for view in views]


MODELS, AT_ONCE = 5_000, 50_000
"""The number of runs that are made up, and the number of copies in one statement. All other runs are copies of the
former, each at its own time."""

copies = Table(
    "bench_copies", MetaData(), Column("id", String(26)), Column("at", t.Instant), Column("model", String(26))
)
_RUN = {"id": copies.c.id, "created_at": copies.c.at, "started_at": copies.c.at, "finished_at": copies.c.at}
_RESULT = {"run_id": copies.c.id}


def _add(rows: dict[Table, list[dict[str, Any]]], view: RunView, at: dt.datetime, random_source: random.Random) -> None:
    state = random_source.choice(_STATES)
    run = replace(
        view.run,
        id=str(ULID.from_datetime(at)),
        created_at=at,
        created_by=person(f"person{random_source.randrange(8)}"),
        key=None,
        state=state,
        environment="production" if random_source.random() < 0.05 else "sandbox",
        started_at=at,
        finished_at=at,
        reason=Reason("cell_error", random_source.choice(_ERRORS)) if state is RunState.FAILED else None,
    )
    attempt = Attempt(run.id, 1, AttemptState.SUCCEEDED, token=1, created_at=at, started_at=at, finished_at=at)
    files = [{"kind": "notebook", "path": "output.ipynb", "digest": view.version.digest, "size": 10_000}]
    record = {"run_id": run.id, "attempt": 1, "digest": view.version.digest, "files": files, "values": {"auc": 0.9}}
    rows[t.runs].append(dict(run_rows._columns(run)))
    rows[t.attempts].append(attempt_rows._columns(attempt))
    rows[t.records].append({**record, "stored_at": at, "integrity_errors": None})


def pages(ctx: Services, jobs: list[str], name: str, rounds: int) -> Iterator[Row]:
    random_source = random.Random(2)
    cases: dict[str, Callable[[], RunFilter]] = {
        "default page": RunFilter,
        "of a job": lambda: RunFilter(job_id=random_source.choice(jobs)),
        "of a job that runs often": lambda: RunFilter(job_id=jobs[0]),
        "in a state": lambda: RunFilter(states=(random_source.choice(sorted(set(_STATES))),)),
        "in one of two states": lambda: RunFilter(states=(RunState.FAILED, RunState.LOST)),
        "in an environment": lambda: RunFilter(environment=random_source.choice(("sandbox", "production"))),
        "of a person": lambda: RunFilter(created_by=f"person{random_source.randrange(8)}"),
        "of a day": lambda: _random_day(random_source),
        "failed, of a job": lambda: RunFilter(job_id=random_source.choice(jobs[:50]), states=(RunState.FAILED,)),
        "of nobody": lambda: RunFilter(created_by="nobody"),
        "text in a name": lambda: RunFilter(text=random_source.choice(("sales", "churn_11", "FORECAST"))),
        "text in a reason": lambda: RunFilter(text=random_source.choice(("KeyError", "amount", "memory at most"))),
        "text in nothing": lambda: RunFilter(text="not to be found"),
    }
    process = psutil.Process()
    for where in cases.values():
        _read_page(ctx, where())
    before = process.memory_info().rss
    for case, where in cases.items():
        target = "most ≤ 0.25" if case.startswith("text") else "most ≤ 0.05"
        yield _measure_calls(case, name, rounds, lambda where=where: _read_page(ctx, where()), target)  # type: ignore[misc]
    grown = process.memory_info().rss - before
    if grown > GROWS_BY_AT_MOST:
        raise RuntimeError(f"The memory is not flat: {grown / 1024**2:.0f} MiB more after these lists.")
    yield _measure_calls(
        "deep in the pages", name, rounds, lambda: _read_page(ctx, RunFilter(), random_source.choice(jobs))
    )
    yield _measure_calls("what waits and runs (status)", name, rounds, lambda: installation.overview(ctx))
    rule = [RetentionRule(days=180, last=10)]
    yield _measure_calls("preview of retention", name, 1, lambda: retention.preview(ctx, rule))


def _random_day(random_source: random.Random) -> RunFilter:
    day = NOW - dt.timedelta(days=random_source.randrange(2, 360))
    return RunFilter(created_after=day, created_before=day + dt.timedelta(days=1))


def _read_page(ctx: Services, where: RunFilter, cursor: str | None = None) -> None:
    page = runs.page(ctx, where, limit=50, cursor=cursor)
    PageModel[RunSummaryModel](
        items=[RunSummaryModel.from_domain(run) for run in page.items], next=page.next
    ).model_dump_json()


def _measure_calls(case: str, name: str, rounds: int, call: Callable[[], object], target: str = "") -> Row:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return Row(case, name, tuple(Times(seconds) for seconds in sorted(times)[: max(1, round(rounds * 0.99))]), target)
