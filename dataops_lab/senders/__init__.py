"""The ways by which messages leave: mail, Slack, Teams, and signed JSON. Every call out goes through the guard."""

from __future__ import annotations

from .guard import Guard
from .senders import LazySenders

__all__ = ["Guard", "LazySenders"]
