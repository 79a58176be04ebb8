"""Secrets: administrators set, replace and remove them; only the launch of a run reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.policy import ObjectKind, Verb
from ..domain.secrets import Secret, environment_scope
from ..domain.variables import check_name, check_value
from ..errors import Conflict, NotFound, Refused, SecretsLocked
from ..ports import Transaction
from .context import Services
from .environments import audit
from .permissions import require


def list_secrets(ctx: Services, environment: str) -> Sequence[Secret]:
    """Return them sealed, sorted by name."""
    with ctx.store.read() as tx:
        return tx.secrets.list_in_scope(environment_scope(tx.environments.get(environment).name))


def put(ctx: Services, environment: str, name: str, value: str, *, by: Actor) -> Secret:
    """Set it, or replace its value. Active runs keep the earlier one."""
    require(ctx, by, Verb.CHANGE, ObjectKind.SECRET)
    check_name(name)
    check_value(name, value)
    if not value:
        raise Refused(f"The value of {name} is empty. Remove the secret instead.")
    with ctx.store.begin() as tx:
        tx.environments.get(environment)
        if any(variable.name == name for variable in tx.variables.list_for_environment(environment)):
            raise Conflict(f"{name} is a variable in {environment}. Remove that first.", code="variable_exists")
        return seal(ctx, tx, environment_scope(environment), name, value, by=by)


def seal(ctx: Services, tx: Transaction, scope: str, name: str, value: str, *, by: Actor) -> Secret:
    # Seal it inside of the transaction: see `rotate_key`.
    before = tx.secrets.find(scope, name)
    secret = Secret(scope, name, before.version + 1 if before else 1, ctx.clock.now(), by)
    secret = replace(secret, sealed=ctx.vault.seal(value, bound_to=secret.bound_to))
    tx.secrets.put(secret)
    tx.on_commit(partial(audit.info, "%s set the secret %s", by, secret.bound_to))
    return secret


def expect(ctx: Services, tx: Transaction, environment: str, name: str, *, by: Actor) -> None:
    """Note that somebody must set it before anything can run there; do nothing when it is there."""
    check_name(name)
    scope = environment_scope(environment)
    if tx.secrets.find(scope, name) is None:
        tx.secrets.put(Secret(scope, name, 0, ctx.clock.now(), by))


def remove(ctx: Services, environment: str, name: str, *, by: Actor) -> Secret:
    """Remove it, and return it as it was, sealed. NotFound when there is none."""
    require(ctx, by, Verb.CHANGE, ObjectKind.SECRET)
    with ctx.store.begin() as tx:
        tx.environments.get(environment)
        found = tx.secrets.find(environment_scope(environment), name)
        if found is None:
            raise NotFound(f"There is no secret {name!r} in {environment}.")
        tx.secrets.remove(found.scope, name, at=ctx.clock.now(), by=by)
        tx.on_commit(partial(audit.info, "%s removed the secret %s", by, found.bound_to))
        return found


def decrypt_all(ctx: Services, scope: str) -> Mapping[str, str]:
    """Return the values of all that are set. The caller hands them on and keeps none. SecretsLocked, Damaged."""
    try:
        return _decrypt_all(ctx, scope)
    except SecretsLocked:
        # A rotation may have removed the key between reading and opening.
        return _decrypt_all(ctx, scope)


def _decrypt_all(ctx: Services, scope: str) -> dict[str, str]:
    with ctx.store.read() as tx:
        found = tx.secrets.list_in_scope(scope)
    return {
        secret.name: ctx.vault.open(secret.sealed, bound_to=secret.bound_to)
        for secret in found
        if secret.sealed is not None
    }


@dataclass(frozen=True)
class KeyRotation:
    """`key` is the id of the key under which all secrets are now."""

    key: str
    secrets: int


def rotate_key(ctx: Services, *, by: Actor) -> KeyRotation:
    """Put every secret under a new key, then forget the earlier ones. Safe to repeat after it was interrupted."""
    require(ctx, by, Verb.CHANGE, ObjectKind.SECRET)
    # Make the key first: until all of this is committed, both keys are there, and a crash loses nothing.
    key = ctx.vault.renew_key()
    with ctx.store.begin() as tx:
        # Code that seals a secret locks all secrets: either its secret is seen here, or it comes later and uses the
        # new key.
        found = tx.secrets.all()
        for secret in found:
            if secret.sealed is not None:
                tx.secrets.rewrap(replace(secret, sealed=ctx.vault.rewrap(secret.sealed, bound_to=secret.bound_to)))
        data = {"key": key, "secrets": sum(secret.is_set for secret in found)}
        keys = Subject(SubjectKind.SECRET, "keys")
        tx.events.add(keys, "secret.key_rotated", at=ctx.clock.now(), actor=by, data=data)
    # Keep newer keys that came meanwhile: they may be in use already.
    ctx.vault.forget_older_keys(key)
    audit.info("%s rotated the key of the secrets", by)
    return KeyRotation(key, sum(secret.is_set for secret in found))
