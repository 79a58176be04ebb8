"""Use cases, one function each. The transaction is visible in each; comments say why in this order."""

from .context import Services

__all__ = ["Services"]
