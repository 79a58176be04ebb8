from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine
from sqlalchemy.event import listen, remove

from dataops_lab.services import Services

from ..pipeline_lab import run_in_images


@pytest.fixture
def statements() -> Callable[[Callable[[], object]], int]:
    """A function that returns the number of statements that a call sends to the database."""

    @contextmanager
    def listening(seen: list[object]) -> Iterator[None]:
        def record_statement(*args: object) -> None:
            seen.append(args[2])

        listen(Engine, "before_cursor_execute", record_statement)
        try:
            yield
        finally:
            remove(Engine, "before_cursor_execute", record_statement)

    def counted(call: Callable[[], object]) -> int:
        executed: list[object] = []
        with listening(executed):
            call()
        return len(executed)

    return counted


@pytest.fixture
def in_images(ctx: Services) -> None:
    """A sandbox that runs in containers, with the images `lean` and `full`."""
    run_in_images(ctx)
