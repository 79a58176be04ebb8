from __future__ import annotations

from .chaos import Chaos

SECONDS = 10


def test_after_kills_at_random_the_books_balance(tmp_path):
    """Check the books after each trick has hit once; `make chaos MINUTES=…` and `make soak` go on for longer."""
    chaos = Chaos(tmp_path, seed=2)
    services = chaos.go(SECONDS)
    print(chaos.table(services))
    assert list(chaos.faults(services)) == []
    assert chaos.submitted
    assert chaos.done.keys() == chaos.tricks.keys()
