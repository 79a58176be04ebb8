"""The audit trail: an entry for each change and each refused change, chained so that no entry changes unseen.

`docs/guide/audit.md` has these rules in words, for people who check an export without this program.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .actors import INSTALLATION, Actor
from .events import Event, SubjectKind
from .policy import ObjectKind, Verb
from .versions import canonical_json, digest_of

GENESIS = "sha256:" + "0" * 64
"""The digest of the chain before the first entry."""

MAX_VALUE_LENGTH = 500
"""The longest value in an entry's data, in bytes of JSON. A longer one is given by its digest."""


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True)
class NewEntry:
    """An entry that has no number yet. `project` and `environment` are None where the object belongs to none.

    `data` is JSON. It has no values of secrets or variables, and no names of people.
    """

    at: dt.datetime
    actor: Actor
    verb: str
    object_kind: str
    object_id: str
    project: str | None = None
    environment: str | None = None
    outcome: Outcome = Outcome.DONE
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A stored entry. `actor` and `actor_name` are those of then.

    `who` is the digest of both with `salt`. The entry's `digest` has `who` alone, so a person's name can be replaced
    later: `salt` is then None, and an entry `replace_name` lists the numbers of the entries.
    """

    seq: int
    at: dt.datetime
    actor: str
    actor_name: str
    salt: str | None
    who: str
    verb: str
    object_kind: str
    object_id: str
    project: str | None
    environment: str | None
    outcome: str
    data: str
    digest: str
    chain: str

    def to_json(self) -> dict[str, Any]:
        """Return the entry as exports and the API show it."""
        return {**vars(self), "at": moment_text(self.at), "data": json.loads(self.data)}


@dataclass(frozen=True)
class Head:
    """The last entry of a chain. Whoever keeps it can prove later that nothing before it was changed."""

    seq: int
    chain: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.chain}"


NO_HEAD = Head(0, GENESIS)


def moment_text(at: dt.datetime) -> str:
    """Write a moment in UTC, always with microseconds, so that it has one text."""
    return at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def who_digest(salt: str, actor_id: str, name: str) -> str:
    return digest_of(canonical_json([salt, actor_id, name]))


def entry_digest(entry: Entry) -> str:
    """Return the digest of all that an entry tells, with `who` in the place of the person."""
    told = {**vars(entry), "at": moment_text(entry.at)}
    for name in _NOT_IN_DIGEST:
        del told[name]
    return digest_of(canonical_json(told))


_NOT_IN_DIGEST = {"actor", "actor_name", "salt", "digest", "chain"}


def chain_digest(previous: str, digest: str) -> str:
    return digest_of(canonical_json([previous, digest]))


def chained(new: Sequence[NewEntry], head: Head) -> list[Entry]:
    """Return the entries that follow `head`, in their order."""
    entries: list[Entry] = []
    for each in new:
        salt = secrets.token_hex(16)
        unsigned = Entry(
            seq=head.seq + 1,
            at=each.at.astimezone(dt.UTC),
            actor=each.actor.id,
            actor_name=each.actor.name,
            salt=salt,
            who=who_digest(salt, each.actor.id, each.actor.name),
            verb=each.verb,
            object_kind=each.object_kind,
            object_id=each.object_id,
            project=each.project,
            environment=each.environment,
            outcome=str(each.outcome),
            data=canonical_json(each.data).decode(),
            digest="",
            chain="",
        )
        digest = entry_digest(unsigned)
        head = Head(unsigned.seq, chain_digest(head.chain, digest))
        entries.append(Entry(**{**vars(unsigned), "digest": digest, "chain": head.chain}))
    return entries


def first_entry(at: dt.datetime) -> Entry:
    """Return the entry with which the trail of an installation begins."""
    start = NewEntry(at, INSTALLATION, "start", "audit", "audit", data={"since": moment_text(at)})
    [entry] = chained([start], NO_HEAD)
    return entry


# --- from events ----------------------------------------------------------------------------------

AUDITED = {
    "calendar.added": "add",
    "calendar.changed": "change",
    "calendar.removed": "remove",
    "environment.added": "add",
    "environment.changed": "change",
    "environment.removed": "remove",
    "image.added": "add",
    "image.changed": "change",
    "image.removed": "remove",
    "installation.restored": "restore",
    "job.absorbed": "absorb",
    "job.added": "add",
    "job.changed": "change",
    "job.moved": "move",
    "job.relinked": "relink",
    "job.version_added": "add_version",
    "project.changed": "change",
    "retention.changed": "change",
    "run.cancel_requested": "cancel",
    "run.decided": "decide",
    "run.deleted": "delete",
    "run.kept": "keep",
    "run.publication_planned": "publish",
    "run.reproduced": "reproduce",
    "run.unkept": "unkeep",
    "schedule.added": "add",
    "schedule.changed": "change",
    "schedule.paused": "pause",
    "schedule.removed": "remove",
    "schedule.resumed": "resume",
    "schedule.secret_set": "set_secret",
    "schedule.taken_over": "take_over",
    "schedule.version_updated": "update_version",
    "secret.expected": "expect",
    "secret.key_rotated": "rotate_key",
    "secret.removed": "remove",
    "secret.set": "set",
    "target.added": "add",
    "target.changed": "change",
    "target.removed": "remove",
    "target.tested": "test",
    "variable.removed": "remove",
    "variable.set": "set",
    "workspace.changed": "change",
    "workspace.created": "add",
    "workspace.moved": "move",
}
"""The events that are changes, and the verb of each. An event that is in neither table is a change too."""

NOT_AUDITED = (
    "attempt.",
    "image.task_started",
    "notification.",
    "person.",
    "run.",
    "schedule.reported",
    "step.",
    "tick.",
)
"""How the kinds of other events begin: states of runs, which the records tell, and what persons set for themselves."""


def entry_of(event: Event) -> NewEntry | None:
    """Return the entry for an event; None for an event that changes nothing.

    `project` and `environment` of the event's data become those of the entry.
    """
    if event.kind not in AUDITED and event.kind.startswith(NOT_AUDITED):
        return None
    data = dict(event.data)
    # Automatic publications are part of a run; and the runs of a pipeline's steps go with the pipeline's run.
    if (event.kind == "run.publication_planned" and event.actor is None) or data.pop("part", False):
        return None
    kind, subject_id = event.subject
    project, environment = data.pop("project", None), data.pop("environment", None)
    if kind is SubjectKind.PROJECT:
        project = subject_id
    elif kind is SubjectKind.ENVIRONMENT:
        environment = subject_id
    elif kind is SubjectKind.VARIABLE:
        environment = subject_id.split("/")[0]
    elif kind is SubjectKind.SECRET and subject_id.startswith("environment/"):
        environment = subject_id.split("/")[1]
    if event.revision is not None:
        data["revision"] = event.revision
    verb = AUDITED.get(event.kind, event.kind.partition(".")[2])
    return NewEntry(
        event.at, event.actor or INSTALLATION, verb, str(kind), subject_id, project, environment, data=plain(data)
    )


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data as JSON that every database and program can hold: NaN becomes text."""
    found: dict[str, Any] = json.loads(json.dumps(data, default=str), parse_constant=str)
    return found


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Any]:
    """Return `from` and `to` of each field that differs; of a new object (`before` None) what `to` is.

    A value that is too long is given by its digest.
    """
    given = {} if before is None else plain(before)
    return {
        name: {**({} if before is None else {"from": _short(given.get(name))}), "to": _short(value)}
        for name, value in plain(after).items()
        if before is None or given.get(name) != value
    }


