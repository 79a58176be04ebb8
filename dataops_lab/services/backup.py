"""Backup and restore: one archive with a copy of the database and every blob to which it refers.

A tar file, compressed: `database.sqlite`, `blobs/<hex digits>` and, last, `manifest.json` with the digests.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count, pairwise
from pathlib import Path
from typing import IO, cast

from ..domain.actors import INSTALLATION
from ..domain.events import Subject, SubjectKind
from ..domain.leases import ENGINE
from ..domain.pipelines import StepState
from ..domain.runs import AttemptState, Reason, RunState
from ..domain.schedules import Pause
from ..errors import Conflict, Damaged, NotFound, StateFolderUnusable, StoreTooNew
from ..ports import AuditFilter, Blobs, Store, Transaction
from . import audit_heads
from .context import Services
from .installation import leader
from .pipeline_progress import end_steps
from .ticks import skip_open

_DATABASE = "database.sqlite"
_MANIFEST = "manifest.json"
_KEYS = "keys.json"
_MAX_MANIFEST_BYTES = 256 * 1024**2
"""The largest size of a manifest, in bytes. The manifest of a million blobs has a third of it."""
_MEMBER_NAMES = re.compile(rf"{_DATABASE}|{_MANIFEST}|{_KEYS}|blobs/[0-9a-f]{{64}}")


@dataclass(frozen=True)
class Contents:
    """`damaged` holds the digests whose bytes were missing or changed when the backup was made."""

    created_at: str
    database: str
    blobs: dict[str, int]
    damaged: list[str]
    format: int = 1
    audit_head: str | None = None
    """The head of the audit trail that is in it: keep it elsewhere too."""

    @property
    def size(self) -> int:
        """The size of all blobs, in bytes."""
        return sum(self.blobs.values())


def back_up(ctx: Services, target: Path, *, open_copy: Callable[[Path], Store], keys: Path | None = None) -> Contents:
    """Write an archive of one moment, also while runs are active. `target` must not exist; it appears whole.

    With the file of `keys` everybody who has the archive can open its secrets; without it, nobody can.
    """
    if target.exists():
        raise Conflict(f"{target} exists already. Name another file.", code="file_exists")
    with tempfile.TemporaryDirectory(prefix=".dataops-backup-", dir=target.parent) as name:
        copy, archive = Path(name) / _DATABASE, Path(name) / "archive"
        # The database first: every blob was stored before anything referred to it.
        ctx.store.copy_to(copy)
        with closing(open_copy(copy)) as store, store.read() as tx:
            digests = sorted(set(tx.blob_digests()))
            head = str(tx.audit.head())
        with copy.open("rb") as database, tarfile.open(archive, "w:gz", compresslevel=3) as tar:
            stored = _add(tar, _DATABASE, database)[0]
            contents = Contents(ctx.clock.now().isoformat(), stored, {}, [], audit_head=head)
            for digest in digests:
                _add_blob(tar, ctx.blobs, digest, contents)
            if keys is not None:
                _add(tar, _KEYS, io.BytesIO(keys.read_bytes()))
            _add(tar, _MANIFEST, io.BytesIO(json.dumps(asdict(contents)).encode()))
        archive.chmod(0o600)
        with archive.open("rb") as written:
            os.fsync(written.fileno())
        archive.rename(target)
    return contents


def restore(
    source: Path, folder: Path, *, database: str, build: Callable[[Path], Services], force: bool
) -> tuple[Contents, Path | None]:
    """Make the state folder anew from a backup, whole or not at all. Runs that waited or were active then have ended.

    `build` opens a state folder, `database` is the name of its database. With `force` a folder that is
    not empty is moved aside; the second value is its new path. Conflict while an engine leads there.
    """
    folder = folder.resolve()
    _refuse_if_in_use(folder, database, build, force=force)
    with _staged(folder) as staged:
        contents = _unpack(source, staged, database, build, replaced=folder)
        return contents, _put_in_place(staged, folder)


def _add_blob(tar: tarfile.TarFile, blobs: Blobs, digest: str, contents: Contents) -> None:
    try:
        with blobs.open(digest) as stored:
            found, contents.blobs[digest] = _add(tar, _member_name(digest), stored)
        if found != digest:
            contents.damaged.append(digest)
    except NotFound:
        contents.damaged.append(digest)


def _add(tar: tarfile.TarFile, name: str, source: IO[bytes]) -> tuple[str, int]:
    """Add the bytes to the archive. Return their digest and size."""
    info = tarfile.TarInfo(name)
    info.size = source.seek(0, io.SEEK_END)
    info.mode = 0o600
    source.seek(0)
    hashing = _HashingReader(source)
    tar.addfile(info, cast(IO[bytes], hashing))
    return hashing.digest, info.size


class _HashingReader:
    """A file that keeps the digest of all bytes that were read from it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        return data

    @property
    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()


