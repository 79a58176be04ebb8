"""Ticks of schedules that watch a folder: one for each burst of new and changed files."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.schedules import Files, Schedule
from ..domain.ticks import TickKind
from ..ports import SeenFiles
from .context import Services
from .ticks import add_event_ticks, new_id


def list_watched(ctx: Services) -> Sequence[tuple[Schedule, SeenFiles | None]]:
    """Return the schedules that watch a folder, with the files of their last burst."""
    with ctx.store.read() as tx:
        return [(schedule, tx.schedules.get_seen_files(schedule.id)) for schedule in tx.schedules.list_watching()]


def add_burst(ctx: Services, schedule: Schedule, seen: SeenFiles, files: Sequence[str] | None, *, fence: int) -> None:
    """Note the files that are there, and add the ticks of the burst, in one transaction; no ticks for None.

    Do nothing when the schedule was changed, paused or removed meanwhile.
    """
    at = ctx.moment()
    with ctx.store.begin(fence=fence) as tx:
        current = tx.schedules.get_many([schedule.id]).get(schedule.id)
        if current is None or current.revision != schedule.revision or current.pause is not None:
            return
        tx.schedules.put_seen_files(schedule.id, seen)
        rule = current.settings.rule
        if files is None or not isinstance(rule, Files):
            return
        payload = {rule.parameter: list(files)} if rule.parameter else {}
        now = at.wall_time
        add_event_ticks(ctx, tx, current, TickKind.FILES, nominal=now, cause=new_id(at), payload=payload, at=now)