def _short(value: Any) -> Any:
    text = canonical_json(value)
    return value if len(text) <= MAX_VALUE_LENGTH else {"digest": digest_of(text), "bytes": len(text)}


def refusal(
    at: dt.datetime,
    actor: Actor,
    verb: Verb,
    kind: ObjectKind,
    object_id: str,
    *,
    environment: str | None = None,
    data: Mapping[str, Any],
) -> NewEntry:
    """Return the entry for a change that the policy refused."""
    return NewEntry(at, actor, str(verb), object_name(kind), object_id, None, environment, Outcome.REFUSED, plain(data))


def object_name(kind: ObjectKind) -> str:
    """Return the name of the object as entries have it: `environment` for `environments`."""
    match kind:
        case ObjectKind.GUARDED_ENVIRONMENT:
            return "environment"
        case ObjectKind.REGISTRY:
            return "registry"
        case ObjectKind.CONTENTS:
            return "contents"
    return kind.removesuffix("s")


# --- checks ---------------------------------------------------------------------------------------


class Damage(StrEnum):
    EDITED = "edited"
    REMOVED = "removed"
    INSERTED = "inserted"
    REPLACED = "replaced"
    RENAMED = "renamed"
    CUT_OFF = "cut_off"
    OTHER_CHAIN = "other_chain"
    NO_WITNESS = "no_witness"
    UNGUARDED = "unguarded"


