"""Earlier results that a step takes over when it starts, in a pipeline run for which a person asked for reuse."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..domain.pipelines import Step
from ..domain.reuse import EnvironmentState, fingerprint, why_changed, why_never
from ..domain.runs import Reason, Run
from ..domain.secrets import environment_scope
from ..domain.step_files import missing_outputs
from ..domain.time import Timestamp
from ..ports import Transaction
from .context import Services
from .step_results import copy_records, find_damage, taken_over, with_ids


@dataclass(frozen=True)
class TakenResults:
    """The results that a step took over: the keys of its runs, and the pipeline run where the newest of them was made.

    `reason` says why the step was reused, or why it was not; None where nobody asked.
    """

    keys: Collection[str | None] = field(default_factory=frozenset)
    origin: str | None = None
    reason: Reason | None = None


class EarlierResults:
    """The results of earlier runs for the steps of one pipeline run. `wanted`: a person asked for their reuse."""

    def __init__(self, ctx: Services, tx: Transaction, run: Run, at: Timestamp, *, folder: str, wanted: bool) -> None:
        self._ctx, self._tx, self._run, self._at = ctx, tx, run, at
        self._folder, self._wanted = folder, wanted

    def with_fingerprint(self, part: Run) -> Run:
        return replace(part, fingerprint=fingerprint(part, self._state))

    def take_over(self, step: Step, parts: Sequence[Run]) -> TakenResults:
        """Add a copy of each result that can be used again for one of these new runs of the step."""
        if not self._wanted:
            return TakenResults()
        if why := why_never(step):
            return TakenResults(reason=Reason("not_reused", why))
        sources = self._find_sources(step, parts)
        taken = [part for part in parts if part.fingerprint in sources]
        if not taken:
            return TakenResults(reason=Reason("not_reused", self._why_not(step, parts)))
        self._add_copies(taken, sources)
        origin = max(sources[part.fingerprint].parent_id or "" for part in taken if part.fingerprint)
        message = f"Nothing has changed since run {origin}."
        if len(taken) < len(parts):
            message = f"{len(taken)} of {len(parts)} items have not changed since run {origin}."
        reason = Reason("reused", message, {"reused": len(taken), "total": len(parts)})
        return TakenResults(frozenset(part.parent_key for part in taken), origin, reason)

    @cached_property
    def _state(self) -> EnvironmentState:
        name = self._run.environment
        variables = self._tx.variables.list_for_environment(name)
        return EnvironmentState.of(variables, self._tx.secrets.list_in_scope(environment_scope(name)))

    def _find_sources(self, step: Step, parts: Sequence[Run]) -> Mapping[str | None, Run]:
        """Return runs whose whole results stand for these parts, by fingerprint."""
        wanted = {part.fingerprint for part in parts if part.fingerprint is not None}
        ids = self._tx.pipelines.find_results(wanted)
        # The lock keeps them from being deleted meanwhile.
        runs = self._tx.runs.get_many(list(ids.values()))
        records = self._tx.records.find_for_runs(list(runs))
        found: dict[str | None, Run] = {}
        for name, run_id in ids.items():
            record = records.get(run_id)
            if run_id not in runs or record is None or find_damage(self._ctx, record, reads_bytes=False):
                continue
            if not missing_outputs(step, [file.path for file in record.artifacts], base=self._folder):
                found[name] = runs[run_id]
        return found

    def _add_copies(self, parts: Sequence[Run], sources: Mapping[str | None, Run]) -> None:
        # A source may stand for several items: equal ones do the same.
        copies = with_ids([_copy(part, sources[part.fingerprint]) for part in parts], self._at)
        self._tx.runs.add(*copies)
        copy_records(self._tx, [(sources[copy.fingerprint].id, copy.id) for copy in copies])

    def _why_not(self, step: Step, parts: Sequence[Run]) -> str:
        part = parts[0]
        if step.for_each is not None:
            return "No item of it succeeded before with what it has now."
        run_id = self._tx.pipelines.find_last_success(part.job_id, step.id)
        earlier = self._tx.runs.get_many([run_id]).get(run_id) if run_id else None
        if earlier is not None and earlier.fingerprint == part.fingerprint:
            return "The record of the earlier run is damaged, or is not whole."
        inputs = self._tx.inputs.get(part.inputs_digest)
        return why_changed(part, earlier, inputs, self._tx.inputs.get(earlier.inputs_digest if earlier else None))


def _copy(part: Run, source: Run) -> Run:
    return replace(
        part,
        state=source.state,
        trigger=taken_over(source),
        started_at=source.started_at,
        finished_at=source.finished_at,
        nothing_to_do=source.nothing_to_do,
    )
