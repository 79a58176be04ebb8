"""Use cases, one function each. The transaction is visible in each; comments give the reasons for the order."""

from .context import Services

__all__ = ["Services"]
