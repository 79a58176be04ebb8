"""The difference between two versions of a job, in a few words."""

from __future__ import annotations

from collections.abc import Iterator

from .versions import Manifest

MAX_NAMED = 5


def describe_changes(old: Manifest, new: Manifest) -> list[str]:
    """Return a sentence for each part that differs; [] for the same version."""
    return list(_changes(old, new)) if old.digest != new.digest else []


def _changes(old: Manifest, new: Manifest) -> Iterator[str]:
    if old.path != new.path:
        yield f"It lies at {new.path} instead of {old.path}."
    if old.source_digest != new.source_digest:
        yield f"The {new.kind} itself has changed."
    if old.command != new.command:
        yield "The command has changed."
    before = {file.path: (file.digest, file.executable) for file in old.files}
    after = {file.path: (file.digest, file.executable) for file in new.files}
    yield from _named("Changed", [path for path in before if path in after and before[path] != after[path]])
    yield from _named("New", [path for path in after if path not in before])
    yield from _named("Gone", [path for path in before if path not in after])
    own, others = dict(old.steps), dict(new.steps)
    yield from _named("Changed steps", [step for step in own if step in others and own[step] != others[step]])
    yield from _named("New steps", [step for step in others if step not in own])
    yield from _named("Removed steps", [step for step in own if step not in others])
    parameters = {p.name: p for p in old.parameters.parameters}, {p.name: p for p in new.parameters.parameters}
    yield from _named("New parameters", [name for name in parameters[1] if name not in parameters[0]])
    yield from _named("Removed parameters", [name for name in parameters[0] if name not in parameters[1]])
    changed = [name for name, each in parameters[0].items() if name in parameters[1] and parameters[1][name] != each]
    yield from _named("Changed parameters", changed)
    if (old.kernel_name, old.language) != (new.kernel_name, new.language):
        yield f"It runs with {new.kernel_name or new.language} instead of {old.kernel_name or old.language}."


def _named(what: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        yield f"{what}: {', '.join(sorted(names)[:MAX_NAMED])}{more}."
