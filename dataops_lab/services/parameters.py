"""The parameters of a run: checked against those of its version, and written into its notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..domain.jobs import JobKind
from ..domain.sweeps import Sweep
from ..domain.variables import check_value
from ..domain.versions import Manifest
from ..errors import InvalidParameters, Refused
from ..rundir.parameters import parameter_variables
from .context import Services


def check_parameters(
    ctx: Services, manifest: Manifest, parameters: Mapping[str, Any], texts: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the values as the version takes them; `texts` are read by the declared types. InvalidParameters."""
    schema = manifest.parameters
    values = schema.validate({**parameters, **schema.parse_texts(texts)}, word=manifest.kind)
    if manifest.kind is JobKind.NOTEBOOK:
        # The engine fills in the notebook only when the run starts. Try it now, so that an error shows now.
        inject_parameters(ctx, manifest, values)
    else:
        _check_variables(schema.complete(values))
    return values


def _check_variables(values: Mapping[str, Any]) -> None:
    """Raise InvalidParameters for values that no program can get as a variable."""
    problems = []
    for name, value in values.items():
        try:
            for variable, text in parameter_variables({name: value}).items():
                check_value(variable, text)
        except Refused as error:
            problems.append({"name": name, "message": error.message})
    if problems:
        message = " ".join(problem["message"] for problem in problems)
        raise InvalidParameters(message, problems=problems, parameters=list(values))


def inject_parameters(ctx: Services, manifest: Manifest, values: dict[str, Any]) -> bytes:
    """Return the notebook as the runner gets it, with `values` in a cell of its own."""
    assert manifest.source_digest is not None
    types = {p.name: p.type_spelling for p in manifest.parameters.parameters}
    return ctx.notebooks.inject_parameters(ctx.blobs.read(manifest.source_digest), manifest.language, values, types)


def check_points(ctx: Services, manifest: Manifest, shared: Mapping[str, Any], sweep: Sweep) -> dict[str, Any]:
    """Return the parameters that all points of the sweep share, as the version takes them.

    Refused when a point could not run. InvalidParameters then names each value that is wrong, once.
    """
    sweep.check(shared)
    problems: dict[tuple[str, str], dict[str, Any]] = {}
    values: dict[str, Any] = {}
    for place, point in enumerate(sweep.samples(), 1):
        try:
            values = check_parameters(ctx, manifest, {**shared, **point})
        except InvalidParameters as error:
            for problem in error.detail["problems"]:
                located = problem | ({"value": place} if problem["name"] in point else {})
                problems.setdefault((problem["name"], problem["message"]), located)
    if problems:
        said = "; ".join(f"{name!r} {message}" for name, message in problems)
        names = [parameter.name for parameter in manifest.parameters.parameters]
        raise InvalidParameters(
            f"{said}. Parameters of this {manifest.kind}: {', '.join(names) or 'none'}.",
            problems=list(problems.values()),
            parameters=names,
        )
    return {name: value for name, value in values.items() if name not in sweep.values}
