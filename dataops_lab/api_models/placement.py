"""The choices for a run in an environment."""

from __future__ import annotations

from ..domain.environments import ExecutorKind
from ..services.placement import EnvironmentOptions
from .base import Model
from .environments import LimitsModel
from .notebooks import KernelModel


class ImageOption(Model):
    """An image to choose. `problems` say why it cannot be chosen here; they are empty when it can."""

    name: str
    description: str
    reference: str
    digest: str
    is_default: bool
    problems: list[str]
    warnings: list[str]
    python: str | None
    kernels: list[KernelModel]


class PlacementModel(Model):
    """The choices of this person in an environment, for the form. `problem` says why they cannot run there."""

    environment: str
    description: str
    executor: ExecutorKind
    guarded: bool
    problem: str | None
    bypassed_promotion: bool
    """True when a run there would be marked as not promoted."""
    images: list[ImageOption]
    default_image: str | None
    limits: LimitsModel
    locked: list[str]
    network: bool
    not_enforced: list[str]

    @classmethod
    def from_domain(cls, options: EnvironmentOptions) -> PlacementModel:
        environment = options.environment
        return cls(
            environment=environment.name,
            description=environment.description,
            executor=environment.executor,
            guarded=environment.guarded,
            problem=options.problem,
            bypassed_promotion=environment.guarded,
            images=[
                ImageOption(
                    name=option.image.name,
                    description=option.image.description,
                    reference=option.image.reference,
                    digest=option.image.digest,
                    is_default=option.image.name == options.default_image,
                    problems=list(option.problems),
                    warnings=list(option.warnings),
                    python=option.image.probe.python if option.image.probe else None,
                    kernels=[KernelModel.model_validate(k) for k in option.image.probe.kernels]
                    if option.image.probe
                    else [],
                )
                for option in options.images
            ],
            default_image=options.default_image,
            limits=LimitsModel.model_validate(environment.limits),
            locked=list(environment.locked),
            network=environment.network,
            not_enforced=list(environment.not_enforced),
        )
