"""The construction of everything from plain values. No other file knows all parts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .blobs import FolderBlobs
from .domain.actors import Actor
from .domain.environments import ExecutorKind, inherited_variables, parse_size
from .domain.mail import MailServer, read_mail_server
from .domain.mounts import ROOTS
from .domain.snapshots import SnapshotLimits
from .encryption import AesEncryptor, Keys
from .errors import InvalidRequest
from .executors.backends import LazyBackends, LazyImageBackends
from .executors.host import SystemClock, SystemHost
from .holidays_reader import LibraryHolidays
from .home import Home as Home  # noqa: PLC0414  (others look for it here)
from .home import state_folder as state_folder  # noqa: PLC0414
from .jupyter_scheduler_reader import JupyterScheduler
from .notebooks import LocalNotebooks
from .outputs.folder import LocalOutputFolders
from .pipelines.local import LocalPipelines
from .ports import Blobs, Executor, ImageBackend, Notebooks
from .rundir.reading import RunFolder
from .senders import Guard, LazySenders
from .services import Services, audit_heads, messages, publications, ticks
from .services import pipelines as pipeline_runs
from .store import SqlStore, open_sqlite

if TYPE_CHECKING:
    from .engine import Engine
    from .executors.docker import Daemon


def owner() -> Actor:
    """Return the operating system's account that this process runs as."""
    import getpass

    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        # The process runs in a container whose user id has no name.
        name = str(os.getuid())
    return Actor(name, name)


def administrators() -> list[str]:
    """Read DATAOPS_LAB_ADMINISTRATORS, ids with commas between.

    When there are none, everybody who can reach the installation is an administrator.
    """
    return [name.strip() for name in os.environ.get("DATAOPS_LAB_ADMINISTRATORS", "").split(",") if name.strip()]


MOUNT_ROOTS = "DATAOPS_LAB_MOUNT_ROOTS"


def mount_roots() -> list[str]:
    """Read DATAOPS_LAB_MOUNT_ROOTS, folders with colons between; when it is not set, return `ROOTS`."""
    named = os.environ.get(MOUNT_ROOTS)
    return list(ROOTS) if named is None else [root for root in named.split(os.pathsep) if root]


OUTPUT_ROOTS = "DATAOPS_LAB_OUTPUT_ROOTS"


def output_roots() -> list[str]:
    """Read DATAOPS_LAB_OUTPUT_ROOTS, folders with colons between; when it is not set, return `ROOTS`."""
    named = os.environ.get(OUTPUT_ROOTS)
    return list(ROOTS) if named is None else [root for root in named.split(os.pathsep) if root]


PUBLIC_URL = "DATAOPS_LAB_PUBLIC_URL"


def public_url() -> str | None:
    """Read DATAOPS_LAB_PUBLIC_URL, the address at which people reach the server. InvalidRequest when it is none."""
    text = os.environ.get(PUBLIC_URL, "").strip()
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise InvalidRequest(
            f"{PUBLIC_URL} is the address at which people reach JupyterLab, such as https://hub.example/user/ada/. "
            "It has no query, no fragment and no login.",
            code="invalid_public_url",
        )
    return text.rstrip("/")


PRELOAD_BYTES = "DATAOPS_LAB_PRELOAD_BYTES"
SAFE_LIBRARIES = "DATAOPS_LAB_SAFE_LIBRARIES"
DEFAULT_PRELOAD_BYTES = 1024**3


def preload_bytes() -> int:
    """Read DATAOPS_LAB_PRELOAD_BYTES, such as `512Mi`, in bytes; 0 for none. InvalidRequest when it is not readable."""
    text = os.environ.get(PRELOAD_BYTES, "").strip()
    if text in ("", "0"):
        return 0 if text else DEFAULT_PRELOAD_BYTES
    try:
        return parse_size(text)
    except ValueError as problem:
        raise InvalidRequest(f"The environment variable {PRELOAD_BYTES} is not readable: {problem}") from None


def safe_libraries() -> list[str]:
    """Read DATAOPS_LAB_SAFE_LIBRARIES, names of modules with commas between; empty when it is not set.

    They are added to the libraries that are known to be safe.
    """
    return [name.strip() for name in os.environ.get(SAFE_LIBRARIES, "").split(",") if name.strip()]


TRAVEL_LIMITS = {field.name: f"DATAOPS_LAB_TRAVEL_{field.name.upper()}" for field in fields(SnapshotLimits)}


def travel_limits() -> SnapshotLimits:
    """Read DATAOPS_LAB_TRAVEL_FILES, …_FILE_BYTES and …_TOTAL_BYTES, as far as they are set.

    InvalidRequest when one of them is not readable.
    """
    given: dict[str, int] = {}
    for name, variable in TRAVEL_LIMITS.items():
        if text := os.environ.get(variable):
            try:
                given[name] = parse_size(text)
            except ValueError as problem:
                raise InvalidRequest(f"The environment variable {variable} is not readable: {problem}") from None
    return SnapshotLimits(**given)


NOTIFICATION_HOSTS = "DATAOPS_LAB_NOTIFICATION_HOSTS"


