"""Reuse: a step that has not changed takes over the result of an earlier run of it, when a person asks for that.

The fingerprint names all that decides a result, as far as it is known. Two runs with one fingerprint would have done
the same. The time, other machines, and packages that somebody installed meanwhile are not known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .inputs import Inputs
from .pipelines import RunIf, Step, StepKind
from .runs import Run
from .secrets import Secret
from .variables import Variable
from .versions import canonical_json, digest_of


class ReuseFate(StrEnum):
    """The fate of a step in a run with reuse."""

    REUSED = "reused"
    RUNS = "runs"
    LATER = "later"
    """It is decided when the steps before it have ended: their files and values decide too."""
    NOT_RUN = "not_run"


@dataclass(frozen=True)
class EnvironmentState:
    """The variables and secrets of an environment at one moment: values of variables, and which values of secrets."""

    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, variables: Collection[Variable], secrets: Collection[Secret]) -> EnvironmentState:
        return cls(
            {variable.name: variable.value for variable in variables},
            # A secret that was removed and set again begins at version 1 again.
            {secret.name: f"{secret.version} {secret.changed_at.isoformat()}" for secret in secrets},
        )


def fingerprint(run: Run, state: EnvironmentState) -> str | None:
    """Return the digest of all that decides the result of a step's run. None for values that no digest can name."""
    kernel = run.kernel
    decides = {
        "format": 1,
        "version": run.version_digest,
        "environment": run.environment,
        "image": run.image.digest if run.image else None,
        "program": [kernel.name, kernel.language, list(kernel.argv), kernel.env] if kernel else None,
        "parameters": run.parameters,
        "inputs": run.inputs_digest,
        "variables": dict(run.variables),
        "state": {"variables": dict(state.variables), "secrets": dict(state.secrets)},
    }
    try:
        return digest_of(canonical_json(decides))
    except ValueError:
        return None


def why_never(step: Step) -> str:
    """Return why the step takes over no result, whatever has changed; empty when it may."""
    if not step.reuse:
        return "The pipeline's file says that it always runs."
    if step.run_if is RunIf.ALWAYS:
        return "It cleans up, and so runs always."
    return "People decide anew in each run." if step.kind is StepKind.APPROVAL else ""


def why_changed(run: Run, earlier: Run | None, inputs: Inputs, earlier_inputs: Inputs) -> str:
    """Say what differs between a run and the newest one of the same step that succeeded, in one sentence."""
    if earlier is None:
        return "No earlier run of it succeeded."
    if run.version_digest != earlier.version_digest:
        return "Its code changed."
    if run.environment != earlier.environment:
        return "It ran in another environment."
    if (run.image.digest if run.image else None) != (earlier.image.digest if earlier.image else None):
        return "Its image changed."
    if name := _first_difference(run.parameters, earlier.parameters):
        return f"The parameter `{name}` changed."
    files = ({file.path: file.digest for file in each.files} for each in (inputs, earlier_inputs))
    if path := _first_difference(*files):
        return f"The file {path} changed."
    if name := _first_difference(run.variables, earlier.variables):
        return f"Its variable {name} changed."
    if run.kernel != earlier.kernel and _program(run) != _program(earlier):
        return "Its kernel or interpreter changed."
    return "A variable or a secret of the environment changed."


def _program(run: Run) -> tuple[object, ...]:
    kernel = run.kernel
    return (kernel.name, kernel.language, kernel.argv, kernel.env) if kernel else ()


def _first_difference(first: Mapping[str, object], second: Mapping[str, object]) -> str | None:
    # Compared as text: 1, 1.0 and true are equal for Python.
    return next(
        (
            name
            for name in sorted({*first, *second})
            if (name in first) != (name in second) or repr(first[name]) != repr(second[name])
        ),
        None,
    )
