"""What happened to a run, as a row. Written in the transaction of the change it tells of."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """`seq` orders all events of an installation; it is the `Last-Event-ID` of the event stream."""

    seq: int
    run_id: str
    at: dt.datetime
    kind: str
    """`run.<state>`, `attempt.<state>`, `run.progress`, `run.cancel_requested`, `run.kept`, `run.unkept`; and
    `run.deleted`, the only one that is left of a run that is gone."""
    data: dict[str, Any] = field(default_factory=dict)
