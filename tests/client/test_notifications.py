"""The promises of every client about targets, the mail server and the log of deliveries."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from dataops_lab.api_models import TargetRequest
from dataops_lab.domain.notifications import DeliveryState
from dataops_lab.errors import Conflict, NotFound, Refused

URL = "https://127.0.0.1:1/canary"


def request(channel="webhook", address=URL, **more):
    return TargetRequest(channel=channel, address=None if address is None else SecretStr(address), **more)


def test_a_target_is_set_tried_out_and_removed_and_its_url_is_never_shown(installation):
    notifications = installation.client.notifications
    added = notifications.put_target("hook", request(environments=["production"], revision=0))
    assert (added.place, added.environments, added.revision) == ("127.0.0.1", ["production"], 1)
    assert added.key.startswith("whsec_")
    changed = notifications.put_target("hook", request(address=None, description="Ours"))
    assert (changed.key, changed.description, changed.place) == (None, "Ours", "127.0.0.1")
    assert [each.name for each in notifications.targets()] == ["hook"]
    assert "canary" not in notifications.target("hook").model_dump_json()
    with pytest.raises(Conflict):
        notifications.put_target("hook", request(revision=1))
    with pytest.raises(Refused):
        notifications.put_target("Not a name", request())

    tried = notifications.test_target("hook")
    assert tried.state is DeliveryState.FAILED
    assert "not a public address" in tried.error
    assert [each.id for each in notifications.log(to="hook").items] == [tried.id]
    assert notifications.log(to="hook", state=DeliveryState.SENT).items == []

    assert notifications.remove_target("hook").name == "hook"
    with pytest.raises(NotFound):
        notifications.test_target("hook")


def test_without_a_mail_server_it_is_said(installation):
    notifications = installation.client.notifications
    assert not notifications.mail_server().is_set
    assert notifications.set_mail_password("canary").has_password
    assert "canary" not in notifications.mail_server().model_dump_json()
    tried = notifications.test_mail("ann@example.org")
    assert tried.state is DeliveryState.FAILED
    assert "No mail server is set" in tried.error
    assert not notifications.remove_mail_password().has_password
    with pytest.raises(Refused):
        notifications.test_mail("ann")
