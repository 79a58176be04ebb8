from __future__ import annotations

import datetime as dt
from dataclasses import replace

from dataops_lab.domain.notifications import ChannelKind
from dataops_lab.domain.targets import Target
from dataops_lab.testing import person

NOW = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)
ANN = person("ann")


def test_a_target_is_read_as_it_was_written_and_its_changes_are_counted(store):
    target = Target(
        "team", ChannelKind.MAIL, "team@example.org", "Ours", ("production",), ("example.org",), enabled=False
    )
    with store.begin() as tx:
        assert tx.targets.lock("team") is None
        stored = tx.targets.put(target, at=NOW, by=ANN)
        assert (stored, stored.revision, stored.changed_at, stored.changed_by) == (target, 1, NOW, ANN)
        changed = tx.targets.put(replace(target, enabled=True), at=NOW, by=ANN)
        tx.targets.put(replace(target, name="a"), at=NOW, by=ANN)
        assert [(each.name, each.revision) for each in tx.targets.all()] == [("a", 1), ("team", 2)]
        assert tx.targets.find("team") == changed
        tx.targets.remove("team", at=NOW, by=ANN)
        assert tx.targets.find("team") is None
    with store.read() as tx:
        kinds = [event.kind for event in tx.events.list_after(0)]
    assert kinds == ["target.added", "target.changed", "target.added", "target.removed"]
