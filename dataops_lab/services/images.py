"""The catalogue of images: its entries, their users, and their settings. `image_tasks` fills it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..domain.actors import Actor
from ..domain.images import Deprecation, FrozenPackages, Image, protective_tag
from ..domain.jobs import Job
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import Run
from ..errors import Conflict, InvalidRequest, Refused
from ..ports import Transaction
from .context import Services
from .permissions import require
from .registries import login_for

USED_WITHIN_DAYS = 30
_MAX_CLOCK_SKEW = dt.timedelta(minutes=5)
"""The largest difference between the clocks of the machines that submit."""
_MAX_DESCRIPTION = 2_000
_MAX_TAGS = 20
_MAX_TAG = 40
_MAX_MESSAGE = 500


@dataclass(frozen=True)
class ImageView:
    """An image with the names of the environments that allow it."""

    image: Image
    environments: Sequence[str]


@dataclass(frozen=True)
class ImageCheck:
    """The answer whether the daemon still has it, and whether its reference now means another image in the registry.

    `moved_to` is set when it does; the image stays the same until somebody adds it again.
    """

    present: bool
    moved_to: str | None
    problem: str | None = None


@dataclass(frozen=True)
class JobOnImage:
    """`last` is the newest run of the job on the image."""

    job: Job
    runs: int
    last: Run


@dataclass(frozen=True)
class ImageUsers:
    """The environments that allow it, the jobs that ran on it in the last `days`, and the number of unfinished runs."""

    days: int
    environments: Sequence[str]
    jobs: Sequence[JobOnImage]
    unfinished: int

    @property
    def is_empty(self) -> bool:
        return not (self.environments or self.jobs or self.unfinished)


@dataclass(frozen=True)
class ImageChanges:
    """Members that are None stay. `deprecated` False removes the deprecation."""

    description: str | None = None
    tags: tuple[str, ...] | None = None
    is_default: bool | None = None
    root_allowed: bool | None = None
    deprecated: Deprecation | bool | None = None


def page(ctx: Services) -> list[ImageView]:
    with ctx.store.read() as tx:
        environments = tx.environments.all()
        return [
            ImageView(image, [environment.name for environment in environments if image.name in environment.images])
            for image in tx.images.all()
        ]


def get(ctx: Services, name: str) -> ImageView:
    with ctx.store.read() as tx:
        return _view(tx, tx.images.get(name))


def change(ctx: Services, name: str, changes: ImageChanges, *, by: Actor) -> ImageView:
    require(ctx, by, Verb.CHANGE, ObjectKind.IMAGE)
    with ctx.store.begin() as tx:
        return _view(tx, apply_changes(ctx, tx, name, changes, by=by))


def apply_changes(ctx: Services, tx: Transaction, name: str, changes: ImageChanges, *, by: Actor) -> Image:
    """Apply the changes and return the image. Write nothing when it is so already.

    There is one default at most: an image that becomes it takes it from the one before.
    """
    check_changes(changes)
    now = ctx.clock.now()
    image = tx.images.get(name)
    if isinstance(changes.deprecated, Deprecation) and (successor := changes.deprecated.successor):
        if successor == name:
            raise InvalidRequest("An image cannot succeed itself. Name another one.")
        tx.images.get(successor)
    given = {key: value for key, value in vars(changes).items() if value is not None}
    if changes.deprecated is False:
        given["deprecated"] = None
    if changes.is_default:
        for other in tx.images.all():
            if other.is_default and other.name != name:
                tx.images.put(replace(other, is_default=False), at=now, by=by)
    if changes.root_allowed is not None and changes.root_allowed != image.root_allowed:
        # The probe ran as another user than the image would run now.
        given["probe"] = None
    updated = replace(image, **given)
    return image if updated == image else tx.images.put(updated, at=now, by=by)


def allow(ctx: Services, name: str, environment: str, *, by: Actor) -> ImageView:
    """Let runs there use it. Safe to repeat."""
    require(ctx, by, Verb.CHANGE, ObjectKind.IMAGE)
    with ctx.store.begin() as tx:
        image, found = tx.images.get(name), tx.environments.get(environment)
        if found.docker.host != image.host:
            raise Refused(
                f"{name} is on another Docker host than the one of {environment}. Add it there with another name: "
                f"`jupyter dataops image add NAME REFERENCE --env {environment}`.",
                code="image_elsewhere",
            )
        if name not in found.images:
            tx.environments.put(replace(found, images=(*found.images, name)), at=ctx.clock.now(), by=by)
        return _view(tx, image)


def disallow(ctx: Services, name: str, environment: str, *, by: Actor) -> ImageView:
    """Remove the image from those that runs there may use. Safe to repeat.

    Queued runs keep the image with which they were submitted.
    """
    require(ctx, by, Verb.CHANGE, ObjectKind.IMAGE)
    with ctx.store.begin() as tx:
        image, found = tx.images.get(name), tx.environments.get(environment)
        if name in found.images:
            others = tuple(other for other in found.images if other != name)
            default = found.default_image if found.default_image != name else None
            changed = replace(found, images=others, default_image=default)
            tx.environments.put(changed, at=ctx.clock.now(), by=by)
        return _view(tx, image)


def users(ctx: Services, name: str, *, days: int = USED_WITHIN_DAYS) -> ImageUsers:
    with ctx.store.read() as tx:
        tx.images.get(name)
        return _users(ctx, tx, name, days)


def remove(ctx: Services, name: str, *, by: Actor) -> None:
    """Remove it from the catalogue, and the tags that keep it. Conflict while it is in use."""
    require(ctx, by, Verb.CHANGE, ObjectKind.IMAGE)
    # Look before the transaction that writes: while it looks through the runs of a month, nobody else could write.
    checked_at = ctx.clock.now()
    _refuse_if_used(name, users(ctx, name))
    with ctx.store.begin() as tx:
        image = tx.images.get(name)
        _refuse_if_used(name, _users(ctx, tx, name, USED_WITHIN_DAYS, since=checked_at - _MAX_CLOCK_SKEW))
        tx.images.remove(name, at=ctx.clock.now(), by=by)
    # Drop the tags after the commit: an image that is kept for nothing does less harm than one that is gone.
    backend = ctx.image_backend(image.host)
    for pin in image.pins:
        backend.remove_tag(protective_tag(name, pin))


def _refuse_if_used(name: str, found: ImageUsers) -> None:
    if not found.is_empty:
        raise Conflict(
            f"{name} is in use: {_describe_use(found)}. Take it out of environments, and trial-run its jobs on another "
            f"image; `jupyter dataops image users {name}` lists them.",
            code="image_in_use",
            environments=list(found.environments),
            jobs=[user.job.id for user in found.jobs],
        )


def check(ctx: Services, name: str) -> ImageCheck:
    """Ask the daemon and the registry about the image; change nothing."""
    image = get(ctx, name).image
    backend = ctx.image_backend(image.host)
    present = backend.find(image.pinned.id) is not None
    problem = None
    registry_digest = None
    try:
        if image.pinned.repo_digest:
            registry_digest = backend.resolve_in_registry(image.reference, login_for(ctx, image.reference))
    except Refused as refused:
        problem = refused.message
    if registry_digest is None:
        # It was built here, or the registry is away: ask what this daemon has under the reference.
        local = backend.find(image.reference)
        moved = local is not None and local.id != image.pinned.id
        return ImageCheck(present, (local.repo_digest or local.id) if local and moved else None, problem)
    moved = registry_digest.rpartition("@")[2] != image.digest.rpartition("@")[2]
    return ImageCheck(present, registry_digest if moved else None, problem)


def frozen_requirements(ctx: Services, kernel: str) -> FrozenPackages:
    """Return the packages of a kernel of this machine, from which an image can be built."""
    return ctx.notebooks.freeze_packages(kernel)


def _view(tx: Transaction, image: Image) -> ImageView:
    return ImageView(
        image, [environment.name for environment in tx.environments.all() if image.name in environment.images]
    )


def _users(ctx: Services, tx: Transaction, name: str, days: int, since: dt.datetime | None = None) -> ImageUsers:
    runs = tx.runs.list_on_image(name, since or ctx.clock.now() - dt.timedelta(days=days))
    jobs = tx.jobs.get_many([run.job_id for run in runs])
    by_job: dict[str, list[Run]] = {}
    for run in runs:
        by_job.setdefault(run.job_id, []).append(run)
    return ImageUsers(
        days=days,
        environments=_view(tx, tx.images.get(name)).environments,
        jobs=[JobOnImage(jobs[job_id], len(found), found[0]) for job_id, found in by_job.items()],
        unfinished=sum(not run.state.is_terminal for run in runs),
    )


def _describe_use(found: ImageUsers) -> str:
    parts = []
    if found.environments:
        parts.append(f"allowed in {', '.join(found.environments)}")
    if found.jobs:
        parts.append(f"{len(found.jobs)} jobs ran on it in the last {found.days} days")
    if found.unfinished:
        parts.append(f"{found.unfinished} runs have not ended")
    return ", ".join(parts)


def check_changes(changes: ImageChanges) -> None:
    if changes.description is not None and len(changes.description) > _MAX_DESCRIPTION:
        raise InvalidRequest(f"A description has at most {_MAX_DESCRIPTION} characters.")
    if isinstance(changes.deprecated, Deprecation) and len(changes.deprecated.message) > _MAX_MESSAGE:
        raise InvalidRequest(f"The message of a deprecation has at most {_MAX_MESSAGE} characters.")
    tags = changes.tags or ()
    if len(tags) > _MAX_TAGS or any(not (0 < len(tag) <= _MAX_TAG and tag.isprintable()) for tag in tags):
        raise InvalidRequest(f"There are at most {_MAX_TAGS} tags, each of 1 to {_MAX_TAG} printable characters.")