def notification_hosts() -> list[str]:
    """Read DATAOPS_LAB_NOTIFICATION_HOSTS, hosts, addresses and networks with commas between; empty when not set."""
    return [host.strip() for host in os.environ.get(NOTIFICATION_HOSTS, "").split(",") if host.strip()]


MAIL_SETTINGS = {
    "server": "DATAOPS_LAB_MAIL_SERVER",
    "sender": "DATAOPS_LAB_MAIL_FROM",
    "security": "DATAOPS_LAB_MAIL_SECURITY",
    "user": "DATAOPS_LAB_MAIL_USER",
    "ca_file": "DATAOPS_LAB_MAIL_CA_FILE",
}


def mail_server() -> MailServer | None:
    """Read DATAOPS_LAB_MAIL_SERVER and the other settings of mail. InvalidRequest when they make no sense."""
    return read_mail_server(**{name: os.environ.get(variable, "") for name, variable in MAIL_SETTINGS.items()})


def docker_daemon(home: Home, host: str | None) -> Daemon:
    """Return a daemon that mounts only the folders that this installation allows."""
    from .executors.docker import Daemon, MountPolicy

    return Daemon(host, mounts=MountPolicy(roots=mount_roots(), protected=[home.folder]))


def build_services(home: Home, *, workers: bool = False, administered_by: Iterable[str] | None = None) -> Services:
    """Build the services, and make the state folder or bring it up to date.

    `workers`: processes of their own parse and render notebooks, for callers with an event loop.
    `administered_by` None: the actors that `administrators` returns.
    """
    store: SqlStore = open_sqlite(home.database, witness=partial(audit_heads.append, home.folder))
    # State, logs and records hold what notebooks hold: only their owner may read them.
    home.folder.chmod(0o700)
    return Services(
        store=store,
        blobs=FolderBlobs(home.blobs),
        notebooks=_worker_notebooks(home.blobs) if workers else _local_notebooks(home.blobs),
        clock=SystemClock(),
        host=SystemHost(),
        vault=AesEncryptor(Keys(home.keys, os.environ)),
        home=home.folder,
        attempt_files=lambda attempt: RunFolder(home.attempts(attempt.backend.kind) / attempt.name),
        pipelines=LocalPipelines(),
        holidays=LibraryHolidays(),
        old_schedules=JupyterScheduler(),
        owner=owner(),
        limits=travel_limits(),
        inherited=inherited_variables(os.environ),
        images=LazyImageBackends(_docker_images),
        public_url=public_url(),
        output_folders=LocalOutputFolders(output_roots(), protected=[home.folder]),
        reactions=(publications.react, pipeline_runs.react, ticks.react, messages.react),
        administrators=frozenset(administrators() if administered_by is None else administered_by),
        mail_server=(mail := mail_server()),
        senders=LazySenders(Guard(notification_hosts()), mail),
    )


def _local_notebooks(blobs: Path) -> Notebooks:
    return LocalNotebooks(FolderBlobs(blobs))


def _worker_notebooks(blobs: Path) -> Notebooks:
    # Only a server pays for this import, which starts processes and talks with them.
    from .notebooks.workers import WorkerNotebooks

    return WorkerNotebooks(partial(_local_notebooks, blobs))


def _docker_images(host: str | None) -> ImageBackend:
    # Only callers that work on images pay for the package, and need to have it.
    from .executors.docker.images import DockerImages

    return DockerImages(host)


def build_backends(home: Home, blobs: Blobs, *, warm: int = 0) -> LazyBackends:
    library_bytes = preload_bytes()

    def docker(host: str | None) -> Executor:
        from .executors.docker import DockerExecutor, installation_id

        installation, daemon = installation_id(home.folder), docker_daemon(home, host)
        return DockerExecutor(home.attempts(ExecutorKind.DOCKER), blobs, installation=installation, daemon=daemon)

    def process(_: str | None) -> Executor:
        from .executors.fork_server import ForkServerPool
        from .executors.process import ProcessExecutor

        interpreters = ForkServerPool(
            warm, library_bytes=library_bytes, extra_libraries=safe_libraries(), report_path=home.warm
        )
        return ProcessExecutor(home.attempts(ExecutorKind.PROCESS), blobs, fork_servers=interpreters)

    return LazyBackends({ExecutorKind.PROCESS: process, ExecutorKind.DOCKER: docker})


def build_engine(
    home: Home, *, slots: int | None = None, warm: int = 0, exit_when_idle_s: float | None = None
) -> Engine:
    """Build an engine. `slots` None: one for each core, and at least two. `warm`: the most preloaded interpreters."""
    # Short commands build services and never an engine, so they do not import it.
    from .engine import Engine, Settings

    ctx = build_services(home)
    backends = build_backends(home, ctx.blobs, warm=warm)
    settings = Settings(slots=slots or max(2, os.cpu_count() or 1), exit_when_idle_s=exit_when_idle_s)
    # A report of a large notebook takes seconds, and must not keep the engine's loop from its turn.
    publishing = replace(ctx, notebooks=_worker_notebooks(home.blobs))
    return Engine(ctx, backends, settings, inherited=os.environ, publishing=publishing)
