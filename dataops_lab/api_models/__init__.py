"""The models of the REST API, of the typed client and of `--json`.

Instants are RFC 3339 in UTC, durations are seconds, sizes are bytes.
"""

# ruff: noqa: F403

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .approvals import *
    from .audit import *
    from .base import *
    from .comparisons import *
    from .configuration import *
    from .environments import *
    from .image_trials import *
    from .images import *
    from .installation import *
    from .jobs import *
    from .notebooks import *
    from .outputs import *
    from .pipelines import *
    from .placement import *
    from .publications import *
    from .reproductions import *
    from .retention import *
    from .runs import *
    from .schedule_imports import *
    from .schedules import *
    from .secrets import *
    from .settings import *
    from .step_matrix import *
    from .subscriptions import *
    from .variables import *

# Import a model on its first use: a short command imports only the models that it uses.
_NAMES = {
    "approvals": ("OpenApprovalModel", "StepBeforeModel"),
    "audit": ("AuditEntryModel", "AuditFindingModel", "AuditVerificationModel", "AuditVerifyRequest"),
    "base": ("ActorModel", "ContentsPath", "Day", "Instant", "Model", "PageModel", "Problem"),
    "comparisons": ("ComparedRunModel", "ComparisonModel", "DifferenceModel"),
    "configuration": ("ConfigurationChange", "ConfigurationPlan", "ConfigurationRequest"),
    "environments": (
        "DockerModel",
        "EnvironmentChange",
        "EnvironmentModel",
        "EnvironmentRequest",
        "EnvironmentSettings",
        "LimitsModel",
        "MountModel",
        "ResourcesModel",
    ),
    "image_trials": ("ImageTrialModel", "TrialRequest", "TrialResultModel", "TrialRunModel", "ValueChangeModel"),
    "images": (
        "AddImageRequest",
        "BuildImageRequest",
        "ChangeImageRequest",
        "DeprecationModel",
        "EarlierPinModel",
        "FrozenModel",
        "ImageCheckModel",
        "ImageJobModel",
        "ImageModel",
        "ImageProbeModel",
        "ImageTaskError",
        "ImageTaskModel",
        "ImageUsersModel",
        "LoginRequest",
        "RegistryModel",
    ),
    "outputs": ("OutputDeclaration",),
    "publications": ("OutputModel", "OutputsModel", "PublishRequest"),
    "installation": ("EngineStatus", "Status"),
    "jobs": (
        "JobChanges",
        "JobModel",
        "MoveRequest",
        "MovedModel",
        "PlaceChange",
        "ProjectChanges",
        "ProjectModel",
        "RelinkRequest",
        "VersionModel",
        "WorkspaceReference",
    ),
    "notebooks": (
        "FindingModel",
        "InspectionModel",
        "InspectRequest",
        "KernelModel",
        "OriginModel",
        "ParameterModel",
        "IncludeFileRequest",
        "IncludedFileModel",
        "TravellingFileModel",
        "AuthoredInModel",
    ),
    "pipelines": (
        "ApprovalModel",
        "DecisionRequest",
        "GuessModel",
        "ImportNoteModel",
        "ImportRequest",
        "ImportedModel",
        "ItemCountsModel",
        "ItemModel",
        "ItemTableModel",
        "PipelineProblemModel",
        "RepairPreviewModel",
        "RepairRequest",
        "StepFilesModel",
        "StepModel",
        "StepRepairModel",
        "StepReuseModel",
        "SuggestRequest",
        "SuggestionModel",
        "ValidateRequest",
        "ValidationModel",
    ),
    "placement": ("ImageOption", "PlacementModel"),
    "reproductions": (
        "MissingInputModel",
        "ReproduceRequest",
        "ReproductionKernelModel",
        "ReproductionKernelRequest",
        "ReproductionModel",
    ),
    "retention": (
        "DueRunModel",
        "PreviewModel",
        "PreviewRequest",
        "RemovedModel",
        "RetentionModel",
        "RetentionRuleModel",
    ),
    "runs": (
        "ArtifactModel",
        "AttemptModel",
        "BatchModel",
        "BatchRequest",
        "Digests",
        "InputModel",
        "InputsModel",
        "JobReference",
        "JournalPage",
        "ParentModel",
        "ProgressModel",
        "ReasonModel",
        "RerunRequest",
        "RunBase",
        "RunImageModel",
        "RunModel",
        "RunSummaryModel",
        "SubmitRequest",
        "TriggerModel",
        "VerificationModel",
        "VersionReference",
    ),
    "schedule_imports": (
        "PlannedScheduleModel",
        "ScheduleImportModel",
        "ScheduleImportNoteModel",
        "ScheduleImportRequest",
    ),
    "schedules": (
        "AfterJobRule",
        "BackfillCellModel",
        "BackfillModel",
        "BackfillRequest",
        "BusinessDayRule",
        "CalendarModel",
        "CalendarRequest",
        "ComingTickModel",
        "CountryDays",
        "CronRule",
        "DayOffModel",
        "DriftModel",
        "DueModel",
        "FileDays",
        "FilesRule",
        "GivenDays",
        "IntervalRule",
        "OccurrenceModel",
        "OnceRule",
        "PauseModel",
        "PauseRequest",
        "PresetModel",
        "ReceiptModel",
        "ReceivedTick",
        "RunNowRequest",
        "ScheduleChange",
        "ScheduleModel",
        "SchedulePreviewModel",
        "SchedulePreviewRequest",
        "ScheduleRequest",
        "ScheduleSettings",
        "SendModel",
        "TickModel",
        "TickSpanModel",
        "WebhookModel",
        "WebhookRule",
        "WebhookSecretModel",
        "WebhookSecretRequest",
    ),
    "secrets": ("SecretModel", "SecretValue", "SetSecretModel"),
    "settings": ("Concurrency", "GivenSettingsModel", "Seconds"),
    "step_matrix": ("MatrixRunModel", "MatrixStepModel", "StepCellModel", "StepMatrixModel"),
    "subscriptions": (
        "AddressRequest",
        "ChoiceModel",
        "CodeRequest",
        "DeliveryTimesModel",
        "HeldModel",
        "PersonModel",
        "QuietHoursModel",
        "RecipientModel",
        "SubscriptionModel",
    ),
    "targets": (
        "DeliveryModel",
        "MailPassword",
        "MailServerModel",
        "SetTargetModel",
        "TargetModel",
        "TargetRequest",
        "TestMailRequest",
    ),
    "variables": ("VariableModel", "VariableValue"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
