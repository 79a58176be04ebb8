"""jupyter-scheduler's database and staging area, read with SQLAlchemy; only pausing writes."""

from __future__ import annotations

import datetime as dt
import filecmp
import json
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InvalidRequest, Unavailable
from .ports.old_schedules import FoundFiles, OldDatabase, OldDefinition, OldSchedules

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

MAX_DEFINITIONS = 2_000
MAX_VALUE_BYTES = 100_000
MAX_NOTEBOOK_BYTES = 50_000_000
MAX_VISITED = 50_000
"""The number of entries of the workspace at which the search for notebooks ends."""
MAX_COPIED_BYTES = 500_000_000
NEW_FOLDER = "imported-schedules"
STAGING = "scheduler_staging_area"

_DEFINITIONS = "job_definitions"
_NEEDED = frozenset({"job_definition_id", "input_filename", "schedule"})
_SAFE_ID = re.compile(r"^[\w-]{1,100}$")
_NOT_SEARCHED = frozenset({"node_modules", "__pycache__", "venv", NEW_FOLDER})


class JupyterScheduler(OldSchedules):
    """`data_folder` None: the data folder of Jupyter."""

    def __init__(self, data_folder: Path | None = None) -> None:
        self._data_folder = data_folder

    def read(self, url: str | None) -> OldDatabase:
        with self._connect(url, may_write=False) as (connection, shown):
            definitions = _table(connection, _DEFINITIONS, shown)
            rows = connection.execute(definitions.select().limit(MAX_DEFINITIONS + 1)).mappings().all()
            runs = _past_runs(connection)
        if len(rows) > MAX_DEFINITIONS:
            raise InvalidRequest(f"{shown} has over {MAX_DEFINITIONS} definitions. Delete those that nobody needs.")
        staging = self._data() / STAGING
        found = [_definition(dict(row), staging, runs) for row in rows]
        return OldDatabase(shown, sorted(found, key=lambda each: (each.created_at, each.id)))

    def pause(self, url: str | None, ids: Collection[str]) -> None:
        with self._connect(url, may_write=True) as (connection, shown), connection.begin():
            table = _table(connection, _DEFINITIONS, shown)
            if "active" not in table.c:
                raise _no_database(f"{shown} is too old: its definitions cannot be paused. Pause them by hand.")
            connection.execute(table.update().where(table.c.job_definition_id.in_(list(ids))).values(active=False))

    def find_files(self, folder: str, definitions: Sequence[OldDefinition]) -> Mapping[str, FoundFiles]:
        wanted = {definition.file_name for definition in definitions}
        by_name: dict[str, list[Path]] = {}
        for path in _walk(Path(folder)):
            if path.name in wanted:
                by_name.setdefault(path.name, []).append(path)
        return {each.id: _compare(each.stored, sorted(by_name.get(each.file_name, ()))) for each in definitions}

    def copy_stored(self, definition: OldDefinition, folder: str) -> str:
        assert definition.stored is not None, "There is nothing to copy."
        stored = Path(definition.stored)
        packaged = list(_regular_files(stored.parent)) if definition.packages_folder else [stored]
        if sum(path.stat().st_size for path in packaged) > MAX_COPIED_BYTES:
            raise InvalidRequest(
                f"The files of {definition.name} have more than {MAX_COPIED_BYTES} bytes. Copy {stored.parent} by "
                "hand, and schedule the notebook there."
            )
        files = {path.relative_to(stored.parent): path for path in packaged}
        name = re.sub(r"[^\w.-]+", "-", definition.name).strip(".-")[:80] or "notebook"
        for number in range(1, 1_000):
            target = Path(folder) / NEW_FOLDER / (name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError):
                _copy_all(files, target)
                return str(target / definition.file_name)
            if _has_all(files, target):
                return str(target / definition.file_name)
        raise InvalidRequest(f"{folder} has a thousand imports of {name} already. Remove some of {NEW_FOLDER}.")

    def _data(self) -> Path:
        if self._data_folder is None:
            from jupyter_core.paths import jupyter_data_dir

            return Path(jupyter_data_dir())
        return self._data_folder

    @contextmanager
    def _connect(self, url: str | None, *, may_write: bool) -> Iterator[tuple[Connection, str]]:
        """Connect for a while. Every error of the database becomes one of ours, which never has a password in it."""
        from sqlalchemy import make_url
        from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

        try:
            address = make_url(url or f"sqlite:///{self._data() / 'scheduler.sqlite'}")
            shown = address.render_as_string(hide_password=True)
        except SQLAlchemyError:
            raise _no_database("The URL cannot be read. Write it as sqlite:////folder/scheduler.sqlite.") from None
        if address.get_backend_name() == "sqlite" and address.database:
            shown = address.database
            _check_is_database(shown)
        try:
            engine = _engine(address, may_write=may_write)
        except (SQLAlchemyError, ImportError) as error:
            raise _no_database(f"{shown} cannot be opened: {error}.") from None
        try:
            with engine.connect() as connection:
                yield connection, shown
        except OperationalError as error:
            raise Unavailable(f"{shown} cannot be read now: {_first_line(error)} Try again.") from None
        except DatabaseError as error:
            raise _no_database(f"{shown} is not a database of jupyter-scheduler: {_first_line(error)}") from None
        finally:
            engine.dispose()


