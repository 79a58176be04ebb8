from __future__ import annotations

import sys

import pytest

from dataops_lab.errors import InvalidRequest, StoreBusy, Unavailable
from dataops_lab.store import open_store


@pytest.mark.parametrize(
    "url",
    ["", "dataops.sqlite", "sqlite://", "sqlite:///:memory:", "mysql://h/d", "postgresql+psycopg2://u:secret@h/d"],
)
def test_what_is_no_url_of_a_usable_database_is_refused_with_the_form_it_has(url):
    with pytest.raises(InvalidRequest, match="postgresql\\+psycopg") as refused:
        open_store(url)
    assert "secret" not in str(refused.value)


def test_without_its_driver_postgresql_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dataops_lab.store.postgres", None)
    with pytest.raises(Unavailable, match=r"dataops-lab\[postgres\]"):
        open_store("postgresql+psycopg://h/d")


def test_a_server_that_cannot_be_reached_is_named_without_the_password():
    with pytest.raises(StoreBusy, match=r"127\.0\.0\.1") as refused:
        open_store("postgresql+psycopg://someone:secret@127.0.0.1:1/x")
    assert "secret" not in str(refused.value)
