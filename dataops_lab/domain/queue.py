"""The queue: it decides which runs start now, and why each of the others waits.

The turn of a run is the moment of its submission, five minutes earlier for each point of its priority. After a start,
the other runs of that person wait anew from then on. A slot that a person holds counts as one point less. So people
take turns. The earliest turn comes first. A person who waits therefore gains on all who are served, by a point in
five minutes: nothing starves.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from itertools import takewhile
from typing import NamedTuple

from .runs import RunState
from .time import Timestamp

PRIORITY_POINT_S = 300.0
"""The value of a point of priority, in seconds of waiting."""


class QueuedRun(NamedTuple):
    """The facts about a run that the queue needs. There may be ten thousand. `turn` comes from `compute_turn`."""

    created_by: str
    turn: float
    id: str
    project: str
    job_id: str
    environment: str
    priority: int


def compute_turn(created_at: dt.datetime, priority: int) -> float:
    """Return the turn in seconds since the epoch."""
    return created_at.timestamp() - priority * PRIORITY_POINT_S


class QueueDeadline(NamedTuple):
    """The facts about a waiting run that its clocks need. `started_at` is set when it waits for another attempt."""

    id: str
    created_at: dt.datetime
    created_boot: str | None
    created_tick: float | None
    started_at: dt.datetime | None
    queue_timeout_s: float
    total_timeout_s: float

    def remaining_s(self, now: Timestamp) -> float:
        """Return the seconds that are left, negative once the time is over."""
        waited = now.seconds_since(Timestamp(self.created_at, self.created_boot, self.created_tick))
        timeout_s = self.total_timeout_s if self.started_at else min(self.queue_timeout_s, self.total_timeout_s)
        return timeout_s - waited


class QueueChanges(NamedTuple):
    """The runs that moved and those that somebody wants to end, up to the event `seq`."""

    seq: int
    moved: frozenset[str]
    cancelled: frozenset[str]


class UnfinishedRun(NamedTuple):
    """The facts that an engine remembers of a run that is queued, active, or waits for its next attempt."""

    state: RunState
    run: QueuedRun
    deadline: QueueDeadline


@dataclass(frozen=True)
class ConcurrencyLimits:
    """The number of runs that may be active at once: in all, and by name where there is a limit."""

    slots: int
    jobs: Mapping[str, int] = field(default_factory=dict)
    projects: Mapping[str, int] = field(default_factory=dict)
    environments: Mapping[str, int] = field(default_factory=dict)

    @property
    def has_limits(self) -> bool:
        """True when there are limits besides the slots."""
        return bool(self.jobs or self.projects or self.environments)


class Blocker(NamedTuple):
    """`kind` is `job`, `project`, `environment` or `slot`. For `slot`, `runs_ahead` come first, `previous_run` last."""

    kind: str
    in_use: int
    limit: int
    runs_ahead: int = 0
    previous_run: QueuedRun | None = None


class Decision(NamedTuple):
    """The decision about one run. `blocker` is None when it starts now."""

    run: QueuedRun
    blocker: Blocker | None


class FairQueue:
    """All queued runs, in lanes. The next starts are found at the heads of the lanes, however long they are.

    A lane holds the runs of one person that are under the same `limits`. So one look at its head shows for all
    of it whether a limit is reached.
    """

    def __init__(self, limits: ConcurrencyLimits, runs: Iterable[QueuedRun] = ()) -> None:
        self.limits = limits
        self._runs: dict[str, QueuedRun] = {}
        self._lanes: dict[_LaneKey, list[QueuedRun]] = {}
        for run in sorted(runs):
            self.add(run)

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    def with_limits(self, limits: ConcurrencyLimits) -> FairQueue:
        """Return the same runs under other limits."""
        return FairQueue(limits, self._runs.values())

    def add(self, run: QueuedRun) -> None:
        self.remove(run.id)
        self._runs[run.id] = run
        insort(self._lanes.setdefault(self._lane_key(run), []), run)

    def remove(self, run_id: str) -> None:
        """Remove the run; do nothing when it is not queued."""
        if place := self._runs.pop(run_id, None):
            lane_key = self._lane_key(place)
            lane = self._lanes[lane_key]
            del lane[bisect_left(lane, place)]
            if not lane:
                del self._lanes[lane_key]

    def next_starts(
        self, active: Collection[QueuedRun], last_starts: Mapping[str, dt.datetime], *, now: dt.datetime
    ) -> list[QueuedRun]:
        """Return the runs that start now, in their order. `last_starts` is by person."""
        if not self._runs or len(active) >= self.limits.slots:
            return []
        decisions = self.schedule(active, last_starts, now=now)
        return [decision.run for decision in takewhile(lambda decision: decision.blocker is None, decisions)]

    def schedule(
        self, active: Collection[QueuedRun], last_starts: Mapping[str, dt.datetime], *, now: dt.datetime
    ) -> Iterator[Decision]:
        """Yield every queued run once, in the order in which they are likely to start.

        First come those that start now, then those that wait for a slot, last those that a limit holds back.
        `last_starts` is by person.
        """
        usage = _Usage(active, self.limits)
        last_start = {person: started_at.timestamp() for person, started_at in last_starts.items()}
        heads: defaultdict[str, list[tuple[float, str, list[QueuedRun], int]]] = defaultdict(list)
        for (person, *_), lane in self._lanes.items():
            heads[person].append((lane[0].turn, lane[0].id, lane, 0))
        blocked: list[tuple[list[QueuedRun], int]] = []

        def first_startable(person: str) -> QueuedRun | None:
            while own_heads := heads[person]:
                *_, lane, position = own_heads[0]
                if not usage.find_blocker(lane[position]):
                    return lane[position]
                blocked.append((lane, position))
                heappop(own_heads)
            return None

        def advance(person: str) -> None:
            *_, lane, position = heads[person][0]
            if position + 1 < len(lane):
                next_run = lane[position + 1]
                heapreplace(heads[person], (next_run.turn, next_run.id, lane, position + 1))
            else:
                heappop(heads[person])

        def sort_key(person: str, head: QueuedRun) -> tuple[float, str]:
            waiting_since = last_start.get(person, float("-inf")) - head.priority * PRIORITY_POINT_S
            return max(head.turn, waiting_since) + usage.active_by_person[person] * PRIORITY_POINT_S, head.id

        def sort_heads() -> list[tuple[tuple[float, str], str]]:
            order = [(sort_key(person, head), person) for person in list(heads) if (head := first_startable(person))]
            heapify(order)
            return order

        for own_heads in heads.values():
            heapify(own_heads)
        order = sort_heads()
        runs_ahead, previous_run = 0, None
        while order:
            _, person = heappop(order)
            *_, lane, position = heads[person][0]
            run = lane[position]
            advance(person)
            # When all slots are used, this goes on as if slots became free one after the other.
            last_start[person] = now.timestamp()
            usage.active_by_person[person] += 1
            reaches_limit = False
            if usage.free > 0:
                reaches_limit = usage.add(run)
                yield Decision(run, None)
            else:
                yield Decision(run, Blocker("slot", usage.in_use, self.limits.slots, runs_ahead, previous_run))
                runs_ahead, previous_run = runs_ahead + 1, run
            if reaches_limit:
                # The first run of anybody may have met the limit, and the next one may be due sooner or later.
                order = sort_heads()
            elif head := first_startable(person):
                heappush(order, (sort_key(person, head), person))
        for lane, position in blocked:
            blocker = usage.find_blocker(lane[position])
            yield from (Decision(run, blocker) for run in lane[position:])

    def _lane_key(self, run: QueuedRun) -> _LaneKey:
        limits = self.limits
        return (
            run.created_by,
            run.job_id if run.job_id in limits.jobs else None,
            run.project if run.project in limits.projects else None,
            run.environment if run.environment in limits.environments else None,
        )


_LaneKey = tuple[str, str | None, str | None, str | None]
"""The person, and the job, project and environment that have a limit."""


class _Usage:
    """The slots and limits that are in use."""

    def __init__(self, active: Collection[QueuedRun], limits: ConcurrencyLimits) -> None:
        self._limits = limits
        self.in_use = len(active)
        self.active_by_person = Counter(run.created_by for run in active)
        self._jobs = Counter(run.job_id for run in active)
        self._projects = Counter(run.project for run in active)
        self._environments = Counter(run.environment for run in active)

    @property
    def free(self) -> int:
        return self._limits.slots - self.in_use

    def find_blocker(self, run: QueuedRun) -> Blocker | None:
        limits = self._limits
        if not limits.has_limits:
            return None
        for kind, limit, in_use in (
            ("job", limits.jobs.get(run.job_id), self._jobs[run.job_id]),
            ("project", limits.projects.get(run.project), self._projects[run.project]),
            ("environment", limits.environments.get(run.environment), self._environments[run.environment]),
        ):
            if limit is not None and in_use >= limit:
                return Blocker(kind, in_use, limit)
        return None

    def add(self, run: QueuedRun) -> bool:
        """Count the run, and tell whether a limit is reached with it."""
        self.in_use += 1
        self._jobs[run.job_id] += 1
        self._projects[run.project] += 1
        self._environments[run.environment] += 1
        return self.find_blocker(run) is not None
