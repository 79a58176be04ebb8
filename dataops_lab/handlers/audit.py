"""The audit trail: its entries, and a check that nobody changed them."""

from __future__ import annotations

from pydantic import Field

from ..api_models import AuditEntryModel, AuditVerificationModel, AuditVerifyRequest, PageModel
from ..domain.audit import Outcome
from ..domain.policy import ObjectKind, Verb
from ..ports import AuditFilter
from ..services import audit
from .base import DataOpsHandler, UtcDatetime, operation
from .runs import Query

AUDIT = "dataops:audit"


class AuditQuery(Query):
    """A query for entries, which meet all conditions. `since` counts, `until` does not."""

    actor: str | None = Field(default=None, max_length=200)
    verb: str | None = Field(default=None, max_length=40)
    object_kind: str | None = Field(default=None, max_length=20)
    object_id: str | None = Field(default=None, max_length=500)
    project: str | None = Field(default=None, max_length=100)
    environment: str | None = Field(default=None, max_length=100)
    outcome: str | None = Field(default=None, pattern=f"^({'|'.join(Outcome)})$")
    since: UtcDatetime | None = None
    until: UtcDatetime | None = None
    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = Field(default=None, pattern=r"^[0-9]{1,18}$")


class AuditHandler(DataOpsHandler):
    @operation(
        "List the entries of the audit trail, newest first",
        action="read",
        resource=AUDIT,
        answers={200: PageModel[AuditEntryModel]},
        query=AuditQuery,
    )
    def get(self, query: AuditQuery) -> PageModel[AuditEntryModel]:
        given = query.model_dump(exclude={"limit", "cursor", "outcome"})
        where = AuditFilter(**given, outcome=Outcome(query.outcome) if query.outcome else None)
        found = audit.page(self.services, where, limit=query.limit, cursor=query.cursor, by=self.actor)
        return PageModel[AuditEntryModel](
            items=[AuditEntryModel.from_domain(entry) for entry in found.items], next=found.next
        )


class AuditVerifyHandler(DataOpsHandler):
    @operation(
        "Check the audit trail from its first entry, also against the witness file and heads that were kept",
        action="read",
        resource=AUDIT,
        answers={200: AuditVerificationModel},
        body=AuditVerifyRequest,
        lane="slow",
        permission=(Verb.VERIFY, ObjectKind.AUDIT),
    )
    def post(self, body: AuditVerifyRequest) -> AuditVerificationModel:
        against = [(head, f"The given head {head.seq}") for head in body.to_domain()]
        return AuditVerificationModel.from_domain(audit.verify(self.services, against=against, by=self.actor))
