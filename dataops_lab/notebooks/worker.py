"""A worker process of a pool (pool.py): `python -P -m dataops_lab.notebooks.worker DESCRIPTOR`."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection


def main(descriptor: int) -> None:
    """Answer calls until the server closes its end, one at a time."""
    # Ctrl-C in the server's terminal is for the server, which then ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_server, args=[descriptor], daemon=True).start()
    with Connection(descriptor) as server:
        notebooks = server.recv()()
        while True:
            method, arguments, keywords = server.recv()
            answer: tuple[object, Exception | None, str]
            try:
                answer = (getattr(notebooks, method)(*arguments, **keywords), None, "")
            except Exception as error:
                answer = (None, error, traceback.format_exc())
            try:
                server.send(answer)
            except (AttributeError, TypeError, ValueError):  # pickle raises these for a value that it cannot send
                server.send((None, RuntimeError(answer[2] or "The answer cannot be sent."), ""))


def _end_with_server(descriptor: int) -> None:
    """End with the server, also in the middle of a call that hangs; nothing else would end this process."""
    watched = select.poll()
    watched.register(descriptor, 0)  # reports only that the other end is closed
    watched.poll()
    os._exit(0)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except (EOFError, ConnectionError):
        pass  # The server has ended this worker.
