"""Each example ends as its README says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def examples(shell):
    shutil.copytree(EXAMPLES, shell.folder, dirs_exist_ok=True)
    before = contents(shell.folder)
    yield shell
    assert contents(shell.folder) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(examples, *arguments: str):
    return examples("run", *arguments, "--root", ".", "--json")


def test_the_sales_report_leaves_its_chart_and_table(examples):
    answer = run(examples, "reports/monthly_sales.ipynb", "-p", "region", "South", "-p", "month", "2026-09-01")

    assert answer.code == 0
    assert answer.json["parameters"] == {"region": "South", "month": "2026-09-01"}
    assert {Path(a["path"]).suffix for a in answer.json["artifacts"]} == {".png", ".csv"}


def test_a_region_that_is_none_is_refused_with_those_there_are(examples):
    answer = run(examples, "reports/monthly_sales.ipynb", "-p", "region", "Nord")

    assert answer.code == 2
    assert "North" in answer.json["error"]["message"]


def test_the_churn_model_leaves_values_and_a_model_file(examples):
    answer = run(examples, "churn/train_churn.ipynb")

    assert answer.code == 0
    assert 0.5 < answer.json["values"]["auc"] <= 1
    assert any(artifact["path"].endswith(".joblib") for artifact in answer.json["artifacts"])


def test_a_churn_model_that_is_not_good_enough_fails(examples):
    answer = run(examples, "churn/train_churn.ipynb", "-p", "min_auc", "0.99")

    assert answer.code == 1
    assert answer.json["values"]["auc"] < 0.99


def test_the_quality_check_may_end_with_nothing_to_do(examples):
    answer = run(examples, "checks/data_quality.ipynb", "-p", "since", "2026-11-01")

    assert answer.code == 0
    assert answer.json["nothing_to_do"]


def test_the_quality_check_fails_where_it_is_strict(examples):
    assert run(examples, "checks/data_quality.ipynb", "-p", "strict", "true").code == 1


def test_the_broken_one_fails_and_names_the_cell(examples):
    answer = examples("run", "broken/reconcile_stock.ipynb", "--root", ".")

    assert answer.code == 1
    assert "Cell 7 failed" in answer.out
    assert "MergeError" in answer.out


def test_the_one_in_bash_succeeds(examples):
    answer = run(examples, "shell/rotate_exports.ipynb", "-p", "keep", "1", "-p", "dry_run", "true")

    assert answer.code == 0
    assert answer.json["kernel"]["language"] == "bash"


def test_the_forecast_is_made_for_each_region_and_reported_once_it_is_approved(examples):
    file = "forecast/forecast.pipeline.yaml"
    assert examples.invoke("pipeline", "validate", file).code == 0
    following = examples.start("run", file, "-p", "most_returned", "1000", "--root", ".")
    assert following.stderr is not None
    hint = next(line for line in following.stderr if "runs approve" in line).split()
    assert examples("runs", *hint[hint.index("approve") : hint.index("or:")]).code == 0
    following.communicate()

    run_id = hint[hint.index("approve") + 1]
    children = examples("runs", "list", "--parent", run_id, "--json").json["items"]
    keys = {child["parent"]["key"]: child["id"] for child in children}
    report = examples("runs", "show", keys["report"], "--json").json

    assert following.returncode == 0
    # Few enough orders were returned, so nothing was cleaned.
    assert sorted(keys) == [
        "check",
        "extract",
        "report",
        *(f"train/{name}" for name in ("East", "North", "South", "West")),
    ]
    assert report["values"]["total"] > 100_000
    assert {Path(artifact["path"]).name for artifact in report["artifacts"]} == {"forecasts.csv", "forecasts.md"}
