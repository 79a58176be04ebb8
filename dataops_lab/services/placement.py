"""The place of a run: environment, image, resources. It is decided at submission, and never again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..domain.actors import Actor
from ..domain.environments import Environment, ExecutorKind, Resources
from ..domain.images import Image, RunImage, authored_in
from ..domain.policy import Object, Verb
from ..domain.runs import Run, Submission
from ..domain.secrets import Secret, of_environment
from ..domain.snapshots import Finding, KernelChoice, Severity, Surroundings, kernel_for
from ..errors import Forbidden, KernelUnavailable, Refused
from ..ports import Transaction
from .context import Services
from .permissions import allows

_WORDS = {"cpus": "CPUs", "memory_bytes": "bytes of memory", "pids": "processes", "gpus": "GPUs"}


@dataclass(frozen=True)
class Placement:
    environment: Environment
    image: RunImage | None
    where: Surroundings
    resources: Resources
    unpromoted: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Elsewhere:
    """The place for a run that repeats another one.

    Members that are None stay, or get the value of the new environment.
    """

    environment: str | None = None
    image: str | None = None
    resources: Resources = Resources()

    def moves(self, old: Run) -> bool:
        return self.image is not None or self.environment not in (None, old.environment)

    def submission(self, old: Run) -> Submission:
        """Return the submission that would be a first run there."""
        environment = self.environment or old.environment
        return Submission(path="", environment=environment, image=self.image, resources=self.resources)


THERE = Elsewhere()


@dataclass(frozen=True)
class ImageOption:
    """`problems` are the reasons why it cannot be chosen; empty when it can."""

    image: Image
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Options:
    """The choices of a person in an environment. `problem` says why they cannot run there at all."""

    environment: Environment
    problem: str | None
    images: tuple[ImageOption, ...] = ()
    default_image: str | None = None
    """The image that runs when none is chosen."""


def options(ctx: Services, *, by: Actor, kernel: str | None = None, language: str | None = None) -> list[Options]:
    """Return every environment, in promotion order, with the choices for a notebook of this kernel and language."""
    with ctx.store.read() as tx:
        return [_options(ctx, tx, it, by, kernel, language) for it in tx.environments.all()]


def place(ctx: Services, tx: Transaction, wanted: Submission, *, by: Actor) -> Placement:
    """Choose the place of a run. Refused, Forbidden or UnknownEnvironment when it may not run there as wanted."""
    environment = tx.environments.get(wanted.environment)
    secrets = tx.secrets.of(of_environment(environment.name))
    if error := _closed(ctx, environment, secrets, by):
        raise error
    _check_locked(environment, wanted)
    for secret in secrets:
        if secret.sealed:
            # Open it to check its key now, and not only at the start of the run.
            ctx.vault.open(secret.sealed, bound_to=secret.bound_to)
    image = _image(ctx, tx, environment, wanted.image)
    resources = _resources(environment, wanted.resources)
    return Placement(
        environment=environment,
        image=image.for_run if image else None,
        where=_surroundings(ctx, tx, environment, secrets, image),
        resources=resources,
        unpromoted=environment.guarded,
        findings=tuple(_findings(ctx, environment, resources, image)),
    )


def image_of(ctx: Services, path: str, environment: str, *, root: str | None) -> str | None:
    """Return the image on whose kernel the notebook was written.

    None where the environment does not let people choose it.
    """
    with ctx.store.read() as tx:
        it = tx.environments.get(environment)
        images = tx.images.all() if it.executor is ExecutorKind.DOCKER and "image" not in it.locked else []
    if not images:
        return None
    name = authored_in(images, ctx.notebooks.kernel_name(path, root=root, limits=ctx.limits))
    return name if name in it.images else None


def surroundings(ctx: Services, environment: str, image: str | None) -> Surroundings:
    """Return the surroundings in this image; without one in the default image.

    When there is no image either, or no probe of it, the kernels are those of this machine.
    """
    with ctx.store.read() as tx:
        it = tx.environments.get(environment)
        name = image or _default(tx, it) if it.executor is ExecutorKind.DOCKER else None
        secrets = tx.secrets.of(of_environment(environment))
        return _surroundings(ctx, tx, it, secrets, tx.images.get(name) if name else None)


def _surroundings(
    ctx: Services, tx: Transaction, environment: Environment, secrets: Sequence[Secret], image: Image | None
) -> Surroundings:
    variables = {it.name for it in tx.variables.of(environment.name)}
    if environment.executor is ExecutorKind.PROCESS:
        variables |= ctx.inherited.keys()
    known = Surroundings(variables=frozenset(variables | {it.name for it in secrets}))
    if image is None or image.probe is None:
        return known
    probe = image.probe
    return replace(known, kernels=probe.kernels, image=image.name, python=probe.python, packages=probe.packages)


def check_there(ctx: Services, placed: Placement) -> None:
    """Raise Unavailable when the daemon cannot be asked, Refused when it has lost the image.

    So a person learns it now, and not only at the start.
    """
    if placed.image is None or ctx.images is None:
        return
    if ctx.image_backend(placed.environment.docker.host).find(placed.image.id or placed.image.digest) is None:
        raise Refused(
            f"The image {placed.image.name} is not there any more. `jupyter dataops image add {placed.image.name} "
            f"{placed.image.reference}` fetches it again.",
            code="image_gone",
            image=placed.image.name,
        )


def place_again(ctx: Services, tx: Transaction, old: Run, wanted: Elsewhere, *, by: Actor) -> Placement:
    """Place a run that repeats another one: in the same image, by digest, as long as it may still be used.

    In another environment or image it is placed like a first run there.
    """
    if wanted.moves(old):
        placed = place(ctx, tx, wanted.submission(old), by=by)
        kept = (finding for finding in old.findings if finding.code not in _OF_PLACE)
        return replace(placed, findings=(*kept, *placed.findings))
    environment = tx.environments.get(old.environment)
    secrets = tx.secrets.of(of_environment(environment.name))
    if error := _closed(ctx, environment, secrets, by):
        raise error
    image = None
    if (environment.executor is ExecutorKind.DOCKER) != (old.image is not None):
        ran = f"in the image {old.image.name}" if old.image else "without an image"
        raise Refused(
            f"{old.id} ran {ran}, and {environment.name} works otherwise now. Submit the notebook again.",
            code="placement_changed",
        )
    if old.image is not None:
        image = _allowed(ctx, environment, _named(tx, old.image.name))
    _check_locked(environment, wanted.submission(old))
    asked = wanted.resources != Resources()
    resources = _resources(environment, wanted.resources) if asked else _bounded(environment, old.resources)
    return Placement(
        environment=environment,
        image=old.image,
        where=replace(_surroundings(ctx, tx, environment, secrets, None), kernels=(old.kernel,) if image else None),
        resources=resources,
        unpromoted=environment.guarded,
        findings=(
            *(finding for finding in old.findings if finding.code not in _OF_PLACEMENT),
            *_findings(ctx, environment, resources, image),
        ),
    )


def kernel_again(ctx: Services, placed: Placement, ran: KernelChoice) -> KernelChoice:
    """Return the kernel of an earlier run, as it is in the new place. KernelUnavailable when that has none like it.

    On this machine its name may mean another kernel by now: a run starts with the one that is there at its submission.
    """
    if placed.where.kernels is None:
        return started_by(ctx, placed, ctx.notebooks.kernel(ran.name))
    if found := kernel_for(placed.where.kernels, ran.name, ran.language):
        return found
    names = [kernel.name for kernel in placed.where.kernels]
    image = placed.where.image or placed.environment.name
    raise KernelUnavailable(
        f"The image {image} has no kernel {ran.name!r}; it has {', '.join(names) or 'none'}. Choose another image.",
        code="kernel_not_in_image",
        kernel=ran.name,
        installed=names,
    )


def started_by(ctx: Services, placed: Placement, kernel: KernelChoice) -> KernelChoice:
    """Return the kernel with the variables of the person who submits now. In a container those of its image count."""
    here = placed.environment.executor is ExecutorKind.PROCESS
    return replace(kernel, inherited=dict(ctx.inherited)) if here else kernel


def _closed(
    ctx: Services, environment: Environment, secrets: Sequence[Secret], by: Actor
) -> Refused | Forbidden | None:
    if not allows(ctx, by, Verb.RUN, Object.GUARDED_ENVIRONMENT if environment.guarded else Object.ENVIRONMENT):
        return Forbidden(
            f"Only administrators run in {environment.name} before something was promoted there. Run it in another "
            "environment, or ask one of them.",
            code="environment_guarded",
        )
    if unset := [it.name for it in secrets if not it.is_set]:
        return Refused(
            f"{environment.name} expects secrets that nobody has set yet: {', '.join(unset)}. "
            f"`jupyter dataops secrets set {environment.name} {unset[0]}`.",
            code="secret_not_set",
            secrets=unset,
        )
    return None


def _options(
    ctx: Services, tx: Transaction, environment: Environment, by: Actor, kernel: str | None, language: str | None
) -> Options:
    closed = _closed(ctx, environment, tx.secrets.of(of_environment(environment.name)), by)
    problem = closed.message if closed else None
    if environment.executor is not ExecutorKind.DOCKER:
        return Options(environment, problem)
    offered = []
    authored = authored_in(tx.images.all(), kernel)
    for image in tx.images.all():
        problems = list(_problems(ctx, environment, image))
        if (kernel or language) and image.probe and not kernel_for(image.probe.kernels, kernel, language):
            problems.append(_no_kernel(image, kernel or language))
        offered.append(ImageOption(image, tuple(problems), tuple(f.message for f in _deprecated(ctx, image))))
    allowed = [option.image.name for option in offered if not option.problems]
    default = authored if authored in allowed else _default(tx, environment)
    if problem is None and not allowed:
        problem = " ".join(sum((option.problems for option in offered if option.image.name in environment.images), ()))
        problem = problem or _nothing_allowed(environment)
    return Options(environment, problem, tuple(offered), default if default in allowed else None)


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
    name = wanted or _default(tx, environment)
    if name is None:
        raise Refused(_nothing_allowed(environment), code="image_not_allowed", images=list(environment.images))
    return _allowed(ctx, environment, _named(tx, name))


def _named(tx: Transaction, name: str) -> Image:
    # `get` would lock it, and code that changes images locks them before environments.
    return next((image for image in tx.images.all() if image.name == name), None) or tx.images.get(name)


def _allowed(ctx: Services, environment: Environment, image: Image) -> Image:
    for problem in _problems(ctx, environment, image):
        raise Refused(
            f"{problem} Allowed in {environment.name}: {', '.join(environment.images) or 'none'}.",
            code="image_not_allowed",
            image=image.name,
            images=list(environment.images),
        )
    return image


def _problems(ctx: Services, environment: Environment, image: Image) -> Iterator[str]:
    if image.name not in environment.images:
        yield f"The image {image.name} is not allowed in {environment.name}."
    if image.host != environment.docker.host:
        yield f"The image {image.name} is on another Docker host than the one of {environment.name}."
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
        hint = f"Use {gone.successor}." if gone.successor else "Choose another one."
        message = f"The image {image.name} is refused from {gone.on} on. {gone.message}".strip()
        yield Finding("image_deprecated", Severity.WARNING, message, hint)


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


def _default(tx: Transaction, environment: Environment) -> str | None:
    """Return the environment's default, else its only image, else the catalogue's default if it is allowed here."""
    if environment.default_image or len(environment.images) == 1:
        return environment.default_image or environment.images[0]
    return next((it.name for it in tx.images.all() if it.is_default and it.name in environment.images), None)


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
            raise Refused(f"`{it.name}` must be greater than 0.", code="beyond_limit", limit=it.name)
        if asked is not None and allowed is not None and asked > allowed:
            raise Refused(
                f"{asked:g} {_WORDS[it.name]} are more than {environment.name} allows: {allowed:g}. Ask for less.",
                code="beyond_limit",
                limit=it.name,
                allowed=allowed,
            )
    given = {it.name: getattr(wanted, it.name) for it in fields(Resources) if getattr(wanted, it.name) is not None}
    return replace(most, **given)


def _bounded(environment: Environment, wanted: Resources) -> Resources:
    """Cut the earlier resources to the present limits."""
    most = environment.limits.resources
    pairs = {it.name: (getattr(wanted, it.name), getattr(most, it.name)) for it in fields(Resources)}
    return Resources(**{name: min((it for it in pair if it is not None), default=None) for name, pair in pairs.items()})


def _findings(ctx: Services, environment: Environment, resources: Resources, image: Image | None) -> Iterator[Finding]:
    yield from _not_enforced(environment, resources)
    yield from _deprecated(ctx, image)


_OF_PLACEMENT = ("limits_not_enforced", "image_deprecated")
# These findings hold for one place alone: they compare the needs of the notebook with that place.
_OF_PLACE = (
    *_OF_PLACEMENT,
    "missing_module",
    "editable_module",
    "missing_variable",
    "image_lacks_package",
    "image_other_version",
    "image_other_python",
    "image_lacks_start_up",
)


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
