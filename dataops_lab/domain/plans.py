"""The plan of a pipeline run: for each of its steps, all that was decided when the pipeline was submitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from .environments import Resources
from .images import RunImage
from .settings import RunSettings
from .snapshots import Finding, KernelChoice
from .versions import Origin


@dataclass(frozen=True)
class PlannedStep:
    """The version that a step runs, and where. The members are those that its child runs get, see Run."""

    job_id: str
    version_digest: str
    kernel: KernelChoice
    settings: RunSettings = RunSettings()
    image: RunImage | None = None
    resources: Resources = Resources()
    inputs_digest: str | None = None
    """The digest of the data that the submission took. Files of other steps are added when the step starts."""
    origin: Origin = Origin()
    findings: tuple[Finding, ...] = ()


Plan: TypeAlias = Mapping[str, PlannedStep]
"""The planned steps by id. An approval runs nothing and has no entry."""
