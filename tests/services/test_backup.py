"""Backup and restore with the real store and real blobs; the test decides what the backend of the engine does."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from ulid import ULID

from dataops_lab.blobs import FolderBlobs
from dataops_lab.domain.events import Subject, SubjectKind
from dataops_lab.domain.leases import ENGINE
from dataops_lab.domain.notifications import ChannelKind, Delivery, Message, MessageKind, Recipient
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.repairs import WHAT_FAILED
from dataops_lab.domain.runs import AttemptState, RunState, Submission
from dataops_lab.domain.schedules import Settings as ScheduleSettings
from dataops_lab.domain.snapshots import Snapshot
from dataops_lab.domain.sweeps import Sweep
from dataops_lab.domain.timetables import Cron
from dataops_lab.engine import Engine, Settings
from dataops_lab.errors import Conflict, Damaged, DataOpsError, StateFolderUnusable
from dataops_lab.holidays_reader import LibraryHolidays
from dataops_lab.pipelines.local import LocalPipelines
from dataops_lab.ports import DeliveryFilter
from dataops_lab.services import Services, audit, audit_heads, backup, environments, pipelines, repairs, runs, schedules
from dataops_lab.services.backup import back_up, restore
from dataops_lab.services.runs import RunView
from dataops_lab.services.schedules import ScheduleWish
from dataops_lab.store import open_sqlite
from dataops_lab.testing import (
    FakeBackends,
    FakeClock,
    FakeExecutor,
    FakeHost,
    FakeNotebooks,
    FakeVault,
    attempt_files_in,
    person,
)

DATABASE = "dataops.sqlite"
Build = Callable[[Path], Services]


@pytest.fixture
def build(clock: FakeClock, host: FakeHost, ready_database: Path) -> Build:
    def built(folder: Path) -> Services:
        blobs = FolderBlobs(folder / "blobs")
        if not (folder / DATABASE).exists():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ready_database, folder / DATABASE)
        store = open_sqlite(folder / DATABASE, witness=partial(audit_heads.append, folder))
        files = attempt_files_in(folder / "runs")
        return Services(
            store,
            blobs,
            FakeNotebooks(blobs),
            clock,
            host,
            FakeVault(),
            folder,
            files,
            LocalPipelines(),
            LibraryHolidays(),
        )

    return built


@pytest.fixture
def original(tmp_path: Path, build: Build, clock: FakeClock):
    """Three runs that ended with records, one that is running, one that is starting, and two that wait."""
    ctx = build(tmp_path / "original")
    executor = FakeExecutor(tmp_path / "original" / "runs" / "process")
    engine = Engine(ctx, FakeBackends(executor), Settings(slots=2), inherited={})

    def submit(name: str) -> str:
        return runs.submit(ctx, Submission(f"/notebooks/{name}.ipynb"), by=person("someone")).view.run.id

    def step_until(run_id: str, state: RunState | AttemptState) -> None:
        for _ in range(2000):
            view = runs.get(ctx, run_id)
            if state in (view.run.state, view.attempts[-1].state if view.attempts else None):
                return
            engine.step()
            clock.advance(0.01)
        raise AssertionError(f"never {state}")

    for name in ("sales", "churn", "sales"):
        run_id = submit(name)
        step_until(run_id, AttemptState.RUNNING)
        executor.directory(f"{run_id}-1").joinpath("log.txt").write_text(f"log of {run_id}")
        executor.end(f"{run_id}-1")
        step_until(run_id, RunState.SUCCEEDED)
    running = submit("active")
    step_until(running, AttemptState.RUNNING)
    executor.start = lambda bundle: None
    step_until(submit("starting"), AttemptState.LAUNCHING)
    for name in ("waiting", "waiting too"):
        submit(name)
    with closing(ctx.store):
        yield ctx


@pytest.fixture
def archive(original: Services, tmp_path: Path) -> Path:
    back_up(original, tmp_path / "backup.tar.gz", open_copy=open_sqlite)
    return tmp_path / "backup.tar.gz"


def all_views(ctx: Services) -> list[RunView]:
    """Return the views of all runs, newest first."""
    return [runs.get(ctx, run.id) for run in runs.page(ctx, runs.RunFilter(), limit=100).items]


def everything(ctx: Services) -> list[object]:
    """Return all that is known of each run, with the bytes of its record and its version."""
    found: list[object] = []
    for view in all_views(ctx):
        manifest = view.version.manifest
        files = [*(view.record.files if view.record else ()), *manifest.files]
        digests = [manifest.source_digest, *(file.digest for file in files)]
        found.append((replace(view, waiting_reason=None), [ctx.blobs.read(digest) for digest in digests]))
    return found


def ended(ctx: Services) -> list[object]:
    return [view for view in everything(ctx) if view[0].record]


def test_what_is_restored_elsewhere_reads_as_what_was_backed_up(original, archive, build, tmp_path):
    folder = tmp_path / "somewhere" / "else"
    contents, aside = restore(archive, folder, database=DATABASE, build=build, force=False)
    assert (contents.damaged, aside) == ([], None)
    restored = build(folder)
    with closing(restored.store):
        assert len(ended(restored)) == 3
        assert ended(restored) == ended(original)
        with restored.store.read() as tx, original.store.read() as other:
            assert tx.jobs.page(limit=100) == other.jobs.page(limit=100)
            before = other.events.last_seq()
            assert [e for e in tx.events.list_after(0) if e.seq <= before] == other.events.list_after(0)
    assert sorted(path.name for path in folder.iterdir()) == ["audit-heads.jsonl", "blobs", DATABASE]
    assert (folder.stat().st_mode & 0o777, archive.stat().st_mode & 0o777) == (0o700, 0o600)
    assert [path.name for path in folder.parent.iterdir()] == ["else"]


def test_a_restored_schedule_is_paused_because_the_original_may_still_run(original, build, tmp_path):
    wish = ScheduleWish(Submission("/n/sales.ipynb"), ScheduleSettings(Cron("0 8 * * *"), "UTC"), "daily")
    schedules.add(original, wish, by=person("ann"))
    target = tmp_path / "with-schedule.tar.gz"
    back_up(original, target, open_copy=open_sqlite)
    folder = tmp_path / "elsewhere"
    restore(target, folder, database=DATABASE, build=build, force=False)
    restored = build(folder)
    with closing(restored.store), restored.store.read() as tx:
        schedule = tx.schedules.get("daily")
        assert schedule.pause is not None and "backup" in schedule.pause.why
        assert (schedule.next_at, tx.schedules.count_active()) == (None, 0)


def test_a_restored_message_is_not_delivered_because_the_original_may_do_it(original, build, tmp_path):
    at = original.clock.now()
    subject = Subject(SubjectKind.SCHEDULE, "s1")
    message = Message("m1", MessageKind.FAILURE, subject, {}, at, at)
    recipient = Recipient(ChannelKind.MAIL, "ann@example.org", "ann")
    with original.store.begin() as tx:
        tx.outbox.add(message)
        tx.deliveries.add(Delivery("d1", "m0", MessageKind.FAILURE, subject, recipient, at, at))
    target = tmp_path / "with-messages.tar.gz"
    back_up(original, target, open_copy=open_sqlite)
    restore(target, tmp_path / "elsewhere", database=DATABASE, build=build, force=False)
    restored = build(tmp_path / "elsewhere")
    with closing(restored.store), restored.store.read() as tx:
        assert (tx.outbox.next_at(), tx.deliveries.next_at()) == (None, None)
        [delivery] = tx.deliveries.page(DeliveryFilter(), limit=9).items
        assert "restored" in delivery.error


class Edited(FakeNotebooks):
    """Notebooks that have other bytes at every look."""

    def snapshot(self, path: str, **how: Any) -> Snapshot:
        snapshot = super().snapshot(path, **how)
        return replace(
            snapshot, manifest=replace(snapshot.manifest, source_digest=self._blobs.put(str(ULID()).encode()))
        )


def test_a_backup_made_while_others_submit_is_of_one_moment(original, build, tmp_path):
    ctx = replace(original, notebooks=Edited(original.blobs))
    stop = Event()

    def keep_submitting() -> None:
        while not stop.is_set():
            runs.submit(ctx, Submission("/notebooks/busy.ipynb"), by=person("someone"))

    def last_seq() -> int:
        with ctx.store.read() as tx:
            return tx.events.last_seq()

    writer = Thread(target=keep_submitting)
    writer.start()
    try:
        for number in range(3):
            back_up(ctx, tmp_path / f"backup-{number}", open_copy=open_sqlite)
            known = last_seq()
            while last_seq() == known:
                assert writer.is_alive()
    finally:
        stop.set()
        writer.join()
    sizes = []
    for number in range(3):
        # `restore` refuses an archive that has a run without its bytes.
        restore(tmp_path / f"backup-{number}", tmp_path / "new", database=DATABASE, build=build, force=True)
        restored = build(tmp_path / "new")
        with closing(restored.store), restored.store.read() as tx:
            sizes.append(len(tx.runs.list_in_states(*RunState)))
    assert sizes[0] < sizes[1] < sizes[2]


def test_nothing_that_had_not_ended_starts_again_after_it_was_restored(original, archive, build, tmp_path):
    restore(archive, tmp_path / "new", database=DATABASE, build=build, force=False)
    ctx = build(tmp_path / "new")
    with closing(ctx.store):
        states = {v.job.name: (v.run.state, [a.state for a in v.attempts]) for v in all_views(ctx)}
        with ctx.store.read() as tx:
            assert tx.attempts.list_unfinished() == []
            assert tx.leases.get(ENGINE).holder == ""
    assert states["active"] == (RunState.LOST, [AttemptState.LOST])
    assert states["starting"] == (RunState.LOST, [AttemptState.LOST])
    assert states["waiting"] == states["waiting too"] == (RunState.CANCELLED, [])
    assert {run.state for run in runs.page(original, runs.RunFilter()).items} >= {RunState.ACTIVE, RunState.QUEUED}


def test_a_pipeline_that_had_not_ended_has_ended_with_all_its_steps(build, tmp_path):
    ctx = build(tmp_path / "original")
    ctx.notebooks.pipeline_files["/n/x.pipeline.yaml"] = PIPELINE
    run_id = runs.submit(ctx, Submission("/n/x.pipeline.yaml"), by=person("someone")).view.run.id
    with closing(ctx.store):
        back_up(ctx, tmp_path / "backup.tar.gz", open_copy=open_sqlite)
    restore(tmp_path / "backup.tar.gz", tmp_path / "new", database=DATABASE, build=build, force=False)
    ctx = build(tmp_path / "new")
    with closing(ctx.store):
        assert runs.get(ctx, run_id).run.state is RunState.LOST
        steps = pipelines.steps(ctx, run_id, by=person("someone"))
        assert [str(view.status.state) for view in steps] == ["lost", "skipped"]
        with ctx.store.read() as tx:
            assert tx.pipelines.list_unfinished() == []


def test_a_sweep_comes_back_with_its_values_and_can_be_repaired_there(build, tmp_path):
    ctx = build(tmp_path / "original")
    ctx.notebooks.schema = ParameterSchema((Parameter("seed", ParameterType.INTEGER),))
    sweep = Sweep({"seed": (1, 2)}, concurrency=1)
    run_id = runs.submit(ctx, Submission("/n/x.ipynb", sweep=sweep), by=person("someone")).view.run.id
    with closing(ctx.store):
        back_up(ctx, tmp_path / "backup.tar.gz", open_copy=open_sqlite)
    restore(tmp_path / "backup.tar.gz", tmp_path / "new", database=DATABASE, build=build, force=False)
    ctx = build(tmp_path / "new")
    with closing(ctx.store):
        view = runs.get(ctx, run_id)
        assert (view.run.state, view.progress.sweep) == (RunState.LOST, sweep)
        again = repairs.repair(ctx, run_id, WHAT_FAILED, by=person("someone")).view
        assert (again.run.state, again.progress.sweep) == (RunState.ACTIVE, sweep)


PIPELINE = b"version: 1\nsteps: {a: {notebook: a.ipynb}, b: {notebook: b.ipynb, needs: [a]}}"


def damaged_in_the_middle(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def with_other_bytes_in_the_middle(data: bytes) -> bytes:
    """Change a byte of the archive that matters: a repetition of zeros has several spellings."""
    for place in range(len(data) // 2, len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            is_the_same = gzip.decompress(changed) == gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return changed
        if not is_the_same:
            return changed
    raise AssertionError("No byte of it matters.")


def with_other(name: str) -> Callable[[bytes], bytes]:
    """Make a whole archive in which the first file of that name has another byte."""

    def changed(data: bytes) -> bytes:
        result = io.BytesIO()
        done = False
        with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=result, mode="w:gz") as new:
            for member in old:
                content = old.extractfile(member).read()
                if member.name.startswith(name) and not done:
                    content, done = damaged_in_the_middle(content), True
                new.addfile(member, io.BytesIO(content))
        assert done
        return result.getvalue()

    return changed


def without(name: str) -> Callable[[bytes], bytes]:
    def removed(data: bytes) -> bytes:
        result = io.BytesIO()
        done = False
        with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=result, mode="w:gz") as new:
            for member in old:
                if member.name.startswith(name) and not done:
                    done = True
                else:
                    new.addfile(member, old.extractfile(member))
        return result.getvalue()

    return removed


def with_more(info: tarfile.TarInfo, content: io.BytesIO | None = None) -> Callable[[bytes], bytes]:
    def added(data: bytes) -> bytes:
        raw = io.BytesIO(gzip.decompress(data))
        with tarfile.open(fileobj=raw, mode="a") as tar:
            tar.addfile(info, content)
        return gzip.compress(raw.getvalue())

    return added


def link(kind: bytes, name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    "damage",
    [
        with_other_bytes_in_the_middle,
        with_other("database"),
        with_other("manifest"),
        with_other("blobs/"),
        without("database"),
        without("blobs/"),
        without("manifest"),
        lambda data: data[:-4],
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"no archive at all" * 100,
        lambda data: gzip.compress(b"no archive at all" * 100),
        with_more(tarfile.TarInfo("../outside")),
        with_more(tarfile.TarInfo("/tmp/outside")),
        with_more(link(tarfile.SYMTYPE, "blobs/" + "0" * 64)),
        with_more(link(tarfile.LNKTYPE, "database.sqlite")),
    ],
)
def test_of_a_damaged_archive_nothing_is_restored(archive, build, tmp_path, damage):
    (tmp_path / "bad").write_bytes(damage(archive.read_bytes()))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Damaged, match="Nothing was restored"):
        restore(tmp_path / "bad", tmp_path / "new", database=DATABASE, build=build, force=False)
    assert sorted(tmp_path.iterdir()) == before


def zeros(name: str, size: int) -> Callable[[bytes], bytes]:
    """Add a file of zeros, which takes hardly any bytes of an archive."""
    info = tarfile.TarInfo(name)
    info.size = size
    return with_more(info, io.BytesIO(bytes(size)))


@pytest.mark.parametrize("name", ["blobs/" + "0" * 64, "database.sqlite", "keys.json", "manifest.json"])
def test_what_an_archive_has_too_much_of_is_never_written(archive, build, tmp_path, monkeypatch, name):
    (tmp_path / "bad").write_bytes(zeros(name, 64 * 1024**2)(archive.read_bytes()))
    # There is room for the bytes that the archive claims, but not for those that it really holds.
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: SimpleNamespace(free=32 * 1024**2))
    monkeypatch.setattr(backup.shutil, "copyfileobj", lambda *_: pytest.fail("It is unpacked."))
    with pytest.raises((Damaged, StateFolderUnusable), match="Nothing was restored"):
        restore(tmp_path / "bad", tmp_path / "new", database=DATABASE, build=build, force=False)
    assert not (tmp_path / "new").exists()


def test_a_backup_that_does_not_fit_on_the_disk_is_refused_before_it_is_unpacked(archive, build, tmp_path, monkeypatch):
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StateFolderUnusable, match="Make room"):
        restore(archive, tmp_path / "new", database=DATABASE, build=build, force=False)
    assert not (tmp_path / "new").exists()


def test_a_backup_of_a_newer_program_is_refused(archive, build, tmp_path):
    def newer(data: bytes) -> bytes:
        result = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=result, mode="w:gz") as new:
            for member in old:
                content = old.extractfile(member).read()
                if member.name == "manifest.json":
                    content = json.dumps({"format": 2, "something": "else"}).encode()
                    member.size = len(content)
                new.addfile(member, io.BytesIO(content))
        return result.getvalue()

    (tmp_path / "newer").write_bytes(newer(archive.read_bytes()))
    with pytest.raises(DataOpsError, match="Upgrade"):
        restore(tmp_path / "newer", tmp_path / "new", database=DATABASE, build=build, force=False)
    assert not (tmp_path / "new").exists()


def test_a_blob_that_is_damaged_already_does_not_stop_the_backup_of_the_others(original, build, tmp_path):
    stored = sorted((tmp_path / "original" / "blobs" / "sha256").rglob("*"), key=lambda path: path.name)
    files = [path for path in stored if path.is_file()]
    files[0].unlink()
    files[1].chmod(0o600)
    files[1].write_bytes(b"changed")
    contents = back_up(original, tmp_path / "backup", open_copy=open_sqlite)
    assert len(contents.damaged) == 2
    restore(tmp_path / "backup", tmp_path / "new", database=DATABASE, build=build, force=False)
    ctx = build(tmp_path / "new")
    with closing(ctx.store):
        assert not any(ctx.blobs.exists(digest) for digest in contents.damaged)
        assert all(ctx.blobs.exists(digest) for digest in contents.blobs.keys() - set(contents.damaged))


def test_a_folder_that_is_not_empty_is_left_alone_unless_forced_and_then_moved_aside(archive, build, tmp_path):
    folder = tmp_path / "used"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(Conflict, match="--force"):
        restore(archive, folder, database=DATABASE, build=build, force=False)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    for _ in range(2):
        _, aside = restore(archive, folder, database=DATABASE, build=build, force=True)
        assert (folder / DATABASE).exists()
    assert (tmp_path / "used.replaced-1" / "mine.txt").read_text() == "mine"
    assert aside == tmp_path / "used.replaced-2"


def test_a_database_that_is_broken_can_be_replaced(archive, build, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / DATABASE).write_bytes(b"not a database" * 1000)
    with pytest.raises(Conflict):
        restore(archive, folder, database=DATABASE, build=build, force=False)
    restore(archive, folder, database=DATABASE, build=build, force=True)
    with closing(build(folder).store) as store, store.read() as tx:
        assert tx.runs.list_in_states(*RunState)


@pytest.mark.parametrize("force", [False, True])
def test_nothing_is_restored_over_an_engine_that_leads(original, archive, build, tmp_path, force):
    with pytest.raises(Conflict, match="engine"):
        restore(archive, tmp_path / "original", database=DATABASE, build=build, force=force)
    assert len(everything(original)) == 7


def test_an_existing_file_is_not_overwritten_by_a_backup(original, tmp_path):
    (tmp_path / "there").write_text("mine")
    with pytest.raises(Conflict):
        back_up(original, tmp_path / "there", open_copy=open_sqlite)
    assert (tmp_path / "there").read_text() == "mine"


def test_where_nothing_can_be_written_nothing_is_restored(archive, build, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateFolderUnusable):
        restore(archive, tmp_path / "file" / "state", database=DATABASE, build=build, force=False)


# --- the audit trail ------------------------------------------------------------------------------


def set_variable(ctx: Services, name: str) -> None:
    environments.set_variable(ctx, "sandbox", name, "1", by=person("ann"))


def restored(archive: Path, folder: Path, build: Build) -> Services:
    restore(archive, folder, database=DATABASE, build=build, force=True)
    return build(folder)


@pytest.fixture
def small(tmp_path: Path, build: Build):
    """An installation with three entries in its audit trail."""
    ctx = build(tmp_path / "small")
    with closing(ctx.store):
        for name in "AB":
            set_variable(ctx, name)
        yield ctx


def test_a_restore_is_an_entry_behind_those_of_the_backup(small, build, tmp_path):
    contents = back_up(small, tmp_path / "b.tar.gz", open_copy=open_sqlite)
    ctx = restored(tmp_path / "b.tar.gz", tmp_path / "other", build)
    with closing(ctx.store):
        result = audit.verify(ctx, against=audit.known_heads(contents.audit_head), by=ctx.owner)
        assert (result.findings, result.entries) == ([], 4)
        [newest, *_] = audit.page(ctx, audit.AuditFilter(), by=ctx.owner).items
    assert (newest.verb, json.loads(newest.data)) == (
        "restore",
        {"made_at": contents.created_at, "head": contents.audit_head},
    )


def test_entries_that_a_restore_takes_away_are_counted_and_those_before_stay_known(small, build, tmp_path):
    back_up(small, tmp_path / "b.tar.gz", open_copy=open_sqlite)
    for name in "CDE":
        set_variable(small, name)
    small.store.close()
    ctx = restored(tmp_path / "b.tar.gz", small.home, build)
    with closing(ctx.store):
        result = audit.verify(ctx, by=ctx.owner)
        assert (result.findings, result.replaced_by_restore, result.compared) == ([], 3, 4)


def test_the_backup_of_another_installation_brings_its_own_trail(small, build, tmp_path):
    other = build(tmp_path / "other")
    with closing(other.store):
        set_variable(other, "A")
    back_up(small, tmp_path / "b.tar.gz", open_copy=open_sqlite)
    ctx = restored(tmp_path / "b.tar.gz", tmp_path / "other", build)
    with closing(ctx.store):
        result = audit.verify(ctx, by=ctx.owner)
        assert (result.findings, result.replaced_by_restore) == ([], 1)
