"""`client.pipelines`: files of pipelines, and the steps of their runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from ..api_models import (
    DecisionRequest,
    PageModel,
    StepModel,
    SuggestionModel,
    SuggestRequest,
    ValidateRequest,
    ValidationModel,
)
from ..domain.actors import Actor
from ..services import Services, pipeline_files, pipelines

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

    def steps(self, run_id: str) -> list[StepModel]:
        """List the steps of a pipeline run, in the order of its file. Refused for other runs."""
        ...

    def decide(self, run_id: str, step: str, *, approved: bool, comment: str = "") -> StepModel:
        """Approve or reject a step that awaits a decision. Safe to repeat. Conflict when it was decided otherwise."""
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

    def steps(self, run_id: str) -> list[StepModel]:
        return [StepModel.from_domain(view) for view in pipelines.steps(self._ctx, run_id, by=self._user)]

    def decide(self, run_id: str, step: str, *, approved: bool, comment: str = "") -> StepModel:
        view = pipelines.decide(self._ctx, run_id, step, approved=approved, comment=comment, by=self._user)
        return StepModel.from_domain(view)


class HttpPipelines(Pipelines):
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def validate(self, path: str, *, content: str | None = None, environment: str = "sandbox") -> ValidationModel:
        asked = ValidateRequest(path=path, content=content, environment=environment)
        return self._client.request(ValidationModel, "POST", "pipelines/validate", asked)

    def suggest(self, paths: Sequence[str], *, folder: str | None = None) -> SuggestionModel:
        asked = SuggestRequest(paths=list(paths), folder=folder)
        return self._client.request(SuggestionModel, "POST", "pipelines/suggest", asked)

    def steps(self, run_id: str) -> list[StepModel]:
        return self._client.request(PageModel[StepModel], "GET", f"runs/{quote(run_id, safe='')}/steps").items

    def decide(self, run_id: str, step: str, *, approved: bool, comment: str = "") -> StepModel:
        address = f"runs/{quote(run_id, safe='')}/steps/{quote(step, safe='')}/decision"
        return self._client.request(StepModel, "POST", address, DecisionRequest(approved=approved, comment=comment))
