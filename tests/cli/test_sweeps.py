"""Sweeps from their submission to the repair of a point, by the command line alone."""

from __future__ import annotations

import csv
import io
import json

import pytest


@pytest.fixture(scope="module")
def train(shell):
    """A shell in whose folder a notebook fails for one point."""
    code = (
        "import os\nfrom dataops_lab import record\nrecord('auc', seed / 10)\nassert seed != 2 or os.path.exists('fix')"
    )
    shell.notebook("train.ipynb", code, parameters="region = 'none'\nseed = 0")
    return shell


def test_a_sweep_runs_each_combination_and_its_table_sorts_and_a_repair_runs_what_failed(train):
    ran = train(
        "run", "train.ipynb", "-p", "region", "x", "-p", "seed", "1", "-p", "seed", "2", "-p", "seed", "3", "--sweep"
    )
    assert ran.code == 1, ran.err
    assert "1 of 3 points did not succeed." in ran.out
    shown = train("runs", "show", "last", "--sort", "auc", "--descending", "--json")
    run = json.loads(shown.out)
    assert (run["kind"], run["parameters"], run["sweep"]) == ("sweep", {"region": "x"}, {"seed": [1, 2, 3]})
    assert [(item["parameters"]["seed"], item["phase"]) for item in run["items"]] == [
        (3, "succeeded"),
        (2, "failed"),
        (1, "succeeded"),
    ]
    listed = json.loads(train("runs", "list", "--json").out)["items"]
    assert [(each["id"], each["progress"]["done"], each["progress"]["total"]) for each in listed] == [(run["id"], 3, 3)]
    rows = list(csv.DictReader(io.StringIO(train("runs", "items", run["id"], "--csv", "-").out)))
    assert [(row["seed"], row["auc"]) for row in rows] == [("1", "0.1"), ("2", "0.2"), ("3", "0.3")]
    planned = train("runs", "repair", run["id"], "--dry-run")
    assert planned.out.strip() == "It failed. 2 of 3 points are taken over. The others run again."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-p", "seed", "1", "--sweep"], "several values"),
        (["-p", "seed", "1", "-p", "seed", "x", "--sweep"], "'seed' needs a whole number"),
        (["-p", "seed", "1", "-p", "seed", "1", "--sweep"], "twice"),
        (["--concurrency", "2"], "add --sweep"),
        (["--sweep", "-o", "out.ipynb"], "-o is for one run"),
        (["-p", "seed", "1", "-p", "seed", "2", "--sweep", "--max-failures", "few"], "neither a number"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused_before_anything_starts(train, options, message):
    ran = train("run", "train.ipynb", *options)
    assert ran.code == 2
    assert message in ran.err


def test_a_file_of_parameters_has_lists_for_what_is_swept(train):
    train.text("grid.yaml", "region: [North, South]\nseed: 1\n")
    ran = train("run", "train.ipynb", "--params", "grid.yaml", "--sweep", "--json")
    assert ran.code == 0, ran.err
    run = json.loads(ran.out)
    assert (run["sweep"], run["parameters"]) == ({"region": ["North", "South"]}, {"seed": 1})
