from __future__ import annotations

from pathlib import Path, PurePosixPath

from dataops_lab.domain.environments import Resources
from dataops_lab.kernels.container import kernel_container
from dataops_lab.ports import Container


def test_what_starts_in_the_workspace_imports_nothing_from_there() -> None:
    spec = kernel_container(
        Container("image", None, Resources()),
        ["python"],
        {},
        labels={},
        connection=Path("/c"),
        workspace=Path("/w"),
        folder=PurePosixPath("deep"),
    )
    assert spec["WorkingDir"] == "/workspace/deep"
    assert spec["Entrypoint"][1] == "-I"
