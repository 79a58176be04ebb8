"""`jupyter dataops doctor`: it tries out what a run needs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ..errors import DataOpsError
from . import exit_codes, options
from .output import print_json
from .text import plain, plural, size

if TYPE_CHECKING:
    from ..domain.leases import EngineLifetime
    from ..wiring import Home

LITTLE_SPACE = 1_000_000_000
NO_SPACE = 50_000_000


@dataclass(frozen=True)
class Finding:
    """A result of one check. `note`: worth knowing, but not broken. `hint` is a command, or advice in words."""

    what: str
    state: Literal["ok", "note", "broken"]
    message: str
    hint: str = ""


@click.command()
@click.option("--fix", is_flag=True, help="Remove what crashes left behind.")
@options.json_option
def doctor(fix: bool, as_json: bool) -> int:
    """Check what runs need here, and say what fixes it.

    Exit code: 0 if nothing is broken, 1 otherwise.
    """
    from ..wiring import Home, state_folder

    home = Home(state_folder())
    findings = [finding for check in CHECKS for finding in check(home)]
    findings += nothing_is_left_behind(home, fix=fix)
    healthy = all(finding.state != "broken" for finding in findings)
    if as_json:
        print_json({"healthy": healthy, "checks": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.state]
            click.echo(f"{click.style(mark, fg=colour)} {finding.what:<18} {plain(finding.message)}")
            if finding.hint:
                click.echo(f"{'':<21}→ {plain(finding.hint)}")
    return exit_codes.SUCCEEDED if healthy else exit_codes.FAILED


_MARKS = {"ok": ("✓", "green"), "note": ("·", "yellow"), "broken": ("✗", "red")}


def state_folder_is_usable(home: Home) -> Iterator[Finding]:
    what = "state folder"
    nearest = next(folder for folder in (home.folder, *home.folder.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        hint = "Make it writable, or name another folder: export DATAOPS_LAB_HOME=…"
        yield Finding(what, "broken", f"{home.folder} cannot be written to.", hint)
        return
    free = shutil.disk_usage(nearest).free
    message = f"{home.folder}, {size(free)} free"
    if free < LITTLE_SPACE:
        state: Literal["note", "broken"] = "broken" if free < NO_SPACE else "note"
        yield Finding(what, state, message, "Make room, or name a folder on another disk: export DATAOPS_LAB_HOME=…")
    else:
        yield Finding(what, "ok", message)


def files_are_local(home: Home) -> Iterator[Finding]:
    import psutil

    nearest = next(folder for folder in (home.folder, *home.folder.parents) if folder.exists()).resolve()
    containing = [disk for disk in psutil.disk_partitions(all=True) if nearest.is_relative_to(disk.mountpoint)]
    # Several file systems can be mounted at the longest path: the last one hides the others.
    disk = max(reversed(containing), key=lambda disk: len(disk.mountpoint), default=None)
    if disk is not None and disk.fstype.lower().removeprefix("fuse.") in NETWORK_FILE_SYSTEMS:
        yield Finding(
            "file system",
            "note",
            f"{home.folder} lies on {disk.fstype}, a network file system. SQLite's write-ahead log works there only "
            "while all programs that use the folder run on one host; two hosts would damage the database.",
            "Use the folder from one host at a time, or name a local one: export DATAOPS_LAB_HOME=…",
        )


NETWORK_FILE_SYSTEMS = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "davfs", "gfs2", "glusterfs", "gpfs", "juicefs", "lustre", "nfs", "nfs4"),
    *("ocfs2", "orangefs", "panfs", "pvfs2", "s3fs", "smb3", "smbfs", "sshfs", "virtiofs", "weka", "wekafs"),
}


def database_is_sound(home: Home) -> Iterator[Finding]:
    what = "database"
    if not home.database.exists():
        yield Finding(what, "ok", "There is none yet; the first run makes it.")
        return
    import sqlite3

    from ..wiring import build_services

    try:
        build_services(home)
        with sqlite3.connect(f"{home.database.as_uri()}?mode=ro", uri=True) as connection:
            (check_result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except DataOpsError as error:
        yield Finding(what, "broken", error.message)
    except (sqlite3.Error, OSError) as error:
        yield Finding(what, "broken", f"{home.database} cannot be read: {error}.", _RESTORE)
    else:
        if check_result == "ok":
            yield Finding(what, "ok", f"Sound, revision {revision}.")
        else:
            yield Finding(what, "broken", f"{home.database} is damaged: {check_result}.", _RESTORE)


def audit_trail_is_whole(home: Home) -> Iterator[Finding]:
    if not home.database.exists():
        return
    from sqlalchemy.exc import SQLAlchemyError

    from ..services.audit import verify
    from ..wiring import build_services

    try:
        ctx = build_services(home, administered_by=())
        with closing(ctx.store):
            result = verify(ctx, by=ctx.owner)
    except (DataOpsError, SQLAlchemyError, OSError):
        return  # `database_is_sound` tells why.
    if result.findings:
        yield Finding("audit trail", "broken", result.findings[0].message, "jupyter dataops audit verify")
    else:
        yield Finding("audit trail", "ok", f"Whole up to entry {result.head.seq}.")


def copies_are_known(home: Home) -> Iterator[Finding]:
    for copy in sorted(home.folder.glob(f"{home.database.name}.revision-*")):
        yield Finding(
            "earlier database",
            "note",
            f"{copy} is the database as it was before an upgrade, {size(copy.stat().st_size)}.",
            "Remove it when you will not go back to the version of dataops_lab from before.",
        )


_RESTORE = "Restore it from a backup, or start with an empty folder: export DATAOPS_LAB_HOME=…"


def engine_leads(home: Home) -> Iterator[Finding]:
    what = "engine"
    if not home.database.exists():
        yield Finding(what, "ok", "None leads; one is started when it is needed.")
        return
    from ..services import approvals, installation
    from ..wiring import build_services

    try:
        services = build_services(home)
        seen, asked = installation.overview(services), approvals.waiting(services, by=services.owner)
    except (DataOpsError, OSError):
        return  # Said with the database.
    if seen.leader:
        yield Finding(
            what, "ok", f"Process {seen.leader.process.pid} leads; {seen.queued} queued, {seen.running} running."
        )
    elif seen.queued or seen.running:
        waiting = f"None leads, and {seen.queued + seen.running} runs wait for one."
        yield Finding(what, "note", waiting, "Open JupyterLab, or: jupyter dataops engine run")
    elif asked:
        number = plural(len(asked), "approval")
        waiting = f"None leads, and {number} cannot expire meanwhile. A decision starts one."
        yield Finding(what, "ok", waiting)
    else:
        yield Finding(what, "ok", "None leads; one is started when it is needed.")


def schedules_will_start(home: Home) -> Iterator[Finding]:
    """Find schedules whose ticks would be lost, and those that cannot start."""
    if not home.database.exists():
        return
    from ..services import installation, schedules
    from ..wiring import build_services

    try:
        ctx = build_services(home)
        seen = installation.overview(ctx)
        views = schedules.page(ctx, limit=500).items
    except (DataOpsError, OSError):
        return  # Said with the database.
    active = [view.schedule for view in views if view.schedule.is_active]
    if active:
        yield _when_they_stop(len(active), seen.lifetime, culled=installation.is_culled(os.environ))
    for view in views:
        name, problem = view.schedule.name, view.orphaned or view.schedule.refusal
        if view.orphaned:
            yield Finding("schedule", "note", f"{name}: {problem}", f"jupyter dataops schedule take-over {name}")
        elif problem:
            yield Finding("schedule", "note", f"{name} cannot start: {problem}", f"jupyter dataops schedule log {name}")


def _when_they_stop(active: int, lifetime: EngineLifetime | None, *, culled: bool) -> Finding:
    """Say when the ticks of active schedules would be lost, and what to do about it."""
    from ..domain.leases import EngineLifetime

    what, some = "schedules", f"{plural(active, 'schedule')} may start something."
    service = "jupyter dataops engine install-service"
    if lifetime is None:
        message = f"{some} No engine leads: ticks are lost until one does."
        return Finding(what, "note", message, f"Open JupyterLab, or: {service}")
    if lifetime is EngineLifetime.SERVER:
        end = "the hub may end it while nobody works" if culled else "it ends with JupyterLab"
        hint = f"{service}, or an engine in a container" if culled else service
        return Finding(what, "note", f"{some} The engine belongs to the Jupyter server, and {end}.", hint)
    if lifetime is EngineLifetime.IDLE:
        return Finding(what, "ok", f"{some} The engine stays until this machine is switched off.", service)
    if lifetime is EngineLifetime.SERVICE:
        return Finding(what, "ok", f"{some} The engine is a service, and starts with this machine.")
    return Finding(what, "ok", f"{some} The engine stays until somebody stops it.")


def runs_start_warm(home: Home) -> Iterator[Finding]:
    """Report what the engine that leads wrote about warm starts."""
    if not home.database.exists():
        return
    from ..services import installation
    from ..wiring import build_services
    from . import warm_start

    try:
        leader = installation.overview(build_services(home)).leader
    except (DataOpsError, OSError):
        return  # Said with the database.
    report = warm_start.read_report(home.warm, leader.process.pid) if leader else None
    for is_well, line in warm_start.describe(report):
        yield Finding("warm start", "ok" if is_well else "note", line)


def runner_can_start(_: Home) -> Iterator[Finding]:
    import subprocess

    what = "runner"
    completed = subprocess.run(
        [sys.executable, "-P", "-c", _RUNNER],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if completed.returncode == 0:
        yield Finding(what, "ok", f"papermill {completed.stdout.strip()} on {sys.executable}")
        return
    last_line = (completed.stderr.strip().splitlines() or ["it said nothing"])[-1]
    hint = f"{sys.executable} -m pip install --upgrade papermill ipykernel"
    yield Finding(what, "broken", f"papermill cannot be imported by {sys.executable}: {last_line}", hint)


_RUNNER = "from dataops_lab.runner.bare_papermill import papermill; import ipykernel; print(papermill.__version__)"


def kernels_are_installed(_: Home) -> Iterator[Finding]:
    from ..notebooks.kernels import survey_kernels

    what = "kernels"
    usable, problems = survey_kernels()
    if usable:
        yield Finding(what, "ok", ", ".join(usable))
    else:
        hint = f"{sys.executable} -m pip install ipykernel && {sys.executable} -m ipykernel install --sys-prefix"
        yield Finding(what, "broken", "None is installed.", hint)
    for name, problem in problems.items():
        yield Finding("kernel", "note", problem, f"jupyter kernelspec remove {name}")


def server_extension_is_enabled(_: Home) -> Iterator[Finding]:
    what = "server extension"
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    config = ExtensionConfigManager(read_config_path=jupyter_config_path())
    enabled = config.get_jpserver_extensions().get("dataops_lab")
    if enabled:
        yield Finding(what, "ok", "Enabled.")
    else:
        message = "Disabled." if enabled is False else "Jupyter's configuration does not name it."
        yield Finding(what, "broken", message, "jupyter server extension enable dataops_lab --sys-prefix")


def lab_extension_is_there(_: Home) -> Iterator[Finding]:
    what = "Lab extension"
    from importlib.util import find_spec

    from jupyter_core.paths import jupyter_path

    if find_spec("jupyterlab") is None:
        yield Finding(what, "note", "JupyterLab is not installed here; the command line works without it.")
        return
    from jupyterlab_server.config import get_page_config

    places = [Path(folder) / "dataops-lab" / "package.json" for folder in jupyter_path("labextensions")]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        hint = f"{sys.executable} -m pip install --force-reinstall --no-deps dataops-lab"
        yield Finding(what, "broken", "JupyterLab does not find it.", hint)
        return
    disabled = get_page_config(jupyter_path("labextensions")).get("disabledExtensions", [])
    if "dataops-lab" in disabled:
        yield Finding(what, "broken", "Disabled.", "jupyter labextension enable dataops-lab")
    else:
        yield Finding(what, "ok", f"{found.parent}")


def nothing_is_left_behind(home: Home, *, fix: bool) -> Iterator[Finding]:
    if not home.database.exists():
        return
    from ..wiring import build_services
    from .leftovers import leftovers

    try:
        for leftover in leftovers(home, build_services(home)):
            if fix:
                leftover.remove()
                yield Finding(leftover.what, "ok", f"Removed. {leftover.message}")
            else:
                yield Finding(leftover.what, "note", leftover.message, "jupyter dataops doctor --fix")
    except (DataOpsError, OSError) as error:
        yield Finding("leftovers", "note", f"They could not be looked for: {error}.")


def docker_answers(home: Home) -> Iterator[Finding]:
    """Ask each Docker daemon that an environment uses; others are not needed."""
    if not home.database.exists():
        return
    from ..domain.environments import ExecutorKind
    from ..wiring import build_services

    try:
        ctx = build_services(home)
        with ctx.store.read() as tx:
            environments = [
                environment for environment in tx.environments.all() if environment.executor is ExecutorKind.DOCKER
            ]
    except (DataOpsError, OSError):
        return  # Said with the database.
    for host in sorted({environment.docker.host or "" for environment in environments}):
        try:
            ctx.image_backend(host or None).check()
            yield Finding("Docker", "ok", f"{host or 'The local daemon'} answers.")
        except DataOpsError as error:
            yield Finding("Docker", "broken", error.message)


def outputs_are_published(home: Home) -> Iterator[Finding]:
    """Report outputs that wait, with the reason of the first one of each folder."""
    if not home.database.exists():
        return
    from ..wiring import build_services

    try:
        with build_services(home).store.read() as tx:
            waiting = [each for each in tx.publications.list_pending() if each.reason is not None]
    except (DataOpsError, OSError):
        return  # Said with the database.
    for folder in dict.fromkeys(each.folder for each in waiting):
        first, *others = [each for each in waiting if each.folder == folder]
        more = f" {len(others)} more wait." if others else ""
        message = f"{first.path} of run {first.run_id} is not published. {first.reason.message if first.reason else ''}"
        yield Finding("outputs", "note", f"{message}{more}", "Make room, or bring the folder back.")


def jobs_are_whole(home: Home) -> Iterator[Finding]:
    """Find a notebook that is two jobs.

    It has two jobs when they were made in two clones before we knew that both are of one repository.
    """
    if not home.database.exists():
        return
    from ..wiring import build_services

    try:
        ctx = build_services(home)
        with ctx.store.read() as tx:
            split_jobs = tx.workspaces.find_split_jobs()
            jobs = tx.jobs.get_many({job_id for pair in split_jobs for job_id in pair})
    except (DataOpsError, OSError):
        return  # Said with the database.
    for older, newer in split_jobs:
        message = f"{jobs[older].source} and {jobs[newer].source} are one notebook in two clones, and two jobs."
        yield Finding("job", "note", message, f"If they are one: jupyter dataops jobs relink {older} {newer}")


CHECKS: tuple[Callable[[Home], Iterator[Finding]], ...] = (
    state_folder_is_usable,
    files_are_local,
    database_is_sound,
    audit_trail_is_whole,
    copies_are_known,
    engine_leads,
    schedules_will_start,
    runs_start_warm,
    runner_can_start,
    kernels_are_installed,
    server_extension_is_enabled,
    lab_extension_is_there,
    docker_answers,
    jobs_are_whole,
    outputs_are_published,
)
