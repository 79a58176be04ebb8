from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, exists, insert, not_, or_, select

from ..domain.inputs import Inputs
from ..errors import NotFound
from . import tables as t
from .locks import advisory_lock


class SqlInputs:
    """The sets of inputs. Each is stored once, for all runs that have it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, digest: str | None) -> Inputs:
        if digest is None:
            return Inputs()
        stored = self._connection.scalar(select(t.inputs.c.content).where(t.inputs.c.digest == digest))
        if stored is None:
            raise NotFound(f"There are no inputs {digest}.", digest=digest)
        return Inputs.from_json(stored)

    def put(self, inputs: Inputs) -> str | None:
        digest = inputs.digest
        if digest is not None:
            # The lock keeps others from removing the inputs before the run that needs them is stored.
            advisory_lock(self._connection, "inputs", digest)
            if not self._connection.scalar(select(exists().where(t.inputs.c.digest == digest))):
                self._connection.execute(insert(t.inputs), {"digest": digest, "content": inputs.to_json()})
        return digest

    def list_unused(self) -> Sequence[str]:
        query = select(t.inputs.c.digest).where(not_(_USED)).order_by(t.inputs.c.digest)
        return list(self._connection.scalars(query))

    def remove(self, digest: str) -> bool:
        advisory_lock(self._connection, "inputs", digest)
        deleted = self._connection.execute(delete(t.inputs).where(t.inputs.c.digest == digest, not_(_USED)))
        return deleted.rowcount == 1


_USED = or_(
    exists().where(t.runs.c.inputs_digest == t.inputs.c.digest),
    exists().where(t.pipeline_steps.c.inputs_digest == t.inputs.c.digest),
    exists().where(t.schedule_steps.c.inputs_digest == t.inputs.c.digest),
)
