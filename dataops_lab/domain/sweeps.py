"""A sweep: one job that runs once for each combination of values of its parameters.

It is a fan-out of one step. Its points are the items, and the values of a point are parameters of its run.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod

from ..errors import InvalidRequest, Refused
from .fan_outs import MAX_KEY_LENGTH, check_size, keyed
from .parameters import Json, ParameterSchema
from .pipelines import MAX_ITEMS, ForEach, Item, Pipeline, Step, StepKind, Tolerance
from .settings import MAX_CONCURRENCY
from .versions import Manifest

SWEEP_STEP = "sweep-point"
"""The id of the only step of a sweep. No step of a file can have it."""


@dataclass(frozen=True)
class Sweep:
    """Several values for each of some parameters. `concurrency` and `max_failures` are as in ForEach.

    `texts` are values as typed on a command line, which `read` turns into `values` by the declared types.
    """

    values: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    texts: tuple[tuple[str, str], ...] = ()
    concurrency: int | None = None
    max_failures: Tolerance = Tolerance()

    @property
    def size(self) -> int:
        """The number of points."""
        return prod(map(len, self.values.values()))

    def read(self, schema: ParameterSchema) -> Sweep:
        """Return the sweep with its texts among the values."""
        values = {name: list(of_name) for name, of_name in self.values.items()}
        for name, text in self.texts:
            values.setdefault(name, []).extend(schema.parse_texts([(name, text)]).values())
        return replace(self, values={name: tuple(of_name) for name, of_name in values.items()}, texts=())

    def check(self, shared: Mapping[str, Json]) -> None:
        """Refuse a sweep that makes no sense. `shared` are the parameters that all points have in common."""
        if not self.values:
            raise InvalidRequest(
                "A sweep needs several values of a parameter: give one more than once.", code="invalid_sweep"
            )
        if self.size > MAX_ITEMS:
            sizes = " × ".join(str(len(values)) for values in self.values.values())
            raise Refused(
                f"A sweep has at most {MAX_ITEMS:,} points, and this one has {sizes} = {self.size:,}. Give fewer "
                "values, or make several sweeps.",
                code="sweep_too_large",
            )
        for name, values in self.values.items():
            if not values:
                raise InvalidRequest(
                    f"`{name}` has no value. Give at least one, or leave it out.", code="invalid_sweep"
                )
            if name in shared:
                raise InvalidRequest(
                    f"`{name}` has a value for all runs, and values for the sweep. Give it once.", code="invalid_sweep"
                )
            double, count = Counter(map(_canonical, values)).most_common(1)[0]
            if count > 1:
                raise InvalidRequest(f"`{name}` has the value {double} twice. Give it once.", code="invalid_sweep")
        if self.concurrency is not None and not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise InvalidRequest(f"`concurrency` is a number from 1 to {MAX_CONCURRENCY}.", code="invalid_sweep")
        if not self.max_failures.is_possible:
            raise InvalidRequest(
                "`max_failures` is a number of points, such as 3, or a share of them, such as 5%.", code="invalid_sweep"
            )
        check_size({name: list(values) for name, values in self.values.items()}, "The list of values of a sweep")

    def samples(self) -> Iterator[dict[str, Json]]:
        """Yield points that together have every value, as few as there can be."""
        for place in range(max(map(len, self.values.values()), default=0)):
            yield {name: values[min(place, len(values) - 1)] for name, values in self.values.items()}

    def pipeline(self, manifest: Manifest) -> Pipeline:
        """Return the pipeline that a sweep of this version is: a fan-out over its points."""
        for_each = ForEach(
            {name: list(values) for name, values in self.values.items()},
            is_grid=True,
            concurrency=self.concurrency,
            max_failures=self.max_failures,
        )
        path = posixpath.basename(manifest.path)
        step = Step(SWEEP_STEP, StepKind(manifest.kind), path=path, for_each=for_each)
        return Pipeline((step,), parameters=manifest.parameters)


def points(grid: Mapping[str, Sequence[Json]]) -> tuple[Item, ...]:
    """Return the points of a grid with their keys, such as `region=North, seed=3`. The last parameter changes first."""
    values = [dict(zip(grid, combination, strict=True)) for combination in product(*grid.values())]
    return keyed(values, [_key(point) for point in values])


def _key(point: Mapping[str, Json]) -> str:
    key = ", ".join(f"{name}={_text(value)}" for name, value in point.items())
    if len(key) <= MAX_KEY_LENGTH:
        return key
    # It must stay the same in all repairs, and differ from that of every other point.
    digest = hashlib.sha256(_canonical(point).encode()).hexdigest()[:12]
    return f"{key[: MAX_KEY_LENGTH - len(digest) - 2]}… {digest}"


def _text(value: Json) -> str:
    """Return a text as it is where nobody can take it for something else, and JSON otherwise."""
    if isinstance(value, str) and value.strip() and value.isprintable() and not set(value) & set(',="'):
        try:
            json.loads(value)
        except ValueError:
            return value
    return _canonical(value)


def _canonical(value: Json) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value, sort_keys=True)
