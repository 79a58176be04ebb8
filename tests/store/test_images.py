from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dataops_lab.domain.images import (
    Deprecation,
    Image,
    ImageTask,
    ImageTaskState,
    ImageTrial,
    PinnedImage,
    Probe,
    RunImage,
)
from dataops_lab.domain.leases import ProcessIdentity
from dataops_lab.domain.snapshots import KernelChoice
from dataops_lab.errors import NotFound, UnknownImage
from dataops_lab.testing import person

NOW = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)


def pinned(letter: str) -> PinnedImage:
    return PinnedImage(f"sha256:{letter * 64}", f"data@sha256:{letter * 64}", "linux/amd64", "1000", 123)


PROBE = Probe(
    probed_at=NOW,
    python="3.11.2",
    executable="/usr/bin/python3",
    papermill="2.6.0",
    kernels=(KernelChoice("python3", "python", "Python 3", ("/usr/bin/python3", "-m", "ipykernel")),),
    packages={"pandas": "2.2.0"},
    user="1000:1000",
    problems=("something is missing",),
    tools={"pip": "/usr/bin/pip"},
)
ADA = person("ada")
IMAGE = Image(
    name="data",
    reference="registry.example/data:1",
    pinned=pinned("a"),
    added_at=NOW,
    added_by=person("ada"),
    description="Everyday work",
    tags=("pandas",),
    is_default=True,
    root_allowed=True,
    deprecated=Deprecation(dt.date(2026, 3, 1), "data-2", "use the new one"),
    probe=PROBE,
    host="tcp://10.0.0.1:2376",
)


def test_an_image_is_read_as_it_was_put_and_counts_its_changes(store):
    twice = IMAGE.with_pin("data:2", pinned("b"), PROBE, at=NOW, by=person("bob"))
    with store.begin() as tx:
        assert tx.images.put(IMAGE, at=NOW, by=person("ada")).revision == 1
        assert tx.images.put(twice, at=NOW, by=person("bob")).revision == 2
    with store.read() as tx:
        assert tx.images.get("data") == twice
        assert [pin.pinned for pin in tx.images.get("data").earlier] == [IMAGE.pinned]
        assert list(tx.images.all()) == [twice]


def test_an_unknown_image_names_those_there_are(store):
    with store.begin() as tx:
        tx.images.put(IMAGE, at=NOW, by=person("ada"))
        with pytest.raises(UnknownImage, match="There is: data"):
            tx.images.get("date")
        tx.images.remove("data", at=NOW, by=person("ada"))
        assert tx.images.find("data") is None


def test_a_task_keeps_its_log_in_the_order_in_which_it_was_written(store):
    task = ImageTask("1" * 26, "build", "data", ImageTaskState.RUNNING, NOW, ADA, ProcessIdentity(1, 1.0, "boot"))
    with store.begin() as tx:
        tx.images.add_task(task)
        tx.images.append_log(task.id, "one\n")
        tx.images.append_log(task.id, "two\n")
        tx.images.finish_task(task.id, ImageTaskState.FAILED, at=NOW, error={"code": "build_failed"})
    with store.read() as tx:
        ended = replace(task, state=ImageTaskState.FAILED, finished_at=NOW, error={"code": "build_failed"})
        assert (tx.images.get_task(task.id), tx.images.read_log(task.id)) == (ended, "one\ntwo\n")
        assert list(tx.images.list_tasks(limit=5, image="data")) == [ended]
        with pytest.raises(NotFound):
            tx.images.get_task("nobody")


def test_a_trial_is_read_as_it_was_added(store):
    trial = ImageTrial("1" * 26, RunImage("data", "data:1", "sha256:1"), NOW, ADA, (("a", "b"),), (("c", "no"),))
    with store.begin() as tx:
        tx.images.add_trial(trial)
    with store.read() as tx:
        assert tx.images.get_trial(trial.id) == trial
        assert list(tx.images.list_trials(5)) == [trial]
