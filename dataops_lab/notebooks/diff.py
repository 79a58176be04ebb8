"""The difference of two notebooks: cells that are new, gone, moved or changed, and what changed in them.

Cells belong together by their ids, else by equal sources, else by similar sources in the same place. All comparing
takes from one `Budget`, so that notebooks of any size and content end. The diff tells parts beyond it as replaced.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, pairwise
from typing import Any

from .canonical import cell_metadata, notebook_metadata
from .read import PARAMETERS, source_of

MAX_COMPARISONS = 3_000_000
MAX_TABLE = 250_000
"""The largest product of two lengths for which the longest common subsequence is computed exactly."""
MAX_TEXT = 200_000
"""The most characters of a text, before or after, whose lines are compared."""
MAX_WORDS = 2_000
"""The words of a source that count for its similarity, from its beginning."""
SIMILAR = 0.5
WINDOW = 10
"""The cells to each side of the expected place in which a similar one is looked for."""

NOISE = {
    "ANSI colours": (r"\x1b\[[0-9;?]*[A-Za-z]", ""),
    "what a progress bar has overwritten": (r"(?m)^[^\n]*\r(?=[^\n])", ""),
    "progress bars": (r"(?m)^[^\n|]{0,200}?\d{1,3}%\|[^\n|]*\|[^\n]*\n?", ""),
    "addresses": (r"\b0x[0-9a-fA-F]{6,16}\b", "0x…"),
    "files of the kernel": (r"(/tmp/ipykernel_|<ipython-input-)[\w/.-]+>?", r"\1…"),
    "times of %time": (r"(?m)^(CPU times|Wall time): [^\n]*", r"\1: …"),
    "times of %timeit": (r"(?<![\d.])[\d.]{1,20} (?:[nµu]?s|ms|min) ± [^\n]{1,40} per loop[^\n]{0,80}", "… per loop"),
}
"""Parts of outputs that differ from run to run, as patterns with what takes their place. Execution counts are not read
at all."""
_NOISE = [(re.compile(pattern), by) for pattern, by in NOISE.values()]


class Change(StrEnum):
    NONE = "unchanged"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True)
class Edit:
    """The lines `start` to `end`, without the last, give way to `lines`, which end as they do in the text."""

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class TextDiff:
    """The edits of a text in their order, all in line numbers of the text before."""

    edits: tuple[Edit, ...] = ()
    is_too_large: bool = False
    """The text changed, and is too large to say where."""

    def __bool__(self) -> bool:
        return bool(self.edits) or self.is_too_large


@dataclass(frozen=True)
class OutputDiff:
    """An output by its places in the cell before and after. `text` is None for figures, tables and other data."""

    change: Change
    before: int | None
    after: int | None
    mime: str
    text: TextDiff | None = None


@dataclass(frozen=True)
class CellDiff:
    """A cell by its places before and after. A moved cell may have changed, too."""

    change: Change
    before: int | None
    after: int | None
    is_moved: bool = False
    is_parameters: bool = False
    source: TextDiff = TextDiff()
    outputs: tuple[OutputDiff, ...] = ()
    metadata: tuple[str, ...] = ()
    """The names of the members that differ; `cell_type` is one of them."""


@dataclass(frozen=True)
class NotebookDiff:
    """The cells in their order after; a removed one follows the cell that it followed before."""

    cells: tuple[CellDiff, ...]
    metadata: tuple[str, ...]
    """The names of the members of the notebook's metadata that differ."""

    def __bool__(self) -> bool:
        return bool(self.metadata) or any(cell.is_moved or cell.change is not Change.NONE for cell in self.cells)


@dataclass
class Budget:
    """The comparisons that a difference may still take."""

    left: int = MAX_COMPARISONS

    def take(self, comparisons: int) -> bool:
        """Take this many. Take nothing and return False when fewer are left."""
        if comparisons > self.left:
            return False
        self.left -= comparisons
        return True


