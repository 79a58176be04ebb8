"""Projects and their limits."""

from __future__ import annotations

from ..api_models import ProjectChanges, ProjectModel
from ..services import projects
from .base import DataOpsHandler, operation

PROJECTS = "dataops:projects"


class ProjectHandler(DataOpsHandler):
    @operation("One project", action="read", resource=PROJECTS, answers={200: ProjectModel})
    def get(self, project: str) -> ProjectModel:
        return ProjectModel.model_validate(projects.get(self.services, project))

    @operation(
        "Change the limit of a project",
        action="write",
        resource=PROJECTS,
        answers={200: ProjectModel},
        body=ProjectChanges,
    )
    def patch(self, project: str, body: ProjectChanges) -> ProjectModel:
        if "concurrency" not in body.model_fields_set:
            return ProjectModel.model_validate(projects.get(self.services, project))
        return ProjectModel.model_validate(projects.limit(self.services, project, body.concurrency, by=self.actor))
