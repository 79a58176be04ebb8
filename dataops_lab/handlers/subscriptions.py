"""Subscriptions of the person who asks, and their settings for messages."""

from __future__ import annotations

from ..api_models import (
    AddressRequest,
    ChoiceModel,
    CodeRequest,
    DeliveryTimesModel,
    PageModel,
    PersonModel,
    SubscriptionModel,
)
from ..domain.subscriptions import ObjectKind
from ..errors import NotFound
from ..services import subscriptions
from .base import DataOpsHandler, operation

SUBSCRIPTIONS = "dataops:subscriptions"


class SubscriptionsHandler(DataOpsHandler):
    @operation(
        "The subscriptions of the person who asks",
        action="read",
        resource=SUBSCRIPTIONS,
        answers={200: PageModel[SubscriptionModel]},
    )
    def get(self) -> PageModel[SubscriptionModel]:
        found = subscriptions.list_mine(self.services, by=self.actor)
        return PageModel[SubscriptionModel](items=[SubscriptionModel.from_domain(view) for view in found])


class SubscriptionHandler(DataOpsHandler):
    @operation(
        "The choice of the person who asks for a job, schedule or environment; null where the default counts",
        action="read",
        resource=SUBSCRIPTIONS,
        answers={200: SubscriptionModel},
    )
    def get(self, object_kind: str, object_id: str) -> SubscriptionModel:
        return SubscriptionModel.from_domain(
            subscriptions.get(self.services, _kind(object_kind), object_id, by=self.actor)
        )

    @operation(
        "Say what to hear of a job, schedule or environment, and how; safe to repeat",
        action="write",
        resource=SUBSCRIPTIONS,
        answers={200: SubscriptionModel},
        body=ChoiceModel,
    )
    def put(self, object_kind: str, object_id: str, body: ChoiceModel) -> SubscriptionModel:
        choice = body.to_domain()
        return SubscriptionModel.from_domain(
            subscriptions.subscribe(self.services, _kind(object_kind), object_id, choice, by=self.actor)
        )

    @operation(
        "Let the default count again; safe to repeat",
        action="write",
        resource=SUBSCRIPTIONS,
        answers={200: SubscriptionModel},
    )
    def delete(self, object_kind: str, object_id: str) -> SubscriptionModel:
        return SubscriptionModel.from_domain(
            subscriptions.unsubscribe(self.services, _kind(object_kind), object_id, by=self.actor)
        )


class MeHandler(DataOpsHandler):
    @operation(
        "The address, quiet hours and digest of the person who asks, and what waits for them",
        action="read",
        resource=SUBSCRIPTIONS,
        answers={200: PersonModel},
    )
    def get(self) -> PersonModel:
        return PersonModel.from_domain(subscriptions.get_person(self.services, by=self.actor))

    @operation(
        "Set time zone, quiet hours and digest; the address stays",
        action="write",
        resource=SUBSCRIPTIONS,
        answers={200: PersonModel},
        body=DeliveryTimesModel,
    )
    def put(self, body: DeliveryTimesModel) -> PersonModel:
        return PersonModel.from_domain(subscriptions.set_times(self.services, body.to_domain(), by=self.actor))


class MyAddressHandler(DataOpsHandler):
    @operation(
        "Mail a code to an address. The address counts once the code has come back",
        action="write",
        resource=SUBSCRIPTIONS,
        answers={200: PersonModel},
        body=AddressRequest,
        lane="submit",
    )
    def post(self, body: AddressRequest) -> PersonModel:
        return PersonModel.from_domain(subscriptions.enter_address(self.services, body.address, by=self.actor))

    @operation(
        "Remove the address of the person who asks; safe to repeat",
        action="write",
        resource=SUBSCRIPTIONS,
        answers={200: PersonModel},
    )
    def delete(self) -> PersonModel:
        return PersonModel.from_domain(subscriptions.remove_address(self.services, by=self.actor))


class MyCodeHandler(DataOpsHandler):
    @operation(
        "Confirm the address to which the code was mailed",
        action="write",
        resource=SUBSCRIPTIONS,
        answers={200: PersonModel},
        body=CodeRequest,
    )
    def post(self, body: CodeRequest) -> PersonModel:
        return PersonModel.from_domain(subscriptions.confirm_address(self.services, body.code, by=self.actor))


def _kind(text: str) -> ObjectKind:
    try:
        return ObjectKind(text)
    except ValueError:
        kinds = ", ".join(ObjectKind)
        raise NotFound(f"{text!r} is nothing to which one can subscribe. There are: {kinds}.") from None
