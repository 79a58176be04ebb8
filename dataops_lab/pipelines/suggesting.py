"""The text of a new pipeline: a step for each file, with the edges that their reads and writes suggest."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from .. import yaml12
from ..domain.step_files import SAME_PATH, is_literal
from ..ports.pipelines import Guess, StepFile, Suggestion
from .step_ids import ids_of

_GUESSED = "  # guessed"

_EXAMPLE = """\
version: 1
parameters:
  name: {type: string, default: world}
steps:
  greet:
    command: [echo, Hello]
"""


def suggest(files: Sequence[StepFile]) -> Suggestion:
    """Write a pipeline with a step for each of the files, in an order in which readers come after writers.

    Else they are in the order of their names: people number them. Without files it is a small example.
    """
    if not files:
        return Suggestion(_EXAMPLE)
    files = sorted(files, key=lambda file: file.path)
    names = [posixpath.splitext(posixpath.basename(file.path))[0] for file in files]
    steps = dict(zip(ids_of(names), files, strict=True))
    guesses = _guesses(steps)
    lines = ["version: 1", "steps:"]
    for step_id in _in_order(list(steps), guesses):
        lines += _step_lines(step_id, steps[step_id], [guess for guess in guesses if guess.taker == step_id])
    return Suggestion("\n".join(lines) + "\n", tuple(guesses))


def _step_lines(step_id: str, file: StepFile, taken: list[Guess]) -> Iterator[str]:
    yield f"  {step_id}:"
    yield f"    {file.kind}: {yaml12.inline(file.path)}"
    givers = list(dict.fromkeys(guess.giver for guess in taken))
    if givers:
        yield f"    needs: {yaml12.inline(givers)}{_GUESSED}"
    carried = [guess for guess in taken if can_be_carried(guess.path)]
    paths = {giver: [guess.path for guess in carried if guess.giver == giver] for giver in givers}
    if any(paths.values()):
        yield "    files:"
    for giver, left in paths.items():
        if left:
            yield f"      - {yaml12.inline({'from': giver, 'paths': left, 'into': SAME_PATH})}{_GUESSED}"


# --- edges ----------------------------------------------------------------------------------------


def _guesses(steps: Mapping[str, StepFile]) -> list[Guess]:
    """Guess an edge wherever a step reads a path that another one writes, and leave out those that close a circle."""
    writes = {step_id: _from_pipeline(file, file.writes) for step_id, file in steps.items()}
    guesses: list[Guess] = []
    for taker, file in steps.items():
        for read in _from_pipeline(file, file.reads):
            found = {written for paths in writes.values() for written in paths if is_same(read, written)}
            for written in sorted(found):
                giver = _giver(written, taker, writes)
                if giver and not _comes_before(taker, giver, guesses):
                    guesses.append(Guess(giver, taker, written if is_literal(written) else read))
    return list(dict.fromkeys(guesses))


def _giver(path: str, taker: str, writes: Mapping[str, list[str]]) -> str | None:
    """Return the last step before the taker that writes the path, else the first one after it.

    A step that writes the path itself needs none after it.
    """
    order = list(writes)
    place = order.index(taker)
    before = [step_id for step_id in order[:place] if path in writes[step_id]]
    after = [step_id for step_id in order[place + 1 :] if path in writes[step_id]]
    if before:
        return before[-1]
    return after[0] if after and path not in writes[taker] else None


def is_same(read: str, written: str) -> bool:
    """Tell whether a path that is read may be one that is written. Both may be patterns; folders are read whole."""
    if fnmatchcase(written, read) or fnmatchcase(read, written):
        return True
    return is_literal(read) and not posixpath.splitext(read)[1] and written.startswith(f"{read}/")


def _comes_before(step_id: str, other: str, guesses: Sequence[Guess]) -> bool:
    """Tell whether `other` waits for `step_id`, by way of other steps too."""
    return step_id == other or any(
        _comes_before(step_id, guess.giver, guesses) for guess in guesses if guess.taker == other
    )


def _in_order(step_ids: list[str], guesses: Sequence[Guess]) -> list[str]:
    """Return the steps in their own order, only that each comes after those that it needs."""
    ordered: list[str] = []
    while len(ordered) < len(step_ids):
        ready = (
            step_id
            for step_id in step_ids
            if step_id not in ordered and all(guess.giver in ordered for guess in guesses if guess.taker == step_id)
        )
        ordered.append(next(ready))
    return ordered


def _from_pipeline(file: StepFile, paths: frozenset[str]) -> list[str]:
    """Return the paths from the folder of the pipeline's file, sorted. Those from the home folder stay as they are."""
    folder = posixpath.dirname(file.path)
    return sorted(
        {path if path.startswith("~") else posixpath.normpath(posixpath.join(folder, path)) for path in paths}
    )


def can_be_carried(path: str) -> bool:
    """Tell whether the path lies below the folder of the pipeline's file: others are shared, or out of reach."""
    return not path.startswith(("/", "~", "..")) and path != "." and path.isprintable()
