from __future__ import annotations

from ..domain.publications import PublicationState
from ..domain.workspaces import relative_path
from ..services.publications import OutputsView, OutputView
from .base import Instant, Model
from .runs import ReasonModel


class PublishRequest(Model):
    """A request to publish the outputs of a run. `overwrite`: also over files that no run of its job published."""

    overwrite: bool = False


class OutputModel(Model):
    """An output of a run. `path` is the one in the target folder `folder`, and `content_path` the one in the contents
    API of the server, when it lies there.

    `state` is null before the run has succeeded, and for a run that does not publish.
    """

    path: str
    source: str
    optional: bool
    state: PublicationState | None
    reason: ReasonModel | None = None
    folder: str | None = None
    contents_path: str | None = None
    size: int | None = None
    digest: str | None = None
    published_at: Instant | None = None
    can_download: bool = False

    @classmethod
    def from_domain(cls, output: OutputView, root: str | None = None) -> OutputModel:
        found = output.publication
        inside = relative_path(f"{found.folder}/{found.path}", root) if root and found and found.folder else None
        return cls(
            path=output.path,
            source=output.source,
            optional=output.optional,
            state=found.state if found and output.is_planned else None,
            reason=ReasonModel.model_validate(found.reason) if found and found.reason and output.is_planned else None,
            folder=found.folder if found and output.is_planned else None,
            contents_path=inside if found and found.state is PublicationState.PUBLISHED else None,
            size=found.size if found else None,
            digest=found.digest if found else None,
            published_at=found.published_at if found else None,
            can_download=found is not None,
        )


class OutputsModel(Model):
    """The outputs of a run, sorted by path."""

    publish: bool
    """Whether the run publishes them."""
    may_publish: bool
    """Whether somebody may still ask for it: the run has succeeded, and not all of them are published."""
    items: list[OutputModel]

    @classmethod
    def from_domain(cls, view: OutputsView, root: str | None = None) -> OutputsModel:
        return cls(
            publish=view.run.publish,
            may_publish=view.may_publish,
            items=[OutputModel.from_domain(output, root) for output in view.outputs],
        )
