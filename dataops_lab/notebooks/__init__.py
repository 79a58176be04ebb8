"""The port `Notebooks`: it reads, checks, packs, fills in and renders notebooks."""

from __future__ import annotations

from .local import LocalNotebooks

__all__ = ["LocalNotebooks"]
