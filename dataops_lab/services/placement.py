"""Where a run may go: environment, image, resources. Decided when it is submitted, and never again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..domain.environments import Environment, ExecutorKind, Resources, RunLimits
from ..domain.images import Image
from ..domain.runs import Submission
from ..domain.secrets import of_environment
from ..domain.snapshots import Finding, KernelChoice, Severity
from ..errors import Forbidden, Refused
from ..ports import Transaction
from .context import Services
from .permissions import may_administer

DEFAULT_TIMEOUT_S = 24 * 3600.0

_WORDS = {"cpus": "CPUs", "memory_bytes": "bytes of memory", "pids": "processes", "gpus": "GPUs"}


@dataclass(frozen=True)
class Placement:
    """`kernels` are those that there are where it will run; None: those of this machine."""

    environment: Environment
    image: Image | None
    kernels: Sequence[KernelChoice] | None
    resources: Resources
    timeout_s: float
    unpromoted: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class ImageOption:
    """`problems` say why it cannot be chosen; empty when it can."""

    image: Image
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Options:
    """What a person may choose in an environment. `problem` says why they cannot run there at all."""

    environment: Environment
    problem: str | None
    images: tuple[ImageOption, ...]


def options(ctx: Services, *, by: str, kernel: str | None = None, language: str | None = None) -> list[Options]:
    """Every environment, in promotion order, for a notebook of this kernel and language."""
    with ctx.store.read() as tx:
        return [_options(ctx, tx, it, by, kernel, language) for it in tx.environments.all()]


def place(ctx: Services, tx: Transaction, wanted: Submission, *, by: str) -> Placement:
    """Refused, Forbidden or UnknownEnvironment unless this may run there as it is asked for."""
    environment = tx.environments.get(wanted.environment)
    if error := _closed(ctx, tx, environment, by):
        raise error
    _check_locked(environment, wanted)
    image = _image(ctx, tx, environment, wanted.image)
    resources = _resources(environment, wanted.resources)
    return Placement(
        environment=environment,
        image=image,
        kernels=image.probe.kernels if image and image.probe else None,
        resources=resources,
        timeout_s=_timeout(environment.limits, wanted.timeout_s),
        unpromoted=environment.guarded,
        findings=(*_not_enforced(environment, resources), *_deprecated(ctx, image)),
    )


def kernel_in(kernels: Sequence[KernelChoice], name: str | None, language: str | None) -> KernelChoice | None:
    """The one of that name, else the only one of that language: an image need not know what a kernel is called here."""
    same = [it for it in kernels if it.name == name]
    alike = [it for it in kernels if language and it.language.lower() == language.lower()]
    if same:
        return same[0]
    return alike[0] if len(alike) == 1 else None


def _closed(ctx: Services, tx: Transaction, environment: Environment, by: str) -> Refused | Forbidden | None:
    if environment.guarded and not may_administer(ctx, by):
        return Forbidden(
            f"Only administrators run in {environment.name} before something was promoted there. Run it in another "
            "environment, or ask one of them.",
            code="environment_guarded",
        )
    if unset := [it.name for it in tx.secrets.of(of_environment(environment.name)) if not it.is_set]:
        return Refused(
            f"{environment.name} expects secrets that nobody has set yet: {', '.join(unset)}. "
            f"`jupyter dataops secrets set {environment.name} {unset[0]}`.",
            code="secret_not_set",
            secrets=unset,
        )
    return None


def _options(
    ctx: Services, tx: Transaction, environment: Environment, by: str, kernel: str | None, language: str | None
) -> Options:
    closed = _closed(ctx, tx, environment, by)
    offered: list[ImageOption] = []
    if environment.executor is ExecutorKind.DOCKER:
        for image in tx.images.all():
            problems = list(_problems(ctx, environment, image))
            if (kernel or language) and image.probe and not kernel_in(image.probe.kernels, kernel, language):
                problems.append(_no_kernel(image, kernel or language))
            offered.append(ImageOption(image, tuple(problems), tuple(f.message for f in _deprecated(ctx, image))))
        if closed is None and not any(not option.problems for option in offered):
            return Options(environment, _nothing_allowed(environment), tuple(offered))
    return Options(environment, closed.message if closed else None, tuple(offered))


# --- images -------------------------------------------------------------------------------------


def _image(ctx: Services, tx: Transaction, environment: Environment, wanted: str | None) -> Image | None:
    if environment.executor is not ExecutorKind.DOCKER:
        if wanted is not None:
            raise Refused(
                f"{environment.name} runs notebooks as processes of this machine, without images. Leave the image "
                "out, or choose an environment with the executor docker.",
                code="image_not_allowed",
            )
        return None
    name = wanted or environment.default_image or _only(environment.images)
    if name is None:
        raise Refused(_nothing_allowed(environment), code="image_not_allowed", images=list(environment.images))
    image = tx.images.get(name)
    for problem in _problems(ctx, environment, image):
        raise Refused(
            f"{problem} Allowed in {environment.name}: {', '.join(environment.images) or 'none'}.",
            code="image_not_allowed",
            image=name,
            images=list(environment.images),
        )
    return image


def _problems(ctx: Services, environment: Environment, image: Image) -> Iterator[str]:
    if image.name not in environment.images:
        yield f"The image {image.name} is not allowed in {environment.name}."
    gone = image.deprecated
    if gone and gone.on <= ctx.clock.now().date():
        instead = f" Use {gone.successor}." if gone.successor else ""
        yield f"The image {image.name} is deprecated since {gone.on}.{instead} {gone.message}".strip()
    if image.probe is None:
        yield f"The image {image.name} was not probed: `jupyter dataops image probe {image.name}`."
    elif image.probe.problems:
        yield f"The image {image.name} cannot run notebooks: {' '.join(image.probe.problems)}"


def _deprecated(ctx: Services, image: Image | None) -> Iterator[Finding]:
    gone = image.deprecated if image else None
    if image and gone and gone.on > ctx.clock.now().date():
        mend = f"Use {gone.successor}." if gone.successor else "Choose another one."
        message = f"The image {image.name} is refused from {gone.on} on. {gone.message}".strip()
        yield Finding("image_deprecated", Severity.WARNING, message, mend)


def _nothing_allowed(environment: Environment) -> str:
    if environment.images:
        return f"{environment.name} has no default image. Choose one of {', '.join(environment.images)}."
    return (
        f"{environment.name} runs notebooks in containers, and allows no image yet. An administrator can: "
        f"`jupyter dataops image allow IMAGE {environment.name}`."
    )


def _no_kernel(image: Image, wanted: str | None) -> str:
    found = ", ".join(kernel.name for kernel in image.probe.kernels) if image.probe else ""
    return f"The image {image.name} has no kernel {wanted!r}; it has {found or 'none'}."


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None


# --- limits -------------------------------------------------------------------------------------


def _check_locked(environment: Environment, wanted: Submission) -> None:
    chosen: dict[str, Any] = {
        "image": wanted.image,
        "kernel": wanted.kernel,
        "resources": None if wanted.resources == Resources() else wanted.resources,
        "timeout_s": wanted.timeout_s,
    }
    for name in environment.locked:
        if chosen.get(name) is not None:
            raise Refused(
                f"`{name}` is locked in {environment.name}: its administrators chose for everybody. Leave it out.",
                code="setting_locked",
                setting=name,
            )


def _resources(environment: Environment, wanted: Resources) -> Resources:
    most = environment.limits.resources
    for it in fields(Resources):
        asked, allowed = getattr(wanted, it.name), getattr(most, it.name)
        if asked is not None and not 0 < asked < float("inf"):
            raise Refused(f"`{it.name}` must be greater than 0.", code="limit_exceeded", limit=it.name)
        if asked is not None and allowed is not None and asked > allowed:
            raise Refused(
                f"{asked:g} {_WORDS[it.name]} are more than {environment.name} allows: {allowed:g}. Ask for less.",
                code="limit_exceeded",
                limit=it.name,
                allowed=allowed,
            )
    given = {it.name: getattr(wanted, it.name) for it in fields(Resources) if getattr(wanted, it.name) is not None}
    return replace(most, **given)


def _timeout(limits: RunLimits, wanted: float | None) -> float:
    if wanted is not None and limits.timeout_s is not None and wanted > limits.timeout_s:
        raise Refused(
            f"A timeout of {wanted:g} seconds is more than the {limits.timeout_s:g} that the environment allows.",
            code="limit_exceeded",
            limit="timeout_s",
            allowed=limits.timeout_s,
        )
    return wanted or min(limits.timeout_s or DEFAULT_TIMEOUT_S, DEFAULT_TIMEOUT_S)


def _not_enforced(environment: Environment, resources: Resources) -> Iterator[Finding]:
    loose = [name for name in environment.not_enforced if getattr(resources, name, None) is not None]
    if not environment.network and "network" in environment.not_enforced:
        loose.append("network")
    if loose:
        yield Finding(
            "limits_not_enforced",
            Severity.INFO,
            f"{environment.name} runs notebooks as plain processes, which it cannot hold to: {', '.join(loose)}.",
            "An environment with the executor docker can.",
        )
