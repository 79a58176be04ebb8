"""The queue: which runs start now, and why each of the others waits.

A run's turn is the moment of its submission, five minutes earlier for each point of its priority. A person
who was served waits anew from then on, and a slot that he holds counts as a point less: so people take
turns. The earliest turn comes first. Whoever waits therefore gains on all who are served, by a point in
five minutes: nothing starves.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from .moments import Moment

POINT_S = 300.0
"""What a point of priority is worth, in seconds of waiting."""


class Place(NamedTuple):
    """What the queue has to know of a run. There may be ten thousand. `turn` is what `turn_of` tells."""

    created_by: str
    turn: float
    id: str
    project: str
    job_id: str
    environment: str
    priority: int


def turn_of(created_at: dt.datetime, priority: int) -> float:
    """In seconds since the epoch."""
    return created_at.timestamp() - priority * POINT_S


class Patience(NamedTuple):
    """What the clocks have to know of a queued run. `started_at` is set when it waits for another attempt."""

    id: str
    created_at: dt.datetime
    created_boot: str | None
    created_tick: float | None
    started_at: dt.datetime | None
    queue_timeout_s: float
    total_timeout_s: float

    def left_s(self, now: Moment) -> float:
        waited = now.since(Moment(self.created_at, self.created_boot, self.created_tick))
        within = self.total_timeout_s if self.started_at else min(self.queue_timeout_s, self.total_timeout_s)
        return within - waited


@dataclass(frozen=True)
class Room:
    """How many runs may be active at once: in all, and by name where there is a limit."""

    slots: int
    jobs: Mapping[str, int] = field(default_factory=dict)
    projects: Mapping[str, int] = field(default_factory=dict)
    environments: Mapping[str, int] = field(default_factory=dict)

    @property
    def has_limits(self) -> bool:
        """Besides the slots."""
        return bool(self.jobs or self.projects or self.environments)


class Hindrance(NamedTuple):
    """`kind` is `job`, `project`, `environment` or `slot`. With `slot`, `ahead` runs come first, `behind` the last."""

    kind: str
    in_use: int
    limit: int
    ahead: int = 0
    behind: Place | None = None


class Turn(NamedTuple):
    """`hindrance` None: it starts now."""

    place: Place
    hindrance: Hindrance | None


def turns(
    queued: Sequence[Place],
    active: Sequence[Place],
    room: Room,
    last_starts: Mapping[str, dt.datetime],
    *,
    now: dt.datetime,
) -> Iterator[Turn]:
    """Every queued run once, in the order in which they are likely to start; those that start now come before
    all that wait for a slot. `queued` is sorted, which puts together what one person wants, in his order;
    `last_starts` by person.
    """
    load = _Load(active, room)
    lines = {person: deque(places) for person, places in groupby(queued, attrgetter("created_by"))}
    since = {person: at.timestamp() for person, at in last_starts.items()}

    def key(person: str) -> tuple[float, str]:
        head = lines[person][0]
        anew = since.get(person, float("-inf")) - head.priority * POINT_S
        return max(head.turn, anew) + load.held[person] * POINT_S, head.id

    order = [(key(person), person) for person in lines]
    heapify(order)
    ahead, behind = 0, None
    while order:
        _, person = heappop(order)
        place = lines[person].popleft()
        if full := load.full_for(place):
            yield Turn(place, full)
        else:
            # Once the slots are used up, this goes on as if there were one after the other.
            since[person] = now.timestamp()
            load.held[person] += 1
            if load.free > 0:
                load.take(place)
                yield Turn(place, None)
            else:
                yield Turn(place, Hindrance("slot", load.in_use, room.slots, ahead, behind))
                ahead, behind = ahead + 1, place
        if lines[person]:
            heappush(order, (key(person), person))


class _Load:
    """What is in use."""

    def __init__(self, active: Sequence[Place], room: Room) -> None:
        self._room = room
        self.in_use = len(active)
        self.held = Counter(place.created_by for place in active)
        self._jobs = Counter(place.job_id for place in active)
        self._projects = Counter(place.project for place in active)
        self._environments = Counter(place.environment for place in active)

    @property
    def free(self) -> int:
        return self._room.slots - self.in_use

    def full_for(self, place: Place) -> Hindrance | None:
        room = self._room
        if not room.has_limits:
            return None
        for kind, limit, in_use in (
            ("job", room.jobs.get(place.job_id), self._jobs[place.job_id]),
            ("project", room.projects.get(place.project), self._projects[place.project]),
            ("environment", room.environments.get(place.environment), self._environments[place.environment]),
        ):
            if limit is not None and in_use >= limit:
                return Hindrance(kind, in_use, limit)
        return None

    def take(self, place: Place) -> None:
        self.in_use += 1
        self._jobs[place.job_id] += 1
        self._projects[place.project] += 1
        self._environments[place.environment] += 1
