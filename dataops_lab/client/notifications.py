"""`client.notifications`: targets of messages, the mail server, and the log of deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from pydantic import SecretStr

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
from ..domain.actors import Actor
from ..domain.notifications import DeliveryState
from ..ports import DeliveryFilter
from ..services import Services, targets

if TYPE_CHECKING:
    from .http import HttpClient


class Notifications(Protocol):
    """The calls for notifications. Only administrators may change something or read the log: Forbidden for others."""

    def targets(self) -> Sequence[TargetModel]:
        """List all targets by name, never with their URLs."""
        ...

    def target(self, name: str) -> TargetModel: ...
    def put_target(self, name: str, request: TargetRequest) -> SetTargetModel:
        """Add it, or replace the one of that name. A key that was made for it is in the answer, this once."""
        ...

    def remove_target(self, name: str) -> TargetModel: ...
    def test_target(self, name: str) -> DeliveryModel:
        """Send a test message now. The answer also says a failure."""
        ...

    def log(
        self,
        *,
        to: str | None = None,
        state: DeliveryState | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> PageModel[DeliveryModel]:
        """Return the delivery log, newest first. `to` is the name of a target, or an address of mail."""
        ...

    def mail_server(self) -> MailServerModel: ...
    def set_mail_password(self, password: str) -> MailServerModel: ...
    def remove_mail_password(self) -> MailServerModel: ...
    def test_mail(self, address: str) -> DeliveryModel:
        """Send a mail to this address now. The answer also says a failure."""
        ...


class LocalNotifications(Notifications):
    def __init__(self, services: Services, *, user: Actor) -> None:
        self._ctx, self._user = services, user

    def targets(self) -> Sequence[TargetModel]:
        return [TargetModel.from_domain(each) for each in targets.list_all(self._ctx)]

    def target(self, name: str) -> TargetModel:
        return TargetModel.from_domain(targets.get(self._ctx, name))

    def put_target(self, name: str, request: TargetRequest) -> SetTargetModel:
        done = targets.put(self._ctx, name, request.to_wish(), by=self._user, revision=request.revision)
        return SetTargetModel.from_set(done)

    def remove_target(self, name: str) -> TargetModel:
        return TargetModel.from_domain(targets.remove(self._ctx, name, by=self._user))

    def test_target(self, name: str) -> DeliveryModel:
        return DeliveryModel.from_domain(targets.send_test(self._ctx, name, by=self._user))

    def log(
        self,
        *,
        to: str | None = None,
        state: DeliveryState | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> PageModel[DeliveryModel]:
        where = DeliveryFilter(to=to, states=(state,) if state else ())
        page = targets.log(self._ctx, where, by=self._user, limit=limit, cursor=cursor)
        return PageModel[DeliveryModel](items=[DeliveryModel.from_domain(each) for each in page.items], next=page.next)

    def mail_server(self) -> MailServerModel:
        return MailServerModel.from_domain(self._ctx.mail_server, targets.mail_password(self._ctx))

    def set_mail_password(self, password: str) -> MailServerModel:
        secret = targets.set_mail_password(self._ctx, password, by=self._user)
        return MailServerModel.from_domain(self._ctx.mail_server, secret)

    def remove_mail_password(self) -> MailServerModel:
        targets.remove_mail_password(self._ctx, by=self._user)
        return self.mail_server()

    def test_mail(self, address: str) -> DeliveryModel:
        return DeliveryModel.from_domain(targets.send_test_mail(self._ctx, address, by=self._user))


class HttpNotifications(Notifications):
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def targets(self) -> Sequence[TargetModel]:
        return self._client.request(PageModel[TargetModel], "GET", "targets").items

    def target(self, name: str) -> TargetModel:
        return self._client.request(TargetModel, "GET", _address(name))

    def put_target(self, name: str, request: TargetRequest) -> SetTargetModel:
        return self._client.request(SetTargetModel, "PUT", _address(name), request)

    def remove_target(self, name: str) -> TargetModel:
        return self._client.request(TargetModel, "DELETE", _address(name))

    def test_target(self, name: str) -> DeliveryModel:
        return self._client.request(DeliveryModel, "POST", f"{_address(name)}/test")

    def log(
        self,
        *,
        to: str | None = None,
        state: DeliveryState | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> PageModel[DeliveryModel]:
        return self._client.request(
            PageModel[DeliveryModel], "GET", "deliveries", to=to, state=state, limit=limit, cursor=cursor
        )

    def mail_server(self) -> MailServerModel:
        return self._client.request(MailServerModel, "GET", "mail-server")

    def set_mail_password(self, password: str) -> MailServerModel:
        request = MailPassword(password=SecretStr(password))
        return self._client.request(MailServerModel, "PUT", "mail-server/password", request)

    def remove_mail_password(self) -> MailServerModel:
        return self._client.request(MailServerModel, "DELETE", "mail-server/password")

    def test_mail(self, address: str) -> DeliveryModel:
        return self._client.request(DeliveryModel, "POST", "mail-server/test", TestMailRequest(address=address))


def _address(name: str) -> str:
    return f"targets/{quote(name, safe='')}"
