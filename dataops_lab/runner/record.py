"""`record` and `mail`: the functions that a notebook calls to leave a value with its run, and to shape the mail.

It imports the standard library only: where dataops_lab is not installed, this file is put on the path of the run as
`dataops_lab.py`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

_VALUE_MIME = "application/vnd.dataops.value+json"

_MOST_SUBJECT = 200
_MOST_TEXT = 20_000
_MOST_ATTACHED = 15
"""The bounds of a mail, as dataops_lab.domain.mails has them."""

_MOST_ITEMS = 10_000
"""The most items of an array."""


def record(name: str, value: Any) -> None:
    """Record `value` under `name`; the last one of a name counts. Numbers among the values are metrics.

    `value` is None, a truth value, a number, a text, a date or time (kept as ISO text), or lists and mappings of
    these. Scalars and small arrays of numpy and pandas are taken as Python's own.
    Raise TypeError for anything else, and ValueError for NaN and infinities, which JSON does not have. Both errors
    name the value.
    In a notebook the value is shown as an output; elsewhere it goes to the file that DATAOPS_LAB_VALUES names.
    """
    if not isinstance(name, str) or not name:
        raise TypeError("record() needs a name, a text that is not empty")
    _record(name, value)


def mail(
    *,
    subject: str | None = None,
    text: str | None = None,
    attach: Sequence[str | os.PathLike[str]] = (),
    send: bool | None = None,
) -> None:
    """Say what the mail about this run contains; the last call counts. Its recipients are not chosen here.

    `subject` and `text` replace the words of the mail and stand before its report. `attach` names files that the run
    leaves as artifacts, by their paths from the workspace's root as the record lists them. `send` False: nobody is told
    of this success. It is the value `dataops_lab.mail` of the record.
    Raise TypeError or ValueError for anything else than texts, paths and truth values, and for a text that is too long.
    """
    for name, given, most in (("subject", subject, _MOST_SUBJECT), ("text", text, _MOST_TEXT)):
        if given is not None and not isinstance(given, str):
            raise TypeError(f"mail(): {name} is of type {type(given).__name__}. Give a text.")
        if given is not None and len(given) > most:
            raise ValueError(f"mail(): {name} has {len(given):,} characters; at most {most:,} are sent. Attach a file.")
    if isinstance(attach, (str, bytes)) or not all(isinstance(path, (str, os.PathLike)) for path in attach):
        raise TypeError("mail(): attach is a list of paths, such as ['table.csv'].")
    if len(attach) > _MOST_ATTACHED:
        raise ValueError(
            f"mail(): attach has {len(attach)} paths; at most {_MOST_ATTACHED} are sent. Pack them into one."
        )
    if send is not None and not isinstance(send, bool):
        raise TypeError("mail(): send is True or False.")
    wish = {"subject": subject, "text": text, "attach": [os.fspath(path) for path in attach], "send": send}
    _record("dataops_lab.mail", {name: value for name, value in wish.items() if value not in (None, [])})


def _record(name: str, value: Any) -> None:
    try:
        entry = {"name": name, "value": _plain(value, name)}
    except RecursionError:
        raise ValueError(f"record(): {name} holds itself, or nests too deep") from None
    text = json.dumps(entry["value"], allow_nan=False)
    if not _published_to_kernel(entry, f"{name} = {text}") and (path := os.environ.get("DATAOPS_LAB_VALUES")):
        with Path(path).open("a", encoding="utf-8") as values:
            values.write(json.dumps(entry) + "\n")


def _plain(value: Any, location: str) -> Any:
    """Convert to a value that JSON can hold. `location` tells in an error which part of the value it is."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if type(value).__name__ in ("NaTType", "NAType"):  # of pandas
        return None
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "m":  # This is a time span of numpy, which counts as an integer there.
        raise TypeError(_refusal(value, location))
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(
                f"record(): {location} is {number}, which JSON cannot hold. Record None or a text instead."
            )
        return number
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {_key(key, location): _plain(member, f"{location}[{key!r}]") for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member, f"{location}[{index}]") for index, member in enumerate(value)]
    # Arrays and their scalars have `tolist`. So have the columns of pandas, but there it would drop the labels.
    if hasattr(value, "tolist") and not hasattr(value, "to_frame"):
        return _plain_array(value, kind, location)
    raise TypeError(_refusal(value, location))


def _plain_array(value: Any, kind: str, location: str) -> Any:
    if math.prod(getattr(value, "shape", ())) > _MOST_ITEMS:
        raise ValueError(f"record(): {location} has more than {_MOST_ITEMS:,} items. Write it to a file instead.")
    if kind == "M":
        # `tolist` would turn dates and times into counts of nanoseconds.
        return _without_nat(value.astype(str).tolist())
    return _plain(value.tolist(), location)


def _without_nat(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nat(member) for member in value]
    return None if value == "NaT" else value


def _key(key: Any, location: str) -> str:
    plain = _plain(key, f"a name in {location}")
    if isinstance(plain, str):
        return plain
    if isinstance(plain, (list, dict)):
        raise TypeError(_refusal(key, f"a name in {location}"))
    return json.dumps(plain)


def _refusal(value: Any, location: str) -> str:
    return (
        f"record(): {location} is of type {type(value).__name__}, which is not a value. Record numbers, texts, dates, "
        "or lists and mappings of these, and write anything else to a file."
    )


def _published_to_kernel(entry: dict[str, Any], text: str) -> bool:
    if "IPython" not in sys.modules:
        return False  # Nobody has started a kernel here. The import would take a third of a second.
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        return False
    shell: Any = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return False
    if type(shell.display_pub) is shell.display_pub_class:
        display({_VALUE_MIME: entry, "text/plain": text}, raw=True)
    else:
        # `%%capture` keeps an output from being shown, but the value has to be recorded all the same.
        content = {"data": {_VALUE_MIME: entry}, "metadata": {}, "transient": {}}
        kernel.send_response(kernel.iopub_socket, "display_data", content)
    return True
