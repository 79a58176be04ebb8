from __future__ import annotations

from .chaos import Chaos

SECONDS = 30


def test_after_half_a_minute_of_kills_at_random_the_books_balance(tmp_path):
    """`make chaos MINUTES=…` goes on for longer."""
    chaos = Chaos(tmp_path, seed=2)
    services = chaos.go(SECONDS)
    print(chaos.table(services))
    assert list(chaos.faults(services)) == []
    assert chaos.submitted
    assert chaos.done.keys() == chaos.tricks.keys()
