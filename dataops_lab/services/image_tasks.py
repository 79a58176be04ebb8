"""Adding, probing and building images: tasks of seconds or minutes whose log shows the progress.

A task runs in a thread of the process that got the request. Later the store tells how it ended, or that its
process has ended.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Thread

from ulid import ULID

from ..domain.actors import Actor
from ..domain.environments import SANDBOX, DockerSettings
from ..domain.images import (
    BuildRecipe,
    Image,
    ImageTask,
    ImageTaskState,
    PinnedImage,
    Probe,
    protective_tag,
    validate_name,
    validate_reference,
)
from ..domain.policy import ObjectKind, Verb
from ..domain.recipes import parse_environment, parse_requirements
from ..errors import Conflict, DataOpsError, InvalidRequest, Refused, Unavailable
from ..ports import ImageBackend, ProgressCallback, Transaction
from .context import Services
from .permissions import require
from .registries import login_for

MAX_LOG = 1_000_000
_WRITE_EVERY_S = 0.3
_MAX_RECIPE = 200_000
_CANCELLED = "task_cancelled"


@dataclass(frozen=True)
class TaskView:
    """`log` is the text behind the characters that the caller has already; `log_size` counts all characters."""

    task: ImageTask
    log: str
    log_size: int


@dataclass(frozen=True)
class AddImage:
    """`environment` names the place of its use: its daemon gets the image, and it allows the image.

    With `pull` the registry is asked even when the daemon has the reference.
    """

    name: str
    reference: str
    environment: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    root_allowed: bool | None = None
    pull: bool = False


def add(ctx: Services, request: AddImage, *, by: Actor) -> ImageTask:
    """Find, pin, probe and keep the image. An entry of that name gets a new pin; its old one stays known."""
    validate_name(request.name)
    validate_reference(request.reference)
    settings = _docker_settings(ctx, request.environment)

    def work(log: _Log) -> None:
        backend = ctx.image_backend(settings.host)
        pinned = _resolve_image(ctx, backend, request.reference, log.report, pull=request.pull)
        _put_in_catalogue(ctx, request, pinned, settings, log, by=by)

    return _start(ctx, "add", request.name, settings, work, by=by)


def probe(ctx: Services, name: str, *, by: Actor) -> ImageTask:
    """Probe the image again, for example after root was allowed."""
    with ctx.store.read() as tx:
        image = tx.images.get(name)
        environments = [
            environment
            for environment in tx.environments.all()
            if name in environment.images and environment.docker.host == image.host
        ]
    settings = environments[0].docker if environments else DockerSettings(image.host)

    def work(log: _Log) -> None:
        found = _probe_image(ctx, image, settings, log.report)
        with ctx.store.begin() as tx:
            present = tx.images.get(name)
            log.check_not_cancelled(tx)
            tx.images.put(replace(present, probe=found), at=ctx.clock.now(), by=by)

    return _start(ctx, "probe", name, settings, work, by=by)


def build(ctx: Services, request: AddImage, requested_recipe: BuildRecipe, *, by: Actor) -> ImageTask:
    """Build an image and add it. `asked.reference` is not used: the id of the new image is its reference."""
    validate_name(request.name)
    _check_recipe(requested_recipe)
    settings = _docker_settings(ctx, request.environment)
    with ctx.store.read() as tx:
        catalogue_image = tx.images.find(requested_recipe.base)
    if catalogue_image is None:
        validate_reference(requested_recipe.base)
    if requested_recipe.kernel is not None:
        ctx.notebooks.get_kernel(requested_recipe.kernel)

    def work(log: _Log) -> None:
        backend, say = ctx.image_backend(settings.host), log.report
        recipe = _with_frozen_requirements(ctx, requested_recipe, say)
        reference = catalogue_image.digest if catalogue_image else recipe.base
        base = _resolve_image(ctx, backend, reference, say, pull=request.pull and catalogue_image is None)
        say(f"Looking into the base {recipe.base}.")
        found = backend.probe(base, user=settings.user, at=ctx.clock.now())
        built = backend.build(base, found, recipe, say)
        try:
            _put_in_catalogue(ctx, replace(request, reference=built.id), built, settings, log, base=recipe.base, by=by)
        except BaseException:
            backend.remove_tag(built.id)
            raise

    return _start(ctx, "build", request.name, settings, work, by=by)


def cancel(ctx: Services, task_id: str, *, by: Actor) -> ImageTask:
    """Ask for the end of the task. Safe to repeat; Conflict when it has ended otherwise.

    The task fails as soon as its installer is gone. The catalogue stays as it is, unless it was changed already.
    """
    require(ctx, by, Verb.CHANGE, ObjectKind.IMAGE)
    with ctx.store.begin() as tx:
        tx.images.find(tx.images.get_task(task_id).image)  # holds the name: from here on the task cannot change it
        task = _with_current_state(ctx, tx.images.get_task(task_id))
        if (task.error or {}).get("code") == _CANCELLED:
            return task
        if task.state is not ImageTaskState.RUNNING:
            raise Conflict(f"It has ended already: {task.state}. There is nothing to cancel.", code="task_ended")
        cancellation = {"code": _CANCELLED, "message": f"{by} cancelled it.", "detail": {}}
        tx.images.finish_task(task_id, ImageTaskState.RUNNING, at=ctx.clock.now(), error=cancellation)
    return get(ctx, task_id).task


def get(ctx: Services, task_id: str, *, after: int = 0) -> TaskView:
    with ctx.store.read() as tx:
        task, log = tx.images.get_task(task_id), tx.images.read_log(task_id)
    return TaskView(_with_current_state(ctx, task), log[after:], len(log))


def page(ctx: Services, *, limit: int = 50, image: str | None = None) -> Sequence[ImageTask]:
    """List them, newest first."""
    with ctx.store.read() as tx:
        return [_with_current_state(ctx, task) for task in tx.images.list_tasks(limit=limit, image=image)]


def _with_current_state(ctx: Services, task: ImageTask) -> ImageTask:
    if task.state is not ImageTaskState.RUNNING:
        return task
    if ctx.host.is_dead(task.process):
        return replace(task, state=ImageTaskState.INTERRUPTED)
    # While it runs, `finished_at` holds the time of the request to cancel it.
    return replace(task, finished_at=None)


def _start(
    ctx: Services, kind: str, image: str, settings: DockerSettings, work: Callable[[_Log], None], *, by: Actor
) -> ImageTask:
    require(ctx, by, Verb.CHANGE, ObjectKind.IMAGE)
    # Fail here and now when the daemon cannot be asked, not in a log.
    ctx.image_backend(settings.host).check()
    now = ctx.clock.now()
    task = ImageTask(
        str(ULID.from_datetime(now)), kind, image, ImageTaskState.RUNNING, now, by, process=ctx.host.identity()
    )
    with ctx.store.begin() as tx:
        tx.images.find(image)  # holds the name: when two begin at once, one sees the other
        latest = [_with_current_state(ctx, task) for task in tx.images.list_tasks(limit=1, image=image)]
        if latest and latest[0].state is ImageTaskState.RUNNING:
            raise Conflict(
                f"{latest[0].created_by} is at work on {image}: task {latest[0].id}. Wait until it has ended.",
                code="image_busy",
                task=latest[0].id,
            )
        tx.images.add_task(task)
    Thread(target=_run, args=(ctx, task, work), name=f"image task {task.id}", daemon=True).start()
    return task


def _run(ctx: Services, task: ImageTask, work: Callable[[_Log], None]) -> None:
    log = _Log(ctx, task.id)
    state, error = ImageTaskState.SUCCEEDED, None
    try:
        work(log)
    except DataOpsError as failed:
        state = ImageTaskState.FAILED
        error = {"code": failed.precise_code, "message": failed.message, "detail": failed.detail}
    except Exception:
        logging.getLogger("dataops_lab").exception("Image task %s failed", task.id)
        state = ImageTaskState.FAILED
        error = {"code": "error", "message": "Something unexpected happened; the server's log has it.", "detail": {}}
    log.write()
    with ctx.store.begin() as tx:
        if state is ImageTaskState.FAILED:
            # After a cancel, the error is only its consequence: keep the wish to cancel instead.
            error = tx.images.get_task(task.id).error or error
        tx.images.finish_task(task.id, state, at=ctx.clock.now(), error=error)


class _TaskCancelled(DataOpsError):
    code = _CANCELLED


class _Log:
    """A log that writes its lines to the store a few times a second, as each write is a commit.

    As often it looks whether somebody has cancelled the task.
    """

    def __init__(self, ctx: Services, task_id: str) -> None:
        self._ctx, self._task_id = ctx, task_id
        self._lines: list[str] = []
        self._size = 0
        self._written_at = self._checked_at = time.monotonic()

    def report(self, line: str) -> None:
        if line:
            self._add(line)
        if time.monotonic() - self._checked_at > _WRITE_EVERY_S:
            self._checked_at = time.monotonic()
            # When the database does not answer for a moment, that is not a cancel.
            with suppress(Unavailable), self._ctx.store.read() as tx:
                self.check_not_cancelled(tx)

    def check_not_cancelled(self, tx: Transaction) -> None:
        if tx.images.get_task(self._task_id).error:
            raise _TaskCancelled("Somebody cancelled it.")

    def _add(self, line: str) -> None:
        line = line.replace("\0", "").encode(errors="replace").decode()
        if self._size <= MAX_LOG:
            self._size += len(line) + 1
            self._lines.append(line if self._size <= MAX_LOG else "… there is more, which is not kept")
        if time.monotonic() - self._written_at > _WRITE_EVERY_S:
            self.write()

    def write(self) -> None:
        if self._lines:
            with self._ctx.store.begin() as tx:
                tx.images.append_log(self._task_id, "\n".join(self._lines) + "\n")
        self._lines, self._written_at = [], time.monotonic()


def _docker_settings(ctx: Services, environment: str | None) -> DockerSettings:
    """Return the settings of the environment; without one those of the first, where people try things."""
    with ctx.store.read() as tx:
        return tx.environments.get(environment or SANDBOX).docker


def _resolve_image(
    ctx: Services, backend: ImageBackend, reference: str, say: ProgressCallback, *, pull: bool
) -> PinnedImage:
    found = None if pull else backend.find(reference)
    if found is None:
        say(f"Pulling {reference}.")
        found = backend.pull(reference, login_for(ctx, reference), say)
    say(f"{reference} is {found.repo_digest or found.id}, {found.size_bytes / 1e6:.0f} MB, for {found.platform}.")
    return found


def _probe_image(ctx: Services, image: Image, settings: DockerSettings, say: ProgressCallback) -> Probe:
    user = image.user(settings.user)
    say(f"Looking into it as user {user}.")
    found = ctx.image_backend(image.host).probe(image.pinned, user=user, at=ctx.clock.now())
    kernels = ", ".join(kernel.name for kernel in found.kernels) or "none"
    say(f"Python {found.python}, papermill {found.papermill}, kernels: {kernels}, {len(found.packages)} packages.")
    for problem in found.problems:
        say(f"Missing: {problem}")
    return found


def _put_in_catalogue(
    ctx: Services,
    request: AddImage,
    pinned: PinnedImage,
    settings: DockerSettings,
    log: _Log,
    *,
    base: str | None = None,
    by: Actor,
) -> None:
    backend = ctx.image_backend(settings.host)
    with ctx.store.read() as tx:
        before = tx.images.find(request.name)
    now = ctx.clock.now()
    given = {key: getattr(request, key) for key in ("description", "tags", "root_allowed")}
    given = {key: value for key, value in given.items() if value is not None}
    image = replace(before or Image(request.name, request.reference, pinned, now, by), host=settings.host, **given)
    found = _probe_image(ctx, replace(image, pinned=pinned), settings, log.report)
    tag = protective_tag(request.name, pinned)
    backend.add_tag(pinned, tag)
    try:
        with ctx.store.begin() as tx:
            present = tx.images.find(request.name)
            log.check_not_cancelled(tx)
            if (present and present.revision) != (before and before.revision):
                raise Conflict(f"{request.name} was changed meanwhile. Look at it, and add it again.")
            image = image.with_pin(request.reference, pinned, found, base=base, at=now, by=by)
            # The only image is the default: people mean it when they name none.
            is_only_image = not tx.images.all()
            tx.images.put(replace(image, is_default=image.is_default or is_only_image), at=now, by=by)
            if request.environment is not None:
                environment = tx.environments.get(request.environment)
                if request.name not in environment.images:
                    allowed = (*environment.images, request.name)
                    tx.environments.put(replace(environment, images=allowed), at=now, by=by)
    except BaseException:
        if before is None or pinned.id not in {pin.id for pin in before.pins}:
            backend.remove_tag(tag)
        raise
    log.report(f"{request.name} is in the catalogue.")


def _with_frozen_requirements(ctx: Services, recipe: BuildRecipe, say: ProgressCallback) -> BuildRecipe:
    if recipe.kernel is None:
        return recipe
    found = ctx.notebooks.freeze_packages(recipe.kernel)
    for package, why in found.left_out:
        say(f"Left out: {package}, {why}")
    say(f"{recipe.kernel} is Python {found.python} with {len(found.requirements)} packages.")
    return replace(recipe, requirements="\n".join(found.requirements))


def _check_recipe(recipe: BuildRecipe) -> None:
    given = [bool(recipe.requirements.strip()), bool(recipe.environment.strip()), recipe.kernel is not None]
    if given.count(True) != 1:
        raise InvalidRequest("Give one of requirements, an environment.yml and a kernel, with something in it.")
    if max(len(recipe.requirements), len(recipe.environment)) > _MAX_RECIPE:
        raise Refused(f"The file has more than {_MAX_RECIPE} characters. Is it the right one?", code="recipe_too_large")
    parse_requirements(recipe.requirements)
    if recipe.environment:
        parse_environment(recipe.environment)
