"""`jupyter dataops …`: one file per command group, thin over the client.

Modules here import click and nothing heavier at their top: a short command must be short.
"""

from .program import main

__all__ = ["main"]
