"""Jobs and their versions, and the inspection of notebooks."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ..api_models import (
    ContentsPath,
    IncludedFileModel,
    IncludeFileRequest,
    InspectionModel,
    InspectRequest,
    JobChanges,
    JobModel,
    MovedModel,
    MoveRequest,
    PageModel,
    RelinkRequest,
    StepMatrixModel,
    VersionModel,
)
from ..domain.policy import ObjectKind, Verb
from ..services import jobs, moves, step_matrix
from .base import Cursor, DataOpsHandler, operation
from .runs import local_path, real_root, require_inside, server_root

JOBS = "dataops:jobs"
# The name that Jupyter uses for the files of the workspace.
CONTENTS = "contents"


class JobsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(default=None, max_length=200)
    path: ContentsPath | None = None
    """The path of a notebook or a folder. The answer has only its jobs, or those below the folder, all on one page."""
    limit: int = Field(default=50, ge=1, le=500)
    cursor: Cursor | None = None


class InspectHandler(DataOpsHandler):
    @operation(
        "Look at a notebook: its parameters, and what a run would take along; stores nothing",
        action="read",
        resource=JOBS,
        answers={200: InspectionModel},
        body=InspectRequest,
        lane="submit",
    )
    def post(self, body: InspectRequest) -> InspectionModel:
        path = local_path(self, body.path)
        return InspectionModel.from_domain(
            jobs.inspect(
                self.services,
                path,
                root=None,
                by=self.actor,
                kernel=body.kernel,
                environment=body.environment,
                image=body.image,
                pinned=body.pinned,
            )
        )


class IncludedFilesHandler(DataOpsHandler):
    @operation(
        "Have a file travel with a notebook from now on, by a line of the `.dataopsignore` beside it; safe to repeat",
        action="write",
        resource=CONTENTS,
        answers={200: IncludedFileModel},
        body=IncludeFileRequest,
        lane="submit",
    )
    def post(self, body: IncludeFileRequest) -> IncludedFileModel:
        path = local_path(self, body.path)
        require_inside(str(Path(path).parent / body.file), server_root(self))
        return IncludedFileModel(line=jobs.include_file(self.services, path, body.file, root=None))


class JobsHandler(DataOpsHandler):
    @operation(
        "List jobs, newest first", action="read", resource=JOBS, answers={200: PageModel[JobModel]}, query=JobsQuery
    )
    def get(self, query: JobsQuery) -> PageModel[JobModel]:
        root = real_root(self)
        if query.path is not None:
            found = moves.jobs_at(self.services, local_path(self, query.path))
            return PageModel[JobModel](
                items=[JobModel.from_domain(view, root) for view in jobs.views(self.services, found)], next=None
            )
        page = jobs.page(self.services, limit=query.limit, cursor=query.cursor, text=query.q)
        return PageModel[JobModel](items=[JobModel.from_domain(view, root) for view in page.items], next=page.next)


class JobHandler(DataOpsHandler):
    @operation("One job", action="read", resource=JOBS, answers={200: JobModel})
    def get(self, job_id: str) -> JobModel:
        return JobModel.from_domain(jobs.get(self.services, job_id), real_root(self))

    @operation(
        "Change the name, the limit and the settings of a job; its runs keep theirs",
        action="write",
        resource=JOBS,
        answers={200: JobModel},
        body=JobChanges,
    )
    def patch(self, job_id: str, body: JobChanges) -> JobModel:
        changes = body.model_dump(exclude={"revision"}, exclude_unset=True)
        changed = jobs.change(self.services, job_id, changes, revision=body.revision, by=self.actor)
        return JobModel.from_domain(changed, real_root(self))


class MovesHandler(DataOpsHandler):
    @operation(
        "Have jobs follow their notebooks, which were renamed or moved, or a folder above them; safe to repeat",
        action="write",
        resource=JOBS,
        answers={200: MovedModel},
        body=MoveRequest,
        lane="submit",
        permission=(Verb.CHANGE, ObjectKind.CONTENTS),
    )
    def post(self, body: MoveRequest) -> MovedModel:
        path, to, root = local_path(self, body.path), local_path(self, body.to), real_root(self)
        moved = moves.follow_move(self.services, path, to, by=self.actor)
        return MovedModel(
            jobs=[JobModel.from_domain(view, root) for view in jobs.views(self.services, moved.jobs)],
            parted=[JobModel.from_domain(view, root) for view in jobs.views(self.services, moved.parted)],
        )


class RelinkHandler(DataOpsHandler):
    @operation(
        "Say that a job is that of another notebook, or the same as another job; safe to repeat",
        action="write",
        resource=JOBS,
        answers={200: JobModel},
        body=RelinkRequest,
        lane="submit",
    )
    def post(self, job_id: str, body: RelinkRequest) -> JobModel:
        path = local_path(self, body.path) if body.path is not None else None
        moves.relink(self.services, job_id, other=body.job, path=path, by=self.actor)
        return JobModel.from_domain(jobs.get(self.services, job_id), real_root(self))


class VersionsHandler(DataOpsHandler):
    @operation(
        "The versions of a job, newest first", action="read", resource=JOBS, answers={200: PageModel[VersionModel]}
    )
    def get(self, job_id: str) -> PageModel[VersionModel]:
        found = jobs.versions(self.services, job_id)
        return PageModel[VersionModel](items=[VersionModel.from_domain(version) for version in found])


class StepMatrixQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor | None = None


class StepMatrixHandler(DataOpsHandler):
    @operation(
        "The runs of a pipeline, newest first, with the state of each step in each of them",
        action="read",
        resource=JOBS,
        answers={200: StepMatrixModel},
        query=StepMatrixQuery,
    )
    def get(self, job_id: str, query: StepMatrixQuery) -> StepMatrixModel:
        matrix = step_matrix.step_matrix(self.services, job_id, limit=query.limit, cursor=query.cursor)
        return StepMatrixModel.from_domain(matrix)
