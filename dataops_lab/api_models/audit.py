from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field

from ..domain.audit import Damage, Entry, Head, Outcome
from ..services.audit import Verification
from .base import Instant, Model

HeadText = Annotated[str, Field(pattern=r"^[0-9]{1,18}:sha256:[0-9a-f]{64}$")]


class AuditEntryModel(Model):
    """An entry of the audit trail. `actor` is an id and `actor_name` the name that this actor had then.

    `chain` is the digest of this entry and all before it.
    """

    seq: int
    at: Instant
    actor: str
    actor_name: str
    verb: str
    object_kind: str
    object_id: str
    project: str | None
    environment: str | None
    outcome: Outcome
    data: dict[str, Any]
    digest: str
    chain: str

    @classmethod
    def from_domain(cls, entry: Entry) -> AuditEntryModel:
        values = {name: value for name, value in vars(entry).items() if name in cls.model_fields}
        return cls(**{**values, "outcome": Outcome(entry.outcome), "data": json.loads(entry.data)})


class AuditVerifyRequest(Model):
    """Heads of the audit trail that somebody kept, each as `NUMBER:DIGEST`."""

    against: list[HeadText] = Field(default_factory=list, max_length=1000)

    def to_domain(self) -> list[Head]:
        pairs = (text.split(":", 1) for text in self.against)
        return [Head(int(seq), chain) for seq, chain in pairs]


class AuditFindingModel(Model):
    """A place where the trail is not as it was written. `seq` is null where it concerns several entries."""

    damage: Damage
    seq: int | None
    message: str


class AuditVerificationModel(Model):
    """The result of a check. `findings` is empty when all is whole, and else begins with the first wrong entry.

    `compared` counts the known heads with which the trail was compared, `replaced_by_restore` those of a trail that a
    restore replaced.
    """

    entries: int
    head: str
    findings: list[AuditFindingModel]
    compared: int
    replaced_by_restore: int

    @classmethod
    def from_domain(cls, result: Verification) -> AuditVerificationModel:
        findings = [AuditFindingModel.model_validate(finding) for finding in result.findings]
        return cls(**{**vars(result), "head": str(result.head), "findings": findings})
