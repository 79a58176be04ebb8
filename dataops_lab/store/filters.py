"""Which runs a filter means, found on narrow indexes alone: also of a million runs, a page is a few short walks."""

from __future__ import annotations

import datetime as dt
from itertools import product

from sqlalchemy import ColumnElement, Connection, Select, and_, select, true, union

from ..ports import RunFilter
from . import tables as t
from .jobs import names
from .pages import contains

MAX_JOBS = 500
"""So many jobs that a text names are looked up one by one; more are a condition like any other."""


def page_of_ids(connection: Connection, where: RunFilter, *, limit: int, cursor: str | None) -> Select[tuple[str]]:
    """Of the newest `limit` runs before `cursor`, in no order."""
    c = t.runs.c
    always = _conditions(where)
    if cursor is not None:
        always.append(c.id < cursor)
    states = [c.state == state for state in where.states] or [true()]
    texts = _texts(connection, where.text) if where.text else [true()]
    # One walk for each state and each way that a text is found: each ends after `limit` runs, and together
    # they hold the newest. A condition with `or` or `in` would walk all that there are, or sort them.
    walks = [
        select(select(c.id).where(*always, state, text).order_by(c.id.desc()).limit(limit).subquery().c.id)
        for state, text in product(states, texts)
    ]
    if len(walks) == 1:
        return walks[0]
    found = union(*walks).subquery()
    return select(found.c.id).order_by(found.c.id.desc()).limit(limit)


def _conditions(where: RunFilter) -> list[ColumnElement[bool]]:
    c = t.runs.c
    found: list[ColumnElement[bool]] = []
    if where.job_id:
        found.append(c.job_id == where.job_id)
    if where.environment:
        found.append(c.environment == where.environment)
    if where.created_by:
        found.append(c.created_by == where.created_by)
    if where.created_after:
        # By the time in the id too, which is what the indexes are ordered by.
        found += [c.created_at >= where.created_after, c.id >= _first_id(where.created_after)]
    if where.created_before:
        found += [c.created_at < where.created_before, c.id < _first_id(where.created_before, later_ms=1)]
    return found


def _first_id(moment: dt.datetime, *, later_ms: int = 0) -> str:
    """No id of a run that was created then or later comes before it."""
    from ulid import ULID

    millis = max(0, int(moment.timestamp() * 1000) + later_ms)
    return str(ULID.from_bytes(millis.to_bytes(6, "big") + bytes(10)))


def _texts(connection: Connection, text: str) -> list[ColumnElement[bool]]:
    c = t.runs.c
    named = names(text)
    jobs = connection.scalars(select(t.jobs.c.id).where(named).limit(MAX_JOBS + 1)).all()
    of_jobs = c.job_id.in_(jobs) if len(jobs) <= MAX_JOBS else c.job_id.in_(select(t.jobs.c.id).where(named))
    said = and_(c.said.is_not(None), contains(c.said, text))
    return [of_jobs, said] if jobs else [said]
