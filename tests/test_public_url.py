"""The address for links in messages: taken as it is, or refused with the next step."""

from __future__ import annotations

import pytest

from dataops_lab.errors import InvalidRequest
from dataops_lab.services.message_content import link_to
from dataops_lab.wiring import PUBLIC_URL, public_url


def test_without_an_address_there_is_none(monkeypatch):
    monkeypatch.delenv(PUBLIC_URL, raising=False)
    assert public_url() is None


@pytest.mark.parametrize(
    "url", ["https://hub.example/user/ada/", "http://127.0.0.1:8888", "https://hub.example:8443/x"]
)
def test_an_address_leads_to_the_thing(monkeypatch, url):
    monkeypatch.setenv(PUBLIC_URL, url)
    found = public_url()
    assert found == url.rstrip("/")
    assert link_to(found, "run", "R/../&1") == f"{found}/lab?dataops-run=R%2F..%2F%261"


@pytest.mark.parametrize(
    "url",
    ["hub.example", "javascript:alert(1)", "file:///etc", "https://", "https://a:b@hub.example", "https://hub.example/?x=1",
     "https://hub.example/#x"],
)  # fmt: skip
def test_anything_else_is_refused(monkeypatch, url):
    monkeypatch.setenv(PUBLIC_URL, url)
    with pytest.raises(InvalidRequest, match=r"such as https://hub\.example"):
        public_url()
