"""Logins to registries of images, sealed like every secret. Only the pull of an image reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..domain.actors import Actor
from ..domain.images import Login, registry_host, validate_registry
from ..domain.policy import ObjectKind, Verb
from ..domain.secrets import REGISTRY_SCOPE, Secret
from ..errors import InvalidRequest, NotFound
from . import secrets
from .context import Services
from .permissions import require

_MAX_LENGTH = 10_000


def list_logins(ctx: Services) -> Sequence[Secret]:
    """Return them sealed, sorted by registry, which is the name."""
    with ctx.store.read() as tx:
        return tx.secrets.list_in_scope(REGISTRY_SCOPE)


def put(ctx: Services, registry: str, login: Login, *, by: Actor) -> Secret:
    """Set it, or replace it. Only the next pull shows whether the registry accepts it."""
    require(ctx, by, Verb.CHANGE, ObjectKind.REGISTRY)
    validate_registry(registry)
    if not login.username or not login.password or max(len(login.username), len(login.password)) > _MAX_LENGTH:
        raise InvalidRequest("A login has a user name and a password, or a token in its place.")
    value = json.dumps([login.username, login.password])
    with ctx.store.begin() as tx:
        return secrets.seal(ctx, tx, REGISTRY_SCOPE, registry, value, by=by)


def remove(ctx: Services, registry: str, *, by: Actor) -> Secret:
    """Remove it, and return it as it was, sealed. NotFound when there is none."""
    require(ctx, by, Verb.CHANGE, ObjectKind.REGISTRY)
    with ctx.store.begin() as tx:
        found = tx.secrets.find(REGISTRY_SCOPE, registry)
        if found is None:
            raise NotFound(
                f"There is no login to {registry}. `jupyter dataops image registries` shows which there are."
            )
        tx.secrets.remove(REGISTRY_SCOPE, registry, at=ctx.clock.now(), by=by)
        return found


def login_for(ctx: Services, reference: str) -> Login | None:
    """Return the login for the registry of this reference. SecretsLocked or Damaged when it does not open.

    None: the daemon's client has a login of its own, or none is needed.
    """
    with ctx.store.read() as tx:
        found = tx.secrets.find(REGISTRY_SCOPE, registry_host(reference))
    if found is None or found.sealed is None:
        return None
    return Login(*json.loads(ctx.vault.open(found.sealed, bound_to=found.bound_to)))
