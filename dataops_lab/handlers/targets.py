"""Targets of messages, the mail server, and the log of deliveries."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..api_models import (
    DeliveryModel,
    MailPassword,
    MailServerModel,
    PageModel,
    SetTargetModel,
    TargetModel,
    TargetRequest,
    TestMailRequest,
)
from ..domain.notifications import ChannelKind, DeliveryState
from ..ports import DeliveryFilter
from ..services import targets
from .base import Cursor, DataOpsHandler, operation
from .runs import Query

TARGETS = "dataops:targets"
DELIVERIES = "dataops:deliveries"


class TargetsHandler(DataOpsHandler):
    @operation(
        "Every target, by name; never with its URL",
        action="read",
        resource=TARGETS,
        answers={200: PageModel[TargetModel]},
    )
    def get(self) -> PageModel[TargetModel]:
        return PageModel[TargetModel](items=[TargetModel.from_domain(each) for each in targets.list_all(self.services)])


class TargetHandler(DataOpsHandler):
    @operation("One target", action="read", resource=TARGETS, answers={200: TargetModel})
    def get(self, target: str) -> TargetModel:
        return TargetModel.from_domain(targets.get(self.services, target))

    @operation(
        "Add a target, or replace the one of that name",
        action="write",
        resource=TARGETS,
        answers={200: SetTargetModel},
        body=TargetRequest,
    )
    def put(self, target: str, body: TargetRequest) -> SetTargetModel:
        done = targets.put(self.services, target, body.to_wish(), by=self.actor, revision=body.revision)
        return SetTargetModel.from_set(done)

    @operation("Remove a target; as it was", action="write", resource=TARGETS, answers={200: TargetModel})
    def delete(self, target: str) -> TargetModel:
        return TargetModel.from_domain(targets.remove(self.services, target, by=self.actor))


class TargetTestHandler(DataOpsHandler):
    @operation(
        "Send a test message to a target now. The answer says what came of it, also a failure",
        action="write",
        resource=TARGETS,
        answers={200: DeliveryModel},
        lane="slow",
    )
    def post(self, target: str) -> DeliveryModel:
        return DeliveryModel.from_domain(targets.send_test(self.services, target, by=self.actor))


class DeliveriesQuery(Query):
    """A query for the log. `to` is the name of a target, or an address of mail."""

    channel: Literal["mail", "slack", "teams", "webhook"] | None = None
    to: str | None = Field(default=None, max_length=320)
    state: Literal["waiting", "sent", "failed"] | None = None
    limit: int = Field(default=50, ge=1, le=500)
    cursor: Cursor | None = None


class DeliveriesHandler(DataOpsHandler):
    @operation(
        "The delivery log, newest first",
        action="read",
        resource=DELIVERIES,
        answers={200: PageModel[DeliveryModel]},
        query=DeliveriesQuery,
    )
    def get(self, query: DeliveriesQuery) -> PageModel[DeliveryModel]:
        where = DeliveryFilter(
            channel=ChannelKind(query.channel) if query.channel else None,
            to=query.to,
            states=(DeliveryState(query.state),) if query.state else (),
        )
        page = targets.log(self.services, where, by=self.actor, limit=query.limit, cursor=query.cursor)
        items = [DeliveryModel.from_domain(delivery) for delivery in page.items]
        return PageModel[DeliveryModel](items=items, next=page.next)


class MailServerHandler(DataOpsHandler):
    @operation("The mail server", action="read", resource=TARGETS, answers={200: MailServerModel})
    def get(self) -> MailServerModel:
        return MailServerModel.from_domain(self.services.mail_server, targets.mail_password(self.services))


class MailPasswordHandler(DataOpsHandler):
    @operation(
        "Set the password for the mail server",
        action="write",
        resource=TARGETS,
        answers={200: MailServerModel},
        body=MailPassword,
    )
    def put(self, body: MailPassword) -> MailServerModel:
        secret = targets.set_mail_password(self.services, body.password.get_secret_value(), by=self.actor)
        return MailServerModel.from_domain(self.services.mail_server, secret)

    @operation(
        "Forget the password for the mail server", action="write", resource=TARGETS, answers={200: MailServerModel}
    )
    def delete(self) -> MailServerModel:
        targets.remove_mail_password(self.services, by=self.actor)
        return MailServerModel.from_domain(self.services.mail_server, None)


class MailTestHandler(DataOpsHandler):
    @operation(
        "Send a mail now, to try out the mail server. The answer says what came of it, also a failure",
        action="write",
        resource=TARGETS,
        answers={200: DeliveryModel},
        body=TestMailRequest,
        lane="slow",
    )
    def post(self, body: TestMailRequest) -> DeliveryModel:
        return DeliveryModel.from_domain(targets.send_test_mail(self.services, body.address, by=self.actor))
