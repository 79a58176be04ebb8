"""A typed client: the same calls to a running Jupyter server, and to a state folder of this machine.

    from dataops_lab.client import HttpClient

    with HttpClient("http://127.0.0.1:8888", token=token) as client:
        run = client.submit("reports/monthly_sales.ipynb", parameters={"region": "South"}, key="south-2026-09")
        for update in client.follow(run.id):
            print(update.run.phase, update.run.progress.done)
        print(client.run(run.id).values)

Both raise refusals and failures as the exceptions of `dataops_lab.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import Client as Client
    from .base import Update as Update
    from .http import HttpClient as HttpClient
    from .local import LocalClient as LocalClient

__all__ = ["Client", "HttpClient", "LocalClient", "Update"]

_HOMES = {"Client": "base", "Update": "base", "HttpClient": "http", "LocalClient": "local"}


def __getattr__(name: str) -> Any:
    # Import a class on its first use: the command line imports only the client that it uses.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
