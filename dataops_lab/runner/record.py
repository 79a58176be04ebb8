"""`record(name, value)`: what a notebook calls to leave a value with its run.

Standard library only: where dataops_lab is not installed, this very file is put on the path of the
run as `dataops_lab.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_VALUE_MIME = "application/vnd.dataops.value+json"


def record(name: str, value: Any) -> None:
    """Leave `value` under `name`; the last one of a name counts. Numbers among the values are metrics.

    `value` must be something JSON can hold; numpy and pandas scalars are taken as Python's own.
    TypeError when it cannot be written, ValueError for NaN and infinities, which JSON does not have.
    In a notebook it is shown as an output; elsewhere it goes to the file that DATAOPS_LAB_VALUES names.
    """
    if not isinstance(name, str) or not name:
        raise TypeError("record() needs a name, a text that is not empty")
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    text = json.dumps(value, allow_nan=False)
    entry = {"name": name, "value": json.loads(text)}
    if not _displayed(entry, f"{name} = {text}") and (path := os.environ.get("DATAOPS_LAB_VALUES")):
        with Path(path).open("a", encoding="utf-8") as values:
            values.write(json.dumps(entry) + "\n")


def _displayed(entry: dict[str, Any], text: str) -> bool:
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        return False
    if get_ipython() is None:
        return False
    display({_VALUE_MIME: entry, "text/plain": text}, raw=True)
    return True
