"""Questions to the policy. Every way in asks them here, and nowhere else."""

from __future__ import annotations

from ..domain.actors import Actor
from ..domain.policy import Access, ObjectKind, Verb, required_access
from ..errors import Forbidden
from .context import Services


def may_administer(ctx: Services, by: Actor) -> bool:
    return not ctx.administrators or by.id in ctx.administrators


def allows(ctx: Services, by: Actor, verb: Verb, kind: ObjectKind, *, owner: Actor | None = None) -> bool:
    """Tell whether the policy allows it. A right of the owner counts only when `owner` is given."""
    rule = required_access(verb, kind)
    if rule is Access.ANYBODY or may_administer(ctx, by):
        return True
    return rule is Access.OWNER and owner is not None and owner.id == by.id


def require(
    ctx: Services, by: Actor, verb: Verb, kind: ObjectKind, *, owner: Actor | None = None, what: str = "This"
) -> None:
    """Raise Forbidden unless the policy allows it. `what` names the object in the sentence for people."""
    if allows(ctx, by, verb, kind, owner=owner):
        return
    if owner is not None:
        raise Forbidden(
            f"{what} belongs to {owner}, who may {verb} it; so may an administrator. Ask one of them.",
            code="not_owner",
            verb=str(verb),
            object=str(kind),
        )
    raise Forbidden(
        f"{what} is for administrators: {', '.join(sorted(ctx.administrators))}. Ask one of them.",
        code="not_administrator",
        user=by.id,
        verb=str(verb),
        object=str(kind),
    )


def require_before_lookup(ctx: Services, by: Actor, verb: Verb, kind: ObjectKind) -> None:
    """Check a call to a route that does not know the owner yet. The service checks the owner's rights later."""
    if required_access(verb, kind) is not Access.OWNER:
        require(ctx, by, verb, kind)
