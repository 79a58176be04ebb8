from __future__ import annotations

import json

import pytest

from dataops_lab.client.problems import error_of
from dataops_lab.errors import (
    Conflict,
    DataOpsError,
    Forbidden,
    InvalidParameters,
    KeyReused,
    NotFound,
    Refused,
    ServerUnreachable,
    StoreBusy,
    Unavailable,
)


def problem(status: int, code: str, **extra: object) -> DataOpsError:
    body = {"title": "x", "status": status, "code": code, "detail": "A sentence.", "extra": extra}
    return error_of(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "not_found", NotFound),
        (409, "key_reused", KeyReused),
        (422, "invalid_parameters", InvalidParameters),
        (503, "store_busy", StoreBusy),
        (403, "forbidden", Forbidden),
    ],
)
def test_a_code_of_the_tree_becomes_its_exception(status, code, kind):
    error = problem(status, code)

    assert type(error) is kind
    assert (error.precise_code, error.message) == (code, "A sentence.")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFound), (409, Conflict), (422, Refused), (400, Refused), (503, Unavailable), (500, DataOpsError)],
)
def test_a_more_precise_code_goes_to_the_branch_that_its_status_names(status, kind):
    error = problem(status, "more_precise")

    assert type(error) is kind
    assert error.precise_code == "more_precise"


def test_details_survive_whatever_they_are_called():
    error = problem(422, "invalid_parameters", **{"problems": [{"name": "x"}], "message": "m", "self": "s"})

    assert error.detail["problems"] == [{"name": "x"}]
    assert (error.detail["message"], error.detail["self"]) == ("m", "s")
    assert error.precise_code == "invalid_parameters"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"message": "Forbidden"}', b"[]", b"\xff"])
@pytest.mark.parametrize(
    ("status", "kind"), [(403, Forbidden), (302, Forbidden), (404, ServerUnreachable), (502, ServerUnreachable)]
)
def test_the_answer_of_something_else_is_told_by_its_status(status, body, kind):
    assert type(error_of(status, body)) is kind
