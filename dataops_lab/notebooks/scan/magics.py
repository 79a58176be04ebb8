"""Scan IPython's magics and shell lines."""

from __future__ import annotations

import posixpath
import re
import shlex

from .findings import Import, Mention, Scan, Use
from .text import scan_text

_SHELL_ESCAPE = ("!", "%sx ", "%system ", "%%bash", "%%sh")
_SHELL_MAGICS = frozenset({"cat", "cp", "ls", "mkdir", "mv", "rm", "rmdir"})
_PACKAGE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def scan_magic(line: str, cell: int | None, scan: Scan) -> tuple[str | None, dict[str, str]]:
    """Scan one line into `scan`. Return the folder that it changes to, and the variables that it sets."""
    words = _words(line.lstrip("%!"))
    if not words:
        return None, {}
    command, arguments = words[0], [word for word in words[1:] if not word.startswith("-")]
    first = arguments[0] if arguments else None
    match command:
        case "cd" if line.startswith("%"):
            return first, {}
        case "run" | "load" | "loadpy" if first and line.startswith("%"):
            known = first if posixpath.splitext(first)[1] else f"{first}.py"
            scan.mentions.append(Mention(known, Use.RUN, cell=cell))
        case "writefile" | "file" if first:
            scan.mentions.append(Mention(first, Use.WRITE, cell=cell))
        case "env" | "set_env" if first and ("=" in first or len(arguments) > 1):
            name, _, value = " ".join(arguments).replace(" ", "=", "=" not in first).partition("=")
            scan.variables_set.add(name)
            return None, {name: value}
        case "load_ext" | "reload_ext" if first:
            # IPython has extensions of its own, whose names cannot be imported.
            scan.imports.append(Import(first, optional=True, cell=cell))
        case "pip" | "pip3" | "conda" | "mamba" | "uv" if "install" in arguments:
            scan.installs.update(m.group().lower() for a in arguments if a != "install" and (m := _PACKAGE.match(a)))
        case _ if line.startswith(_SHELL_ESCAPE) or command in _SHELL_MAGICS:
            scan_text(line, cell, scan)
    return None, {}


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
