"""The route table: every address of the API, once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .approvals import ApprovalsHandler
from .audit import AuditHandler, AuditVerifyHandler
from .base import DataOpsHandler
from .configuration import ConfigurationHandler
from .environments import (
    EnvironmentHandler,
    EnvironmentsHandler,
    PlacementsHandler,
    SecretHandler,
    SecretsHandler,
    VariableHandler,
    VariablesHandler,
)
from .events import EventsHandler
from .images import (
    AllowedHandler,
    BuildsHandler,
    CancelImageTaskHandler,
    FrozenHandler,
    ImageCheckHandler,
    ImageHandler,
    ImageProbeHandler,
    ImagesHandler,
    ImageTaskHandler,
    ImageTasksHandler,
    ImageTrialHandler,
    ImageTrialsHandler,
    ImageUsersHandler,
    RegistriesHandler,
    RegistryHandler,
)
from .installation import OpenApiHandler, StatusHandler
from .jobs import (
    IncludedFilesHandler,
    InspectHandler,
    JobHandler,
    JobsHandler,
    MovesHandler,
    RelinkHandler,
    StepMatrixHandler,
    VersionsHandler,
)
from .outputs import OutputHandler, OutputsHandler, PublishHandler
from .pipelines import (
    DecisionHandler,
    ImportHandler,
    ItemsHandler,
    RepairHandler,
    RepairPreviewHandler,
    ReusePreviewHandler,
    SchemaHandler,
    StepsHandler,
    SuggestHandler,
    ValidateHandler,
)
from .projects import ProjectHandler
from .reproductions import ReproduceHandler, ReproductionKernelHandler
from .retention import RetentionApplyHandler, RetentionHandler, RetentionPreviewHandler
from .runs import (
    ArtifactHandler,
    BatchHandler,
    CancelHandler,
    ComparisonHandler,
    HoldHandler,
    InputsHandler,
    JournalHandler,
    LogHandler,
    NotebookHandler,
    RecordHandler,
    ReportHandler,
    RerunHandler,
    RunHandler,
    RunsHandler,
    VerifyHandler,
)
from .schedule_imports import ScheduleImportPreviewHandler, ScheduleImportsHandler
from .schedules import (
    BackfillCancelHandler,
    BackfillHandler,
    BackfillPreviewHandler,
    BackfillsHandler,
    CalendarHandler,
    CalendarsHandler,
    PauseHandler,
    PreviewHandler,
    ResumeHandler,
    RunNowHandler,
    ScheduleHandler,
    SchedulesHandler,
    TakeOverHandler,
    TicksHandler,
    TickSpanHandler,
    UpdateVersionHandler,
    WebhookSecretHandler,
)
from .subscriptions import (
    MeHandler,
    MyAddressHandler,
    MyCodeHandler,
    SubscriptionHandler,
    SubscriptionsHandler,
)
from .targets import (
    DeliveriesHandler,
    MailPasswordHandler,
    MailServerHandler,
    MailTestHandler,
    TargetHandler,
    TargetsHandler,
    TargetTestHandler,
)

PREFIX = "/dataops/api/v1"
_PLACE = re.compile(r"\\{(\w+)\\}")


@dataclass(frozen=True)
class Route:
    """One address. `path` is below PREFIX, as OpenAPI writes it; `{path}` may have slashes, other names may not."""

    path: str
    handler: type[DataOpsHandler]

    @property
    def pattern(self) -> str:
        return _PLACE.sub(lambda place: "(.+)" if place[1] == "path" else "([^/]+)", re.escape(self.path))


ROUTES = (
    Route("/status", StatusHandler),
    Route("/openapi.json", OpenApiHandler),
    Route("/inspect", InspectHandler),
    Route("/included-files", IncludedFilesHandler),
    Route("/events", EventsHandler),
    Route("/configuration", ConfigurationHandler),
    Route("/placements", PlacementsHandler),
    Route("/environments", EnvironmentsHandler),
    Route("/environments/{environment}", EnvironmentHandler),
    Route("/environments/{environment}/variables", VariablesHandler),
    Route("/environments/{environment}/variables/{variable}", VariableHandler),
    Route("/environments/{environment}/secrets", SecretsHandler),
    Route("/environments/{environment}/secrets/{secret}", SecretHandler),
    Route("/jobs", JobsHandler),
    Route("/jobs/moves", MovesHandler),
    Route("/jobs/{job_id}", JobHandler),
    Route("/jobs/{job_id}/relink", RelinkHandler),
    Route("/jobs/{job_id}/versions", VersionsHandler),
    Route("/jobs/{job_id}/step-matrix", StepMatrixHandler),
    Route("/projects/{project}", ProjectHandler),
    Route("/pipelines/schema.json", SchemaHandler),
    Route("/pipelines/validate", ValidateHandler),
    Route("/pipelines/suggest", SuggestHandler),
    Route("/pipelines/reuse-preview", ReusePreviewHandler),
    Route("/pipelines/import", ImportHandler),
    Route("/runs", RunsHandler),
    Route("/runs/batch", BatchHandler),
    Route("/runs/{run_id}", RunHandler),
    Route("/runs/{run_id}/hold", HoldHandler),
    Route("/runs/{run_id}/verify", VerifyHandler),
    Route("/runs/{run_id}/cancel", CancelHandler),
    Route("/runs/{run_id}/rerun", RerunHandler),
    Route("/runs/{run_id}/repair", RepairHandler),
    Route("/runs/{run_id}/repair/preview", RepairPreviewHandler),
    Route("/runs/{run_id}/reproduce", ReproduceHandler),
    Route("/runs/{run_id}/reproduce/kernel", ReproductionKernelHandler),
    Route("/runs/{run_id}/steps", StepsHandler),
    Route("/runs/{run_id}/items", ItemsHandler),
    Route("/runs/{run_id}/steps/{step}/decision", DecisionHandler),
    Route("/runs/{run_id}/inputs", InputsHandler),
    Route("/runs/{run_id}/comparison", ComparisonHandler),
    Route("/runs/{run_id}/notebook", NotebookHandler),
    Route("/runs/{run_id}/journal", JournalHandler),
    Route("/runs/{run_id}/log", LogHandler),
    Route("/runs/{run_id}/report", ReportHandler),
    Route("/runs/{run_id}/artifacts/{path}", ArtifactHandler),
    Route("/runs/{run_id}/outputs", OutputsHandler),
    Route("/runs/{run_id}/outputs/{path}", OutputHandler),
    Route("/runs/{run_id}/publish", PublishHandler),
    Route("/runs/{run_id}/record", RecordHandler),
    Route("/approvals", ApprovalsHandler),
    Route("/schedule-imports", ScheduleImportsHandler),
    Route("/schedule-imports/preview", ScheduleImportPreviewHandler),
    Route("/schedules", SchedulesHandler),
    Route("/schedules/preview", PreviewHandler),
    Route("/schedules/{schedule}", ScheduleHandler),
    Route("/schedules/{schedule}/pause", PauseHandler),
    Route("/schedules/{schedule}/resume", ResumeHandler),
    Route("/schedules/{schedule}/take-over", TakeOverHandler),
    Route("/schedules/{schedule}/update-version", UpdateVersionHandler),
    Route("/schedules/{schedule}/webhook-secret", WebhookSecretHandler),
    Route("/schedules/{schedule}/run-now", RunNowHandler),
    Route("/schedules/{schedule}/backfill", BackfillHandler),
    Route("/schedules/{schedule}/backfills", BackfillsHandler),
    Route("/schedules/{schedule}/backfill/preview", BackfillPreviewHandler),
    Route("/schedules/{schedule}/backfill/cancel", BackfillCancelHandler),
    Route("/ticks", TicksHandler),
    Route("/ticks/span", TickSpanHandler),
    Route("/subscriptions", SubscriptionsHandler),
    Route("/subscriptions/{object_kind}/{object_id}", SubscriptionHandler),
    Route("/me", MeHandler),
    Route("/me/address", MyAddressHandler),
    Route("/me/address/confirm", MyCodeHandler),
    Route("/calendars", CalendarsHandler),
    Route("/calendars/{calendar}", CalendarHandler),
    Route("/targets", TargetsHandler),
    Route("/targets/{target}", TargetHandler),
    Route("/targets/{target}/test", TargetTestHandler),
    Route("/deliveries", DeliveriesHandler),
    Route("/mail-server", MailServerHandler),
    Route("/mail-server/password", MailPasswordHandler),
    Route("/mail-server/test", MailTestHandler),
    Route("/audit", AuditHandler),
    Route("/audit/verify", AuditVerifyHandler),
    Route("/retention", RetentionHandler),
    Route("/retention/preview", RetentionPreviewHandler),
    Route("/retention/apply", RetentionApplyHandler),
    Route("/images", ImagesHandler),
    Route("/images/{name}", ImageHandler),
    Route("/images/{name}/probe", ImageProbeHandler),
    Route("/images/{name}/check", ImageCheckHandler),
    Route("/images/{name}/users", ImageUsersHandler),
    Route("/images/{name}/environments/{environment}", AllowedHandler),
    Route("/image-builds", BuildsHandler),
    Route("/image-tasks", ImageTasksHandler),
    Route("/image-tasks/{task_id}", ImageTaskHandler),
    Route("/image-tasks/{task_id}/cancel", CancelImageTaskHandler),
    Route("/image-trials", ImageTrialsHandler),
    Route("/image-trials/{trial_id}", ImageTrialHandler),
    Route("/registries", RegistriesHandler),
    Route("/registries/{registry}", RegistryHandler),
    Route("/kernels/{kernel}/packages", FrozenHandler),
)