def _engine(address: Any, *, may_write: bool) -> Engine:
    from sqlalchemy import create_engine, event

    engine = create_engine(address)
    if address.get_backend_name() == "sqlite" and not may_write:

        @event.listens_for(engine, "connect")
        def forbid_writing(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA query_only = ON")

    return engine


def _check_is_database(path: str) -> None:
    try:
        with Path(path).open("rb") as file:
            is_database = file.read(16) == b"SQLite format 3\x00"
    except FileNotFoundError:
        raise _no_database(
            f"There is no {path}. Name its database: `--db-url sqlite:////folder/scheduler.sqlite`."
        ) from None
    except OSError as error:
        raise _no_database(f"{path} cannot be read: {error.strerror}.") from None
    if not is_database:
        raise _no_database(f"{path} is not a database of jupyter-scheduler: it is not one of SQLite.")


def _table(connection: Connection, name: str, shown: str) -> Table:
    """Return the table as it is there, so that columns of other versions do no harm."""
    from sqlalchemy import MetaData, Table, inspect

    if not inspect(connection).has_table(name):
        raise _no_database(f"{shown} is not a database of jupyter-scheduler: it has no table {name}.")
    table = Table(name, MetaData(), autoload_with=connection)
    if missing := _NEEDED - set(table.c.keys()):
        raise _no_database(
            f"{shown} is not a database of jupyter-scheduler: its definitions have no {', '.join(sorted(missing))}."
        )
    return table


def _past_runs(connection: Connection) -> dict[str, tuple[int, str | None]]:
    """Count the runs of each definition that are there, with the state of the newest."""
    from sqlalchemy import MetaData, Table, func, inspect, select

    if not inspect(connection).has_table("jobs"):
        return {}
    jobs = Table("jobs", MetaData(), autoload_with=connection)
    if not {"job_definition_id", "status", "create_time"} <= set(jobs.c.keys()):
        return {}
    newest = select(
        jobs.c.job_definition_id,
        jobs.c.status,
        func.count().over(partition_by=jobs.c.job_definition_id),
        func.row_number()
        .over(partition_by=jobs.c.job_definition_id, order_by=jobs.c.create_time.desc())
        .label("place"),
    ).subquery()
    rows = connection.execute(select(newest).where(newest.c.place == 1)).all()
    return {str(row[0]): (int(row[2]), None if row[1] is None else str(row[1])) for row in rows if row[0]}


def _definition(row: Mapping[str, Any], staging: Path, runs: Mapping[str, tuple[int, str | None]]) -> OldDefinition:
    identifier, file_name = _text(row, "job_definition_id"), _text(row, "input_filename")
    problem = None
    if not _SAFE_ID.match(identifier) or file_name != Path(file_name).name or file_name in ("", ".", ".."):
        problem = "Its id or the name of its file is damaged."
    parameters = _json(row, "parameters", {})
    if not isinstance(parameters, dict):
        parameters, problem = {}, "Its parameters are damaged."
    mails = _json(row, "email_notifications", {})
    stored = staging / identifier / file_name
    count, status = runs.get(identifier, (0, None))
    active = row.get("active")
    return OldDefinition(
        id=identifier,
        name=_text(row, "name") or Path(file_name).stem,
        file_name=file_name,
        schedule=_text(row, "schedule").strip() or None,
        timezone=_text(row, "timezone") or None,
        created_at=_instant(row.get("create_time")),
        is_active=active is None or bool(active),
        stored=str(stored) if problem is None and _is_plain_file(stored) else None,
        parameters=parameters,
        environment=_text(row, "runtime_environment_name"),
        output_formats=_texts(_json(row, "output_formats", [])),
        tags=_texts(_json(row, "tags", [])),
        mails=sorted({to for each in mails.values() for to in _texts(each)}) if isinstance(mails, dict) else (),
        packages_folder=bool(row.get("package_input_folder")),
        past_runs=count,
        last_status=status,
        problem=problem,
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)[:MAX_VALUE_BYTES]


def _texts(value: object) -> list[str]:
    return [str(each)[:1_000] for each in value[:1_000]] if isinstance(value, list) else []


def _json(row: Mapping[str, Any], name: str, default: Any) -> Any:
    text = row.get(name)
    if not text:
        return default
    try:
        value = json.loads(text) if isinstance(text, str) and len(text) <= MAX_VALUE_BYTES else None
    except (ValueError, RecursionError):
        return None
    return default if value is None and text == "null" else value


def _instant(milliseconds: object) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(int(str(milliseconds)) / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return dt.datetime.fromtimestamp(0, dt.UTC)


# --- files ----------------------------------------------------------------------------------------


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below the folder, without hidden folders and those of packages. It follows no links."""
    visited = 0
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in _NOT_SEARCHED and not name.endswith("-packages")
        )
        visited += len(files) + 1
        if visited > MAX_VISITED:
            return
        yield from (Path(root) / name for name in files)


def _compare(stored: str | None, candidates: Sequence[Path]) -> FoundFiles:
    wanted = _cells(Path(stored)) if stored else None
    same = [str(path) for path in candidates if wanted is not None and _cells(path) == wanted]
    return FoundFiles(same, [str(path) for path in candidates if str(path) not in same])


def _cells(path: Path) -> list[tuple[object, str]] | None:
    """Return type and source of all cells: outputs change without a change of the notebook. None for no notebook."""
    try:
        if not _is_plain_file(path) or path.stat().st_size > MAX_NOTEBOOK_BYTES:
            return None
        cells = json.loads(path.read_bytes())["cells"]
        sources = [(cell.get("cell_type"), cell.get("source", "")) for cell in cells]
        return [(kind, source if isinstance(source, str) else "".join(source)) for kind, source in sources]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _regular_files(folder: Path) -> Iterator[Path]:
    yield from (path for path in _walk(folder) if _is_plain_file(path))


def _copy_all(files: Mapping[Path, Path], target: Path) -> None:
    """Copy the files to a folder that appears with all of them. FileExistsError when it is there."""
    if target.exists() or target.is_symlink():
        raise FileExistsError(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for relative, source in files.items():
            (partial / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, partial / relative, follow_symlinks=False)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _has_all(files: Mapping[Path, Path], target: Path) -> bool:
    return all(
        _is_plain_file(target / relative) and filecmp.cmp(source, target / relative, shallow=False)
        for relative, source in files.items()
    )


def _no_database(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="no_scheduler_database")


def _first_line(error: Exception) -> str:
    """Return what the database said, without the statement and its values."""
    return f"{str(getattr(error, 'orig', error)).splitlines()[0][:200]}."
