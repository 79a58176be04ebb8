"""The state of the whole installation, and the document that describes this API."""

from __future__ import annotations

import os
from pathlib import Path

from ..api_models import Status
from ..services.installation import is_culled, overview
from ..services.permissions import may_administer
from .base import BytesReply, DataOpsHandler, operation

INSTALLATION = "dataops:installation"
DOCUMENT = Path(__file__).with_name("openapi.json")
"""The document. `python -m dataops_lab.handlers.openapi` writes it."""


class StatusHandler(DataOpsHandler):
    @operation(
        "The engine that leads, and the numbers of runs that wait and run",
        action="read",
        resource=INSTALLATION,
        answers={200: Status},
    )
    def get(self) -> Status:
        return Status.from_domain(
            overview(self.services),
            user=self.actor,
            home=str(self.services.home),
            may_administer=may_administer(self.services, self.actor),
            culled=is_culled(os.environ),
        )


class OpenApiHandler(DataOpsHandler):
    @operation("This document", action="read", resource=INSTALLATION, answers={200: "application/json"})
    def get(self) -> BytesReply:
        return BytesReply(DOCUMENT.read_bytes(), "application/json", DOCUMENT.name, inline=True)
