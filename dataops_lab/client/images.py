"""`client.images`: the image catalogue, wherever the installation is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from ..api_models import (
    AddImageRequest,
    BuildImageRequest,
    ChangeImageRequest,
    FrozenModel,
    ImageCheckModel,
    ImageModel,
    ImageTaskModel,
    ImageTrialModel,
    ImageUsersModel,
    LoginRequest,
    PageModel,
    RegistryModel,
    TrialRequest,
)
from ..domain.actors import Actor
from ..services import Services, image_tasks, image_trials, images, registries

if TYPE_CHECKING:
    from .http import HttpClient

POLL_INTERVAL_S = 0.3


class Images(Protocol):
    """The calls for images. A call whose work takes long returns a task at once; `follow` yields its progress."""

    def all(self) -> list[ImageModel]: ...
    def get(self, name: str) -> ImageModel: ...
    def add(self, asked: AddImageRequest) -> ImageTaskModel: ...
    def build(self, asked: BuildImageRequest) -> ImageTaskModel: ...
    def probe(self, name: str) -> ImageTaskModel: ...
    def change(self, name: str, changes: ChangeImageRequest) -> ImageModel: ...
    def remove(self, name: str) -> None:
        """Take an image out of the catalogue. Conflict while somebody uses it."""
        ...

    def allow(self, name: str, environment: str) -> ImageModel: ...
    def disallow(self, name: str, environment: str) -> ImageModel: ...
    def users(self, name: str, *, days: int = images.USED_WITHIN_DAYS) -> ImageUsersModel: ...
    def check(self, name: str) -> ImageCheckModel:
        """Ask the daemon whether it has the image, and the registry whether its reference has moved on."""
        ...

    def task(self, task_id: str, *, after: int = 0) -> ImageTaskModel:
        """Get a task, with its log behind the first `after` characters."""
        ...

    def tasks(self, *, image: str | None = None, limit: int = 50) -> list[ImageTaskModel]:
        """List tasks, newest first."""
        ...

    def cancel(self, task_id: str) -> ImageTaskModel:
        """Ask for the end of a task. It has failed when nothing of it is left.

        Safe to repeat. Conflict when it has ended in another way.
        """
        ...

    def follow(self, task_id: str) -> Iterator[ImageTaskModel]:
        """Yield the task until it has ended, each time with the new part of its log."""
        byte_count = 0
        while True:
            task = self.task(task_id, after=byte_count)
            byte_count = task.log_size
            yield task
            if task.is_terminal:
                return
            time.sleep(POLL_INTERVAL_S)

    def start_trial(self, asked: TrialRequest) -> ImageTrialModel: ...
    def trial(self, trial_id: str) -> ImageTrialModel: ...
    def trials(self) -> list[ImageTrialModel]:
        """List the last trials, newest first."""
        ...

    def registries(self) -> list[RegistryModel]:
        """List the registries to which there is a login."""
        ...

    def log_in(self, registry: str, login: LoginRequest) -> RegistryModel: ...
    def log_out(self, registry: str) -> None: ...
    def frozen(self, kernel: str) -> FrozenModel:
        """List the packages of a kernel of the machine that answers."""
        ...


class LocalImages(Images):
    """The calls for images of this machine. Its tasks run in a thread of this process, and end with it."""

    def __init__(self, services: Services, *, user: Actor) -> None:
        self._ctx, self._user = services, user

    def all(self) -> list[ImageModel]:
        return [ImageModel.from_domain(view) for view in images.page(self._ctx)]

    def get(self, name: str) -> ImageModel:
        return ImageModel.from_domain(images.get(self._ctx, name))

    def add(self, asked: AddImageRequest) -> ImageTaskModel:
        return ImageTaskModel.from_domain(image_tasks.add(self._ctx, asked.to_domain(), by=self._user))

    def build(self, asked: BuildImageRequest) -> ImageTaskModel:
        return ImageTaskModel.from_domain(image_tasks.build(self._ctx, *asked.to_domain(), by=self._user))

    def probe(self, name: str) -> ImageTaskModel:
        return ImageTaskModel.from_domain(image_tasks.probe(self._ctx, name, by=self._user))

    def change(self, name: str, changes: ChangeImageRequest) -> ImageModel:
        return ImageModel.from_domain(images.change(self._ctx, name, changes.to_domain(), by=self._user))

    def remove(self, name: str) -> None:
        images.remove(self._ctx, name, by=self._user)

    def allow(self, name: str, environment: str) -> ImageModel:
        return ImageModel.from_domain(images.allow(self._ctx, name, environment, by=self._user))

    def disallow(self, name: str, environment: str) -> ImageModel:
        return ImageModel.from_domain(images.disallow(self._ctx, name, environment, by=self._user))

    def users(self, name: str, *, days: int = images.USED_WITHIN_DAYS) -> ImageUsersModel:
        return ImageUsersModel.from_domain(images.users(self._ctx, name, days=days))

    def check(self, name: str) -> ImageCheckModel:
        return ImageCheckModel.model_validate(images.check(self._ctx, name))

    def task(self, task_id: str, *, after: int = 0) -> ImageTaskModel:
        view = image_tasks.get(self._ctx, task_id, after=after)
        return ImageTaskModel.from_domain(view.task, view.log, view.log_size)

    def tasks(self, *, image: str | None = None, limit: int = 50) -> list[ImageTaskModel]:
        return [ImageTaskModel.from_domain(task) for task in image_tasks.page(self._ctx, image=image, limit=limit)]

    def cancel(self, task_id: str) -> ImageTaskModel:
        return ImageTaskModel.from_domain(image_tasks.cancel(self._ctx, task_id, by=self._user))

    def start_trial(self, asked: TrialRequest) -> ImageTrialModel:
        return ImageTrialModel.from_domain(image_trials.start(self._ctx, asked.image, **asked.choice(), by=self._user))

    def trial(self, trial_id: str) -> ImageTrialModel:
        return ImageTrialModel.from_domain(image_trials.get(self._ctx, trial_id))

    def trials(self) -> list[ImageTrialModel]:
        return [ImageTrialModel.from_domain(view) for view in image_trials.page(self._ctx)]

    def registries(self) -> list[RegistryModel]:
        return [RegistryModel.from_domain(login) for login in registries.list_logins(self._ctx)]

    def log_in(self, registry: str, login: LoginRequest) -> RegistryModel:
        return RegistryModel.from_domain(registries.put(self._ctx, registry, login.to_domain(), by=self._user))

    def log_out(self, registry: str) -> None:
        registries.remove(self._ctx, registry, by=self._user)

    def frozen(self, kernel: str) -> FrozenModel:
        return FrozenModel.from_domain(images.frozen_requirements(self._ctx, kernel))


class HttpImages(Images):
    def __init__(self, client: HttpClient) -> None:
        self._ask = client.request

    def all(self) -> list[ImageModel]:
        return self._ask(PageModel[ImageModel], "GET", "images").items

    def get(self, name: str) -> ImageModel:
        return self._ask(ImageModel, "GET", _image(name))

    def add(self, asked: AddImageRequest) -> ImageTaskModel:
        return self._ask(ImageTaskModel, "POST", "images", asked)

    def build(self, asked: BuildImageRequest) -> ImageTaskModel:
        return self._ask(ImageTaskModel, "POST", "image-builds", asked)

    def probe(self, name: str) -> ImageTaskModel:
        return self._ask(ImageTaskModel, "POST", _image(name, "probe"))

    def change(self, name: str, changes: ChangeImageRequest) -> ImageModel:
        return self._ask(ImageModel, "PATCH", _image(name), changes)

    def remove(self, name: str) -> None:
        self._ask(ImageModel, "DELETE", _image(name))

    def allow(self, name: str, environment: str) -> ImageModel:
        return self._ask(ImageModel, "PUT", _image(name, "environments", environment))

    def disallow(self, name: str, environment: str) -> ImageModel:
        return self._ask(ImageModel, "DELETE", _image(name, "environments", environment))

    def users(self, name: str, *, days: int = images.USED_WITHIN_DAYS) -> ImageUsersModel:
        return self._ask(ImageUsersModel, "GET", _image(name, "users"), days=days)

    def check(self, name: str) -> ImageCheckModel:
        return self._ask(ImageCheckModel, "GET", _image(name, "check"))

    def task(self, task_id: str, *, after: int = 0) -> ImageTaskModel:
        return self._ask(ImageTaskModel, "GET", f"image-tasks/{quote(task_id, safe='')}", after=after)

    def tasks(self, *, image: str | None = None, limit: int = 50) -> list[ImageTaskModel]:
        return self._ask(PageModel[ImageTaskModel], "GET", "image-tasks", image=image, limit=limit).items

    def cancel(self, task_id: str) -> ImageTaskModel:
        return self._ask(ImageTaskModel, "POST", f"image-tasks/{quote(task_id, safe='')}/cancel")

    def start_trial(self, asked: TrialRequest) -> ImageTrialModel:
        return self._ask(ImageTrialModel, "POST", "image-trials", asked)

    def trial(self, trial_id: str) -> ImageTrialModel:
        return self._ask(ImageTrialModel, "GET", f"image-trials/{quote(trial_id, safe='')}")

    def trials(self) -> list[ImageTrialModel]:
        return self._ask(PageModel[ImageTrialModel], "GET", "image-trials").items

    def registries(self) -> list[RegistryModel]:
        return self._ask(PageModel[RegistryModel], "GET", "registries").items

    def log_in(self, registry: str, login: LoginRequest) -> RegistryModel:
        return self._ask(RegistryModel, "PUT", f"registries/{quote(registry, safe='')}", login)

    def log_out(self, registry: str) -> None:
        self._ask(RegistryModel, "DELETE", f"registries/{quote(registry, safe='')}")

    def frozen(self, kernel: str) -> FrozenModel:
        return self._ask(FrozenModel, "GET", f"kernels/{quote(kernel, safe='')}/packages")


def _image(*parts: Any) -> str:
    return "/".join(["images", *(quote(part, safe="") for part in parts)])
