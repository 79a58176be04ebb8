"""Pipelines as files: reading `NAME.pipeline.yaml`, its expressions, and the text of a new one."""

from __future__ import annotations

from .local import LocalPipelines

__all__ = ["LocalPipelines"]
