"""The connection of a command: to the state folder of this machine, or to a running server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import Forbidden, InvalidRequest, NotFound
from .lazy_imports import gc_paused

if TYPE_CHECKING:
    from ..api_models import JobModel, RunModel
    from ..client import Client
    from .engines import LocalEngine


@dataclass(frozen=True)
class Connection:
    """A client, and the engine of this machine; `engine` is None with a server, which looks after its own."""

    client: Client
    engine: LocalEngine | None

    def find_run(self, run_id: str) -> RunModel:
        """Find a run by its id or a unique prefix of it; `last` is the newest run. NotFound when there is none."""
        if run_id != "last":
            return self.client.run(run_id)
        newest = self.client.runs(limit=1).items
        if not newest:
            raise NotFound("There are no runs yet. `jupyter dataops run NOTEBOOK` makes the first one.")
        return self.client.run(newest[0].id)

    def find_job(self, job: str) -> JobModel:
        """Find a job by its id, its name or the path of its notebook.

        NotFound when there is none, InvalidRequest when several have the name or path.
        """
        try:
            return self.client.job(job)
        except NotFound:
            source = os.path.realpath(job) if self.engine else job
            candidates = [*self.client.jobs(text=job, limit=500).items, *self.client.jobs(text=source, limit=500).items]
            matches = list(
                {
                    candidate.id: candidate
                    for candidate in candidates
                    if candidate.name == job or candidate.source in (job, source)
                }.values()
            )
        if len(matches) == 1:
            return matches[0]
        if matches:
            ids = ", ".join(f"{candidate.id} ({candidate.source})" for candidate in matches)
            raise InvalidRequest(f"Several jobs are named {job!r}: {ids}. Give the id of one.")
        raise NotFound(f"There is no job {job!r}. `jupyter dataops jobs list --text` looks for a part of a name.")

    def ensure_engine(self) -> None:
        """Ensure that an engine of this machine starts queued runs. It is cheap: call it again while you wait."""
        if self.engine is not None:
            self.engine.ensure()


@contextmanager
def open_connection(server: str | None, root: str | None = None) -> Iterator[Connection]:
    if server is not None:
        if root is not None:
            raise InvalidRequest("`--root` is for the state folder of this machine; a server has its own root.")
        with gc_paused():
            from ..client.http import HttpClient

        if "token=" in server:
            raise InvalidRequest("Give the token in DATAOPS_LAB_TOKEN: others can read the command line.")
        with HttpClient(server, os.environ.get("DATAOPS_LAB_TOKEN")) as client:
            yield Connection(client, None)
        return
    with gc_paused():
        from ..client.local import LocalClient
        from ..wiring import Home, build_services, state_folder
        from .engines import LocalEngine

    home = Home(state_folder())
    services = build_services(home)
    try:
        yield Connection(LocalClient(services, user=services.owner, root=root), LocalEngine(home, services))
    except Forbidden as error:
        from ..services.audit import record_own_refusal

        record_own_refusal(services, error)
        raise
