"""Environments, and the variables of the runs in them. Changes are for administrators."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ..domain.actors import Actor
from ..domain.environments import SANDBOX, Environment
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import RunState
from ..domain.secrets import environment_scope
from ..domain.variables import Variable, check_name, check_value
from ..errors import Conflict, NotFound
from ..ports import Transaction
from .context import Services
from .permissions import require

LAST_POSITION = 1 << 30
"""A position behind all others."""

audit = logging.getLogger("dataops_lab.audit")


def list_all(ctx: Services) -> Sequence[Environment]:
    """Return all environments in promotion order."""
    with ctx.store.read() as tx:
        return tx.environments.all()


def get(ctx: Services, name: str) -> Environment:
    with ctx.store.read() as tx:
        return tx.environments.get(name)


def add(ctx: Services, environment: Environment, *, by: Actor) -> Environment:
    """Add it at its position in promotion order; those behind it move on. Conflict when there is one of that name."""
    require(ctx, by, Verb.CHANGE, ObjectKind.ENVIRONMENT)
    check(ctx, environment)
    with ctx.store.begin() as tx:
        if any(other.name == environment.name for other in tx.environments.all()):
            raise Conflict(f"There is an environment {environment.name!r} already.", code="environment_exists")
        return put(ctx, tx, environment, by=by)


def change(ctx: Services, environment: Environment, *, revision: int | None = None, by: Actor) -> Environment:
    """Replace the one of that name. With `revision`, Conflict when somebody has changed it since."""
    require(ctx, by, Verb.CHANGE, ObjectKind.ENVIRONMENT)
    check(ctx, environment)
    with ctx.store.begin() as tx:
        before = tx.environments.get(environment.name)
        if revision is not None and revision != before.revision:
            raise Conflict(
                f"{before.changed_by} has changed {before.name} since you read it. Look at it again.",
                code="changed_meanwhile",
                revision=before.revision,
            )
        return put(ctx, tx, environment, by=by)


def check(ctx: Services, environment: Environment) -> None:
    """Raise Refused when the environment makes no sense, or publishes to a folder that this machine does not allow."""
    environment.check()
    if environment.output_folder is not None and ctx.output_folders is not None:
        ctx.output_folders.check(environment.output_folder)


def put(ctx: Services, tx: Transaction, environment: Environment, *, by: Actor) -> Environment:
    """Write it at its position, so that positions stay 0, 1, 2, …; write nothing that is unchanged."""
    now = ctx.clock.now()
    others = [other for other in tx.environments.all() if other.name != environment.name]
    others.insert(max(0, environment.position), environment)
    known = {other.name: other for other in tx.environments.all()}
    for position, other in enumerate(others):
        wanted = replace(other, position=position)
        if known.get(wanted.name) != wanted:
            tx.environments.put(wanted, at=now, by=by)
            tx.on_commit(partial(audit.info, "%s changed the environment %s", by, wanted.name))
    return tx.environments.get(environment.name)


def remove(ctx: Services, name: str, *, by: Actor) -> Environment:
    """Remove it with its variables and secrets. Return it as it was. Conflict while a run in it has not ended."""
    require(ctx, by, Verb.CHANGE, ObjectKind.ENVIRONMENT)
    with ctx.store.begin() as tx:
        environment = tx.environments.get(name)
        if name == SANDBOX:
            raise Conflict(
                f"{SANDBOX} stays: it is where a run goes that names no environment.", code="environment_in_use"
            )
        unfinished = [state for state in RunState if not state.is_terminal]
        active = [run.id for run in tx.runs.list_in_states(*unfinished) if run.environment == name]
        if active:
            raise Conflict(
                f"{len(active)} runs in {name} have not ended, {active[0]} among them. Wait for them or cancel them.",
                code="environment_in_use",
                runs=active[:100],
            )
        now = ctx.clock.now()
        for variable in tx.variables.list_for_environment(name):
            tx.variables.remove(name, variable.name, at=now, by=by)
        for secret in tx.secrets.list_in_scope(environment_scope(name)):
            tx.secrets.remove(secret.scope, secret.name, at=now, by=by)
        tx.environments.remove(name, at=now, by=by)
        for position, other in enumerate(tx.environments.all()):
            if other.position != position:
                tx.environments.put(replace(other, position=position), at=ctx.clock.now(), by=by)
        tx.on_commit(partial(audit.info, "%s removed the environment %s", by, name))
        return environment


# --- variables ----------------------------------------------------------------------------------


def variables(ctx: Services, environment: str) -> Sequence[Variable]:
    """Return them sorted by name."""
    with ctx.store.read() as tx:
        return tx.variables.list_for_environment(tx.environments.get(environment).name)


def set_variable(ctx: Services, environment: str, name: str, value: str, *, by: Actor) -> Variable:
    require(ctx, by, Verb.CHANGE, ObjectKind.VARIABLE)
    check_variable(name, value)
    with ctx.store.begin() as tx:
        tx.environments.get(environment)
        if tx.secrets.find(environment_scope(environment), name):
            raise Conflict(f"{name} is a secret in {environment}. Remove that first.", code="variable_exists")
        return put_variable(ctx, tx, environment, name, value, by=by)


def check_variable(name: str, value: str) -> None:
    check_name(name)
    check_value(name, value)


def put_variable(ctx: Services, tx: Transaction, environment: str, name: str, value: str, *, by: Actor) -> Variable:
    variable = Variable(environment, name, value, ctx.clock.now(), by)
    tx.variables.put(variable)
    tx.on_commit(partial(audit.info, "%s set the variable %s of %s", by, name, environment))
    return variable


def remove_variable(ctx: Services, environment: str, name: str, *, by: Actor) -> Variable:
    """Remove it, and return it as it was. NotFound when there is none."""
    require(ctx, by, Verb.CHANGE, ObjectKind.VARIABLE)
    with ctx.store.begin() as tx:
        tx.environments.get(environment)
        found = next(
            (variable for variable in tx.variables.list_for_environment(environment) if variable.name == name), None
        )
        if found is None:
            raise NotFound(f"There is no variable {name!r} in {environment}.")
        tx.variables.remove(environment, name, at=ctx.clock.now(), by=by)
        tx.on_commit(partial(audit.info, "%s removed the variable %s of %s", by, name, environment))
        return found
