"""Projects and their limits."""

from __future__ import annotations

from dataclasses import replace

from ..domain.actors import Actor
from ..domain.jobs import Project
from ..domain.policy import ObjectKind, Verb
from ..domain.settings import check_concurrency
from .context import Services
from .permissions import require


def get(ctx: Services, name: str) -> Project:
    with ctx.store.read() as tx:
        return tx.projects.get(name)


def limit(ctx: Services, name: str, concurrency: int | None, *, by: Actor) -> Project:
    """Limit how many runs of it may be active at once; None: as many as there are slots. Active runs go on."""
    require(ctx, by, Verb.CHANGE, ObjectKind.PROJECT)
    check_concurrency(concurrency)
    with ctx.store.begin() as tx:
        project = replace(tx.projects.get(name), concurrency=concurrency)
        return tx.projects.change(project, at=ctx.clock.now(), by=by)
