"""`client.subscriptions`: what the person of the client hears of, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from ..api_models import (
    AddressRequest,
    ChoiceModel,
    CodeRequest,
    DeliveryTimesModel,
    PageModel,
    PersonModel,
    SubscriptionModel,
)
from ..domain.actors import Actor
from ..domain.subscriptions import ObjectKind
from ..services import Services, subscriptions

if TYPE_CHECKING:
    from .http import HttpClient


class Subscriptions(Protocol):
    """The calls for subscriptions. `name` is the id of a job, the id or name of a schedule, or an environment."""

    def list(self) -> Sequence[SubscriptionModel]: ...
    def get(self, kind: ObjectKind, name: str) -> SubscriptionModel:
        """Return the choice for an object; NotFound when there is no such object."""
        ...

    def set(self, kind: ObjectKind, name: str, choice: ChoiceModel) -> SubscriptionModel:
        """Add a subscription, or replace its choice. With an empty `on` the person hears nothing of it."""
        ...

    def remove(self, kind: ObjectKind, name: str) -> SubscriptionModel:
        """Let the default count again."""
        ...

    def me(self) -> PersonModel:
        """Return address, quiet hours and digest, and what waits."""
        ...

    def set_times(self, times: DeliveryTimesModel) -> PersonModel: ...
    def enter_address(self, address: str) -> PersonModel:
        """Have a code mailed to the address. Unavailable when the mail was not taken."""
        ...

    def confirm_address(self, code: str) -> PersonModel: ...
    def remove_address(self) -> PersonModel: ...


class LocalSubscriptions(Subscriptions):
    def __init__(self, services: Services, *, user: Actor) -> None:
        self._ctx, self._user = services, user

    def list(self) -> Sequence[SubscriptionModel]:
        return [SubscriptionModel.from_domain(view) for view in subscriptions.list_mine(self._ctx, by=self._user)]

    def get(self, kind: ObjectKind, name: str) -> SubscriptionModel:
        return SubscriptionModel.from_domain(subscriptions.get(self._ctx, kind, name, by=self._user))

    def set(self, kind: ObjectKind, name: str, choice: ChoiceModel) -> SubscriptionModel:
        found = subscriptions.subscribe(self._ctx, kind, name, choice.to_domain(), by=self._user)
        return SubscriptionModel.from_domain(found)

    def remove(self, kind: ObjectKind, name: str) -> SubscriptionModel:
        return SubscriptionModel.from_domain(subscriptions.unsubscribe(self._ctx, kind, name, by=self._user))

    def me(self) -> PersonModel:
        return PersonModel.from_domain(subscriptions.get_person(self._ctx, by=self._user))

    def set_times(self, times: DeliveryTimesModel) -> PersonModel:
        return PersonModel.from_domain(subscriptions.set_times(self._ctx, times.to_domain(), by=self._user))

    def enter_address(self, address: str) -> PersonModel:
        return PersonModel.from_domain(subscriptions.enter_address(self._ctx, address, by=self._user))

    def confirm_address(self, code: str) -> PersonModel:
        return PersonModel.from_domain(subscriptions.confirm_address(self._ctx, code, by=self._user))

    def remove_address(self) -> PersonModel:
        return PersonModel.from_domain(subscriptions.remove_address(self._ctx, by=self._user))


class HttpSubscriptions(Subscriptions):
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def list(self) -> Sequence[SubscriptionModel]:
        return self._client.request(PageModel[SubscriptionModel], "GET", "subscriptions").items

    def get(self, kind: ObjectKind, name: str) -> SubscriptionModel:
        return self._client.request(SubscriptionModel, "GET", _address(kind, name))

    def set(self, kind: ObjectKind, name: str, choice: ChoiceModel) -> SubscriptionModel:
        return self._client.request(SubscriptionModel, "PUT", _address(kind, name), choice)

    def remove(self, kind: ObjectKind, name: str) -> SubscriptionModel:
        return self._client.request(SubscriptionModel, "DELETE", _address(kind, name))

    def me(self) -> PersonModel:
        return self._client.request(PersonModel, "GET", "me")

    def set_times(self, times: DeliveryTimesModel) -> PersonModel:
        return self._client.request(PersonModel, "PUT", "me", times)

    def enter_address(self, address: str) -> PersonModel:
        return self._client.request(PersonModel, "POST", "me/address", AddressRequest(address=address))

    def confirm_address(self, code: str) -> PersonModel:
        return self._client.request(PersonModel, "POST", "me/address/confirm", CodeRequest(code=code))

    def remove_address(self) -> PersonModel:
        return self._client.request(PersonModel, "DELETE", "me/address")


def _address(kind: ObjectKind, name: str) -> str:
    return f"subscriptions/{kind}/{quote(name, safe='')}"
