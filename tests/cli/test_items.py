from __future__ import annotations

import datetime as dt
import io

import click
import pytest

from dataops_lab.api_models import ItemModel, ItemTableModel
from dataops_lab.cli import items

STARTED = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


def an_item(region: str, auc=None, took: float | None = 1.0, phase: str = "succeeded") -> ItemModel:
    return ItemModel(
        key=f"region={region}",
        run_id=f"R-{region}" if took is not None else None,
        phase=phase,
        parameters={"region": region},
        values={} if auc is None else {"auc": auc},
        reason=None,
        started_at=None if took is None else STARTED,
        finished_at=None if took is None else STARTED + dt.timedelta(seconds=took),
    )


TABLE = ItemTableModel(
    parameters=["region"],
    values=["auc"],
    items=[
        an_item("North", 0.9, 3),
        an_item("South", None, None, "waiting"),
        an_item("East", 10, 1),
        an_item("West", float("nan"), 2),
        an_item("Centre", "good", 4),
    ],
)


def order(by: str | None, *, descending: bool = False) -> list[str]:
    return [item.parameters["region"] for item in items.sorted_items(TABLE, by, descending=descending)]


def test_items_are_sorted_by_a_value_as_numbers_and_those_without_it_come_last():
    assert order("auc") == ["North", "East", "West", "Centre", "South"]
    assert order("auc", descending=True) == ["Centre", "West", "East", "North", "South"]


def test_items_are_sorted_by_a_parameter_or_by_their_time_and_stay_in_their_order_otherwise():
    assert order("region") == ["Centre", "East", "North", "South", "West"]
    assert order("took") == ["East", "West", "North", "Centre", "South"]
    assert order(None) == ["North", "South", "East", "West", "Centre"]


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(click.UsageError, match="There are: auc, region, item, state, took"):
        order("acu")


def test_the_table_has_the_parameters_and_values_of_each_item(capsys):
    items.print_items(TABLE, TABLE.items[:2])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["REGION", "AUC", "STATE", "TOOK", "RUN"],
        ["North", "0.9", "succeeded", "3.0", "s", "R-North"],
        ["South", "waiting"],
    ]


def test_csv_has_a_row_for_each_item_and_no_formula():
    file = io.StringIO()
    items.write_csv(TABLE, [an_item("=1+1", 0.5)], file)
    assert file.getvalue().splitlines() == [
        "item,state,run,seconds,region,auc",
        "region==1+1,succeeded,R-=1+1,1.0,'=1+1,0.5",
    ]
