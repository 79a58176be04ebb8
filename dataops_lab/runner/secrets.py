"""The way of secrets to the runner: one JSON object of names and values on its stdin, in no file or command line."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO


class SecretsMissing(RuntimeError):
    """An error: secrets that were expected on stdin did not come. The message is for people."""


def open_secrets(secrets: Mapping[str, str]) -> BinaryIO:
    """Write the secrets into a file for the stdin of a runner. The caller closes it after the start of the runner."""
    if not secrets:
        return Path(os.devnull).open("rb")
    # Unlike a pipe, both kinds of file take all data at once: nobody has to wait until the runner reads.
    stdin: BinaryIO
    if hasattr(os, "memfd_create"):  # noqa: SIM108  (two kinds of file, which a type checker tells apart)
        stdin = os.fdopen(os.memfd_create("secrets"), "w+b")
    else:
        stdin = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
    stdin.write(json.dumps(secrets).encode())
    stdin.seek(0)
    return stdin


def read_secrets(names: Iterable[str]) -> dict[str, str]:
    """Read the secrets of these names from stdin, which is empty afterwards. Call it once.

    Raise SecretsMissing when one of them did not come.
    """
    expected = set(names)
    if not expected:
        return {}
    pieces = []
    while piece := os.read(0, 1 << 16):
        pieces.append(piece)
    # No process that is started from here on can read them again.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        given = json.loads(b"".join(pieces))
    except ValueError:
        given = {}
    if missing := expected - given.keys():
        raise SecretsMissing(f"The runner was not given the secrets {', '.join(sorted(missing))}.")
    return {name: str(given[name]) for name in expected}
