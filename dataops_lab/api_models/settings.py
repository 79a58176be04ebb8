from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ..domain.settings import MAX_CONCURRENCY, MAX_PRIORITY, MAX_RETRIES, MAX_TIMEOUT_S
from .base import Model

Seconds = Annotated[float, Field(gt=0, le=MAX_TIMEOUT_S)]
Concurrency = Annotated[int, Field(ge=0, le=MAX_CONCURRENCY)]


class GivenSettingsModel(Model):
    """How runs are treated. Null: as the job says, else the default.

    Higher priorities come first. `max_retries` counts errors of the notebook, its own memory limit included,
    and its timeout too with `retry_on_timeout`. The clocks, in seconds: `queue_timeout_s` until the first start,
    `start_timeout_s` and `timeout_s` of each attempt, to start and to run, `total_timeout_s` all in all.
    """

    priority: int | None = Field(default=None, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    max_retries: int | None = Field(default=None, ge=0, le=MAX_RETRIES)
    retry_on_timeout: bool | None = None
    queue_timeout_s: Seconds | None = None
    start_timeout_s: Seconds | None = None
    timeout_s: Seconds | None = None
    total_timeout_s: Seconds | None = None

    def settings(self) -> dict[str, Any]:
        """By the names of the domain's GivenSettings."""
        return self.model_dump(include=set(GivenSettingsModel.model_fields))
