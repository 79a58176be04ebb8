"""The image catalogue, work on its images, and trial runs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

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
from ..domain.policy import ObjectKind, Verb
from ..services import image_tasks, image_trials, images, registries
from .base import DataOpsHandler, operation

IMAGES = "dataops:images"


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class UsersQuery(Query):
    days: int = Field(default=images.USED_WITHIN_DAYS, ge=1, le=3650)


class TasksQuery(Query):
    image: str | None = None
    limit: int = Field(default=50, ge=1, le=500)


class TaskQuery(Query):
    """A query for a task. `after` is the number of characters of the log that are known already."""

    after: int = Field(default=0, ge=0)


class ImagesHandler(DataOpsHandler):
    @operation("The catalogue", action="read", resource=IMAGES, answers={200: PageModel[ImageModel]})
    def get(self) -> PageModel[ImageModel]:
        return PageModel[ImageModel](items=[ImageModel.from_domain(view) for view in images.page(self.services)])

    @operation(
        "Add an image by reference, or pin one anew: a task resolves, pins and probes it",
        action="write",
        resource=IMAGES,
        answers={202: ImageTaskModel},
        body=AddImageRequest,
    )
    def post(self, body: AddImageRequest) -> ImageTaskModel:
        return ImageTaskModel.from_domain(image_tasks.add(self.services, body.to_domain(), by=self.actor))


class ImageHandler(DataOpsHandler):
    @operation("One image", action="read", resource=IMAGES, answers={200: ImageModel})
    def get(self, name: str) -> ImageModel:
        return ImageModel.from_domain(images.get(self.services, name))

    @operation(
        "Describe, tag, make it the default, allow root, deprecate",
        action="write",
        resource=IMAGES,
        answers={200: ImageModel},
        body=ChangeImageRequest,
    )
    def patch(self, name: str, body: ChangeImageRequest) -> ImageModel:
        return ImageModel.from_domain(images.change(self.services, name, body.to_domain(), by=self.actor))

    @operation(
        "Remove it from the catalogue, unless somebody uses it; as it was",
        action="write",
        resource=IMAGES,
        answers={200: ImageModel},
        lane="slow",
    )
    def delete(self, name: str) -> ImageModel:
        removed = ImageModel.from_domain(images.get(self.services, name))
        images.remove(self.services, name, by=self.actor)
        return removed


class ImageProbeHandler(DataOpsHandler):
    @operation("Look into it again", action="write", resource=IMAGES, answers={202: ImageTaskModel})
    def post(self, name: str) -> ImageTaskModel:
        return ImageTaskModel.from_domain(image_tasks.probe(self.services, name, by=self.actor))


class ImageCheckHandler(DataOpsHandler):
    @operation(
        "Whether the daemon has it, and whether its reference has moved on; asks the registry",
        action="read",
        resource=IMAGES,
        answers={200: ImageCheckModel},
        lane="slow",
    )
    def get(self, name: str) -> ImageCheckModel:
        return ImageCheckModel.model_validate(images.check(self.services, name))


class ImageUsersHandler(DataOpsHandler):
    @operation(
        "The users of an image",
        action="read",
        resource=IMAGES,
        answers={200: ImageUsersModel},
        query=UsersQuery,
        lane="slow",
    )
    def get(self, name: str, query: UsersQuery) -> ImageUsersModel:
        return ImageUsersModel.from_domain(images.users(self.services, name, days=query.days))


class AllowedHandler(DataOpsHandler):
    @operation("Allow it in an environment; safe to repeat", action="write", resource=IMAGES, answers={200: ImageModel})
    def put(self, name: str, environment: str) -> ImageModel:
        return ImageModel.from_domain(images.allow(self.services, name, environment, by=self.actor))

    @operation("Allow it there no longer; safe to repeat", action="write", resource=IMAGES, answers={200: ImageModel})
    def delete(self, name: str, environment: str) -> ImageModel:
        return ImageModel.from_domain(images.disallow(self.services, name, environment, by=self.actor))


class BuildsHandler(DataOpsHandler):
    @operation(
        "Build an image from a base and a list of packages, and add it: a task",
        action="write",
        resource=IMAGES,
        answers={202: ImageTaskModel},
        body=BuildImageRequest,
    )
    def post(self, body: BuildImageRequest) -> ImageTaskModel:
        return ImageTaskModel.from_domain(image_tasks.build(self.services, *body.to_domain(), by=self.actor))


class ImageTasksHandler(DataOpsHandler):
    @operation(
        "Work on images, newest first",
        action="read",
        resource=IMAGES,
        answers={200: PageModel[ImageTaskModel]},
        query=TasksQuery,
    )
    def get(self, query: TasksQuery) -> PageModel[ImageTaskModel]:
        found = image_tasks.page(self.services, limit=query.limit, image=query.image)
        return PageModel[ImageTaskModel](items=[ImageTaskModel.from_domain(task) for task in found])


class ImageTaskHandler(DataOpsHandler):
    @operation(
        "How far a task is, and what it said",
        action="read",
        resource=IMAGES,
        answers={200: ImageTaskModel},
        query=TaskQuery,
    )
    def get(self, task_id: str, query: TaskQuery) -> ImageTaskModel:
        view = image_tasks.get(self.services, task_id, after=query.after)
        return ImageTaskModel.from_domain(view.task, view.log, view.log_size)


class CancelImageTaskHandler(DataOpsHandler):
    @operation(
        "Ask for the end of a task; safe to repeat",
        action="write",
        resource=IMAGES,
        answers={202: ImageTaskModel},
        permission=(Verb.CHANGE, ObjectKind.IMAGE),
    )
    def post(self, task_id: str) -> ImageTaskModel:
        return ImageTaskModel.from_domain(image_tasks.cancel(self.services, task_id, by=self.actor))


class ImageTrialsHandler(DataOpsHandler):
    @operation(
        "The last trials, newest first",
        action="read",
        resource=IMAGES,
        answers={200: PageModel[ImageTrialModel]},
        lane="slow",
    )
    def get(self) -> PageModel[ImageTrialModel]:
        found = image_trials.page(self.services)
        return PageModel[ImageTrialModel](items=[ImageTrialModel.from_domain(view) for view in found])

    @operation(
        "Run the last successful run of each job again, on another image",
        action="execute",
        resource=IMAGES,
        answers={201: ImageTrialModel},
        body=TrialRequest,
        lane="slow",
    )
    def post(self, body: TrialRequest) -> ImageTrialModel:
        return ImageTrialModel.from_domain(
            image_trials.start(self.services, body.image, **body.choice(), by=self.actor)
        )


class ImageTrialHandler(DataOpsHandler):
    @operation(
        "The results of a trial, as far as they are there",
        action="read",
        resource=IMAGES,
        answers={200: ImageTrialModel},
        lane="slow",
    )
    def get(self, trial_id: str) -> ImageTrialModel:
        return ImageTrialModel.from_domain(image_trials.get(self.services, trial_id))


class RegistriesHandler(DataOpsHandler):
    @operation(
        "Registries to which there is a login",
        action="read",
        resource=IMAGES,
        answers={200: PageModel[RegistryModel]},
        permission=(Verb.READ, ObjectKind.REGISTRY),
    )
    def get(self) -> PageModel[RegistryModel]:
        return PageModel[RegistryModel](
            items=[RegistryModel.from_domain(login) for login in registries.list_logins(self.services)]
        )


class RegistryHandler(DataOpsHandler):
    @operation(
        "Log in to a registry, or replace the login",
        action="write",
        resource=IMAGES,
        answers={200: RegistryModel},
        body=LoginRequest,
        permission=(Verb.CHANGE, ObjectKind.REGISTRY),
    )
    def put(self, registry: str, body: LoginRequest) -> RegistryModel:
        return RegistryModel.from_domain(registries.put(self.services, registry, body.to_domain(), by=self.actor))

    @operation(
        "Forget the login to a registry",
        action="write",
        resource=IMAGES,
        answers={200: RegistryModel},
        permission=(Verb.CHANGE, ObjectKind.REGISTRY),
    )
    def delete(self, registry: str) -> RegistryModel:
        return RegistryModel.from_domain(registries.remove(self.services, registry, by=self.actor))


class FrozenHandler(DataOpsHandler):
    @operation(
        "The packages of a kernel of this machine, as an image would be built from them",
        action="read",
        resource=IMAGES,
        answers={200: FrozenModel},
        lane="slow",
    )
    def get(self, kernel: str) -> FrozenModel:
        return FrozenModel.from_domain(images.frozen_requirements(self.services, kernel))
