"""The place of a run: environment, image, resources. It is decided at submission, and never again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..domain.actors import Actor
from ..domain.environments import Environment, ExecutorKind, Resources
from ..domain.images import Image, RunImage, find_authoring_image
from ..domain.jobs import JobKind
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import Run, Submission
from ..domain.secrets import Secret, environment_scope
from ..domain.snapshots import Finding, KernelChoice, Severity, TargetRuntime, find_interpreter, find_kernel
from ..errors import Forbidden, KernelUnavailable, Refused
from ..ports import Container, Transaction
from .context import Services
from .permissions import allows

_UNITS = {"cpus": "CPUs", "memory_bytes": "bytes of memory", "pids": "processes", "gpus": "GPUs"}


@dataclass(frozen=True)
class Placement:
    environment: Environment
    image: RunImage | None
    runtime: TargetRuntime
    resources: Resources
    bypassed_promotion: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class PlacementOverride:
    """The place for a run that repeats another one.

    Members that are None stay, or get the value of the new environment.
    """

    environment: str | None = None
    image: str | None = None
    resources: Resources = Resources()

    def changes_place(self, old: Run) -> bool:
        return self.image is not None or self.environment not in (None, old.environment)

    def as_first_run(self, old: Run) -> Submission:
        """Return the submission that would be a first run there."""
        environment = self.environment or old.environment
        return Submission(path="", environment=environment, image=self.image, resources=self.resources)


NO_OVERRIDE = PlacementOverride()


@dataclass(frozen=True)
class ImageOption:
    """`problems` are the reasons why it cannot be chosen; empty when it can."""

    image: Image
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class EnvironmentOptions:
    """The choices of a person in an environment. `problem` says why they cannot run there at all."""

    environment: Environment
    problem: str | None
    images: tuple[ImageOption, ...] = ()
    default_image: str | None = None
    """The image that runs when none is chosen."""


def options(
    ctx: Services,
    *,
    by: Actor,
    kernel: str | None = None,
    language: str | None = None,
    kind: JobKind = JobKind.NOTEBOOK,
) -> list[EnvironmentOptions]:
    """Return every environment, in promotion order, with the choices for a source of this kernel and language."""
    with ctx.store.read() as tx:
        return [
            _environment_options(ctx, tx, environment, by, kernel, language, kind)
            for environment in tx.environments.all()
        ]


def resolve_placement(ctx: Services, tx: Transaction, wanted: Submission, *, by: Actor) -> Placement:
    """Choose the place of a run. Refused, Forbidden or UnknownEnvironment when it may not run there as wanted."""
    environment = tx.environments.get(wanted.environment)
    secrets = tx.secrets.list_in_scope(environment_scope(environment.name))
    if error := _refusal(ctx, environment, secrets, by):
        raise error
    _check_locked(environment, wanted)
    for secret in secrets:
        if secret.sealed:
            # Open it to check its key now, and not only at the start of the run.
            ctx.vault.open(secret.sealed, bound_to=secret.bound_to)
    image = _choose_image(ctx, tx, environment, wanted.image, wanted.kind)
    resources = _resolve_resources(environment, wanted.resources)
    return Placement(
        environment=environment,
        image=image.as_run_image if image else None,
        runtime=_target_runtime(ctx, tx, environment, secrets, image),
        resources=resources,
        bypassed_promotion=environment.guarded,
        findings=tuple(_findings(ctx, environment, resources, image)),
    )


def authoring_image(ctx: Services, path: str, environment: str, *, root: str | None) -> str | None:
    """Return the image on whose kernel the notebook was written.

    None where the environment does not let people choose it.
    """
    with ctx.store.read() as tx:
        target = tx.environments.get(environment)
        images = tx.images.all() if target.executor is ExecutorKind.DOCKER and "image" not in target.locked else []
    if not images:
        return None
    name = find_authoring_image(images, ctx.notebooks.read_kernel_name(path, root=root, limits=ctx.limits))
    return name if name in target.images else None


def target_runtime(ctx: Services, environment: str, image: str | None) -> TargetRuntime:
    """Return the surroundings in this image; without one in the default image.

    When there is no image either, or no probe of it, the kernels are those of this machine.
    """
    with ctx.store.read() as tx:
        target = tx.environments.get(environment)
        name = image or _default_image_name(tx, target) if target.executor is ExecutorKind.DOCKER else None
        secrets = tx.secrets.list_in_scope(environment_scope(environment))
        return _target_runtime(ctx, tx, target, secrets, tx.images.get(name) if name else None)


def _target_runtime(
    ctx: Services, tx: Transaction, environment: Environment, secrets: Sequence[Secret], image: Image | None
) -> TargetRuntime:
    variables = {variable.name for variable in tx.variables.list_for_environment(environment.name)}
    if environment.executor is ExecutorKind.PROCESS:
        variables |= ctx.inherited.keys()
    known = TargetRuntime(variables=frozenset(variables | {secret.name for secret in secrets}))
    if image is None or image.probe is None:
        return known
    probe = image.probe
    return replace(known, kernels=probe.kernels, image=image.name, python=probe.python, packages=probe.packages)


def check_image_exists(ctx: Services, placed: Placement) -> None:
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


def place_rerun(ctx: Services, tx: Transaction, old: Run, wanted: PlacementOverride, *, by: Actor) -> Placement:
    """Place a run that repeats another one: in the same image, by digest, as long as it may still be used.

    In another environment or image it is placed like a first run there.
    """
    if wanted.changes_place(old):
        placed = resolve_placement(ctx, tx, wanted.as_first_run(old), by=by)
        other_findings = (finding for finding in old.findings if finding.code not in _PLACE_FINDING_CODES)
        return replace(placed, findings=(*other_findings, *placed.findings))
    environment = tx.environments.get(old.environment)
    secrets = tx.secrets.list_in_scope(environment_scope(environment.name))
    if error := _refusal(ctx, environment, secrets, by):
        raise error
    image = None
    if (environment.executor is ExecutorKind.DOCKER) != (old.image is not None):
        old_place = f"in the image {old.image.name}" if old.image else "without an image"
        raise Refused(
            f"{old.id} ran {old_place}, and {environment.name} works otherwise now. Submit the notebook again.",
            code="placement_changed",
        )
    if old.image is not None:
        image = _require_allowed(ctx, environment, _image_by_name(tx, old.image.name), old.kind)
    _check_locked(environment, wanted.as_first_run(old))
    has_own_resources = wanted.resources != Resources()
    resources = (
        _resolve_resources(environment, wanted.resources)
        if has_own_resources
        else _clamp_resources(environment, old.resources)
    )
    return Placement(
        environment=environment,
        image=old.image,
        runtime=replace(
            _target_runtime(ctx, tx, environment, secrets, None),
            kernels=(old.kernel,) if image and old.kernel else None,
        ),
        resources=resources,
        bypassed_promotion=environment.guarded,
        findings=(
            *(finding for finding in old.findings if finding.code not in _PLACEMENT_FINDING_CODES),
            *_findings(ctx, environment, resources, image),
        ),
    )


def kernel_for_rerun(ctx: Services, placed: Placement, old: Run) -> KernelChoice | None:
    """Return kernel or interpreter of an earlier run, as it is in the new place; None for a run that has neither.

    On this machine its name may mean another one by now: a run starts with the one that is there at its submission.
    KernelUnavailable when there is none like it.
    """
    earlier, kernels = old.kernel, placed.runtime.kernels
    if earlier is None:
        return None
    if kernels is not None and (found := kernel_in_image(kernels, old)):
        return found
    if kernels is None:
        return with_submitter_variables(ctx, placed, kernel_here(ctx, old.kind, earlier))
    names = [kernel.name for kernel in kernels]
    image = placed.runtime.image or placed.environment.name
    raise KernelUnavailable(
        f"The image {image} has no kernel {earlier.name!r}; it has {', '.join(names) or 'none'}. Choose another image.",
        code="kernel_not_in_image",
        kernel=earlier.name,
        installed=names,
    )


def kernel_in_image(kernels: Sequence[KernelChoice], old: Run) -> KernelChoice | None:
    """Return kernel or interpreter of an earlier run in an image that has these kernels; None when it has none like it.

    Nobody knows which other programs are in the image: a command or script that it cannot run fails at its start.
    """
    earlier = old.kernel
    if earlier is None or old.kind is JobKind.COMMAND:
        return earlier and replace(earlier, inherited={})
    if old.kind is JobKind.SCRIPT:
        found = find_interpreter(kernels, earlier.name, earlier.language)
        return replace(found, argv=(*found.argv, *earlier.argv[1:]))
    return find_kernel(kernels, earlier.name, earlier.language)


def container_of(tx: Transaction, run: Run) -> Container | None:
    """Return the container in which the run runs; None for a run without an image."""
    if run.image is None:
        return None
    environment = tx.environments.get(run.environment)
    entry = tx.images.find(run.image.name)
    user = environment.docker.user
    if entry is not None and entry.digest == run.image.digest:
        user = entry.user(user)
    return Container(
        image=run.image.id or run.image.digest,
        user=user,
        resources=run.resources,
        network=environment.network,
        mounts=environment.mounts,
        warm=environment.docker.warm,
    )


def kernel_here(ctx: Services, kind: JobKind, earlier: KernelChoice) -> KernelChoice:
    """Return the kernel or interpreter that the name of an earlier one means on this machine now."""
    if kind is JobKind.COMMAND:
        return earlier
    if kind is JobKind.SCRIPT:
        found = ctx.notebooks.get_interpreter(earlier.name, earlier.language)
        return replace(found, argv=(*found.argv, *earlier.argv[1:]))
    return ctx.notebooks.get_kernel(earlier.name)


def with_submitter_variables(ctx: Services, placed: Placement, kernel: KernelChoice) -> KernelChoice:
    """Return the kernel with the variables of the person who submits now. In a container those of its image count."""
    is_local = placed.environment.executor is ExecutorKind.PROCESS
    return replace(kernel, inherited=dict(ctx.inherited)) if is_local else kernel


def _refusal(
    ctx: Services, environment: Environment, secrets: Sequence[Secret], by: Actor
) -> Refused | Forbidden | None:
    if not allows(ctx, by, Verb.RUN, ObjectKind.GUARDED_ENVIRONMENT if environment.guarded else ObjectKind.ENVIRONMENT):
        return Forbidden(
            f"Only administrators run in {environment.name} before something was promoted there. Run it in another "
            "environment, or ask one of them.",
            code="environment_guarded",
            verb=str(Verb.RUN),
            object=str(ObjectKind.GUARDED_ENVIRONMENT),
            environment=environment.name,
        )
    if unset := [secret.name for secret in secrets if not secret.is_set]:
        return Refused(
            f"{environment.name} expects secrets that nobody has set yet: {', '.join(unset)}. "
            f"`jupyter dataops secrets set {environment.name} {unset[0]}`.",
            code="secret_not_set",
            secrets=unset,
        )
    return None


def _environment_options(
    ctx: Services,
    tx: Transaction,
    environment: Environment,
    by: Actor,
    kernel: str | None,
    language: str | None,
    kind: JobKind,
) -> EnvironmentOptions:
    refusal = _refusal(ctx, environment, tx.secrets.list_in_scope(environment_scope(environment.name)), by)
    problem = refusal.message if refusal else None
    if environment.executor is not ExecutorKind.DOCKER:
        return EnvironmentOptions(environment, problem)
    offered = []
    authored = find_authoring_image(tx.images.all(), kernel)
    for image in tx.images.all():
        problems = list(_image_problems(ctx, environment, image, kind))
        needs_kernel = kind is JobKind.NOTEBOOK and (kernel or language)
        if needs_kernel and image.probe and not find_kernel(image.probe.kernels, kernel, language):
            problems.append(_no_kernel_message(image, kernel or language))
        offered.append(ImageOption(image, tuple(problems), tuple(f.message for f in _deprecation_warnings(ctx, image))))
    allowed = [option.image.name for option in offered if not option.problems]
    default = authored if authored in allowed else _default_image_name(tx, environment)
    if problem is None and not allowed:
        problem = " ".join(sum((option.problems for option in offered if option.image.name in environment.images), ()))
        problem = problem or _no_image_message(environment)
    return EnvironmentOptions(environment, problem, tuple(offered), default if default in allowed else None)


# --- images -------------------------------------------------------------------------------------


def _choose_image(
    ctx: Services, tx: Transaction, environment: Environment, wanted: str | None, kind: JobKind
) -> Image | None:
    if environment.executor is not ExecutorKind.DOCKER:
        if wanted is not None:
            raise Refused(
                f"{environment.name} runs notebooks as processes of this machine, without images. Leave the image "
                "out, or choose an environment with the executor docker.",
                code="image_not_allowed",
            )
        return None
    name = wanted or _default_image_name(tx, environment)
    if name is None:
        raise Refused(_no_image_message(environment), code="image_not_allowed", images=list(environment.images))
    return _require_allowed(ctx, environment, _image_by_name(tx, name), kind)


def _image_by_name(tx: Transaction, name: str) -> Image:
    # `get` would lock it, and code that changes images locks them before environments.
    return next((image for image in tx.images.all() if image.name == name), None) or tx.images.get(name)


def _require_allowed(ctx: Services, environment: Environment, image: Image, kind: JobKind) -> Image:
    for problem in _image_problems(ctx, environment, image, kind):
        raise Refused(
            f"{problem} Allowed in {environment.name}: {', '.join(environment.images) or 'none'}.",
            code="image_not_allowed",
            image=image.name,
            images=list(environment.images),
        )
    return image


def _image_problems(ctx: Services, environment: Environment, image: Image, kind: JobKind) -> Iterator[str]:
    if image.name not in environment.images:
        yield f"The image {image.name} is not allowed in {environment.name}."
    if image.host != environment.docker.host:
        yield f"The image {image.name} is on another Docker host than the one of {environment.name}."
    deprecation = image.deprecated
    if deprecation and deprecation.on <= ctx.clock.now().date():
        instead = f" Use {deprecation.successor}." if deprecation.successor else ""
        yield f"The image {image.name} is deprecated since {deprecation.on}.{instead} {deprecation.message}".strip()
    if image.probe is None:
        yield f"The image {image.name} was not probed: `jupyter dataops image probe {image.name}`."
    elif problems := image.probe.problems_for(kind):
        what = "notebooks" if image.probe.runs_programs else "anything"
        yield f"The image {image.name} cannot run {what}: {' '.join(problems)}"


def _deprecation_warnings(ctx: Services, image: Image | None) -> Iterator[Finding]:
    deprecation = image.deprecated if image else None
    if image and deprecation and deprecation.on > ctx.clock.now().date():
        hint = f"Use {deprecation.successor}." if deprecation.successor else "Choose another one."
        message = f"The image {image.name} is refused from {deprecation.on} on. {deprecation.message}".strip()
        yield Finding("image_deprecated", Severity.WARNING, message, hint)


def _no_image_message(environment: Environment) -> str:
    if environment.images:
        return f"{environment.name} has no default image. Choose one of {', '.join(environment.images)}."
    return (
        f"{environment.name} runs notebooks in containers, and allows no image yet. An administrator can: "
        f"`jupyter dataops image allow IMAGE {environment.name}`."
    )


def _no_kernel_message(image: Image, wanted: str | None) -> str:
    found = ", ".join(kernel.name for kernel in image.probe.kernels) if image.probe else ""
    return f"The image {image.name} has no kernel {wanted!r}; it has {found or 'none'}."


def _default_image_name(tx: Transaction, environment: Environment) -> str | None:
    """Return the environment's default, else its only image, else the catalogue's default if it is allowed here."""
    if environment.default_image or len(environment.images) == 1:
        return environment.default_image or environment.images[0]
    return next(
        (image.name for image in tx.images.all() if image.is_default and image.name in environment.images), None
    )


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


def _resolve_resources(environment: Environment, wanted: Resources) -> Resources:
    limits = environment.limits.resources
    for field in fields(Resources):
        amount, allowed = getattr(wanted, field.name), getattr(limits, field.name)
        if amount is not None and not 0 < amount < float("inf"):
            raise Refused(f"`{field.name}` must be greater than 0.", code="beyond_limit", limit=field.name)
        if amount is not None and allowed is not None and amount > allowed:
            raise Refused(
                f"{amount:g} {_UNITS[field.name]} are more than {environment.name} allows: {allowed:g}. Ask for less.",
                code="beyond_limit",
                limit=field.name,
                allowed=allowed,
            )
    given = {
        field.name: getattr(wanted, field.name)
        for field in fields(Resources)
        if getattr(wanted, field.name) is not None
    }
    return replace(limits, **given)


def _clamp_resources(environment: Environment, wanted: Resources) -> Resources:
    """Cut the earlier resources to the present limits."""
    limits = environment.limits.resources
    pairs = {field.name: (getattr(wanted, field.name), getattr(limits, field.name)) for field in fields(Resources)}
    return Resources(
        **{name: min((amount for amount in pair if amount is not None), default=None) for name, pair in pairs.items()}
    )


def _findings(ctx: Services, environment: Environment, resources: Resources, image: Image | None) -> Iterator[Finding]:
    yield from _unenforced_limits(environment, resources)
    yield from _deprecation_warnings(ctx, image)


_PLACEMENT_FINDING_CODES = ("limits_not_enforced", "image_deprecated")
# These findings hold for one place alone: they compare the needs of the notebook with that place.
_PLACE_FINDING_CODES = (
    *_PLACEMENT_FINDING_CODES,
    "missing_module",
    "editable_module",
    "missing_variable",
    "image_lacks_package",
    "image_other_version",
    "image_other_python",
    "image_lacks_start_up",
)


def _unenforced_limits(environment: Environment, resources: Resources) -> Iterator[Finding]:
    unenforced = [name for name in environment.not_enforced if getattr(resources, name, None) is not None]
    if not environment.network and "network" in environment.not_enforced:
        unenforced.append("network")
    if unenforced:
        yield Finding(
            "limits_not_enforced",
            Severity.INFO,
            f"{environment.name} runs notebooks as plain processes, which it cannot hold to: {', '.join(unenforced)}.",
            "An environment with the executor docker can.",
        )
