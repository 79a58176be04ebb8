"""Notebooks read, checked, packed, filled in and rendered: the port `Notebooks`."""

from __future__ import annotations

from .local import LocalNotebooks

__all__ = ["LocalNotebooks"]
