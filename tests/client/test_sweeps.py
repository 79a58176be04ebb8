"""The promises of every client about sweeps, on real kernels; the same tests for each implementation."""

from __future__ import annotations

import pytest

from dataops_lab.domain.pipelines import Tolerance
from dataops_lab.domain.sweeps import Sweep
from dataops_lab.errors import InvalidParameters, Refused


def test_a_sweep_runs_each_point_and_has_a_table_of_them(installation, client):
    leave = "from dataops_lab import record\nrecord('auc', seed / 10)\nassert seed != 2"
    path = installation.notebook("swept.ipynb", leave, parameters="seed = 1\nregion = 'none'")
    sweep = Sweep({"region": ("North",)}, (("seed", "1"), ("seed", "2")), 1, Tolerance(percent=50.0))
    run = client.submit(path, sweep=sweep)
    assert (run.sweep, run.concurrency, run.max_failures) == ({"region": ["North"], "seed": [1, 2]}, 1, "50%")
    run = client.run(list(client.follow(run.id))[-1].run.id)
    assert (str(run.state), run.with_failures, run.progress.done, run.progress.total) == ("succeeded", True, 2, 2)
    table = client.pipelines.items(run.id)
    assert (table.parameters, table.values) == (["seed"], ["auc"])
    assert [(item.key, item.phase, item.values["auc"]) for item in table.items] == [
        ("region=North, seed=1", "succeeded", 0.1),
        ("region=North, seed=2", "failed", 0.2),
    ]
    part = client.run(table.items[0].run_id)
    assert (part.parent.id, part.parent.key, str(part.parent.kind)) == (run.id, "region=North, seed=1", "sweep")
    assert [each.id for each in client.runs(job=run.job.id).items] == [run.id]
    assert len(client.runs(parent=run.id).items) == 2


def test_a_sweep_that_makes_no_sense_is_refused_with_the_values_that_are_wrong(installation, client):
    path = installation.notebook("refused.ipynb", "1", parameters="seed = 1")
    with pytest.raises(InvalidParameters) as caught:
        client.submit(path, sweep=Sweep({"seed": (1, "two")}))
    assert [(problem["name"], problem["value"]) for problem in caught.value.detail["problems"]] == [("seed", 2)]
    with pytest.raises(Refused, match="twice"):
        client.submit(path, sweep=Sweep({"seed": (1, 1)}))
    with pytest.raises(Refused):
        client.submit(path, sweep=Sweep({"seed": (1, 2)}, concurrency=0))


def test_a_run_that_is_not_a_sweep_has_no_points(installation, client):
    run = client.submit(installation.notebook("single.ipynb", "1"))
    with pytest.raises(Refused):
        client.pipelines.items(run.id)
