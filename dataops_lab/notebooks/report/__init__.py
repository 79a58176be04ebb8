"""A notebook as one HTML page for reading, printing and mailing."""

from __future__ import annotations

from .page import report

__all__ = ["report"]
