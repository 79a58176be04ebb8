"""The files that go from node to node: Elyra gives each node the outputs of all nodes before it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ...domain.used_paths import UsedPaths
from ..suggesting import can_be_carried, is_same
from .flow import ElyraPipeline, Node, has_wildcard


@dataclass(frozen=True)
class Taken:
    """Files that the node `taker` gets from the node `giver`; both are ids.

    `is_guess`: nothing declares them, but the code of one writes a path that the other one reads.
    """

    giver: str
    taker: str
    path: str
    is_guess: bool = False


@dataclass(frozen=True)
class Clash:
    """A path that two nodes leave for a third, of which neither comes before the other. The last one counts."""

    path: str
    givers: tuple[str, str]
    taker: str


def outputs_of(node: Node, folder: str) -> tuple[list[str], list[str]]:
    """Return the outputs as patterns from the folder of the new file, and those that lie outside of it, as given."""
    inside, outside = [], []
    for output in node.properties.outputs:
        path = posixpath.normpath(posixpath.join(folder, posixpath.dirname(node.path), output))
        if can_be_carried(path):
            inside.append(path if has_wildcard(output) else path.replace("[", "[[]"))
        else:
            outside.append(output)
    return list(dict.fromkeys(inside)), outside


def taken_files(pipeline: ElyraPipeline, folder: str, used: Mapping[str, UsedPaths]) -> tuple[list[Taken], list[Clash]]:
    """Return the files that each node takes, and the paths that two nodes leave for it."""
    before = _before(pipeline.nodes)
    outputs = {node.id: outputs_of(node, folder)[0] for node in pipeline.nodes}
    taken: list[Taken] = []
    clashes: list[Clash] = []
    for node in pipeline.nodes:
        givers = [each.id for each in pipeline.nodes if each.id in before[node.id]]
        last: dict[str, str] = {}
        for giver in givers:
            for path in outputs[giver]:
                earlier = last.pop(path, None)
                if earlier is not None and earlier not in before[giver]:
                    clashes.append(Clash(path, (earlier, giver), node.id))
                last[path] = giver
        taken += [Taken(giver, node.id, path) for path, giver in last.items()]
        for path, giver in _guesses(node, [each for each in pipeline.nodes if each.id in givers], folder, used).items():
            if not any(fnmatchcase(path, pattern) or path.startswith(f"{pattern}/") for pattern in last):
                taken.append(Taken(giver, node.id, path, is_guess=True))
    return taken, clashes


def _guesses(node: Node, givers: Sequence[Node], folder: str, used: Mapping[str, UsedPaths]) -> dict[str, str]:
    """Return the paths that the node reads, each with the last node before it that writes it."""
    reads = _paths(node, folder, used.get(node.path, UsedPaths()).reads)
    found: dict[str, str] = {}
    for giver in givers:
        for written in _paths(giver, folder, used.get(giver.path, UsedPaths()).writes):
            for read in reads:
                if is_same(read, written):
                    found[read if has_wildcard(written) else written] = giver.id
    return {path: giver for path, giver in sorted(found.items()) if can_be_carried(path)}


def _paths(node: Node, folder: str, paths: frozenset[str]) -> list[str]:
    return sorted(
        posixpath.normpath(posixpath.join(folder, posixpath.dirname(node.path), path))
        for path in paths
        if not path.startswith("~")
    )


def _before(nodes: Sequence[Node]) -> dict[str, frozenset[str]]:
    """Return for each node those that come before it, on whatever way."""
    before: dict[str, frozenset[str]] = {}
    for node in nodes:
        before[node.id] = frozenset(node.needs).union(*(before[need] for need in node.needs))
    return before
