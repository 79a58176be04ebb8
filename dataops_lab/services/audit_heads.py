"""The witness of the audit trail: a file in the state folder that only grows, with the head after each change.

Somebody who rewrites the trail in the database must rewrite this file too, and every copy of it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..domain.audit import Head

NAME = "audit-heads.jsonl"
_HEAD = re.compile(r"(\d{1,18}):(sha256:[0-9a-f]{64})", re.ASCII)

log = logging.getLogger("dataops_lab.audit")


def path(home: Path) -> Path:
    return home / NAME


def append(home: Path, head: Head) -> None:
    """Write the head behind all others. It never raises: what the head speaks of is committed already."""
    try:
        _append(home, vars(head))
    except OSError as error:
        log.warning("The head of the audit trail could not be written to %s: %s", path(home), error)


def append_restored(home: Path, head: Head, *, same_until: int) -> None:
    """Note that a restore put another trail, which ends with `head`, in the place of the one before.

    Both have the same entries up to the number `same_until`.
    """
    _append(home, {"restored": True, "same_until": same_until, **vars(head)})


def carry_over(folder: Path, restored: Path) -> None:
    """Copy the file from a state folder to the one that takes its place."""
    if path(folder).exists():
        shutil.copyfile(path(folder), path(restored))
        path(restored).chmod(0o600)


def _append(home: Path, line: dict[str, Any]) -> None:
    # One write of a short line to a file that is open for appending: lines of several processes do not mix.
    file = os.open(path(home), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, (json.dumps(line) + "\n").encode())
    finally:
        os.close(file)


@dataclass
class Witness:
    """The heads that the file knows. `replaced` counts the others, of trails that a restore replaced."""

    heads: list[Head] = field(default_factory=list)
    replaced: int = 0


def read(home: Path) -> Witness:
    """Read the file; a missing one has no heads. It passes over what a process that died while it wrote left."""
    witness = Witness()
    try:
        lines = path(home).read_bytes().splitlines()
    except FileNotFoundError:
        return witness
    for line in lines:
        try:
            given = json.loads(line)
            found = Head(int(given["seq"]), str(given["chain"]))
            same_until = int(given["same_until"]) if given.get("restored") else None
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if same_until is not None:
            kept = [head for head in witness.heads if head.seq <= same_until]
            witness.replaced += len(witness.heads) - len(kept)
            witness.heads = kept
        witness.heads.append(found)
    return witness


def parse(text: str) -> Head | None:
    """Read a head as `str(head)` writes it."""
    found = _HEAD.fullmatch(text)
    return Head(int(found[1]), found[2]) if found else None
