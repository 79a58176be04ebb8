"""The messages that follow from ends of runs, and one message for all presets of a tick."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .notifications import MessageKind
from .runs import RunState, TriggerKind
from .schedules import FAILURES
from .subscriptions import Occasion

BY_HAND = frozenset({TriggerKind.MANUAL, TriggerKind.RERUN, TriggerKind.REPAIR})
"""The causes of runs that a person started, and of whose ends people are told."""

_WORST_FIRST = (
    MessageKind.FAILURE,
    MessageKind.REFUSED,
    MessageKind.LATE,
    MessageKind.MISSED,
    MessageKind.RECOVERY,
    MessageKind.SUCCESS,
)


def message_of_end(state: RunState, *, after_failure: bool) -> tuple[MessageKind, Occasion] | None:
    """Return the kind of the message about a run that ended; None for an end that says nothing about the job."""
    if state is RunState.SUCCEEDED:
        return (MessageKind.RECOVERY if after_failure else MessageKind.SUCCESS), Occasion.PLAIN
    if state in FAILURES:
        return MessageKind.FAILURE, Occasion.PLAIN
    if state is RunState.CANCELLED:
        return MessageKind.FAILURE, Occasion.CANCELLED
    return None


def was_failure(earlier: Iterable[RunState]) -> bool:
    """Tell whether the newest of these ends that says something about the job was a failure. The newest comes first."""
    telling = (state for state in earlier if state is RunState.SUCCEEDED or state in FAILURES)
    return next(telling, RunState.SUCCEEDED) in FAILURES


@dataclass(frozen=True)
class PresetEnd:
    """The end of one preset of a tick. `kind` None: it has not ended, or nobody is told of its end."""

    preset: str
    state: str
    """A state of a run or, where there is none, of the tick."""
    kind: MessageKind | None = None
    run: str | None = None
    reason: str | None = None
    has_ended: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "preset": self.preset,
            "state": self.state,
            "kind": str(self.kind) if self.kind else None,
            "run": self.run,
            "reason": self.reason,
        }


def kind_of_group(ends: Sequence[PresetEnd]) -> MessageKind | None:
    """Return the kind of the one message about all presets: the worst of them; None when nobody is told."""
    kinds = {end.kind for end in ends}
    return next((kind for kind in _WORST_FIRST if kind in kinds), None)