def diff_notebooks(
    before: Mapping[str, Any], after: Mapping[str, Any], *, budget: Budget | None = None
) -> NotebookDiff:
    """Compare two valid notebooks, with their outputs; neither is changed."""
    budget = budget or Budget()
    old, new = [_Cell(raw) for raw in before["cells"]], [_Cell(raw) for raw in after["cells"]]
    pairs = _match(old, new, budget)
    unmoved = set(_increasing(sorted(pairs.items())))
    found = {
        place: _diff_cells(old, new, (own, place), is_moved=(own, place) not in unmoved, budget=budget)
        for own, place in pairs.items()
    }
    added = [_one_sided(cell, Change.ADDED, None, place) for place, cell in enumerate(new)]
    order = [found.get(place, added[place]) for place in range(len(new))]
    return NotebookDiff(
        tuple(_with_removed(order, old, pairs)),
        _differing(notebook_metadata(dict(before["metadata"])), notebook_metadata(dict(after["metadata"]))),
    )


class _Cell:
    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.type: str = raw["cell_type"]
        self.id: str | None = raw.get("id")
        self.source = source_of(dict(raw))
        self.key = f"{self.type} {self.source}"
        self.metadata = cell_metadata(dict(raw["metadata"]))
        self.outputs = list(_outputs(raw.get("outputs", ())))
        self.words = Counter(word.group() for word in islice(re.finditer(r"\w+", self.source), MAX_WORDS))

    @property
    def is_parameters(self) -> bool:
        return PARAMETERS in self.metadata.get("tags", ())

    def similarity(self, other: _Cell) -> float:
        if self.type != other.type:
            return 0.0
        shared = (self.words & other.words).total()
        return 2 * shared / ((self.words.total() + other.words.total()) or 1)


# --- which cells belong together ------------------------------------------------------------------


def _match(old: Sequence[_Cell], new: Sequence[_Cell], budget: Budget) -> dict[int, int]:
    """Return the places after of the cells before that are still there."""
    old_ids, new_ids = _places_of_ids(old), _places_of_ids(new)
    pairs = {place: new_ids[id_] for id_, place in old_ids.items() if id_ in new_ids}
    _match_equal(old, new, pairs, budget)
    _match_similar(old, new, pairs, budget)
    return pairs


def _places_of_ids(cells: Sequence[_Cell]) -> dict[str, int]:
    """Return the places of the ids that occur once: a copied cell can bring its id along."""
    counts = Counter(cell.id for cell in cells)
    return {cell.id: place for place, cell in enumerate(cells) if cell.id and counts[cell.id] == 1}


def _match_equal(old: Sequence[_Cell], new: Sequence[_Cell], pairs: dict[int, int], budget: Budget) -> None:
    """Add pairs with equal sources: first those in the same order, then those that were moved."""
    lefts, rights = _unmatched(old, new, pairs)
    same_order = align([old[left].key for left in lefts], [new[right].key for right in rights], budget)
    pairs.update((lefts[i], rights[j]) for i, j in same_order)
    lefts, rights = _unmatched(old, new, pairs)
    places: defaultdict[str, list[int]] = defaultdict(list)
    for right in reversed(rights):
        places[new[right].key].append(right)
    for left in lefts:
        # An empty cell that is elsewhere is another one.
        if old[left].words and places[old[left].key]:
            pairs[left] = places[old[left].key].pop()


def _match_similar(old: Sequence[_Cell], new: Sequence[_Cell], pairs: dict[int, int], budget: Budget) -> None:
    """Add pairs with similar sources, between neighbours that stayed in their order."""
    matched = set(pairs.values())
    edges = [(-1, -1), *_increasing(sorted(pairs.items())), (len(old), len(new))]
    for (low, first), (high, last) in pairwise(edges):
        lefts = [left for left in range(low + 1, high) if left not in pairs]
        rights = [right for right in range(first + 1, last) if right not in matched]
        least = 0
        for number, left in enumerate(lefts):
            expected = number * len(rights) // len(lefts)
            candidates = range(max(least, expected - WINDOW), min(len(rights), expected + WINDOW + 1))
            if not candidates or not budget.take(len(candidates)):
                continue
            best = max(candidates, key=lambda place: (old[left].similarity(new[rights[place]]), -place))
            if old[left].similarity(new[rights[best]]) >= SIMILAR:
                pairs[left], least = rights[best], best + 1


