"""Who may do what. Asked here, whichever way a call came in."""

from __future__ import annotations

from ..domain.actors import Actor
from ..errors import Forbidden
from .context import Services


def may_administer(ctx: Services, by: Actor) -> bool:
    return not ctx.administrators or by.id in ctx.administrators


def require_owner(ctx: Services, what: str, owner: Actor, verb: str, *, by: Actor) -> None:
    """`what` is how the sentence for people names it."""
    if by.id != owner.id and not may_administer(ctx, by):
        raise Forbidden(
            f"{what} belongs to {owner}, who may {verb} it; so may an administrator. Ask one of them.",
            code="not_owner",
        )


def require_administrator(ctx: Services, by: Actor) -> None:
    if not may_administer(ctx, by):
        raise Forbidden(
            f"This is for administrators: {', '.join(sorted(ctx.administrators))}. Ask one of them.",
            code="not_administrator",
            user=by.id,
        )
