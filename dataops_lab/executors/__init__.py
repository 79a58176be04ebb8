"""Where attempts run. Each executor keeps the contract of `ports.Executor`, see tests/contracts."""

from .backends import LazyBackends, LazyImageBackends
from .process import ProcessExecutor
from .warm import Warm

__all__ = ["LazyBackends", "LazyImageBackends", "ProcessExecutor", "Warm"]