def _unmatched(old: Sequence[_Cell], new: Sequence[_Cell], pairs: Mapping[int, int]) -> tuple[list[int], list[int]]:
    matched = set(pairs.values())
    return [place for place in range(len(old)) if place not in pairs], [
        place for place in range(len(new)) if place not in matched
    ]


def _with_removed(order: Sequence[CellDiff], old: Sequence[_Cell], pairs: Mapping[int, int]) -> Iterator[CellDiff]:
    followers: defaultdict[int | None, list[CellDiff]] = defaultdict(list)
    last: int | None = None
    for place, cell in enumerate(old):
        if place in pairs:
            last = place
        else:
            followers[last].append(_one_sided(cell, Change.REMOVED, place, None))
    yield from followers[None]
    for cell_diff in order:
        yield cell_diff
        if cell_diff.before is not None:
            yield from followers[cell_diff.before]


# --- what changed in a cell -----------------------------------------------------------------------


def _diff_cells(
    old: Sequence[_Cell], new: Sequence[_Cell], pair: tuple[int, int], *, is_moved: bool, budget: Budget
) -> CellDiff:
    before, after = old[pair[0]], new[pair[1]]
    source = diff_texts(before.source, after.source, budget)
    outputs = tuple(_diff_outputs(before.outputs, after.outputs, budget))
    metadata = _differing({"cell_type": before.type, **before.metadata}, {"cell_type": after.type, **after.metadata})
    return CellDiff(
        Change.CHANGED if source or outputs or metadata else Change.NONE,
        *pair,
        is_moved=is_moved,
        is_parameters=before.is_parameters or after.is_parameters,
        source=source,
        outputs=outputs,
        metadata=metadata,
    )


def _one_sided(cell: _Cell, change: Change, before: int | None, after: int | None) -> CellDiff:
    lines = _lines(cell.source)
    edit = Edit(0, 0, lines) if change is Change.ADDED else Edit(0, len(lines), ())
    source = TextDiff(is_too_large=True) if len(cell.source) > MAX_TEXT else TextDiff((edit,) if lines else ())
    return CellDiff(change, before, after, is_parameters=cell.is_parameters, source=source)


def diff_texts(before: str, after: str, budget: Budget) -> TextDiff:
    """Compare two texts by lines."""
    if before == after:
        return TextDiff()
    if max(len(before), len(after)) > MAX_TEXT:
        return TextDiff(is_too_large=True)
    old, new = _lines(before), _lines(after)
    edges = [(-1, -1), *align(old, new, budget), (len(old), len(new))]
    return TextDiff(
        tuple(
            Edit(low + 1, high, new[first + 1 : last])
            for (low, first), (high, last) in pairwise(edges)
            if (low + 1, first + 1) != (high, last)
        )
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.splitlines(keepends=True))


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))


# --- outputs --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Output:
    mime: str
    text: str | None
    digest: str


def _outputs(raw: Sequence[Mapping[str, Any]]) -> Iterator[_Output]:
    """Yield outputs without noise; streams in a row that have one name are one."""
    texts: list[str] = []
    name = ""
    for output in raw:
        kind = output["output_type"]
        if texts and (kind != "stream" or output["name"] != name):
            yield _text_output(name, "".join(texts))
            texts = []
        if kind == "stream":
            name = output["name"]
            texts.append(_joined(output["text"]))
        elif kind == "error":
            lines = [f"{output['ename']}: {output['evalue']}", *output["traceback"]]
            yield _text_output("error", "\n".join(lines))
        else:
            yield _rich_output(output["data"])
    if texts:
        yield _text_output(name, "".join(texts))


def _rich_output(data: Mapping[str, Any]) -> _Output:
    cleaned = {mime: without_noise(_joined(part)) if mime.startswith("text/") else part for mime, part in data.items()}
    richest = next((mime for mime in cleaned if mime != "text/plain"), "text/plain")
    if richest == "text/plain":
        return _text_output(richest, cleaned.get(richest, ""))
    # The plain text of a figure or a table is not what people see.
    return _Output(richest, None, _digest(json.dumps(cleaned[richest], sort_keys=True)))


def _text_output(mime: str, text: str) -> _Output:
    text = without_noise(text)
    return _Output(mime, text, _digest(text))


