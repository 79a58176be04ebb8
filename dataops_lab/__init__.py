"""Take a notebook to production without leaving JupyterLab.

`record` and `mail` are what notebooks use; the two functions below are what Jupyter looks for. Everything is
imported on first use: a kernel that only wants `record` must not pay for a server, and the runner
imports this package in environments that have none of our dependencies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runner.record import mail as mail
    from .runner.record import record as record

__all__ = ["mail", "record"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from .runner import record

        return getattr(record, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("dataops-lab")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "dataops-lab"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import DataOpsApp

    return [{"module": "dataops_lab", "app": DataOpsApp}]
