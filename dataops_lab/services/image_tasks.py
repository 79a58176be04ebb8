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
    checked_name,
    checked_reference,
    kept_tag,
)
from ..domain.policy import Object, Verb
from ..domain.recipes import checked_requirements, read_environment
from ..errors import Conflict, DataOpsError, InvalidRequest, Refused, Unavailable
from ..ports import ImageBackend, Say, Transaction
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


def add(ctx: Services, asked: AddImage, *, by: Actor) -> ImageTask:
    """Find, pin, probe and keep the image. An entry of that name gets a new pin; its old one stays known."""
    checked_name(asked.name)
    checked_reference(asked.reference)
    settings = _settings(ctx, asked.environment)

    def work(log: _Log) -> None:
        backend = ctx.image_backend(settings.host)
        pinned = _resolved(ctx, backend, asked.reference, log.say, pull=asked.pull)
        _put(ctx, asked, pinned, settings, log, by=by)

    return _start(ctx, "add", asked.name, settings, work, by=by)


def probe(ctx: Services, name: str, *, by: Actor) -> ImageTask:
    """Probe the image again, for example after root was allowed."""
    with ctx.store.read() as tx:
        image = tx.images.get(name)
        using = [it for it in tx.environments.all() if name in it.images and it.docker.host == image.host]
    settings = using[0].docker if using else DockerSettings(image.host)

    def work(log: _Log) -> None:
        found = _probed(ctx, image, settings, log.say)
        with ctx.store.begin() as tx:
            present = tx.images.get(name)
            log.check_wanted(tx)
            tx.images.put(replace(present, probe=found), at=ctx.clock.now(), by=by)

    return _start(ctx, "probe", name, settings, work, by=by)


def build(ctx: Services, asked: AddImage, asked_recipe: BuildRecipe, *, by: Actor) -> ImageTask:
    """Build an image and add it. `asked.reference` is not used: the id of the new image is its reference."""
    checked_name(asked.name)
    _check(asked_recipe)
    settings = _settings(ctx, asked.environment)
    with ctx.store.read() as tx:
        of_catalogue = tx.images.find(asked_recipe.base)
    if of_catalogue is None:
        checked_reference(asked_recipe.base)
    if asked_recipe.kernel is not None:
        ctx.notebooks.kernel(asked_recipe.kernel)

    def work(log: _Log) -> None:
        backend, say = ctx.image_backend(settings.host), log.say
        recipe = _with_frozen(ctx, asked_recipe, say)
        reference = of_catalogue.digest if of_catalogue else recipe.base
        base = _resolved(ctx, backend, reference, say, pull=asked.pull and of_catalogue is None)
        say(f"Looking into the base {recipe.base}.")
        found = backend.probe(base, user=settings.user, at=ctx.clock.now())
        built = backend.build(base, found, recipe, say)
        try:
            _put(ctx, replace(asked, reference=built.id), built, settings, log, base=recipe.base, by=by)
        except BaseException:
            backend.drop(built.id)
            raise

    return _start(ctx, "build", asked.name, settings, work, by=by)


def cancel(ctx: Services, task_id: str, *, by: Actor) -> ImageTask:
    """Ask for the end of the task. Safe to repeat; Conflict when it has ended otherwise.

    The task fails as soon as its installer is gone. The catalogue stays as it is, unless it was changed already.
    """
    require(ctx, by, Verb.CHANGE, Object.IMAGE)
    with ctx.store.begin() as tx:
        tx.images.find(tx.images.task(task_id).image)  # holds the name: from here on the task cannot change it
        task = _as_it_is(ctx, tx.images.task(task_id))
        if (task.error or {}).get("code") == _CANCELLED:
            return task
        if task.state is not ImageTaskState.RUNNING:
            raise Conflict(f"It has ended already: {task.state}. There is nothing to cancel.", code="task_ended")
        wish = {"code": _CANCELLED, "message": f"{by} cancelled it.", "detail": {}}
        tx.images.end_task(task_id, ImageTaskState.RUNNING, at=ctx.clock.now(), error=wish)
    return get(ctx, task_id).task