def without_noise(text: str) -> str:
    """Return an output's text without what differs from run to run; see NOISE."""
    for pattern, by in _NOISE:
        text = pattern.sub(by, text)
    return text


def _diff_outputs(before: Sequence[_Output], after: Sequence[_Output], budget: Budget) -> Iterator[OutputDiff]:
    same = align([f"{o.mime} {o.digest}" for o in before], [f"{o.mime} {o.digest}" for o in after], budget)
    for (low, first), (high, last) in pairwise([(-1, -1), *same, (len(before), len(after))]):
        lefts, rights = list(range(low + 1, high)), list(range(first + 1, last))
        while lefts and rights:
            left, right = lefts.pop(0), rights.pop(0)
            old, new = before[left], after[right]
            text = diff_texts(old.text, new.text, budget) if old.text is not None and new.text is not None else None
            yield OutputDiff(Change.CHANGED, left, right, new.mime, text)
        for left in lefts:
            yield OutputDiff(Change.REMOVED, left, None, before[left].mime)
        for right in rights:
            yield OutputDiff(Change.ADDED, None, right, after[right].mime)


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


# --- sequences ------------------------------------------------------------------------------------


def align(before: Sequence[str], after: Sequence[str], budget: Budget) -> list[tuple[int, int]]:
    """Return places of equal members, both in increasing order; as many as the budget finds.

    First go equal ends, then members that occur once on each side, as in patience diff, and then between those the
    longest common subsequence where it is short enough.
    """
    pairs: list[tuple[int, int]] = []
    parts = [(0, len(before), 0, len(after))]
    while parts:
        low, high, first, last = parts.pop()
        while low < high and first < last and before[low] == after[first]:
            pairs.append((low, first))
            low, first = low + 1, first + 1
        while low < high and first < last and before[high - 1] == after[last - 1]:
            high, last = high - 1, last - 1
            pairs.append((high, last))
        if low == high or first == last or not budget.take(high - low + last - first):
            continue
        if anchors := _increasing(_unique_pairs(before, after, low, high, first, last)):
            for (left, right), (next_left, next_right) in pairwise([(low - 1, first - 1), *anchors, (high, last)]):
                parts.append((left + 1, next_left, right + 1, next_right))
            pairs += anchors
        elif (table := (high - low) * (last - first)) <= MAX_TABLE and budget.take(table):
            pairs += _longest_common(before, after, low, high, first, last)
    return sorted(pairs)


def _unique_pairs(
    before: Sequence[str], after: Sequence[str], low: int, high: int, first: int, last: int
) -> list[tuple[int, int]]:
    old, new = Counter(before[low:high]), Counter(after[first:last])
    places = {after[place]: place for place in range(first, last) if new[after[place]] == 1}
    return [(p, places[before[p]]) for p in range(low, high) if old[before[p]] == 1 and before[p] in places]


def _longest_common(
    before: Sequence[str], after: Sequence[str], low: int, high: int, first: int, last: int
) -> list[tuple[int, int]]:
    width = last - first
    lengths = [[0] * (width + 1)]
    for left in reversed(range(low, high)):
        below, row = lengths[-1], [0] * (width + 1)
        for column in reversed(range(width)):
            if before[left] == after[first + column]:
                row[column] = below[column + 1] + 1
            else:
                row[column] = max(below[column], row[column + 1])
        lengths.append(row)
    lengths.reverse()
    pairs, left, right = [], low, first
    while left < high and right < last:
        if before[left] == after[right]:
            pairs.append((left, right))
            left, right = left + 1, right + 1
        elif lengths[left - low + 1][right - first] >= lengths[left - low][right - first + 1]:
            left += 1
        else:
            right += 1
    return pairs


def _increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest part of `pairs`, which increase on the left, that increases on the right too."""
    ends: list[int] = []
    places: list[int] = []
    previous: list[int] = []
    for number, (_, right) in enumerate(pairs):
        length = bisect_left(ends, right)
        previous.append(places[length - 1] if length else -1)
        ends[length : length + 1], places[length : length + 1] = [right], [number]
    found = []
    place = places[-1] if places else -1
    while place >= 0:
        found.append(pairs[place])
        place = previous[place]
    return found[::-1]
