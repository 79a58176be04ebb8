"""Reactions: the consequences of the end of a run, in the transaction that ends it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..domain.events import run_subject
from ..domain.runs import Run
from ..errors import StoreBusy
from ..ports import Transaction

if TYPE_CHECKING:
    from .context import Reaction, Services

log = logging.getLogger("dataops_lab.reactions")


def move_runs(ctx: Services, tx: Transaction, moves: Sequence[tuple[Run, Run]], *, at: dt.datetime) -> None:
    """Move runs as `tx.runs.move_all` does, and call all reactions for those that end.

    All code that ends a run calls this, after `tx.pipelines.lock_parents`. A reaction cannot prevent the end of a run:
    when it raises, its own writes are rolled back, for that run alone, and the event `run.reaction_failed` stays. It is
    not tried again. So a reaction must keep its open work in the store, and be able to bring it up to date without
    another call.
    """
    tx.runs.transition_all(moves)
    ended = [after for _, after in moves if after.state.is_terminal]
    for reaction in ctx.reactions if ended else ():
        if _run_reaction(ctx, tx, reaction, ended, at) is None:
            continue
        for run in ended:
            if (error := _run_reaction(ctx, tx, reaction, [run], at)) is not None:
                log.error("%s after the end of run %s failed.", _name_of(reaction), run.id, exc_info=error)
                data = {"reaction": _name_of(reaction), "error": str(error)[:MAX_ERROR_LENGTH]}
                tx.events.add(run_subject(run.id), "run.reaction_failed", at=at, data=data)


MAX_ERROR_LENGTH = 1_000


def _run_reaction(
    ctx: Services, tx: Transaction, reaction: Reaction, ended: Sequence[Run], at: dt.datetime
) -> Exception | None:
    """Let it react. Return the error that it raised, after all its writes were rolled back.

    None when it raised none.
    """
    try:
        with tx.savepoint():
            reaction(ctx, tx, ended, at)
    except StoreBusy:
        raise  # The caller tries the whole transaction again.
    except Exception as error:
        return error
    return None


def _name_of(reaction: Reaction) -> str:
    return getattr(reaction, "__qualname__", type(reaction).__name__)
