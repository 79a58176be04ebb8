"""The port `Pipelines`, in this very process."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.expressions import CheckedExpression, Context, Scope
from ..domain.parameters import Json
from ..ports.pipelines import ElyraFiles, Imported, ImportSetting, Reading, StepFile, Suggestion


class LocalPipelines:
    """Pipelines as YAML, with expressions in CEL. Each method imports what it needs at its first call."""

    def read(self, data: bytes) -> Reading:
        from . import reading

        return reading.read(data)

    def check(self, expression: str, scope: Scope) -> CheckedExpression:
        from . import expressions

        return expressions.check(expression, scope)

    def takes_long(self, expression: str) -> bool:
        from . import expressions

        return expressions.takes_long(expression)

    def evaluate(self, expression: str, context: Context) -> Json:
        from . import expressions

        return expressions.evaluate(expression, context)

    def suggest(self, files: Sequence[StepFile]) -> Suggestion:
        from . import suggesting

        return suggesting.suggest(files)

    def list_elyra_files(self, data: bytes) -> ElyraFiles:
        from .elyra import flow

        return flow.list_files(flow.read(data))

    def import_elyra(self, data: bytes, setting: ImportSetting) -> Imported:
        from .elyra import flow, writing

        return writing.write(flow.read(data), setting)
