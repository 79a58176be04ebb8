"""The person behind a request."""

from __future__ import annotations

import getpass
import json
from functools import partialmethod

import pytest
from jupyter_server.auth.identity import IdentityProvider, LegacyIdentityProvider, PasswordIdentityProvider, User
from jupyter_server.auth.login import LegacyLoginHandler

from dataops_lab.handlers.base import DataOpsHandler, identity_of


class Hub(IdentityProvider):
    async def get_user(self, handler):
        return User("ada", name="Anonymous Ada")


class Passwords(PasswordIdentityProvider):
    def process_login_form(self, handler):
        return User("ada", name="Anonymous Ada")


class OwnLogin(LegacyLoginHandler):
    @classmethod
    def get_user(cls, handler):
        return "ada"


class Titled(PasswordIdentityProvider):
    """A provider that does not change who somebody is."""

    login_handler_class = LegacyLoginHandler


@pytest.mark.parametrize("kind", [IdentityProvider, PasswordIdentityProvider, LegacyIdentityProvider, Titled])
def test_a_login_that_everybody_shares_is_the_person_whose_server_this_is(kind):
    assert identity_of(kind()) == "owner"


@pytest.mark.parametrize("provider", [Hub(), Passwords(), LegacyIdentityProvider(login_handler_class=OwnLogin)])
def test_a_login_that_knows_persons_is_asked_for_them(provider):
    assert identity_of(provider) == "provider"


async def test_a_new_name_takes_nothing_from_a_person(jp_fetch, jp_serverapp, api):
    first = await jp_fetch("api", "me")
    cookie = {"Cookie": "; ".join(header.split(";")[0] for header in first.headers.get_list("Set-Cookie"))}
    named = await jp_fetch("api", "me", method="PATCH", body=json.dumps({"name": "Ada"}), headers=dict(cookie))
    cookie = {"Cookie": "; ".join(header.split(";")[0] for header in named.headers.get_list("Set-Cookie"))}
    assert json.loads((await jp_fetch("api", "me", headers=dict(cookie))).body)["identity"]["name"] == "Ada"
    assert (await api.json("GET", "status", headers=dict(cookie)))["user"] == {
        "id": getpass.getuser(),
        "name": getpass.getuser(),
        "kind": "person",
    }


def _initialize(self, made, own, **settings):
    made(self, **settings | {"identity": own})


async def test_the_setting_decides_whose_name_counts_and_never_the_name_that_is_shown(api, jp_serverapp, monkeypatch):
    """Call everybody Ada: with `owner` the id is that of the server's owner, with `provider` that of the person."""
    user = User("u-17", name="Ada", display_name="Ada L.")
    monkeypatch.setattr(jp_serverapp.identity_provider, "get_user", lambda handler: user)
    seen = {}
    for identity in ("owner", "provider", None):
        initialize = partialmethod(_initialize, DataOpsHandler.initialize, identity)
        with monkeypatch.context() as patched:
            patched.setattr(DataOpsHandler, "initialize", initialize)
            seen[identity] = (await api.json("GET", "status"))["user"]["id"]
    assert seen == {"owner": getpass.getuser(), "provider": "u-17", None: "u-17"}
