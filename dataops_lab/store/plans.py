"""The plan of a step, as columns and JSON: for the steps of pipeline runs, and for those of schedules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ..domain.deserialization import from_known_fields
from ..domain.environments import Resources
from ..domain.images import RunImage
from ..domain.plans import PlannedStep
from ..domain.settings import RunSettings
from ..domain.snapshots import Finding, KernelChoice, Severity
from ..domain.versions import Origin


def plan_columns(planned: PlannedStep) -> dict[str, Any]:
    """Return the columns of a step, without the submitter's variables, which may be large."""
    kernel = asdict(planned.kernel)
    del kernel["inherited"]
    return {
        "job_id": planned.job_id,
        "version_digest": planned.version_digest,
        "inputs_digest": planned.inputs_digest,
        "plan": {
            "kernel": kernel,
            "settings": asdict(planned.settings),
            "image": asdict(planned.image) if planned.image else None,
            "resources": asdict(planned.resources),
            "origin": asdict(planned.origin),
            "findings": [asdict(finding) for finding in planned.findings],
        },
    }


def planned_step(row: Any, inherited: Mapping[str, str]) -> PlannedStep:
    """Return the step. `inherited`: the submitter's variables, which steps on this machine get."""
    plan = row.plan
    kernel = from_known_fields(KernelChoice, {**plan["kernel"], "argv": tuple(plan["kernel"]["argv"])})
    image = from_known_fields(RunImage, plan["image"]) if plan["image"] else None
    return PlannedStep(
        job_id=row.job_id,
        version_digest=row.version_digest,
        inputs_digest=row.inputs_digest,
        kernel=kernel if image else replace(kernel, inherited=dict(inherited)),
        settings=from_known_fields(RunSettings, plan["settings"]),
        image=image,
        resources=from_known_fields(Resources, plan["resources"]),
        origin=from_known_fields(Origin, plan["origin"]),
        findings=tuple(
            from_known_fields(Finding, {**f, "severity": Severity(f["severity"])}) for f in plan["findings"]
        ),
    )
