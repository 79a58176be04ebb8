"""The ports: interfaces, in words of the domain, through which services and the engine reach the outside.

Implementations: `store/`, `blobs/`, `executors/`, `notebooks/`,
`pipelines/`; fakes for fast tests in `testing.py`.
Every implementation of a port passes the same contract tests (`tests/contracts/`).
"""

from __future__ import annotations

from .attempt_files import AttemptFiles
from .blobs import Blobs
from .executors import AttemptStatus, Backends, Bundle, BundleFile, Container, Executor, Observation
from .holidays import Holidays
from .images import ImageBackend, ImageBackends, ProgressCallback
from .machine import Clock, Host
from .notebooks import Notebooks
from .notifications import Deliveries, DeliveryFilter, Outbox, Sender, Targets
from .old_schedules import OldSchedules
from .output_folders import OutputFolder, OutputFolders
from .pages import Page
from .pipelines import Pipelines
from .schedules import Calendars, Schedules, SeenFiles, TickFilter, Ticks
from .store import (
    Attempts,
    Audit,
    AuditFilter,
    ChangeSignal,
    EarlierEnd,
    Environments,
    Events,
    Images,
    ItemRun,
    Jobs,
    Leases,
    Part,
    PartCounts,
    PipelineProgress,
    PipelineRuns,
    Projects,
    Publications,
    Queue,
    Records,
    Retention,
    RunFilter,
    Runs,
    Secrets,
    StepCell,
    Store,
    Transaction,
    Variables,
    Versions,
    Workspaces,
)
from .subscriptions import HeldMessages, People, Subscriptions
from .vault import Vault

__all__ = [
    "AttemptFiles",
    "AttemptStatus",
    "Attempts",
    "Audit",
    "AuditFilter",
    "Backends",
    "Blobs",
    "Bundle",
    "BundleFile",
    "Calendars",
    "ChangeSignal",
    "Clock",
    "Container",
    "Deliveries",
    "DeliveryFilter",
    "EarlierEnd",
    "Environments",
    "Events",
    "Executor",
    "HeldMessages",
    "Holidays",
    "Host",
    "ImageBackend",
    "ImageBackends",
    "Images",
    "ItemRun",
    "Jobs",
    "Leases",
    "Notebooks",
    "Observation",
    "OldSchedules",
    "Outbox",
    "OutputFolder",
    "OutputFolders",
    "Page",
    "Part",
    "PartCounts",
    "People",
    "PipelineProgress",
    "PipelineRuns",
    "Pipelines",
    "ProgressCallback",
    "Projects",
    "Publications",
    "Queue",
    "Records",
    "Retention",
    "RunFilter",
    "Runs",
    "Schedules",
    "Secrets",
    "SeenFiles",
    "Sender",
    "StepCell",
    "Store",
    "Subscriptions",
    "Targets",
    "TickFilter",
    "Ticks",
    "Transaction",
    "Variables",
    "Vault",
    "Versions",
    "Workspaces",
]
