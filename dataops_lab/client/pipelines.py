"""`client.pipelines`: files of pipelines, and the steps of their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from ..api_models import (
    DecisionRequest,
    ImportedModel,
    ImportRequest,
    ItemTableModel,
    OpenApprovalModel,
    PageModel,
    RepairPreviewModel,
    RepairRequest,
    RunModel,
    StepMatrixModel,
    StepModel,
    StepReuseModel,
    SubmitRequest,
    SuggestionModel,
    SuggestRequest,
    ValidateRequest,
    ValidationModel,
)
from ..domain.actors import Actor
from ..domain.repairs import WHAT_FAILED, RepairWish
from ..domain.runs import Submission
from ..services import (
    Services,
    approvals,
    item_tables,
    pipeline_files,
    pipeline_imports,
    pipelines,
    repairs,
    reuse,
    step_matrix,
)

if TYPE_CHECKING:
    from .http import HttpClient


class Pipelines(Protocol):
    """The calls for pipelines. `client.submit` runs one, by the path of its file."""

    def validate(self, path: str, *, content: str | None = None, environment: str = "sandbox") -> ValidationModel:
        """Find everything that is wrong with a pipeline's file, or with `content` in its place. It stores nothing."""
        ...

    def suggest(self, paths: Sequence[str], *, folder: str | None = None) -> SuggestionModel:
        """Write the text of a pipeline of these notebooks and scripts, for a file in `folder`. It stores nothing.

        Without a folder it is for the deepest one that holds all of them.
        """
        ...

    def import_elyra(self, path: str, *, folder: str | None = None, environment: str = "sandbox") -> ImportedModel:
        """Write the text of a pipeline that does what Elyra's `.pipeline` file at `path` does. It stores nothing.

        Without a folder it is for a file beside it.
        """
        ...

    def steps(self, run_id: str) -> list[StepModel]:
        """List the steps of a pipeline run, in the order of its file. Refused for other runs."""
        ...

    def items(self, run_id: str, step: str | None = None) -> ItemTableModel:
        """Return the items of the fan-out `step` with what each was given and recorded; of a sweep without a step."""
        ...

    def decide(self, run_id: str, step: str, *, approved: bool, comment: str = "") -> StepModel:
        """Approve or reject a step that awaits a decision. Safe to repeat. Conflict when it was decided otherwise."""
        ...

    def approvals(self) -> list[OpenApprovalModel]:
        """List the approvals on which this person may decide, and those of their own runs. The oldest come first."""
        ...

    def step_matrix(self, job_id: str, *, limit: int = 50, cursor: str | None = None) -> StepMatrixModel:
        """Return a page of the runs of a pipeline, newest first, with the state of each step in each of them."""
        ...

    def preview_reuse(
        self,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        texts: Sequence[tuple[str, str]] = (),
        environment: str = "sandbox",
        image: str | None = None,
    ) -> list[StepReuseModel]:
        """Tell what a `submit` with `reuse` would do with each step of a pipeline, and why. It starts nothing."""
        ...

    def preview_repair(self, run_id: str, wish: RepairWish = WHAT_FAILED) -> RepairPreviewModel:
        """Tell what `repair` would do with each step, and why. It starts nothing, and refuses what `repair` refuses."""
        ...

    def repair(self, run_id: str, wish: RepairWish = WHAT_FAILED, *, key: str | None = None) -> RunModel:
        """Repair a pipeline run that has ended, as a new run. Conflict while it has not ended."""
        ...


