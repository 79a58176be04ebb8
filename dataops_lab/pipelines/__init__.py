"""Pipelines as files: reading `NAME.pipeline.yaml`, its expressions, and the text of a new one."""
