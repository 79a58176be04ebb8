"""`jupyter dataops …`: one file per command group, thin over the client.

Modules here import nothing heavier than click at their top, so that a short command takes a short time.
"""

from .program import main

__all__ = ["main"]
