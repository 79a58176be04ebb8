"""`jupyter dataops engine …`: the engine of this machine's state folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EngineUnavailable
from . import options
from .output import print_json
from .text import plain, plural, time_ago

if TYPE_CHECKING:
    from threading import Event

    from ..domain.leases import Lease
    from ..services import Services

STOP_WITHIN_S = 30.0


@click.group()
def engine() -> None:
    """Control the process that starts and follows runs. Runs go on without it; the next engine finds them."""


@engine.command()
@click.option("--slots", type=click.IntRange(1), help="Runs at once.  [default: one per core, at least two]")
@click.option(
    "--exit-when-idle",
    "idle_s",
    type=options.seconds,
    metavar="S",
    help="End after S seconds without any work.",
)
@click.option(
    "--warm",
    type=click.IntRange(0, 4),
    default=2,
    show_default=True,
    envvar="DATAOPS_LAB_WARM",
    help="Preloaded interpreters that stand ready while they are used. 0: every run starts cold.",
)
@click.option("--parent", type=int, metavar="PID", help="End when this process, which started it, is gone.")
@click.option("--service", is_flag=True, hidden=True, help="It was started as a service; others read it here.")
@click.option("--log", type=click.Path(path_type=Path), hidden=True, help="Where stdout and stderr go, to be bounded.")
def run(
    slots: int | None,
    idle_s: float | None,
    warm: int,
    parent: int | None,
    service: bool,  # noqa: ARG001
    log: Path | None,
) -> None:
    """Run an engine here until it is stopped. While another one leads, it stands by."""
    import signal
    from threading import Event, Thread

    from ..engine.process import configure_logging
    from ..wiring import Home, build_engine, state_folder

    configure_logging(log)
    stop = Event()
    new_engine = build_engine(Home(state_folder()), slots=slots, warm=warm, exit_when_idle_s=idle_s)

    def request_stop(*_: object) -> None:
        stop.set()
        new_engine.wake()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, request_stop)
    if parent is not None:
        Thread(target=_stop_with_parent, args=(parent, stop, request_stop), daemon=True).start()
    new_engine.run(stop)


@engine.command()
@options.json_option
def status(as_json: bool) -> None:
    """Tell which process leads, and what waits and runs."""
    import datetime as dt

    from ..api_models import EngineStatus
    from ..services import installation
    from ..wiring import Home, state_folder
    from . import warm_start

    services = _services()
    overview = installation.overview(services)
    leader = overview.leader
    warm = warm_start.read_report(Home(state_folder()).warm, leader.process.pid) if leader else None
    if as_json:
        engine_status = EngineStatus(
            pid=leader.process.pid if leader else None,
            leading=leader is not None,
            since=leader.since if leader else None,
            lifetime=overview.lifetime,
        )
        slots = leader.slots if leader else None
        counts = {"slots": slots, "queued": overview.queued, "running": overview.running}
        print_json(engine_status.model_dump(mode="json") | counts | {"warm": warm})
        return
    if leader:
        began = time_ago(leader.since, dt.datetime.now(dt.UTC))
        host_note = "" if leader.host in ("", services.host.name()) else f" of the host {plain(leader.host)}"
        click.echo(f"Process {leader.process.pid}{host_note} leads ({began}) with {plural(leader.slots, 'slot')}.")
    else:
        click.echo(
            "No engine leads. JupyterLab and `jupyter dataops run` start one; so does `jupyter dataops engine run`."
        )
    click.echo(f"{plural(overview.queued, 'run')} queued, {overview.running} running.")
    for _, line in warm_start.describe(warm) if leader else ():
        click.echo(plain(line))


@engine.command()
@options.json_option
def stop(as_json: bool) -> None:
    """End the engine that leads. Its runs go on, and the next engine finds them."""
    from ..executors.host import is_process_alive
    from ..services import installation

    services = _services()
    overview = installation.overview(services)
    leader = overview.leader
    boot = services.host.identity().boot
    if leader is not None and leader.is_of_another_host(host=services.host.name(), boot=boot):
        raise EngineUnavailable(
            f"The engine, process {leader.process.pid}, runs on the host {leader.host}. Stop it there."
        )
    if leader is not None and is_process_alive(leader.process):
        import signal

        try:
            os.kill(leader.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # It has just ended, as the person wanted.
        except PermissionError:
            raise EngineUnavailable(
                f"The engine, process {leader.process.pid}, belongs to another user, who has to stop it."
            ) from None
        _wait_until_stopped(services, leader)
    if as_json:
        print_json(
            {"stopped": leader is not None, "pid": leader.process.pid if leader else None, "running": overview.running}
        )
    elif leader is None:
        click.echo("No engine leads; there is nothing to stop.")
    else:
        running_note = (
            f" {plural(overview.running, 'run')} in progress: the next engine finds them." if overview.running else ""
        )
        click.echo(f"Stopped process {leader.process.pid}.{running_note}")


@engine.command("install-service")
@click.option("--print", "only_print", is_flag=True, help="Print the service file, and change nothing.")
@click.option("--remove", is_flag=True, help="Stop the service and remove it. Its runs go on.")
def install_service(only_print: bool, remove: bool) -> None:
    """Let systemd start the engine with this machine."""
    from ..engine import user_service
    from ..wiring import Home, build_services, state_folder

    folder = state_folder()
    if only_print:
        click.echo(user_service.unit_text(folder, os.environ), nl=False)
        return
    if remove:
        removed = user_service.remove(folder, os.environ)
        name = user_service.unit_name(folder)
        click.echo(f"Removed {name}." if removed else f"There is no service {name}; nothing was removed.")
        return
    build_services(Home(folder))  # The service begins in the state folder.
    installed = user_service.install(folder, os.environ)
    click.echo(f"The engine of {folder} runs as the service {installed.path.name}.")
    click.echo(f"  journalctl --user -u {installed.path.name}   shows its log")
    if installed.lingers is not True:
        click.echo("It ends when you log out, until you say once:")
        click.echo("  loginctl enable-linger")
    if "DATAOPS_LAB_KEY" in os.environ:
        click.echo("The key of the secrets is not written into the service. Give it to the service yourself:")
        click.echo(f"  systemctl --user edit {installed.path.name}   [Service] EnvironmentFile=…")


def _wait_until_stopped(services: Services, leader: Lease) -> None:
    from ..services import installation

    deadline = time.monotonic() + STOP_WITHIN_S
    while (now := installation.overview(services).leader) is not None and now.holder == leader.holder:
        if time.monotonic() > deadline:
            raise EngineUnavailable(
                f"Process {leader.process.pid} was asked to end and has not within {STOP_WITHIN_S:g} seconds. "
                f"`kill -9 {leader.process.pid}` ends it; its runs go on all the same.",
                pid=leader.process.pid,
            )
        time.sleep(0.05)


def _stop_with_parent(parent: int, stop: Event, request_stop: Callable[[], None]) -> None:
    while os.getppid() == parent:
        if stop.wait(1.0):
            return
    request_stop()


def _services() -> Services:
    from ..wiring import Home, build_services, state_folder

    return build_services(Home(state_folder()))
