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

from .moments import Moment
from .runs import RunState

POINT_S = 300.0
"""The value of a point of priority, in seconds of waiting."""


class Place(NamedTuple):
    """The facts about a run that the queue needs. There may be ten thousand. `turn` comes from `turn_of`."""

    created_by: str
    turn: float
    id: str
    project: str
    job_id: str
    environment: str
    priority: int


def turn_of(created_at: dt.datetime, priority: int) -> float:
    """Return the turn in seconds since the epoch."""
    return created_at.timestamp() - priority * POINT_S


class Patience(NamedTuple):
    """The facts about a waiting run that its clocks need. `started_at` is set when it waits for another attempt."""

    id: str
    created_at: dt.datetime
    created_boot: str | None
    created_tick: float | None
    started_at: dt.datetime | None
    queue_timeout_s: float
    total_timeout_s: float

    def left_s(self, now: Moment) -> float:
        """Return the seconds that are left, negative once the time is over."""
        waited = now.since(Moment(self.created_at, self.created_boot, self.created_tick))
        within = self.total_timeout_s if self.started_at else min(self.queue_timeout_s, self.total_timeout_s)
        return within - waited


class Changes(NamedTuple):
    """The runs that moved and those that somebody wants to end, up to the event `seq`."""

    seq: int
    moved: frozenset[str]
    cancelled: frozenset[str]


class Standing(NamedTuple):
    """The facts that an engine remembers of a run that is queued, active, or waits for its next attempt."""

    state: RunState
    place: Place
    patience: Patience


@dataclass(frozen=True)
class Room:
    """The number of runs that may be active at once: in all, and by name where there is a limit."""

    slots: int
    jobs: Mapping[str, int] = field(default_factory=dict)
    projects: Mapping[str, int] = field(default_factory=dict)
    environments: Mapping[str, int] = field(default_factory=dict)

    @property
    def has_limits(self) -> bool:
        """True when there are limits besides the slots."""
        return bool(self.jobs or self.projects or self.environments)


class Hindrance(NamedTuple):
    """`kind` is `job`, `project`, `environment` or `slot`. With `slot`, `ahead` runs come first, `behind` the last."""

    kind: str
    in_use: int
    limit: int
    ahead: int = 0
    behind: Place | None = None


class Turn(NamedTuple):
    """The place of a run in the order. `hindrance` is None when it starts now."""

    place: Place
    hindrance: Hindrance | None


class Lines:
    """All queued runs, in lines. The next starts are found at the heads of the lines, however long they are.

    A line holds the runs of one person that are under the same limits of `room`. So one look at its head shows for all
    of it whether a limit is reached.
    """

    def __init__(self, room: Room, places: Iterable[Place] = ()) -> None:
        self.room = room
        self._places: dict[str, Place] = {}
        self._lines: dict[_Line, list[Place]] = {}
        for place in sorted(places):
            self.add(place)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._places

    def with_room(self, room: Room) -> Lines:
        """Return the same runs behind other limits."""
        return Lines(room, self._places.values())

    def add(self, place: Place) -> None:
        self.remove(place.id)
        self._places[place.id] = place
        insort(self._lines.setdefault(self._line_of(place), []), place)

    def remove(self, run_id: str) -> None:
        """Remove the run; do nothing when it is not queued."""
        if place := self._places.pop(run_id, None):
            name = self._line_of(place)
            line = self._lines[name]
            del line[bisect_left(line, place)]
            if not line:
                del self._lines[name]

    def starting(
        self, active: Collection[Place], last_starts: Mapping[str, dt.datetime], *, now: dt.datetime
    ) -> list[Place]:
        """Return the runs that start now, in their order. `last_starts` is by person."""
        if not self._places or len(active) >= self.room.slots:
            return []
        in_order = self.turns(active, last_starts, now=now)
        return [turn.place for turn in takewhile(lambda turn: turn.hindrance is None, in_order)]

    def turns(
        self, active: Collection[Place], last_starts: Mapping[str, dt.datetime], *, now: dt.datetime
    ) -> Iterator[Turn]:
        """Yield every queued run once, in the order in which they are likely to start.

        First come those that start now, then those that wait for a slot, last those that a limit holds back.
        `last_starts` is by person.
        """
        load = _Load(active, self.room)
        since = {person: at.timestamp() for person, at in last_starts.items()}
        heads: defaultdict[str, list[tuple[float, str, list[Place], int]]] = defaultdict(list)
        for (person, *_), line in self._lines.items():
            heads[person].append((line[0].turn, line[0].id, line, 0))
        full: list[tuple[list[Place], int]] = []

        def first_of(person: str) -> Place | None:
            while mine := heads[person]:
                *_, line, position = mine[0]
                if not load.full_for(line[position]):
                    return line[position]
                full.append((line, position))
                heappop(mine)
            return None

        def step(person: str) -> None:
            *_, line, position = heads[person][0]
            if position + 1 < len(line):
                following = line[position + 1]
                heapreplace(heads[person], (following.turn, following.id, line, position + 1))
            else:
                heappop(heads[person])

        def key(person: str, head: Place) -> tuple[float, str]:
            anew = since.get(person, float("-inf")) - head.priority * POINT_S
            return max(head.turn, anew) + load.held[person] * POINT_S, head.id

        for mine in heads.values():
            heapify(mine)
        order = [(key(person, head), person) for person in list(heads) if (head := first_of(person))]
        heapify(order)
        ahead, behind = 0, None
        while order:
            popped, person = heappop(order)
            place = first_of(person)
            if place is None:
                continue
            if key(person, place) != popped:
                # The run that was first for this person has met a limit meanwhile.
                heappush(order, (key(person, place), person))
                continue
            step(person)
            # When all slots are used, this goes on as if slots became free one after the other.
            since[person] = now.timestamp()
            load.held[person] += 1
            if load.free > 0:
                load.take(place)
                yield Turn(place, None)
            else:
                yield Turn(place, Hindrance("slot", load.in_use, self.room.slots, ahead, behind))
                ahead, behind = ahead + 1, place
            if head := first_of(person):
                heappush(order, (key(person, head), person))
        for line, position in full:
            hindrance = load.full_for(line[position])
            yield from (Turn(place, hindrance) for place in line[position:])

    def _line_of(self, place: Place) -> _Line:
        room = self.room
        return (
            place.created_by,
            place.job_id if place.job_id in room.jobs else None,
            place.project if place.project in room.projects else None,
            place.environment if place.environment in room.environments else None,
        )


_Line = tuple[str, str | None, str | None, str | None]
"""The person, and the job, project and environment that have a limit."""


class _Load:
    """The slots and limits that are in use."""

    def __init__(self, active: Collection[Place], room: Room) -> None:
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
