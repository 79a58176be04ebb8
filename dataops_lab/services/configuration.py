"""Setting up an installation from one value: what would change is shown first, then all of it happens or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..domain.configuration import Change, Configuration, EnvironmentEntry, ImageEntry, changes, entry_of
from ..domain.environments import Environment
from ..domain.secrets import of_environment
from ..domain.variables import Variable
from ..errors import Conflict, Refused
from ..ports import Transaction
from . import secrets
from .context import Services
from .environments import audit, check_variable
from .permissions import require_administrator


@dataclass(frozen=True)
class Plan:
    """`state` is the digest of what there was before. `remaining` are commands for what no file can bring along."""

    changes: Sequence[Change]
    state: str
    remaining: Sequence[str]
    applied: bool


class _NotThisTime(Exception):
    """Takes back what was tried."""


def export(ctx: Services) -> Configuration:
    with ctx.store.read() as tx:
        return _present(tx)


def plan(ctx: Services, wanted: Configuration, *, by: str) -> Plan:
    """What `apply` would do; nothing is changed. Refused as it would be."""
    require_administrator(ctx, by)
    try:
        with ctx.store.begin() as tx:
            planned = _applied(ctx, tx, wanted, by=by)
            # Tried and taken back: what is shown is what would happen, and cannot differ from it.
            raise _NotThisTime
    except _NotThisTime:
        return planned


def apply(ctx: Services, wanted: Configuration, *, state: str | None = None, by: str) -> Plan:
    """Make it so, in one transaction. With the `state` of a plan, Conflict when it is not what there is any more."""
    require_administrator(ctx, by)
    with ctx.store.begin() as tx:
        done = _applied(ctx, tx, wanted, by=by)
        if state is not None and state != done.state:
            raise Conflict(
                "Somebody has changed the configuration since you looked at the difference. Look at it again.",
                code="changed_meanwhile",
            )
    for change in done.changes:
        audit.info("%s changed %s %s by a file", by, change.environment or "environments", change.field)
    return replace(done, applied=True)


def _applied(ctx: Services, tx: Transaction, wanted: Configuration, *, by: str) -> Plan:
    before = _present(tx)
    _check(wanted)
    _arrange(ctx, tx, wanted.environments, by=by)
    for entry in wanted.environments:
        _set(ctx, tx, entry, by=by)
    after = _present(tx)
    return Plan(changes(before, after), before.digest, list(_remaining(tx, wanted)), applied=False)


def _present(tx: Transaction) -> Configuration:
    return Configuration(
        environments=tuple(
            entry_of(
                it,
                {variable.name: variable.value for variable in tx.variables.of(it.name)},
                tuple(secret.name for secret in tx.secrets.of(of_environment(it.name))),
            )
            for it in tx.environments.all()
        ),
        images=tuple(ImageEntry(image.name, image.reference) for image in tx.images.all()),
    )


def _check(wanted: Configuration) -> None:
    names = [entry.name for entry in wanted.environments]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refused(f"An environment is there twice: {', '.join(twice)}.", code="invalid_configuration")
    for entry in wanted.environments:
        for name, value in (entry.variables or {}).items():
            check_variable(name, value)


def _arrange(ctx: Services, tx: Transaction, entries: Sequence[EnvironmentEntry], *, by: str) -> None:
    """Settings and promotion order. Who is not named keeps its place among the others."""
    known = {it.name: it for it in tx.environments.all()}
    named = [entry.name for entry in entries]
    order = list(known)
    # Those that are named take, in their order, the places that they have already; a new one comes behind
    # the one before it.
    places = [place for place, name in enumerate(order) if name in named]
    for place, name in zip(places, (name for name in named if name in known), strict=True):
        order[place] = name
    for before, name in zip([None, *named], named, strict=False):
        if name not in known:
            order.insert(order.index(before) + 1 if before else 0, name)
    given = {entry.name: entry.settings for entry in entries}
    for position, name in enumerate(order):
        present = known.get(name, Environment(name=name, position=position))
        becomes = replace(present, position=position, **given.get(name, {}))
        if name in given:
            becomes.check()
        if name not in known or becomes != present:
            tx.environments.put(becomes, at=ctx.clock.now(), by=by)


def _set(ctx: Services, tx: Transaction, entry: EnvironmentEntry, *, by: str) -> None:
    variables = {it.name: it.value for it in tx.variables.of(entry.name)}
    present = {it.name for it in tx.secrets.of(of_environment(entry.name))}
    for name in present - set(present if entry.secrets is None else entry.secrets):
        tx.secrets.remove(of_environment(entry.name), name)
    if entry.variables is not None:
        for name in variables.keys() - entry.variables.keys():
            tx.variables.remove(entry.name, name)
        for name, value in entry.variables.items():
            if variables.get(name) != value:
                tx.variables.put(Variable(entry.name, name, value, ctx.clock.now(), by))
    for name in entry.secrets or ():
        secrets.expect(ctx, tx, entry.name, name, by=by)
    both = {it.name for it in tx.variables.of(entry.name)} & {
        it.name for it in tx.secrets.of(of_environment(entry.name))
    }
    if both:
        raise Conflict(
            f"In {entry.name}, {', '.join(sorted(both))} would be both variable and secret. Nothing was changed.",
            code="variable_exists",
        )


def _remaining(tx: Transaction, wanted: Configuration) -> Iterator[str]:
    for entry in wanted.environments:
        for secret in tx.secrets.of(of_environment(entry.name)):
            if not secret.is_set:
                yield f"jupyter dataops secrets set {entry.name} {secret.name}"
    known = {image.name: image for image in tx.images.all()}
    for image in wanted.images:
        if image.name not in known or known[image.name].reference != image.reference:
            yield f"jupyter dataops image add {image.name} {image.reference}"
    for it in tx.environments.all():
        for name in it.images:
            if name not in known and name not in [image.name for image in wanted.images]:
                yield f"jupyter dataops image add {name} REFERENCE"
