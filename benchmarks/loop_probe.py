"""A probe of an event loop: how late its callbacks are, and how long its process and its own thread computed meanwhile.

A loop that is late without computing waited for a core: the machine is the cause. Other threads of the process hold the
loop while they hold the interpreter. So the time for which the loop was held lies between the two.

As a server extension, `GET /loop-probe` returns the measurements since the last call. As a program, this module is a
loop that has nothing else to do: it tells how late the machine alone makes it. The program ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

EVERY_S = 0.005


class Probe:
    def __init__(self) -> None:
        self._late: list[tuple[float, float, float]] = []

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        due, process, itself = time.perf_counter() + EVERY_S, time.process_time(), time.thread_time()

        def tick() -> None:
            nonlocal due, process, itself
            late = max(0.0, time.perf_counter() - due)
            self._late.append((late, min(late, time.process_time() - process), min(late, time.thread_time() - itself)))
            due, process, itself = time.perf_counter() + EVERY_S, time.process_time(), time.thread_time()
            loop.call_later(EVERY_S, tick)

        loop.call_later(EVERY_S, tick)

    def take_measurements(self) -> list[tuple[float, float, float]]:
        """Take the measurements since the last call: seconds late, and how many of them process and loop computed."""
        late, self._late = self._late, []
        return late


PROBE = Probe()


class ProbeHandler(APIHandler):
    @authenticated
    def get(self) -> None:
        self.finish(json.dumps(PROBE.take_measurements()))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server) -> None:
    server.web_app.add_handlers(".*$", [(f"{server.base_url}loop-probe", ProbeHandler)])
    server.io_loop.add_callback(PROBE.start)


async def _alone() -> None:
    PROBE.start()
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(PROBE.take_measurements()))


if __name__ == "__main__":
    asyncio.run(_alone())
