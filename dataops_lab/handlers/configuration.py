"""The configuration of the installation as a file."""

from __future__ import annotations

from ..api_models import ConfigurationPlan, ConfigurationRequest
from ..configuration import dump, load
from ..services import configuration
from .base import BytesReply, DataOpsHandler, operation

CONFIGURATION = "dataops:configuration"
YAML = "application/yaml"


class ConfigurationHandler(DataOpsHandler):
    @operation(
        "Environments, variables, names of secrets and images as a `dataops.yaml`",
        action="read",
        resource=CONFIGURATION,
        answers={200: YAML},
    )
    def get(self) -> BytesReply:
        return BytesReply(dump(configuration.export(self.services)).encode(), YAML, "dataops.yaml")

    @operation(
        "Make the installation what the file says, all of it or nothing; with `dry_run` only tell what would change",
        action="write",
        resource=CONFIGURATION,
        answers={200: ConfigurationPlan},
        body=ConfigurationRequest,
    )
    def post(self, body: ConfigurationRequest) -> ConfigurationPlan:
        # Read the file before the work: somebody can write one on purpose that takes long to read.
        wanted = load(body.text)
        if body.dry_run:
            return ConfigurationPlan.from_domain(configuration.plan(self.services, wanted, by=self.actor))
        return ConfigurationPlan.from_domain(
            configuration.apply(self.services, wanted, state=body.state, by=self.actor)
        )
