"""The engine that a command needs while it waits for a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EngineUnavailable
from ..services import installation

if TYPE_CHECKING:
    from subprocess import Popen

    from ..services import Services
    from ..wiring import Home

EXIT_WHEN_IDLE_S = 30.0
GIVE_UP_AFTER = 3


class LocalEngine:
    def __init__(self, home: Home, services: Services) -> None:
        self._home, self._services = home, services
        self._started: Popen[bytes] | None = None
        self._failures = 0

    def ensure(self) -> None:
        """Start an engine unless one leads, or one that we started is still alive.

        EngineUnavailable when the engines that we started ended three times.
        """
        if installation.overview(self._services).leader is not None:
            self._failures = 0
            return
        if self._started is not None:
            if self._started.poll() is None:
                return
            self._failures += 1
            if self._failures == GIVE_UP_AFTER:
                raise EngineUnavailable(
                    f"An engine was started {GIVE_UP_AFTER} times and ended at once. {self._home.engine_log} says why; "
                    "so does `jupyter dataops engine run`.",
                    log=str(self._home.engine_log),
                )
        from ..engine.process import start_engine

        self._started = start_engine(
            self._home.folder, log=self._home.engine_log, exit_when_idle_s=EXIT_WHEN_IDLE_S, ends_with_parent=False
        )
