"""Runs inside every Python kernel before the first cell; its source is sent there, so it imports nothing of ours."""

from __future__ import annotations

import sys
import warnings
from typing import Any

EXIT_MIME = "application/vnd.dataops.exit+json"
"""Display data by which a cell tells with what it exited: {"clean": …, "code": …}. Never kept as an output."""


def prepare(helpers: str | None) -> None:
    """Make `exit`, `quit` and SystemExit end the notebook as they end a script, and `record` importable everywhere.

    `helpers` holds a stand-in for dataops_lab and comes last on the path: one that is installed wins.
    """
    if helpers:
        sys.path.append(helpers)
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return
    shell: Any = get_ipython()
    if shell is None:
        return

    class Exit(type(shell.exiter)):  # type: ignore[misc]
        """Like the builtin of a script; the kernel's own only asks a client to close."""

        def __call__(self, code: object = None) -> None:
            raise SystemExit(code)

    def tell_exit(result: Any) -> None:
        error = result.error_in_exec
        if isinstance(error, SystemExit):
            # sys.exit("0") is a failure, and its text is that of sys.exit(0): only the code itself can tell.
            clean = error.code is None or (isinstance(error.code, int) and error.code == 0)
            shell.display_pub.publish({EXIT_MIME: {"clean": clean, "code": _plain(error.code)}})

    kernel: Any = getattr(shell, "kernel", None)
    shut_down: Any = getattr(kernel, "do_shutdown", None)

    def shut_down_at_once(restart: bool) -> Any:
        # The thread that confirms a flush may end before the one that flushes last, which then waits ten
        # seconds for nothing, once in a few dozen kernels. So the last flush is this one.
        streams: list[Any] = [sys.stdout, sys.stderr]
        for stream in streams:
            if hasattr(stream, "flush_timeout"):
                stream.flush_timeout = 0.5
                stream.flush()
                stream.flush = lambda: None
        return shut_down(restart)

    if shut_down is not None:
        kernel.do_shutdown = shut_down_at_once
    shell.exiter = Exit(shell)
    shell.user_ns.update(exit=shell.exiter, quit=shell.exiter)
    shell.events.register("post_run_cell", tell_exit)
    warnings.filterwarnings("ignore", message="To exit: use 'exit'")


def _plain(code: object) -> int | str:
    return code if isinstance(code, int) else str(code)
