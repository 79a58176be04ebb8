"""When a person is told: quiet hours, the daily digest, and the limit for one job."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from ..errors import InvalidRequest
from .notifications import MessageKind, Recipient
from .timetables import local_instant, zone_of

MOST_PER_WINDOW = 5
"""The most messages about one job that one recipient gets within `WINDOW`. Further ones are told together."""
WINDOW = dt.timedelta(hours=1)
GROUP_WAIT = dt.timedelta(minutes=10)
"""The longest time that the message about a tick waits for the runs of its other presets."""


class HoldReason(StrEnum):
    QUIET = "quiet"
    DIGEST = "digest"
    LIMIT = "limit"


class Hold(NamedTuple):
    """A message that a recipient gets later, with others that were held for the same reason."""

    until: dt.datetime
    reason: HoldReason


@dataclass(frozen=True)
class HeldMessage:
    """A message that one recipient gets later."""

    id: str
    message_id: str
    recipient: Recipient
    hold: Hold


@dataclass(frozen=True)
class QuietHours:
    """The span of each day in which nothing is sent. `start` is part of it; it may pass midnight."""

    start: dt.time
    end: dt.time

    def checked(self) -> QuietHours:
        if self.start == self.end:
            raise InvalidRequest("Quiet hours that begin when they end are none. Give two different times.")
        return self

    def end_of(self, now: dt.datetime, timezone: str) -> dt.datetime | None:
        """Return the end of the quiet hours in which `now` lies; None when it lies in none."""
        zone = zone_of(timezone)
        today = now.astimezone(zone).date()
        for day in (today - dt.timedelta(days=1), today):
            last = day if self.start < self.end else day + dt.timedelta(days=1)
            start, end = local_instant(day, self.start, zone), local_instant(last, self.end, zone)
            if start <= now < end:
                return end
        return None


@dataclass(frozen=True)
class DeliveryTimes:
    """A person's choice. `digest_at` is the time of day at which all that can wait comes in one message."""

    timezone: str = "UTC"
    quiet: QuietHours | None = None
    digest_at: dt.time | None = None

    def checked(self) -> DeliveryTimes:
        """Return it. InvalidRequest or InvalidSchedule when a time or the zone makes no sense."""
        zone_of(self.timezone)
        if self.quiet is not None:
            self.quiet.checked()
        return self

    def next_digest(self, now: dt.datetime) -> dt.datetime | None:
        """Return the next time of the digest, after `now`; None when there is no digest."""
        if self.digest_at is None:
            return None
        zone = zone_of(self.timezone)
        today = now.astimezone(zone).date()
        days = (today + dt.timedelta(days=number) for number in range(3))
        return next(at for day in days if (at := local_instant(day, self.digest_at, zone)) > now)

    def to_json(self) -> dict[str, Any]:
        return {
            "timezone": self.timezone,
            "quiet": [self.quiet.start.isoformat(), self.quiet.end.isoformat()] if self.quiet else None,
            "digest_at": self.digest_at.isoformat() if self.digest_at else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DeliveryTimes:
        quiet, digest_at = value["quiet"], value["digest_at"]
        return cls(
            value["timezone"],
            QuietHours(*map(dt.time.fromisoformat, quiet)) if quiet else None,
            dt.time.fromisoformat(digest_at) if digest_at else None,
        )


class Count(NamedTuple):
    """How many messages about one job a recipient got since `since`."""

    since: dt.datetime
    number: int


def counted(count: Count | None, now: dt.datetime) -> Count:
    """Return the count with one more message. A new window begins when the last one has passed."""
    if count is None or now - count.since >= WINDOW or now < count.since:
        return Count(now, 1)
    return Count(count.since, count.number + 1)


def hold(
    kind: MessageKind, times: DeliveryTimes, now: dt.datetime, *, urgent: bool, count: Count | None = None
) -> Hold | None:
    """Tell until when a message waits; None: it is sent now. `count` includes this message.

    Nothing but the limit holds an urgent message. An approval that somebody waits for does not wait for a digest. The
    latest of the times counts, so that a limit that ends in quiet hours waits for their end.
    """
    if kind is MessageKind.DIGEST:
        return None
    found: list[Hold] = []
    if count is not None and count.number > MOST_PER_WINDOW:
        found.append(Hold(count.since + WINDOW, HoldReason.LIMIT))
    if not urgent:
        waits_for_digest = kind is not MessageKind.APPROVAL_WANTED
        if waits_for_digest and (digest := times.next_digest(now)) is not None:
            found.append(Hold(digest, HoldReason.DIGEST))
        at = max((each.until for each in found), default=now)
        # The time of a digest that a person chose counts, also within quiet hours.
        has_digest = any(each.reason is HoldReason.DIGEST for each in found)
        if times.quiet and not has_digest and (end := times.quiet.end_of(at, times.timezone)) is not None:
            found.append(Hold(end, HoldReason.QUIET))
    return max(found, key=lambda each: each.until, default=None)
