"""The audit trail: reading it, checking it, writing it to a file, and the entries for refused changes.

Entries for changes are written by the store, with the events of their transaction: see `domain.audit`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..domain.actors import Actor
from ..domain.audit import Checker, Damage, Entry, Finding, Head, moment_text, refusal
from ..domain.policy import ObjectKind, Verb
from ..errors import DataOpsError, Forbidden, InvalidRequest
from ..ports import AuditFilter, Page
from . import audit_heads
from .context import Services
from .permissions import require

FORMAT = "dataops_lab.audit/1"
MAX_FINDINGS = 100

log = logging.getLogger("dataops_lab.audit")


def page(ctx: Services, where: AuditFilter, *, limit: int = 50, cursor: str | None = None, by: Actor) -> Page[Entry]:
    """Return the entries that meet all conditions, newest first. Forbidden for others than administrators."""
    require(ctx, by, Verb.READ, ObjectKind.AUDIT, what="The audit trail")
    with ctx.store.read() as tx:
        return tx.audit.page(where, limit=limit, cursor=cursor)


# --- checks ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verification:
    """The result of a check. `findings` begins with the first entry that is wrong; it is empty when all is whole.

    `replaced_by_restore` counts the known heads of a trail that a restore replaced by the one of its backup.
    """

    entries: int
    head: Head
    findings: Sequence[Finding]
    compared: int
    replaced_by_restore: int = 0

    @property
    def is_whole(self) -> bool:
        return not self.findings


def verify(ctx: Services, *, against: Iterable[tuple[Head, str]] = (), by: Actor) -> Verification:
    """Check the whole trail, also against the witness file and `against`: heads that were kept, and where."""
    require(ctx, by, Verb.VERIFY, ObjectKind.AUDIT, what="The audit trail")
    witness = audit_heads.read(ctx.home)
    known = [*((each, f"The witness file {audit_heads.path(ctx.home)}") for each in witness.heads), *against]
    checker = Checker(known)
    with ctx.store.read() as tx:
        findings = list(islice(checker.check(tx.audit.iterate(AuditFilter())), MAX_FINDINGS))
        is_guarded = tx.audit.is_guarded()
    findings += _findings_of_witness(witness, checker.head, is_guarded=is_guarded)
    return Verification(checker.count, checker.head, findings, len(known), witness.replaced)


def _findings_of_witness(witness: audit_heads.Witness, last: Head, *, is_guarded: bool) -> Iterator[Finding]:
    if not witness.heads and last.seq > 1:
        message = "The witness file is missing or empty. Look for it in your backups, and compare with `--against`."
        yield Finding(Damage.NO_WITNESS, None, message)
    if not is_guarded:
        message = "The database does not refuse to change entries any more: its triggers were removed."
        yield Finding(Damage.UNGUARDED, None, message)


def known_heads(name: str) -> Iterator[tuple[Head, str]]:
    """Read a head (`NUMBER:DIGEST`), or the heads in an export or a copy of the witness file.

    Raise InvalidRequest for anything else. `name` may be a path of this machine: it must not come from other people.
    """
    if (parsed := audit_heads.parse(name)) is not None:
        yield parsed, f"The head {parsed.seq}"
        return
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InvalidRequest(
            f"{name} is neither a head (NUMBER:DIGEST) nor a readable export: {error}.", code="not_a_head"
        ) from None
    found = 0
    for line in lines:
        with suppress(ValueError):
            for each in _heads_of_line(json.loads(line)):
                found += 1
                yield each, name
    if not found:
        raise InvalidRequest(f"{name} holds no head of an audit trail.", code="not_a_head")


def _heads_of_line(line: Any) -> Iterator[Head]:
    for place in (line, line.get("head") if isinstance(line, dict) else None):
        if isinstance(place, dict) and isinstance(place.get("seq"), int) and isinstance(place.get("chain"), str):
            yield Head(place["seq"], place["chain"])


# --- export ---------------------------------------------------------------------------------------


def export(ctx: Services, where: AuditFilter, *, by: Actor) -> Iterator[str]:
    """Yield the lines of an export: a description with the head of the trail, then the entries, oldest first."""
    require(ctx, by, Verb.READ, ObjectKind.AUDIT, what="The audit trail")
    with ctx.store.read() as tx:
        last = tx.audit.head()
        description = {
            "format": FORMAT,
            "exported_at": moment_text(ctx.clock.now()),
            "head": vars(last),
            "from": moment_text(where.since) if where.since else None,
            "to": moment_text(where.until) if where.until else None,
            "project": where.project,
        }
        yield json.dumps(description, ensure_ascii=False)
        for entry in tx.audit.iterate(where, until=last.seq):
            yield json.dumps(entry.to_json(), ensure_ascii=False)


# --- refused changes ------------------------------------------------------------------------------


def record_refusal(
    ctx: Services, error: Forbidden, *, by: Actor, verb: Verb, kind: ObjectKind, object_id: str = ""
) -> None:
    """Write an entry for a change that was refused, in a transaction of its own; nothing for a refused READ.

    An actor with many refusals has some of them counted in the next entry instead. It never raises: the caller tells
    the person about the refusal itself.
    """
    verb, kind = Verb(error.detail.get("verb", verb)), ObjectKind(error.detail.get("object", kind))
    if verb is Verb.READ:
        return
    dropped = ctx.refusals.take(by.id, ctx.clock.monotonic())
    if dropped is None:
        return
    data: dict[str, Any] = {"code": error.precise_code, **({"dropped": dropped} if dropped else {})}
    environment = error.detail.get("environment")
    entry = refusal(ctx.clock.now(), by, verb, kind, object_id, environment=environment, data=data)
    try:
        with ctx.store.begin() as tx:
            tx.audit.add(entry)
    except DataOpsError as trouble:
        log.warning("A refused change of %s is not in the audit trail: %s", by.id, trouble.message)


def record_own_refusal(ctx: Services, error: Forbidden) -> None:
    """Write the entry for a change that was refused to the person for whom this process works."""
    if {"verb", "object"} <= error.detail.keys():
        verb, kind = Verb(error.detail["verb"]), ObjectKind(error.detail["object"])
        record_refusal(ctx, error, by=ctx.owner, verb=verb, kind=kind)
