"""A fan-out: its items and their keys, how many more may start, and what became of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import Refused
from .parameters import Json
from .pipelines import MAX_ITEMS, MAX_VALUE_BYTES, ForEach, Item, StepState
from .runs import Reason, RunState

MAX_KEY_LENGTH = 100


@dataclass(frozen=True)
class ItemCounts:
    """The items of a fan-out, counted. `runs` are the child runs by state: those that have been made."""

    total: int
    runs: Mapping[RunState, int]
    nothing_to_do: int = 0
    """How many of those that succeeded had nothing to do."""

    @property
    def waiting(self) -> int:
        return self.total - sum(self.runs.values())

    @property
    def active(self) -> int:
        return sum(count for state, count in self.runs.items() if not state.is_terminal)

    @property
    def succeeded(self) -> int:
        return self.runs.get(RunState.SUCCEEDED, 0)

    @property
    def failed(self) -> int:
        return sum(self.runs.values()) - self.active - self.succeeded


@dataclass(frozen=True)
class FanOutEnd:
    state: StepState
    with_failures: bool = False
    nothing_to_do: bool = False
    reason: Reason | None = None


def next_items(for_each: ForEach, counts: ItemCounts, *, stopped: bool = False) -> int:
    """Return how many more items may start now. `stopped`: the pipeline has ended the step."""
    if stopped or _is_exceeded(for_each, counts):
        return 0
    room = counts.total if for_each.concurrency is None else for_each.concurrency - counts.active
    return max(0, min(room, counts.waiting))


def fan_out_end(for_each: ForEach, counts: ItemCounts, *, stopped: bool = False) -> FanOutEnd | None:
    """Return how the fan-out ended; None while items are active or may still start. `stopped` as in `next_items`."""
    if counts.active or next_items(for_each, counts, stopped=stopped):
        return None
    if stopped and (counts.waiting or counts.runs.get(RunState.CANCELLED)):
        return FanOutEnd(StepState.CANCELLED, reason=_reason(for_each, counts))
    if for_each.max_failures.tolerates(counts.failed, counts.total):
        nothing_to_do = counts.nothing_to_do == counts.total
        return FanOutEnd(StepState.SUCCEEDED, with_failures=counts.failed > 0, nothing_to_do=nothing_to_do)
    worst = next((state for state in _WORST if counts.runs.get(state)), RunState.FAILED)
    return FanOutEnd(StepState(worst), reason=_reason(for_each, counts))


def checked_items(value: Json) -> tuple[Json, ...]:
    """Return the values of the items. Refused when `value` is not a list, or too long, or too large."""
    if not isinstance(value, list):
        raise Refused(
            f"A fan-out needs a list, not {_kind(value)}. Let `inputs` give a list, such as the names of regions.",
            code="invalid_items",
        )
    if len(value) > MAX_ITEMS:
        raise Refused(
            f"A fan-out has at most {MAX_ITEMS:,} items, and this list has {len(value):,}. Let each item do more.",
            code="invalid_items",
        )
    check_size(value, "The list of a fan-out")
    return tuple(value)


def check_size(value: Json, subject: str) -> None:
    """Refuse a value that is too large to feed a parameter, a condition or a fan-out. `subject` begins the message."""
    try:
        size = len(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))
    except RecursionError:
        raise Refused(
            f"{subject} holds lists or mappings too deep inside one another. Leave a file instead.",
            code="step_value_too_large",
        ) from None
    if size > MAX_VALUE_BYTES:
        raise Refused(
            f"{subject} has {size:,} bytes as JSON; at most {MAX_VALUE_BYTES:,} are allowed. Leave a file instead, and "
            "name it in `files` of the step that reads it.",
            code="step_value_too_large",
        )


def own_key(value: Json) -> Json:
    """Return what names an item without a `key` expression: a member `key` or `name`, else the item itself."""
    if isinstance(value, dict):
        return next((value[name] for name in ("key", "name") if name in value), value)
    return value


def keyed(values: Sequence[Json], keys: Sequence[Json] | None = None) -> tuple[Item, ...]:
    """Return the items with their keys; `keys` None: see `own_key`. Refused when keys make no sense or are not unique.

    Texts, numbers and booleans are keys. Each becomes the text that JSON has for it, without quotes.
    """
    texts = [_key_text(key, place) for place, key in enumerate(map(own_key, values) if keys is None else keys, 1)]
    if double := [text for text, count in Counter(texts).items() if count > 1]:
        places = [str(place) for place, text in enumerate(texts, 1) if text == double[0]]
        raise Refused(
            f"The items {', '.join(places[:-1])} and {places[-1]} have the same key {double[0]!r}. Give `key` an "
            "expression that differs for each item.",
            code="invalid_items",
        )
    return tuple(Item(text, value) for text, value in zip(texts, values, strict=True))


_WORST = (RunState.CANCELLED, RunState.TIMED_OUT, RunState.LOST, RunState.FAILED)


def _is_exceeded(for_each: ForEach, counts: ItemCounts) -> bool:
    tolerance = for_each.max_failures
    return tolerance.is_given and not tolerance.tolerates(counts.failed, counts.total)


def _reason(for_each: ForEach, counts: ItemCounts) -> Reason:
    word = "points" if for_each.is_grid else "items"
    message = f"{counts.failed:,} of {counts.total:,} {word} did not succeed."
    if counts.waiting:
        message += f" {counts.waiting:,} more did not start."
    return Reason("items_failed", message)


def _key_text(key: Json, place: int) -> str:
    if isinstance(key, (dict, list)) or key is None:
        raise Refused(
            f"Item {place} has {_kind(key)} as its key. Give `key` an expression that is a text or a number, such as "
            "`item.name`.",
            code="invalid_items",
        )
    text = key if isinstance(key, str) else json.dumps(key)
    if not text.strip() or not text.isprintable() or len(text) > MAX_KEY_LENGTH:
        raise Refused(
            f"The key {text[:40]!r} of item {place} is not a text of 1 to {MAX_KEY_LENGTH} characters that can be "
            "printed. Give `key` a shorter expression.",
            code="invalid_items",
        )
    return text


def _kind(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return names.get(type(value), "something else")
