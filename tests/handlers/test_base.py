"""The person behind a request."""

from __future__ import annotations

import getpass
import json

import pytest
from jupyter_server.auth.identity import IdentityProvider, LegacyIdentityProvider, PasswordIdentityProvider, User
from jupyter_server.auth.login import LegacyLoginHandler

from dataops_lab.handlers.base import has_one_login


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
    """Changes nothing about who somebody is."""

    login_handler_class = LegacyLoginHandler


@pytest.mark.parametrize("kind", [IdentityProvider, PasswordIdentityProvider, LegacyIdentityProvider, Titled])
def test_a_login_that_everybody_shares_is_the_person_whose_server_this_is(kind):
    assert has_one_login(kind())


@pytest.mark.parametrize("provider", [Hub(), Passwords(), LegacyIdentityProvider(login_handler_class=OwnLogin)])
def test_a_login_that_knows_persons_is_asked_for_them(provider):
    assert not has_one_login(provider)


async def test_a_new_name_takes_nothing_from_a_person(jp_fetch, jp_serverapp, api):
    first = await jp_fetch("api", "me")
    cookie = {"Cookie": "; ".join(it.split(";")[0] for it in first.headers.get_list("Set-Cookie"))}
    named = await jp_fetch("api", "me", method="PATCH", body=json.dumps({"name": "Ada"}), headers=dict(cookie))
    cookie = {"Cookie": "; ".join(it.split(";")[0] for it in named.headers.get_list("Set-Cookie"))}
    assert json.loads((await jp_fetch("api", "me", headers=dict(cookie))).body)["identity"]["name"] == "Ada"
    assert (await api.json("GET", "status", headers=dict(cookie)))["user"] == getpass.getuser()
