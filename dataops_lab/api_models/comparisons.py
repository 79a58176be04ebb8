from __future__ import annotations

from ..domain.comparisons import Comparison, Difference, DifferenceKind
from .base import ActorModel, Instant, Model


class DifferenceModel(Model):
    """One difference, as a sentence without its full stop. `at` and `by` are null where nobody is known."""

    kind: DifferenceKind
    text: str
    at: Instant | None
    by: ActorModel | None

    @classmethod
    def from_domain(cls, difference: Difference) -> DifferenceModel:
        by = ActorModel.from_domain(difference.by) if difference.by else None
        return cls(kind=difference.kind, text=difference.text, at=difference.at, by=by)


class ComparedRunModel(Model):
    """The run that succeeded, with which another one is compared."""

    id: str
    created_at: Instant
    finished_at: Instant | None


class ComparisonModel(Model):
    """A run beside the last one of its job that succeeded in its environment, the likeliest difference first.

    `good` is null when there is none. `line` tells it in one line.
    """

    run: str
    good: ComparedRunModel | None
    line: str
    differences: list[DifferenceModel]

    @classmethod
    def from_domain(cls, comparison: Comparison) -> ComparisonModel:
        good = comparison.good
        return cls(
            run=comparison.run.id,
            good=ComparedRunModel(id=good.id, created_at=good.created_at, finished_at=good.finished_at)
            if good
            else None,
            line=comparison.line,
            differences=[DifferenceModel.from_domain(each) for each in comparison.differences],
        )