def _member_name(digest: str) -> str:
    return "blobs/" + digest.removeprefix("sha256:")


# --- restore --------------------------------------------------------------------------------------


def _refuse_if_in_use(folder: Path, database: str, build: Callable[[Path], Services], *, force: bool) -> None:
    if (folder / database).exists():
        try:
            ctx = build(folder)
        except StateFolderUnusable:
            pass  # No engine leads on a database that does not open. It may be the reason for this restore.
        else:
            with closing(ctx.store), ctx.store.read() as tx:
                if lease := leader(ctx, tx):
                    raise Conflict(
                        f"An engine, process {lease.process.pid}, works on {folder}. Close JupyterLab there, or end "
                        "it with `jupyter dataops engine stop`.",
                        code="engine_leads",
                    )
    if folder.exists() and not force and any(folder.iterdir()):
        raise Conflict(
            f"{folder} is not empty. With `--force` it is moved aside; or name another folder in DATAOPS_LAB_HOME.",
            code="folder_not_empty",
        )


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside `folder` that can take its place in one step; remove it if it did not."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise StateFolderUnusable(f"Nothing can be restored to {folder}: {error}.", folder=str(folder)) from error
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _unpack(
    source: Path, staged: Path, database: str, build: Callable[[Path], Services], *, replaced: Path
) -> Contents:
    scratch = staged / "unpacked"
    scratch.mkdir()
    try:
        contents = _validate_archive(source, staged)
        with gzip.open(source) as stream, tarfile.open(fileobj=stream) as tar:
            for member in tar:
                # Copy the bytes alone: `extract` would set modes and owners too. Before Python 3.11.4 nothing stops it.
                target = scratch / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with tar.extractfile(member) as stored, target.open("wb") as file:  # type: ignore[union-attr]
                    shutil.copyfileobj(stored, file)
        with (scratch / _DATABASE).open("rb") as copy:
            if "sha256:" + hashlib.file_digest(copy, "sha256").hexdigest() != contents.database:
                raise _invalid_backup(source, "its database is not what was backed up")
        (scratch / _DATABASE).rename(staged / database)
        if (scratch / _KEYS).exists():
            (scratch / _KEYS).rename(staged / _KEYS)
            (staged / _KEYS).chmod(0o600)
        ctx = build(staged)
        with closing(ctx.store):
            for digest in contents.blobs.keys() - set(contents.damaged):
                ctx.blobs.put_file(scratch / _member_name(digest))
            # Each blob lies under its real digest. One that is missing now was changed, or never there.
            with ctx.store.begin() as tx:
                if absent := {digest for digest in tx.blob_digests() if not ctx.blobs.exists(digest)} - set(
                    contents.damaged
                ):
                    raise _invalid_backup(source, f"the bytes of {min(absent)} are not what was backed up")
                _record_restore(ctx, tx, contents, replaced)
                _end_unfinished_work(tx, ctx.clock.now())
                _pause_schedules(tx, ctx.clock.now())
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, FileNotFoundError) as error:
        raise _invalid_backup(source, str(error)) from error
    shutil.rmtree(scratch)
    return contents


def _record_restore(ctx: Services, tx: Transaction, contents: Contents, replaced: Path) -> None:
    """Write the entry of the audit trail. The heads that the replaced folder knew stay known."""
    audit_heads.carry_over(replaced, ctx.home)
    known = {head.seq: head.chain for head in audit_heads.read(ctx.home).heads}
    same = (entry.seq for entry in tx.audit.iterate(AuditFilter()) if known.get(entry.seq) == entry.chain)
    head = tx.audit.head()
    audit_heads.append_restored(ctx.home, head, same_until=max(same, default=0))
    data = {"made_at": contents.created_at, "head": str(head)}
    subject = Subject(SubjectKind.INSTALLATION, "installation")
    tx.events.add(subject, "installation.restored", at=ctx.clock.now(), actor=ctx.owner, data=data)


