from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ..domain.settings import MAX_CONCURRENCY, MAX_PRIORITY, MAX_RETRIES, MAX_TIMEOUT_S
from .base import Model

Seconds = Annotated[float, Field(gt=0, le=MAX_TIMEOUT_S)]
Concurrency = Annotated[int, Field(ge=0, le=MAX_CONCURRENCY)]


class GivenSettingsModel(Model):
    """Settings for the treatment of runs. Null: the setting of the job, else the default.

    Higher priorities come first. `max_retries` is for errors of the notebook, its own memory limit included; with
    `retry_on_timeout` also for its timeout. The timeouts are in seconds. `queue_timeout_s` ends with the first start.
    `start_timeout_s` is for the start of each attempt, `timeout_s` for its running time, and `total_timeout_s` for
    everything.
    """

    priority: int | None = Field(default=None, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    max_retries: int | None = Field(default=None, ge=0, le=MAX_RETRIES)
    retry_on_timeout: bool | None = None
    queue_timeout_s: Seconds | None = None
    start_timeout_s: Seconds | None = None
    timeout_s: Seconds | None = None
    total_timeout_s: Seconds | None = None

    def settings(self) -> dict[str, Any]:
        """Return the settings by the names of the domain's GivenSettings."""
        return self.model_dump(include=set(GivenSettingsModel.model_fields))
