"""Notebooks read, checked, packed, filled in and rendered: the port `Notebooks`."""

from __future__ import annotations

from .local import LocalNotebooks
from .workers import WorkerNotebooks

__all__ = ["LocalNotebooks", "WorkerNotebooks"]
