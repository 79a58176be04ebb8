from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from ..domain.retention import MAX_LIMIT, RetentionRule
from ..domain.runs import RunState
from ..services.retention import Preview
from .base import Instant, Model


class RetentionRuleModel(Model):
    """A rule that keeps the runs of the last `days` days and the newest `last` runs of each job; the others go.

    A limit that is null keeps no runs; a rule without any limit keeps all runs. With null for `environment` or `state`
    the rule is for all that have no rule of their own.
    """

    environment: str | None = Field(default=None, min_length=1, max_length=100)
    state: RunState | None = None
    days: int | None = Field(default=None, ge=0, le=MAX_LIMIT)
    last: int | None = Field(default=None, ge=0, le=MAX_LIMIT)

    def to_domain(self) -> RetentionRule:
        return RetentionRule(self.environment, self.state, days=self.days, last=self.last)


class RetentionModel(Model):
    """All rules."""

    rules: list[RetentionRuleModel] = Field(max_length=1000)

    @classmethod
    def from_domain(cls, rules: Sequence[RetentionRule]) -> RetentionModel:
        return cls(rules=[RetentionRuleModel.model_validate(rule) for rule in rules])

    def to_domain(self) -> list[RetentionRule]:
        return [rule.to_domain() for rule in self.rules]


class PreviewRequest(Model):
    """Rules to preview; null stands for the rules that are set."""

    rules: list[RetentionRuleModel] | None = Field(default=None, max_length=1000)


class DueRunModel(Model):
    id: str
    job: str
    environment: str
    state: RunState
    finished_at: Instant | None


class PreviewModel(Model):
    """The runs that rules would delete: `count` runs, of which `oldest` names the first hundred.

    `bytes` counts the bytes that only these runs need.
    """

    count: int
    oldest: list[DueRunModel]
    bytes: int

    @classmethod
    def from_domain(cls, preview: Preview) -> PreviewModel:
        oldest = [
            DueRunModel(
                id=run.id, job=job.name, environment=run.environment, state=run.state, finished_at=run.finished_at
            )
            for run, job in preview.oldest
        ]
        return cls(count=preview.count, oldest=oldest, bytes=preview.bytes)


class RemovedModel(Model):
    """Numbers of deleted things. `bytes` counts the bytes of the blobs."""

    runs: int
    versions: int
    blobs: int
    bytes: int
