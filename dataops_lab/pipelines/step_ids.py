"""Ids of steps that are made of the names of files and of labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ..domain.expressions import UNSAYABLE
from ..domain.pipelines import MAX_STEP_ID


def ids_of(names: Iterable[str]) -> list[str]:
    """Return an id for each name, without the numbers that only say the order. Equal ones are numbered."""
    taken: set[str] = set()
    ids = []
    for name in names:
        first = _id_of(name)
        number, chosen = 1, first
        while chosen in taken:
            number += 1
            chosen = f"{first[: MAX_STEP_ID - 4]}_{number}"
        taken.add(chosen)
        ids.append(chosen)
    return ids


def _id_of(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    found = re.sub(r"^[0-9_]+", "", words) or (f"step_{words}" if words else "step")
    return f"{found}_" if found in UNSAYABLE else found[:MAX_STEP_ID]