class LocalPipelines(Pipelines):
    def __init__(self, services: Services, *, user: Actor, root: str | None) -> None:
        self._ctx, self._user, self._root = services, user, root

    def validate(self, path: str, *, content: str | None = None, environment: str = "sandbox") -> ValidationModel:
        found = pipeline_files.validate(
            self._ctx, path, root=self._root, by=self._user, content=content, environment=environment
        )
        return ValidationModel.from_domain(found)

    def suggest(self, paths: Sequence[str], *, folder: str | None = None) -> SuggestionModel:
        new = pipeline_files.suggest(self._ctx, paths, root=self._root, folder=folder)
        return SuggestionModel.from_domain(new, new.folder)

    def import_elyra(self, path: str, *, folder: str | None = None, environment: str = "sandbox") -> ImportedModel:
        imported = pipeline_imports.import_elyra(
            self._ctx, path, root=self._root, by=self._user, folder=folder, environment=environment
        )
        return ImportedModel.from_domain(imported, imported.folder)

    def steps(self, run_id: str) -> list[StepModel]:
        return [StepModel.from_domain(view) for view in pipelines.steps(self._ctx, run_id, by=self._user)]

    def items(self, run_id: str, step: str | None = None) -> ItemTableModel:
        return ItemTableModel.from_domain(item_tables.table(self._ctx, run_id, step))

    def decide(self, run_id: str, step: str, *, approved: bool, comment: str = "") -> StepModel:
        view = pipelines.decide(self._ctx, run_id, step, approved=approved, comment=comment, by=self._user)
        return StepModel.from_domain(view)

    def approvals(self) -> list[OpenApprovalModel]:
        return [OpenApprovalModel.from_domain(each) for each in approvals.waiting(self._ctx, by=self._user)]

    def step_matrix(self, job_id: str, *, limit: int = 50, cursor: str | None = None) -> StepMatrixModel:
        return StepMatrixModel.from_domain(step_matrix.step_matrix(self._ctx, job_id, limit=limit, cursor=cursor))

    def preview_reuse(
        self,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        texts: Sequence[tuple[str, str]] = (),
        environment: str = "sandbox",
        image: str | None = None,
    ) -> list[StepReuseModel]:
        asked = Submission(
            path,
            root=self._root,
            parameters=dict(parameters or {}),
            texts=tuple(texts),
            environment=environment,
            image=image,
        )
        return [StepReuseModel.from_domain(step) for step in reuse.preview(self._ctx, asked, by=self._user)]

    def preview_repair(self, run_id: str, wish: RepairWish = WHAT_FAILED) -> RepairPreviewModel:
        planned = repairs.preview(self._ctx, run_id, wish, root=self._root, by=self._user)
        return RepairPreviewModel.from_domain(planned, newer=wish.newer)

    def repair(self, run_id: str, wish: RepairWish = WHAT_FAILED, *, key: str | None = None) -> RunModel:
        submitted = repairs.repair(self._ctx, run_id, wish, root=self._root, by=self._user, key=key)
        return RunModel.from_domain(submitted.view)


class HttpPipelines(Pipelines):
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def validate(self, path: str, *, content: str | None = None, environment: str = "sandbox") -> ValidationModel:
        asked = ValidateRequest(path=path, content=content, environment=environment)
        return self._client.request(ValidationModel, "POST", "pipelines/validate", asked)

    def suggest(self, paths: Sequence[str], *, folder: str | None = None) -> SuggestionModel:
        asked = SuggestRequest(paths=list(paths), folder=folder)
        return self._client.request(SuggestionModel, "POST", "pipelines/suggest", asked)

    def import_elyra(self, path: str, *, folder: str | None = None, environment: str = "sandbox") -> ImportedModel:
        asked = ImportRequest(path=path, folder=folder, environment=environment)
        return self._client.request(ImportedModel, "POST", "pipelines/import", asked)

    def steps(self, run_id: str) -> list[StepModel]:
        return self._client.request(PageModel[StepModel], "GET", f"runs/{quote(run_id, safe='')}/steps").items

    def items(self, run_id: str, step: str | None = None) -> ItemTableModel:
        return self._client.request(ItemTableModel, "GET", f"runs/{quote(run_id, safe='')}/items", step=step)

    def decide(self, run_id: str, step: str, *, approved: bool, comment: str = "") -> StepModel:
        address = f"runs/{quote(run_id, safe='')}/steps/{quote(step, safe='')}/decision"
        return self._client.request(StepModel, "POST", address, DecisionRequest(approved=approved, comment=comment))

    def approvals(self) -> list[OpenApprovalModel]:
        return self._client.request(PageModel[OpenApprovalModel], "GET", "approvals").items

    def step_matrix(self, job_id: str, *, limit: int = 50, cursor: str | None = None) -> StepMatrixModel:
        address = f"jobs/{quote(job_id, safe='')}/step-matrix"
        return self._client.request(StepMatrixModel, "GET", address, limit=limit, cursor=cursor)

    def preview_reuse(
        self,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        texts: Sequence[tuple[str, str]] = (),
        environment: str = "sandbox",
        image: str | None = None,
    ) -> list[StepReuseModel]:
        values = dict(parameters or {})
        if texts:
            values |= self._client.parse_texts(path, texts, environment=environment, image=image)
        asked = SubmitRequest(path=path, parameters=values, environment=environment, image=image)
        return self._client.request(PageModel[StepReuseModel], "POST", "pipelines/reuse-preview", asked).items

    def preview_repair(self, run_id: str, wish: RepairWish = WHAT_FAILED) -> RepairPreviewModel:
        address = f"runs/{quote(run_id, safe='')}/repair/preview"
        return self._client.post(RepairPreviewModel, address, _repair_request(wish))

    def repair(self, run_id: str, wish: RepairWish = WHAT_FAILED, *, key: str | None = None) -> RunModel:
        return self._client.post(RunModel, f"runs/{quote(run_id, safe='')}/repair", _repair_request(wish), key=key)


def _repair_request(wish: RepairWish) -> RepairRequest:
    return RepairRequest(
        newer=wish.newer,
        start_from=list(wish.start_from),
        until=wish.until,
        only=wish.only,
        parameters=None if wish.parameters is None else dict(wish.parameters),
    )