def _validate_archive(source: Path, staged: Path) -> Contents:
    """Read the archive through before a byte of it is written, and return its contents.

    A few megabytes of an archive can become any number of them on the disk.
    """
    sizes: dict[str, int] = {}
    stored = b""
    with gzip.open(source) as stream, tarfile.open(fileobj=stream) as tar:
        for member in tar:
            if (
                not (member.isfile() and _MEMBER_NAMES.fullmatch(member.name))
                or member.issparse()
                or member.name in sizes
            ):
                raise _invalid_backup(source, f"it holds {member.name!r}")
            sizes[member.name] = member.size
            if member.name == _MANIFEST:
                if member.size > _MAX_MANIFEST_BYTES:
                    raise _invalid_backup(source, f"its manifest has {member.size:,} bytes")
                stored = tar.extractfile(member).read()  # type: ignore[union-attr]
        while stream.read(1024**2):
            pass  # Read on to the checksum at the end.
    contents = _parse_manifest(source, stored)
    blobs = {_member_name(digest): size for digest, size in contents.blobs.items()}
    if wrong := sorted(name for name, size in sizes.items() if name.startswith("blobs/") and size != blobs.get(name)):
        raise _invalid_backup(source, f"its manifest does not tell of {wrong[0]}, or of another size")
    # Restoring writes blobs twice: as they come, and when it stores them under their digest.
    needed = sum(sizes.values()) + sum(blobs.values())
    if needed > (free := shutil.disk_usage(staged).free):
        raise StateFolderUnusable(
            f"{source.name} needs {needed / 1024**2:,.0f} MiB to be restored, and {free / 1024**2:,.0f} MiB are free. "
            "Nothing was restored. Make room, or name a folder on another disk in DATAOPS_LAB_HOME."
        )
    return contents


def _parse_manifest(source: Path, stored: bytes) -> Contents:
    try:
        manifest = json.loads(stored)
        if manifest["format"] != 1:
            raise StoreTooNew("A newer version of dataops_lab made this backup. Upgrade dataops_lab.")
        return Contents(**manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise _invalid_backup(source, f"its manifest is wrong: {error}") from error


def _invalid_backup(source: Path, why: str) -> Damaged:
    return Damaged(f"{source.name} is not a backup, or is damaged: {why}. Nothing was restored.")


def _pause_schedules(tx: Transaction, now: dt.datetime) -> None:
    """Pause all schedules: the installation that was backed up may still run them."""
    why = "Restored from a backup. Resume it where it should run."
    cursor: str | None = None
    while True:
        page = tx.schedules.page(limit=500, cursor=cursor)
        for schedule in page.items:
            if schedule.pause is None:
                paused = replace(schedule, pause=Pause(now, INSTALLATION, why), next_at=None, wake_at=None)
                tx.schedules.change(paused, "schedule.paused", at=now, by=INSTALLATION)
            skip_open(tx, schedule.id, "restored", "It waited when the backup was made.", at=now)
        if page.next is None:
            return
        cursor = page.next


def _end_unfinished_work(tx: Transaction, now: dt.datetime) -> None:
    """End everything that has not ended, so that nothing runs twice.

    The installation that was backed up may have gone on with it, or still does.
    """
    if lease := tx.leases.get(ENGINE):
        tx.leases.release(lease)
    lost = Reason("restored", "It was active when the backup was made that this installation was restored from.")
    for attempt in tx.attempts.list_unfinished():
        steps = [attempt]
        for state in _STEPS_TO_END[attempt.state]:
            steps.append(steps[-1].transition_to(state, finished_at=now, reason=lost))
        for before, after in pairwise(steps):
            tx.attempts.transition(before, after)
    tx.outbox.give_up_all(at=now)
    tx.deliveries.give_up_all("It waited when the backup was made that this installation was restored from.", at=now)
    waited = Reason("restored", "It had not started when the backup was made. Rerun it if it is still wanted.")
    for run in tx.runs.list_in_states(*(state for state in RunState if not state.is_terminal)):
        end = (RunState.LOST, lost) if run.state is RunState.ACTIVE else (RunState.CANCELLED, waited)
        tx.runs.transition(run, run.transition_to(end[0], finished_at=now, reason=end[1]))
        if run.kind.has_steps:
            end_steps(tx, run, tx.pipelines.get_progress(run.id).statuses, _STEP_ENDS, end[1], at=now)


_STEP_ENDS = {
    StepState.WAITING: StepState.SKIPPED,
    StepState.AWAITING_APPROVAL: StepState.CANCELLED,
    StepState.RUNNING: StepState.LOST,
}
_A = AttemptState
_STEPS_TO_END = {
    _A.CLAIMED: [_A.RELEASED],
    _A.LAUNCHING: [_A.LOST],
    _A.RUNNING: [_A.LOST],
    _A.FINALIZING: [_A.FAILED],
    _A.CANCELLING: [_A.UNCONFIRMED, _A.LOST],
    _A.TIMING_OUT: [_A.UNCONFIRMED, _A.LOST],
    _A.UNCONFIRMED: [_A.LOST],
}


def _put_in_place(staged: Path, folder: Path) -> Path | None:
    aside = None
    try:
        if folder.exists() and any(folder.iterdir()):
            aside = next(
                candidate
                for n in count(1)
                if not (candidate := folder.with_name(f"{folder.name}.replaced-{n}")).exists()
            )
            folder.rename(aside)
        staged.rename(folder)
    except OSError as error:
        if aside and not folder.exists():
            aside.rename(folder)
        raise StateFolderUnusable(
            f"{folder} cannot be replaced: {error}. Name another one in DATAOPS_LAB_HOME."
        ) from error
    return aside
