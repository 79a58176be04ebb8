"""The kernelspecs of the offered kernels, as files in a folder that Jupyter's spec manager reads."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..domain.actors import Actor
from ..errors import DataOpsError
from ..services import Services
from ..services.authoring import OfferedKernel, offered_kernels

log = logging.getLogger("dataops_lab.kernels")

PROVISIONER = "dataops-docker"
POLL_INTERVAL_S = 2.0


class KernelspecSync:
    """A thread that keeps the folder up to date while the catalogue and the environments change."""

    def __init__(self, services: Callable[[], Services], folder: Path, *, home: Path, by: Actor) -> None:
        self._services, self._folder, self._home, self._by = services, folder, home, by
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dataops-kernelspecs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        seen: int | None = None
        while True:
            try:
                services = self._services()
                changes = services.store.change_counter()
                if changes != seen:
                    write_specs(services, self._folder, home=self._home, by=self._by)
                    seen = changes
            except (DataOpsError, OSError) as error:
                log.warning("The kernels of images are not up to date: %s", error)
            if self._stopping.wait(POLL_INTERVAL_S):
                return


def write_specs(ctx: Services, folder: Path, *, home: Path, by: Actor) -> bool:
    """Make `folder` hold the kernels that are offered to `by` now, and nothing else. Tell whether anything changed."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {offered.name: json.dumps(kernel_spec(offered, home), indent=1) for offered in offered_kernels(ctx, by=by)}
    changed = False
    for entry in folder.iterdir():
        if entry.name not in wanted:
            shutil.rmtree(entry, ignore_errors=True)
            changed = True
    for name, content in wanted.items():
        path = folder / name / "kernel.json"
        if not path.exists() or path.read_text() != content:
            path.parent.mkdir(exist_ok=True)
            temporary = path.with_suffix(".new")
            temporary.write_text(content)
            temporary.replace(path)
            changed = True
    return changed


def kernel_spec(offered: OfferedKernel, home: Path) -> dict[str, Any]:
    return {
        "argv": list(offered.kernel.argv),
        "display_name": offered.display_name,
        "language": offered.kernel.language,
        "interrupt_mode": offered.kernel.interrupt_mode,
        "env": offered.kernel.env,
        "metadata": {
            "kernel_provisioner": {
                "provisioner_name": PROVISIONER,
                "config": {
                    "home": str(home),
                    "environment": offered.environment.name,
                    "image": offered.image.name,
                    "kernel": offered.kernel.name,
                },
            },
            "dataops": {
                "environment": offered.environment.name,
                "image": offered.image.name,
                "digest": offered.image.digest,
                "kernel": offered.kernel.name,
            },
        },
    }
