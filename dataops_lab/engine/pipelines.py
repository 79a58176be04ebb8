"""The leading engine's part in pipeline runs: it keeps their clocks, and makes up for what was left undone."""

from __future__ import annotations

from ..services import Services, pipelines

LOOK_AFTER_S = 1.0
"""The time after which a change of the store shows in the clocks. An approval that has just started is one."""


class PipelineClocks:
    """The clocks of all pipeline runs. Between two looks only the time of the next one is remembered."""

    def __init__(self, ctx: Services) -> None:
        self._ctx = ctx
        self.reset()

    def reset(self) -> None:
        """Forget everything, so that the next `look` reads it again."""
        self._looked_at = float("-inf")
        self._due_at = float("-inf")
        self._has_changed = False

    def note_change(self) -> None:
        """Note that somebody has written to the store."""
        self._has_changed = True

    def look(self, *, fence: int) -> None:
        """End what has waited or run too long, where it is time. Call this often: nearly always it does nothing."""
        if self.next_due_s() > 0:
            return
        self._has_changed = False
        self._looked_at = self._ctx.clock.monotonic()
        self._due_at = self._looked_at + pipelines.keep_time(self._ctx, fence=fence)

    def next_due_s(self) -> float:
        """Return the seconds until the next look; infinite when only a change of the store brings one."""
        due_at = min(self._due_at, self._looked_at + LOOK_AFTER_S) if self._has_changed else self._due_at
        return due_at - self._ctx.clock.monotonic()
