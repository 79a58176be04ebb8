"""Which verbs there are for which objects, and to whom each is open: one table, which every way in asks.

Roles will be more values of `May`; until there are any, somebody is an administrator, an owner or neither.
"""

from __future__ import annotations

from enum import StrEnum


class Verb(StrEnum):
    READ = "read"
    RUN = "run"
    """Also again, and on trial."""
    CHANGE = "change"
    """Also to add and to remove what is set up."""
    CANCEL = "cancel"
    KEEP = "keep"
    DELETE = "delete"
    VERIFY = "verify"


class Object(StrEnum):
    """By the names that Jupyter's authorizers know them by."""

    INSTALLATION = "installation"
    CONTENTS = "contents"
    PROJECT = "projects"
    JOB = "jobs"
    RUN = "runs"
    ENVIRONMENT = "environments"
    GUARDED_ENVIRONMENT = "guarded_environments"
    VARIABLE = "variables"
    SECRET = "secrets"  # noqa: S105
    IMAGE = "images"
    REGISTRY = "registries"
    RETENTION = "retention"
    CONFIGURATION = "configuration"


class May(StrEnum):
    ANYBODY = "anybody"
    OWNER = "owner"
    """Whoever made it, and administrators."""
    ADMINISTRATOR = "administrator"


_V, _O, _M = Verb, Object, May

POLICY: dict[Object, dict[Verb, May]] = {
    _O.INSTALLATION: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.CONTENTS: {_V.CHANGE: _M.ANYBODY},
    _O.PROJECT: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.JOB: {_V.READ: _M.ANYBODY, _V.RUN: _M.ANYBODY, _V.CHANGE: _M.OWNER},
    _O.RUN: {
        _V.READ: _M.ANYBODY,
        _V.RUN: _M.ANYBODY,
        **dict.fromkeys((_V.CANCEL, _V.KEEP, _V.DELETE, _V.VERIFY), _M.OWNER),
    },
    _O.ENVIRONMENT: {_V.READ: _M.ANYBODY, _V.RUN: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.GUARDED_ENVIRONMENT: {_V.RUN: _M.ADMINISTRATOR},
    _O.VARIABLE: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.SECRET: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.IMAGE: {_V.READ: _M.ANYBODY, _V.RUN: _M.ADMINISTRATOR, _V.CHANGE: _M.ADMINISTRATOR},
    _O.REGISTRY: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.RETENTION: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.CONFIGURATION: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
}
"""What is not in it is open to nobody. Of secrets and registries there is nothing to read but names."""


def rule_of(verb: Verb, kind: Object) -> May:
    """KeyError for what nobody decided."""
    return POLICY[kind][verb]
