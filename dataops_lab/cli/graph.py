"""The graph of a pipeline as text: a table for people, and Mermaid, which many pages draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .text import one_line

if TYPE_CHECKING:
    from ..api_models import StepModel

HEADINGS = ("step", "runs", "after", "when")

# Mermaid reads these words as its own wherever an id may stand.
_RESERVED = frozenset(
    {"call", "class", "classdef", "click", "default", "end", "flowchart", "graph", "href", "linkstyle", "style"}
    | {"subgraph", "direction"}
)
_SHAPES = {"notebook": '["{}"]', "script": '[/"{}"/]', "command": '[["{}"]]', "approval": '{{{{"{}"}}}}'}


def rows(steps: Sequence[StepModel]) -> list[tuple[str, str, str, str]]:
    """Return the rows of a table with HEADINGS, in the order of the file."""
    return [(step.id, what_runs(step), ", ".join(step.needs), ", ".join(_when(step))) for step in steps]


def mermaid(steps: Sequence[StepModel]) -> str:
    """Return the graph as a flowchart of Mermaid, with quotes around every text of the file."""
    ids = _ids(steps)
    lines = ["flowchart LR"]
    for step in steps:
        label = step.title or step.id
        if step.for_each:
            label += " (for each item)"
        shape = _SHAPES[step.kind].format(_escaped(label))
        disabled = ":::disabled" if step.state == "disabled" else ""
        lines.append(f"  {ids[step.id]}{shape}{disabled}")
    for step in steps:
        rule = ", ".join(_rules(step))
        arrow = f'-->|"{_escaped(rule)}"|' if rule else "-->"
        lines.extend(f"  {ids[need]} {arrow} {ids[step.id]}" for need in step.needs if need in ids)
    if any(step.state == "disabled" for step in steps):
        lines.append("  classDef disabled stroke-dasharray: 4")
    return "\n".join(lines)


def what_runs(step: StepModel) -> str:
    """Return what a step runs, in the words of the file."""
    if step.kind == "approval":
        return f"approval: {step.approval.ask}" if step.approval else "approval"
    return step.path or " ".join(step.command)


def _when(step: StepModel) -> Iterator[str]:
    if step.state == "disabled":
        yield "disabled"
    if step.for_each:
        yield "for each item"
    yield from _rules(step)


def _rules(step: StepModel) -> Iterator[str]:
    if step.run_if != "all_success":
        yield str(step.run_if)
    if step.condition is not None:
        yield f"if {one_line(step.condition)}"


def _ids(steps: Sequence[StepModel]) -> dict[str, str]:
    names = {step.id for step in steps}
    ids: dict[str, str] = {}
    for step in steps:
        name = step.id
        while name.lower() in _RESERVED or (name != step.id and name in names):
            name += "_"
        ids[step.id] = name
    return ids


def _escaped(text: str) -> str:
    """Return the text for a place between quotes: Mermaid has codes for characters, and would read HTML."""
    plain = one_line(text)
    return "".join(each if each.isalnum() or each in _SAFE else f"#{ord(each)};" for each in plain)


_SAFE = " .,:!?_-+*/='()[]{}"
