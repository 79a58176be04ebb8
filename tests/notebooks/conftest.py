from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.domain.snapshots import Inspection, SnapshotLimits
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.testing import MemoryBlobs

PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}


def code(source: str | list[str], *tags: str, **attributes: Any) -> dict[str, Any]:
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": [],
        "source": source,
        **attributes,
    }


def notebook(
    *cells: dict[str, Any], kernel: dict[str, str] | None = PYTHON, minor: int = 4, **metadata: Any
) -> dict[str, Any]:
    kernelspec = {"kernelspec": kernel} if kernel else {}
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": {**kernelspec, **metadata}, "cells": list(cells)}


def as_bytes(raw: Any) -> bytes:
    return json.dumps(raw).encode()


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def notebooks(blobs: MemoryBlobs) -> LocalNotebooks:
    return LocalNotebooks(blobs)


class Project:
    """A workspace on disk, with one notebook of Python cells."""

    def __init__(self, root: Path, notebooks: LocalNotebooks) -> None:
        self.root = root
        self.notebooks = notebooks
        self.path = root / "analysis" / "sales.ipynb"

    def file(self, path: str, text: str = "x\n") -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def notebook(self, *sources: str, path: str = "analysis/sales.ipynb", **more: Any) -> Path:
        cells = [code(source) for source in sources]
        self.path = self.file(path, json.dumps(notebook(*cells, **more)))
        return self.path

    def inspect(self, **more: Any) -> Inspection:
        options = {"root": str(self.root), "kernel": None, "limits": SnapshotLimits(), **more}
        return self.notebooks.inspect(str(self.path), **options)

    def travels(self, **more: Any) -> list[str]:
        return [file.path for file in self.inspect(**more).files]

    def findings(self, *codes: str, **more: Any) -> list[str]:
        """Return the messages with these codes.

        Without `codes`: all codes but the note that there are no parameters.
        """
        found = [finding for finding in self.inspect(**more).findings if finding.code != "no_parameters_cell"]
        return [f.message for f in found if f.code in codes] if codes else [f.code for f in found]


@pytest.fixture
def project(tmp_path: Path, notebooks: LocalNotebooks) -> Project:
    root = tmp_path / "work"
    root.mkdir()
    return Project(root, notebooks)


@pytest.fixture
def make() -> Callable[..., bytes]:
    """A function that returns the bytes of a notebook with these cells."""

    def made(*cells: dict[str, Any], **more: Any) -> bytes:
        return as_bytes(notebook(*cells, **more))

    return made


@pytest.fixture(name="code")
def code_cell() -> Callable[..., dict[str, Any]]:
    return code


def sources_of(data: bytes) -> Sequence[str]:
    return [cell["source"] for cell in json.loads(data)["cells"]]
