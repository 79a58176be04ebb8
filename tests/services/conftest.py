from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine
from sqlalchemy.event import listen, remove


@pytest.fixture
def statements() -> Callable[[Callable[[], object]], int]:
    """A function that returns the number of statements that a call sends to the database."""

    @contextmanager
    def listening(seen: list[object]) -> Iterator[None]:
        def note(*args: object) -> None:
            seen.append(args[2])

        listen(Engine, "before_cursor_execute", note)
        try:
            yield
        finally:
            remove(Engine, "before_cursor_execute", note)

    def counted(call: Callable[[], object]) -> int:
        seen: list[object] = []
        with listening(seen):
            call()
        return len(seen)

    return counted
