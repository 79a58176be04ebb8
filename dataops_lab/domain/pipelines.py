"""A pipeline: steps that need one another, as the file `NAME.pipeline.yaml` says it.

`pipeline_checks` finds what is wrong with one, `outcomes` decides which of its steps run, `fan_outs` counts items.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from graphlib import TopologicalSorter
from typing import TypeAlias

from .actors import Actor
from .environments import Resources
from .outputs import Output
from .parameters import Json, ParameterSchema
from .runs import Reason
from .settings import GivenSettings

MAX_STEPS = 200
MAX_ITEMS = 1_000
MAX_STEP_ID = 60
MAX_VALUE_BYTES = 64 * 1024
"""The largest JSON of a value that feeds a parameter, a condition or a fan-out."""

CLEAN_UP_TIMEOUT_S = 3600.0
"""The timeout of an `always` step that has none: it is the only bound of it after a cancel of the pipeline."""

SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%", re.ASCII)
"""A share of all items."""

STEP_ID = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
"""The ids of steps. An expression can name each of them: `steps.train.values.auc`."""


@dataclass(frozen=True)
class Reference:
    """A value that an expression gives, with its type: never text inside a text."""

    cel: str


Given: TypeAlias = Json | Reference
"""A value of the file: JSON as it is, or the expression that gives it."""


class StepKind(StrEnum):
    NOTEBOOK = "notebook"
    SCRIPT = "script"
    COMMAND = "command"
    APPROVAL = "approval"


class RunIf(StrEnum):
    """The rule over the states of the needed steps; see "Which steps run" in docs/guide/pipelines.md."""

    ALL_SUCCESS = "all_success"
    AT_LEAST_ONE_SUCCESS = "at_least_one_success"
    NONE_FAILED = "none_failed"
    ALL_DONE = "all_done"
    AT_LEAST_ONE_FAILED = "at_least_one_failed"
    ALL_FAILED = "all_failed"
    ALWAYS = "always"
    """As ALL_DONE, and also after a cancel or a timeout of the pipeline: for steps that clean up."""


class StepState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    AWAITING_APPROVAL = "awaiting_approval"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DISABLED = "disabled"

    @property
    def has_ended(self) -> bool:
        return self not in (StepState.WAITING, StepState.RUNNING, StepState.AWAITING_APPROVAL)

    @property
    def is_failure(self) -> bool:
        """Tell whether the step itself went wrong. A step that was skipped because of another one did not."""
        return self in FAILURES


FAILURES = (
    StepState.CANCELLED,
    StepState.TIMED_OUT,
    StepState.LOST,
    StepState.FAILED,
    StepState.REJECTED,
    StepState.EXPIRED,
)
"""The states of steps that went wrong, the worst first."""


@dataclass(frozen=True)
class FilesFrom:
    """Files that `step` left, for the step that names them.

    `paths` are patterns: `*`, `?` and `[ab]` stand for characters of one name, `**` for any folders, and a folder for
    all that it holds. `into` is a folder; None: `inputs/<step>`, ".": the same path as there. See `step_files`.
    """

    step: str
    paths: tuple[str, ...]
    into: str | None = None


@dataclass(frozen=True)
class Tolerance:
    """How many items of a fan-out may fail. With neither number all items run, and none may fail.

    With one of them, no more items start once it is exceeded: `count=0` stops at the first failure.
    """

    count: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, value: Json) -> Tolerance:
        """Read a number or a share as people write them: `3` or `5%`. ValueError for anything else."""
        if isinstance(value, int) and not isinstance(value, bool):
            return cls(count=value)
        share = SHARE.fullmatch(value) if isinstance(value, str) else None
        if share is None:
            shown = repr(value)[:40]
            raise ValueError(f"{shown} is neither a number of items, such as 3, nor a share of them, such as 5%")
        return cls(percent=float(share[1]))

    @property
    def written(self) -> int | str | None:
        """The tolerance as `parse` reads it; None when nothing is given."""
        return f"{self.percent:g}%" if self.percent is not None else self.count

    @property
    def is_possible(self) -> bool:
        return (self.count or 0) >= 0 and 0 <= (self.percent or 0) <= 100

    @property
    def is_given(self) -> bool:
        return self.count is not None or self.percent is not None

    def tolerates(self, failed: int, total: int) -> bool:
        """Tell whether the fan-out can still succeed when so many of all its items failed."""
        if self.percent is not None:
            # A product, as 5 % of 60 must be 3 and not 2.9999.
            return failed * 100 <= self.percent * total
        return failed <= (self.count or 0)


@dataclass(frozen=True)
class ForEach:
    """A fan-out: one child run for each of `inputs`, a list or the expression that gives one.

    Expressions of the step see the item under the name `item`. `key` is an expression that gives the item's key; None:
    see `fan_outs.own_key`. `concurrency` is the number of items that may be active at once; None: all.
    """

    inputs: Given
    item: str = "item"
    key: str | None = None
    concurrency: int | None = None
    max_failures: Tolerance = Tolerance()
    is_grid: bool = False
    """True for a sweep: `inputs` maps parameters to lists of their values, and the items are all combinations.

    Each run then has the parameters of the pipeline, and the values of its item.
    """


@dataclass(frozen=True)
class Approval:
    """A question to people. `who` are ids of actors; (): anybody who may run there."""

    ask: str
    who: tuple[str, ...] = ()
    within_s: float | None = None
    """The seconds after which the step expires; None: it waits for as long as it takes."""


@dataclass(frozen=True)
class Step:
    """One step. Its kind says which one it has: `path`, `command` or `approval`.

    `path` is POSIX, from the folder of the pipeline's file. `outputs` are patterns as in FilesFrom: each must match a
    file that the step leaves.
    """

    id: str
    kind: StepKind
    path: str | None = None
    command: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    """Patterns of files that travel with a command though none of its words names them."""
    approval: Approval | None = None
    title: str = ""
    needs: tuple[str, ...] = ()
    condition: str | None = None
    """An expression, `if` in the file. It is evaluated when `run_if` is met."""
    run_if: RunIf = RunIf.ALL_SUCCESS
    for_each: ForEach | None = None
    parameters: Mapping[str, Given] = field(default_factory=dict)
    """`with` in the file."""
    files: tuple[FilesFrom, ...] = ()
    outputs: tuple[str, ...] = ()
    image: str | None = None
    kernel: str | None = None
    resources: Resources = Resources()
    settings: GivenSettings = GivenSettings()
    variables: Mapping[str, str | Reference] = field(default_factory=dict)
    """`env` in the file. An expression gives a text, or null for no variable."""
    disabled: bool = False
    reuse: bool = True
    """False: it always runs, also where a person asks for the reuse of results."""

    @property
    def run_settings(self) -> GivenSettings:
        """The settings of its child runs: as given, and with a timeout where the step cleans up."""
        if self.run_if is RunIf.ALWAYS and self.settings.timeout_s is None:
            return replace(self.settings, timeout_s=CLEAN_UP_TIMEOUT_S)
        return self.settings


@dataclass(frozen=True)
class Pipeline:
    """The steps are in the order of the file. `settings` has the clocks of the pipeline itself.

    `concurrency` is the number of its runs that may be active at once; None: any.
    """

    steps: tuple[Step, ...]
    parameters: ParameterSchema = ParameterSchema()
    settings: GivenSettings = GivenSettings()
    concurrency: int | None = None
    title: str = ""
    outputs: tuple[Output, ...] = ()
    """The files of steps that it publishes. Each has a `step`."""

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        return {step.id: step for step in self.steps}

    @property
    def fan_outs(self) -> frozenset[str]:
        """The ids of the steps that run once for each item of a list."""
        return frozenset(step.id for step in self.steps if step.for_each is not None)

    @cached_property
    def in_order(self) -> tuple[Step, ...]:
        """The steps so that each comes after those that it needs. The graph has no problems."""
        order = TopologicalSorter({step.id: step.needs for step in self.steps}).static_order()
        return tuple(self.by_id[step_id] for step_id in order)

    def step(self, step_id: str) -> Step | None:
        return self.by_id.get(step_id)


@dataclass(frozen=True)
class Problem:
    """Something wrong with a pipeline: in a `step`, and in a `member` of that as the file spells it."""

    message: str
    step: str | None = None
    member: str | None = None


@dataclass(frozen=True)
class Item:
    """One item of a fan-out. The key names it in all runs of the pipeline, so it does not depend on its place."""

    key: str
    value: Json


@dataclass(frozen=True)
class StepStatus:
    """How far a step of one pipeline run has come."""

    state: StepState = StepState.WAITING
    reason: Reason | None = None
    items: tuple[Item, ...] | None = None
    """The items of a fan-out that has started; None for all other steps."""
    with_failures: bool = False
    """It succeeded, and some of its items failed, but no more than it tolerates."""
    nothing_to_do: bool = False
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    due_at: dt.datetime | None = None
    """When an approval expires."""
    decided_at: dt.datetime | None = None
    decided_by: Actor | None = None
    comment: str = ""
    taken_from: str | None = None
    """The pipeline run whose result this step took over; only those of some items, when the step has started itself."""

    @property
    def is_taken_over(self) -> bool:
        """Tell whether the step did nothing itself: all of its result was made in another run."""
        return self.taken_from is not None and self.started_at is None


def parent_key(step_id: str, item_key: str | None = None) -> str:
    """Return the `parent_key` of the child run of a step, or of an item of its fan-out."""
    return step_id if item_key is None else f"{step_id}/{item_key}"


def split_parent_key(key: str) -> tuple[str, str | None]:
    """Return the step's id and the item's key, which may hold slashes itself."""
    step_id, slash, item_key = key.partition("/")
    return step_id, item_key if slash else None
