"""The matrix of a pipeline as text: a row for each step, a column for each run."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from .output import print_table
from .text import duration

if TYPE_CHECKING:
    from ..api_models import MatrixRunModel, StepCellModel, StepMatrixModel


def print_matrix(matrix: StepMatrixModel) -> None:
    """Print the matrix with the newest run on the left. Days and times are those of this machine."""
    columns = matrix.runs
    rows = [("run", *(_short_id(column.run.id) for column in columns))]
    rows += [("took", *(_took(column.run.started_at, column.run.finished_at) for column in columns))]
    rows += [("ended", *(_state_of_run(column) for column in columns))]
    cells = [{cell.step: cell for cell in column.cells} for column in columns]
    for step in matrix.steps:
        gone = "" if step.kind else " (gone)"
        rows.append((f"{step.id}{gone}", *(_cell(by_step.get(step.id)) for by_step in cells)))
    # A table has each heading once, so the day comes with the time.
    headings = ["step", *(f"{column.run.created_at.astimezone():%a %d %b %H:%M:%S}" for column in columns)]
    print_table(headings, rows, folded="")


def _short_id(run_id: str) -> str:
    # The last characters differ between runs of one moment.
    return f"…{run_id[-8:]}"


def _state_of_run(column: MatrixRunModel) -> str:
    trigger = column.run.trigger
    repair = f" (repairs …{trigger.ref[-8:]})" if trigger.kind == "repair" and trigger.ref else ""
    return f"{column.run.phase}{repair}"


def _cell(cell: StepCellModel | None) -> str:
    if cell is None:
        return ""
    if cell.taken_from and cell.started_at is None:
        return "taken over"
    words = [str(cell.state)]
    if cell.items and cell.items.failed:
        words.append(f"({cell.items.failed} of {cell.items.total} failed)")
    if took := _took(cell.started_at, cell.finished_at):
        words.append(took)
    return " ".join(words)


def _took(started: dt.datetime | None, finished: dt.datetime | None) -> str:
    return duration(max(0.0, (finished - started).total_seconds())) if started and finished else ""
