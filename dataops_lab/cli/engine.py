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
from .output import as_json as print_json
from .text import plain, plural, since

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
@click.option("--log", type=click.Path(path_type=Path), hidden=True, help="Where stdout and stderr go, to be bounded.")
def run(slots: int | None, idle_s: float | None, warm: int, parent: int | None, log: Path | None) -> None:
    """Run an engine here until it is stopped. While another one leads, it stands by."""
    import signal
    from threading import Event, Thread

    from ..engine.process import write_log
    from ..wiring import Home, build_engine, state_folder

    write_log(log)
    stop = Event()
    leading = build_engine(Home(state_folder()), slots=slots, warm=warm, exit_when_idle_s=idle_s)

    def end(*_: object) -> None:
        stop.set()
        leading.wake()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if parent is not None:
        Thread(target=_end_with, args=(parent, stop, end), daemon=True).start()
    leading.run(stop)


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
    seen = installation.overview(services)
    leader = seen.leader
    warm = warm_start.told(Home(state_folder()).warm, leader.process.pid) if leader else None
    if as_json:
        leading = EngineStatus(
            pid=leader.process.pid if leader else None,
            leading=leader is not None,
            since=leader.since if leader else None,
        )
        slots = leader.slots if leader else None
        counts = {"slots": slots, "queued": seen.queued, "running": seen.running}
        print_json(leading.model_dump(mode="json") | counts | {"warm": warm})
        return
    if leader:
        began = since(leader.since, dt.datetime.now(dt.UTC))
        where = "" if leader.host in ("", services.host.name()) else f" of the host {plain(leader.host)}"
        click.echo(f"Process {leader.process.pid}{where} leads ({began}) with {plural(leader.slots, 'slot')}.")
    else:
        click.echo(
            "No engine leads. JupyterLab and `jupyter dataops run` start one; so does `jupyter dataops engine run`."
        )
    click.echo(f"{plural(seen.queued, 'run')} queued, {seen.running} running.")
    for _, line in warm_start.lines(warm) if leader else ():
        click.echo(plain(line))


@engine.command()
@options.json_option
def stop(as_json: bool) -> None:
    """End the engine that leads. Its runs go on, and the next engine finds them."""
    from ..executors.host import is_same_process
    from ..services import installation

    services = _services()
    seen = installation.overview(services)
    leader = seen.leader
    boot = services.host.identity().boot
    if leader is not None and leader.is_of_another_host(host=services.host.name(), boot=boot):
        raise EngineUnavailable(
            f"The engine, process {leader.process.pid}, runs on the host {leader.host}. Stop it there."
        )
    if leader is not None and is_same_process(leader.process):
        import signal

        try:
            os.kill(leader.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # It has just ended, as the person wanted.
        except PermissionError:
            raise EngineUnavailable(
                f"The engine, process {leader.process.pid}, belongs to another user, who has to stop it."
            ) from None
        _wait_for_the_end(services, leader)
    if as_json:
        print_json(
            {"stopped": leader is not None, "pid": leader.process.pid if leader else None, "running": seen.running}
        )
    elif leader is None:
        click.echo("No engine leads; there is nothing to stop.")
    else:
        go_on = f" {plural(seen.running, 'run')} in progress: the next engine finds them." if seen.running else ""
        click.echo(f"Stopped process {leader.process.pid}.{go_on}")


def _wait_for_the_end(services: Services, leader: Lease) -> None:
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


def _end_with(parent: int, stop: Event, end: Callable[[], None]) -> None:
    while os.getppid() == parent:
        if stop.wait(1.0):
            return
    end()


def _services() -> Services:
    from ..wiring import Home, build_services, state_folder

    return build_services(Home(state_folder()))