@dataclass(frozen=True)
class Finding:
    """A place where the trail is not as it was written. `seq` is the number of the entry, None for no single one."""

    damage: Damage
    seq: int | None
    message: str


class Checker:
    """A check of a chain, entry by entry from the first one. It needs the memory of no more than the renamed entries.

    `known` are heads from elsewhere: each must be a head that this chain had.
    """

    def __init__(self, known: Iterable[tuple[Head, str]] = ()) -> None:
        self.head = NO_HEAD
        self.count = 0
        self._known: dict[int, list[tuple[Head, str]]] = {}
        for head, source in known:
            self._known.setdefault(head.seq, []).append((head, source))
        self._last_known = max(self._known, default=0)
        self._confirmed = 0
        self._differs = False
        self._renamed: set[int] = set()

    def check(self, entries: Iterable[Entry]) -> Iterator[Finding]:
        """Yield what is wrong, in the order of the entries."""
        for entry in entries:
            yield from self._check(entry)
        yield from self._check_end()

    def _check(self, entry: Entry) -> Iterator[Finding]:
        self.count += 1
        expected = self.head.seq + 1
        follows = self.head
        if entry.seq < expected:
            yield Finding(Damage.INSERTED, entry.seq, f"Entry {entry.seq} was inserted: the trail begins with entry 1.")
        elif entry.seq > expected:
            last = entry.seq - 1
            missing = f"Entry {expected} was" if last == expected else f"Entries {expected} to {last} were"
            yield Finding(Damage.REMOVED, expected, f"{missing} removed.")
        yield from self._check_entry(entry, follows, is_next=entry.seq == expected)
        yield from self._compare(Head(entry.seq, entry.chain))
        self.head = Head(entry.seq, entry.chain)

    def _check_entry(self, entry: Entry, follows: Head, *, is_next: bool) -> Iterator[Finding]:
        if entry_digest(entry) != entry.digest:
            yield Finding(Damage.EDITED, entry.seq, f"Entry {entry.seq} was edited.")
        elif entry.salt is None:
            self._renamed.add(entry.seq)
        elif who_digest(entry.salt, entry.actor, entry.actor_name) != entry.who:
            yield Finding(Damage.EDITED, entry.seq, f"The person of entry {entry.seq} was edited.")
        if is_next and chain_digest(follows.chain, entry.digest) != entry.chain:
            message = f"Entry {entry.seq} does not follow from entry {follows.seq}: one of the two was replaced."
            yield Finding(Damage.REPLACED, entry.seq, message)
        if entry.verb == "replace_name" and entry.outcome == Outcome.DONE:
            self._renamed -= _numbers(entry.data)

    def _compare(self, head: Head) -> Iterator[Finding]:
        for known, source in self._known.pop(head.seq, ()):
            if known.chain == head.chain:
                self._confirmed = head.seq
            elif not self._differs:
                self._differs = True
                message = (
                    f"{source} has another entry {head.seq} than the database. An entry after "
                    f"{self._confirmed}, and up to {head.seq}, was replaced."
                )
                yield Finding(Damage.OTHER_CHAIN, head.seq, message)

    def _check_end(self) -> Iterator[Finding]:
        if self.head.seq < self._last_known:
            [(_, source), *_] = self._known[self._last_known]
            message = (
                f"The trail ends with entry {self.head.seq}, and {source} knows entry {self._last_known}: "
                "what followed was removed."
            )
            yield Finding(Damage.CUT_OFF, self.head.seq + 1, message)
        if self._renamed:
            seq = min(self._renamed)
            message = f"The person of entry {seq} was replaced, and no later entry tells of it."
            yield Finding(Damage.RENAMED, seq, message)


def _numbers(data: str) -> set[int]:
    listed = json.loads(data).get("entries", [])
    return {number for number in listed if isinstance(number, int)} if isinstance(listed, list) else set()