def get(ctx: Services, task_id: str, *, after: int = 0) -> TaskView:
    with ctx.store.read() as tx:
        task, log = tx.images.task(task_id), tx.images.log(task_id)
    return TaskView(_as_it_is(ctx, task), log[after:], len(log))


def page(ctx: Services, *, limit: int = 50, image: str | None = None) -> Sequence[ImageTask]:
    """List them, newest first."""
    with ctx.store.read() as tx:
        return [_as_it_is(ctx, task) for task in tx.images.tasks(limit=limit, image=image)]


def _as_it_is(ctx: Services, task: ImageTask) -> ImageTask:
    if task.state is not ImageTaskState.RUNNING:
        return task
    if ctx.host.is_dead(task.process):
        return replace(task, state=ImageTaskState.INTERRUPTED)
    # While it runs, `finished_at` holds the time of the request to cancel it.
    return replace(task, finished_at=None)


def _start(
    ctx: Services, kind: str, image: str, settings: DockerSettings, work: Callable[[_Log], None], *, by: Actor
) -> ImageTask:
    require(ctx, by, Verb.CHANGE, Object.IMAGE)
    # Fail here and now when the daemon cannot be asked, not in a log.
    ctx.image_backend(settings.host).check()
    now = ctx.clock.now()
    task = ImageTask(
        str(ULID.from_datetime(now)), kind, image, ImageTaskState.RUNNING, now, by, process=ctx.host.identity()
    )
    with ctx.store.begin() as tx:
        tx.images.find(image)  # holds the name: when two begin at once, one sees the other
        busy = [_as_it_is(ctx, it) for it in tx.images.tasks(limit=1, image=image)]
        if busy and busy[0].state is ImageTaskState.RUNNING:
            raise Conflict(
                f"{busy[0].created_by} is at work on {image}: task {busy[0].id}. Wait until it has ended.",
                code="image_busy",
                task=busy[0].id,
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
            error = tx.images.task(task.id).error or error
        tx.images.end_task(task.id, state, at=ctx.clock.now(), error=error)


class _Unwanted(DataOpsError):
    code = _CANCELLED


class _Log:
    """A log that writes its lines to the store a few times a second, as each write is a commit.

    As often it looks whether somebody has cancelled the task.
    """

    def __init__(self, ctx: Services, task_id: str) -> None:
        self._ctx, self._task_id = ctx, task_id
        self._lines: list[str] = []
        self._size = 0
        self._wrote_at = self._looked_at = time.monotonic()

    def say(self, line: str) -> None:
        if line:
            self._add(line)
        if time.monotonic() - self._looked_at > _WRITE_EVERY_S:
            self._looked_at = time.monotonic()
            # When the database does not answer for a moment, that is not a cancel.
            with suppress(Unavailable), self._ctx.store.read() as tx:
                self.check_wanted(tx)

    def check_wanted(self, tx: Transaction) -> None:
        if tx.images.task(self._task_id).error:
            raise _Unwanted("Somebody cancelled it.")

    def _add(self, line: str) -> None:
        line = line.replace("\0", "").encode(errors="replace").decode()
        if self._size <= MAX_LOG:
            self._size += len(line) + 1
            self._lines.append(line if self._size <= MAX_LOG else "… there is more, which is not kept")
        if time.monotonic() - self._wrote_at > _WRITE_EVERY_S:
            self.write()

    def write(self) -> None:
        if self._lines:
            with self._ctx.store.begin() as tx:
                tx.images.write_log(self._task_id, "\n".join(self._lines) + "\n")
        self._lines, self._wrote_at = [], time.monotonic()


def _settings(ctx: Services, environment: str | None) -> DockerSettings:
    """Return the settings of the environment; without one those of the first, where people try things."""
    with ctx.store.read() as tx:
        return tx.environments.get(environment or SANDBOX).docker


def _resolved(ctx: Services, backend: ImageBackend, reference: str, say: Say, *, pull: bool) -> PinnedImage:
    found = None if pull else backend.find(reference)
    if found is None:
        say(f"Pulling {reference}.")
        found = backend.pull(reference, login_for(ctx, reference), say)
    say(f"{reference} is {found.repo_digest or found.id}, {found.size_bytes / 1e6:.0f} MB, for {found.platform}.")
    return found


def _probed(ctx: Services, image: Image, settings: DockerSettings, say: Say) -> Probe:
    user = image.user(settings.user)
    say(f"Looking into it as user {user}.")
    found = ctx.image_backend(image.host).probe(image.pinned, user=user, at=ctx.clock.now())
    kernels = ", ".join(kernel.name for kernel in found.kernels) or "none"
    say(f"Python {found.python}, papermill {found.papermill}, kernels: {kernels}, {len(found.packages)} packages.")
    for problem in found.problems:
        say(f"Missing: {problem}")
    return found


def _put(
    ctx: Services,
    asked: AddImage,
    pinned: PinnedImage,
    settings: DockerSettings,
    log: _Log,
    *,
    base: str | None = None,
    by: Actor,
) -> None:
    backend = ctx.image_backend(settings.host)
    with ctx.store.read() as tx:
        before = tx.images.find(asked.name)
    now = ctx.clock.now()
    given = {key: getattr(asked, key) for key in ("description", "tags", "root_allowed")}
    given = {key: value for key, value in given.items() if value is not None}
    image = replace(before or Image(asked.name, asked.reference, pinned, now, by), host=settings.host, **given)
    found = _probed(ctx, replace(image, pinned=pinned), settings, log.say)
    tag = kept_tag(asked.name, pinned)
    backend.keep(pinned, tag)
    try:
        with ctx.store.begin() as tx:
            present = tx.images.find(asked.name)
            log.check_wanted(tx)
            if (present and present.revision) != (before and before.revision):
                raise Conflict(f"{asked.name} was changed meanwhile. Look at it, and add it again.")
            image = image.pinned_anew(asked.reference, pinned, found, base=base, at=now, by=by)
            # The only image is the default: people mean it when they name none.
            alone = not tx.images.all()
            tx.images.put(replace(image, is_default=image.is_default or alone), at=now, by=by)
            if asked.environment is not None:
                environment = tx.environments.get(asked.environment)
                if asked.name not in environment.images:
                    allowed = (*environment.images, asked.name)
                    tx.environments.put(replace(environment, images=allowed), at=now, by=by)
    except BaseException:
        if before is None or pinned.id not in {pin.id for pin in before.pins}:
            backend.drop(tag)
        raise
    log.say(f"{asked.name} is in the catalogue.")


def _with_frozen(ctx: Services, recipe: BuildRecipe, say: Say) -> BuildRecipe:
    if recipe.kernel is None:
        return recipe
    found = ctx.notebooks.frozen(recipe.kernel)
    for package, why in found.left_out:
        say(f"Left out: {package}, {why}")
    say(f"{recipe.kernel} is Python {found.python} with {len(found.requirements)} packages.")
    return replace(recipe, requirements="\n".join(found.requirements))


def _check(recipe: BuildRecipe) -> None:
    given = [bool(recipe.requirements.strip()), bool(recipe.environment.strip()), recipe.kernel is not None]
    if given.count(True) != 1:
        raise InvalidRequest("Give one of requirements, an environment.yml and a kernel, with something in it.")
    if max(len(recipe.requirements), len(recipe.environment)) > _MAX_RECIPE:
        raise Refused(f"The file has more than {_MAX_RECIPE} characters. Is it the right one?", code="recipe_too_large")
    checked_requirements(recipe.requirements)
    if recipe.environment:
        read_environment(recipe.environment)
