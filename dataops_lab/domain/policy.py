"""The verbs for each object, and the people who may use them: one table, which every way in asks.

Roles will be more values of `May`. Until there are any, a person is an administrator, an owner or neither.
"""

from __future__ import annotations

from enum import StrEnum


class Verb(StrEnum):
    READ = "read"
    RUN = "run"
    """To run, to run again, and to run on trial."""
    CHANGE = "change"
    """To change, to add and to remove settings."""
    REPRODUCE = "reproduce"
    """To get the files and parameters of a run in a folder. Variables and secrets also need RUN in its environment."""
    CANCEL = "cancel"
    DECIDE = "decide"
    """To approve or reject a step of a pipeline that runs there and names nobody."""
    KEEP = "keep"
    DELETE = "delete"
    VERIFY = "verify"
    PUBLISH = "publish"
    """To say that a run publishes its outputs which would not by itself."""


class ObjectKind(StrEnum):
    """The objects, by the names that Jupyter's authorizers use."""

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
    SCHEDULE = "schedules"
    CALENDAR = "calendars"
    TARGET = "targets"
    DELIVERY = "deliveries"
    AUDIT = "audit"
    SUBSCRIPTION = "subscriptions"
    """The subscriptions and settings of the person who asks. Nobody gets to those of others."""


class Access(StrEnum):
    ANYBODY = "anybody"
    OWNER = "owner"
    """The person who made it, and administrators."""
    ADMINISTRATOR = "administrator"


_V, _O, _M = Verb, ObjectKind, Access

POLICY: dict[ObjectKind, dict[Verb, Access]] = {
    _O.INSTALLATION: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.CONTENTS: {_V.CHANGE: _M.ANYBODY},
    _O.PROJECT: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.JOB: {_V.READ: _M.ANYBODY, _V.RUN: _M.ANYBODY, _V.CHANGE: _M.OWNER},
    _O.RUN: {
        **dict.fromkeys((_V.READ, _V.RUN, _V.REPRODUCE), _M.ANYBODY),
        **dict.fromkeys((_V.CANCEL, _V.KEEP, _V.DELETE, _V.VERIFY, _V.PUBLISH), _M.OWNER),
    },
    _O.ENVIRONMENT: {
        _V.READ: _M.ANYBODY,
        **dict.fromkeys((_V.RUN, _V.DECIDE, _V.PUBLISH), _M.ANYBODY),
        _V.CHANGE: _M.ADMINISTRATOR,
    },
    _O.GUARDED_ENVIRONMENT: dict.fromkeys((_V.RUN, _V.DECIDE, _V.PUBLISH), _M.ADMINISTRATOR),
    _O.VARIABLE: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.SECRET: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.IMAGE: {_V.READ: _M.ANYBODY, _V.RUN: _M.ADMINISTRATOR, _V.CHANGE: _M.ADMINISTRATOR},
    _O.REGISTRY: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.RETENTION: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.CONFIGURATION: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.SCHEDULE: {_V.READ: _M.ANYBODY, _V.RUN: _M.OWNER, _V.CHANGE: _M.OWNER, _V.DELETE: _M.OWNER},
    _O.CALENDAR: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.TARGET: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ADMINISTRATOR},
    _O.DELIVERY: {_V.READ: _M.ADMINISTRATOR},
    _O.AUDIT: {_V.READ: _M.ADMINISTRATOR, _V.VERIFY: _M.ADMINISTRATOR},
    _O.SUBSCRIPTION: {_V.READ: _M.ANYBODY, _V.CHANGE: _M.ANYBODY},
}
"""A pair that is missing is open to nobody. READ of secrets, registries and targets gives no secret."""


def required_access(verb: Verb, kind: ObjectKind) -> Access:
    """Return the rule. KeyError for a pair on which nobody decided."""
    return POLICY[kind][verb]
