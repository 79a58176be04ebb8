"""The code that runs inside every Python kernel before the first cell.

Its source is sent to the kernel, so it imports nothing of dataops_lab.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

EXIT_MIME = "application/vnd.dataops.exit+json"
"""The type of the display data by which a cell tells its exit code: {"clean": …, "code": …}. It is never an output."""


MOST_IMPORTS = 100


class Imports:
    """A finder that finds nothing, but notes in their order the modules of `libraries` that the notebook imports.

    It leaves out modules that a library imports itself. It also leaves out all imports after a change of a variable,
    because a library might read that variable.
    """

    set_by_libraries = ("KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK")

    def __init__(self, libraries: list[str]) -> None:
        self._libraries = set(libraries)
        self._within: dict[str, bool] = {}
        self._environment = self._variables()
        self.names: list[str] = []

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        requested, importer = self._requested_import(name)
        within = self._within.get(importer, False) or importer.partition(".")[0] in self._libraries
        self._within[name] = within
        if within or name.partition(".")[0] not in self._libraries or len(self.names) >= MOST_IMPORTS:
            return
        if self._variables() != self._environment:
            self._libraries.clear()
        elif requested not in self.names:
            self.names.append(requested)

    def _requested_import(self, name: str) -> tuple[str, str]:
        """Return the module that the import statement names, and the module that has the statement; '': the notebook.

        The named module is `name` or lies inside of it.
        """
        frame: Any = sys._getframe(2)
        requested = name
        while frame is not None:
            code = frame.f_code
            if code.co_name == "_find_and_load" and code.co_filename.startswith("<frozen importlib"):
                importing = str(frame.f_locals.get("name"))
                if not f"{importing}.".startswith(f"{name}."):
                    return requested, importing
                requested = importing
            frame = frame.f_back
        return requested, ""

    def _variables(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name not in self.set_by_libraries}


def prepare(helpers: str | None, libraries: list[str]) -> None:
    """Make `exit`, `quit` and SystemExit end the notebook as they end a script, and `record` importable everywhere.

    `helpers` is a folder with a stand-in for dataops_lab. It comes last on the path, so that an installed dataops_lab
    wins. There the kernel writes, when it is shut down, the names of the modules of `libraries` that it imported.
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
        """An `exit` like the builtin of a script. The kernel's own only asks a client to close."""

        def __call__(self, code: object = None) -> None:
            raise SystemExit(code)

    def publish_exit(result: Any) -> None:
        error = result.error_in_exec
        if isinstance(error, SystemExit):
            # sys.exit("0") is a failure and sys.exit(0) is not, but both have the same text: only the code can tell.
            clean = error.code is None or (isinstance(error.code, int) and error.code == 0)
            shell.display_pub.publish({EXIT_MIME: {"clean": clean, "code": _plain(error.code)}})

    kernel: Any = getattr(shell, "kernel", None)
    publisher: Any = getattr(kernel, "iopub_thread", None)

    def publish_without_limit() -> None:
        # By default a publisher drops what comes after the first thousand messages that its subscriber has not read.
        publisher.socket.sndhwm = 0

    if publisher is not None:
        publisher.schedule(publish_without_limit)
    shut_down: Any = getattr(kernel, "do_shutdown", None)
    imports = Imports(libraries)
    if libraries:
        sys.meta_path.insert(0, imports)

    def shut_down_at_once(restart: bool) -> Any:
        # The thread that confirms a flush may end before the thread that flushes last. The latter then waits ten
        # seconds for nothing, once in a few dozen kernels. So this flush is the last one.
        streams: list[Any] = [sys.stdout, sys.stderr]
        for stream in streams:
            if hasattr(stream, "flush_timeout"):
                stream.flush_timeout = 0.5
                stream.flush()
                stream.flush = lambda: None
        # The thread that tells of the end of this request may do so after the publisher has stopped, and then waits for
        # ever. Nobody waits for what it tells.
        kernel._publish_status = lambda *_args, **_options: None
        if imports.names and helpers:
            Path(helpers, "imports.json").write_text(
                json.dumps([name for name in imports.names if name in sys.modules])
            )
        return shut_down(restart)

    if shut_down is not None:
        kernel.do_shutdown = shut_down_at_once
    shell.exiter = Exit(shell)
    shell.user_ns.update(exit=shell.exiter, quit=shell.exiter)
    shell.events.register("post_run_cell", publish_exit)
    warnings.filterwarnings("ignore", message="To exit: use 'exit'")


def _plain(code: object) -> int | str:
    return code if isinstance(code, int) else str(code)
