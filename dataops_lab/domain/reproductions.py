"""A reproduction: a folder with all that a run found, in which people look for the reason why it failed."""

from __future__ import annotations

import re
from dataclasses import dataclass

REPRODUCTIONS_FOLDER = "dataops-reproduce"
"""The folder that holds reproductions where nobody names another place."""

MARKER_FOLDER = ".dataops-reproduction"
"""The folder in each reproduction that describes it. A folder with one never travels with a notebook."""

MAX_NAME_LENGTH = 40


@dataclass(frozen=True)
class MissingInput:
    """Something that the run had and the folder has not: a path or the id of a step, and the reason."""

    name: str
    reason: str


def reproduction_name(job_name: str, run_id: str) -> str:
    """Return the name of a folder. Other runs may have the same name."""
    words = re.sub(r"[^\w.-]+", "-", job_name)[:MAX_NAME_LENGTH].strip("-.")
    return f"{words or 'run'}-{run_id[-6:].lower()}"


def is_inside(path: str) -> bool:
    """Tell whether a POSIX path stays in the folder that it begins in, and out of the marker folder."""
    parts = path.split("/")
    return not ("\0" in path or {"", ".", ".."} & set(parts) or parts[0] == MARKER_FOLDER)
