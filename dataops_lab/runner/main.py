"""`python -m dataops_lab.runner RUN_DIRECTORY [DESCRIPTOR]`; the latter leads to a preloaded interpreter, if any."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from . import lock
from .termination import Termination

NICER_BY = 5
"""Runs take the processor from one another before they take it from the person's own kernels, and from the engine."""


def main(arguments: list[str]) -> int:
    """0 when the run directory has its result, or is somebody else's to run."""
    if len(arguments) not in (1, 2):
        sys.stderr.write("usage: python -m dataops_lab.runner RUN_DIRECTORY [DESCRIPTOR]\n")
        return 2
    termination = Termination()
    termination.listen()
    directory = Path(arguments[0]).absolute()
    preloaded = _inherited(int(arguments[1])) if arguments[1:] else None
    claim = lock.take(directory)
    if claim is None:
        return 0
    os.nice(NICER_BY)
    # jsonschema, which every notebook library imports, looks for this module and compiles a grammar
    # in it for a second. It is for checking IRIs; None makes it count as not installed.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from .run import run

    run(directory, termination, preloaded)
    return 0


def _inherited(descriptor: int) -> socket.socket:
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    return connection
