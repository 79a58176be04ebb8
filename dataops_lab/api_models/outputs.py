from __future__ import annotations

from pydantic import Field

from ..domain.outputs import Output
from .base import Model


class OutputDeclaration(Model):
    """A declared output. `path` is where it is published, from the notebook's folder; it may have placeholders.

    `source` is the file that the run leaves, or `notebook`, `report`, `report-without-code`; empty: the same path.
    """

    path: str = Field(max_length=1000)
    source: str = Field(default="", max_length=1000)
    optional: bool = False
    overwrite: bool = False

    @classmethod
    def from_domain(cls, output: Output) -> OutputDeclaration:
        return cls.model_validate(output)

    def to_domain(self) -> Output:
        return Output(self.path, self.source, self.optional, self.overwrite)
