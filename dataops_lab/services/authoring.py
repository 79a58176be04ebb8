"""Writing notebooks where they will run: the kernels of catalogue images that a person may use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..domain.actors import Actor
from ..domain.environments import Environment, ExecutorKind
from ..domain.images import Image, kernelspec_name
from ..domain.snapshots import KernelChoice
from ..errors import Refused
from ..ports import Container
from .context import Services
from .placement import options


@dataclass(frozen=True)
class OfferedKernel:
    environment: Environment
    image: Image
    kernel: KernelChoice

    @property
    def name(self) -> str:
        """The name of its kernelspec; no other offered kernel has it."""
        return kernelspec_name(self.environment.name, self.image.name, self.kernel.name)

    @property
    def display_name(self) -> str:
        return f"{self.kernel.display_name} in {self.image.name}"

    @property
    def user(self) -> str:
        return self.image.user(self.environment.docker.user)

    def container(self, *, user: str) -> Container:
        return Container(
            image=self.image.pinned.id,
            user=user,
            resources=self.environment.limits.resources,
            network=self.environment.network,
            mounts=self.environment.mounts,
        )


def offered_kernels(ctx: Services, *, by: Actor) -> list[OfferedKernel]:
    """List each kernel of each image once, in the first environment that lets `by` use it."""
    found: dict[tuple[str, str], OfferedKernel] = {}
    for offer in _offered(ctx, by):
        found.setdefault((offer.image.name, offer.kernel.name), offer)
    return list(found.values())


def offered_kernel(ctx: Services, environment: str, image: str, kernel: str, *, by: Actor) -> OfferedKernel:
    """Return this kernel. Refused when it is not offered any more, or never was."""
    for offer in _offered(ctx, by):
        if (offer.environment.name, offer.image.name, offer.kernel.name) == (environment, image, kernel):
            return offer
    raise Refused(
        f"The kernel {kernel} of the image {image} is no longer offered in {environment}. Choose another kernel.",
        code="kernel_not_offered",
    )


def _offered(ctx: Services, by: Actor) -> Iterator[OfferedKernel]:
    for option in options(ctx, by=by):
        environment = option.environment
        # Production is for promoted runs, not for trying things out.
        if environment.executor is not ExecutorKind.DOCKER or environment.guarded or option.problem:
            continue
        for offer in option.images:
            if not offer.problems and offer.image.probe:
                for kernel in offer.image.probe.kernels:
                    yield OfferedKernel(environment, offer.image, kernel)
