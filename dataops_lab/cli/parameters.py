"""Reading a file of parameters, and a file of many rows of them."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

from ..domain.pipelines import Tolerance
from ..domain.runs import ParameterRow
from ..domain.sweeps import Sweep
from ..errors import InvalidRequest


def read_values(file: str | None) -> dict[str, Any]:
    """Read names and JSON values; none without a file. InvalidRequest says what is wrong with it."""
    if file is None:
        return {}
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
        values = _parse_json(text) if path.suffix == ".json" else _parse_yaml(text)
    except OSError as error:
        raise InvalidRequest(f"The parameter file {file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"The parameter file {file} is not what its name says: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InvalidRequest(
            f"The parameter file {file} must hold a mapping of names to values, such as `region: South`; "
            f"it holds {_kind_of(values)}.",
            code="parameters_no_mapping",
        )
    return values


def make_sweep(
    values: dict[str, Any], texts: tuple[tuple[str, str], ...], *, concurrency: int | None, max_failures: str | None
) -> tuple[Sweep, dict[str, Any], tuple[tuple[str, str], ...]]:
    """Return the sweep, and the values and texts that all points share.

    A name that was typed more than once is swept, and so is a list of the file; a value that is a list itself stands in
    a list there. The command line overrides the file.
    """
    typed = Counter(name for name, _ in texts)
    swept = {name: tuple(each) for name, each in values.items() if isinstance(each, list) and name not in typed}
    shared = {name: each for name, each in values.items() if name not in swept and name not in typed}
    try:
        tolerance = Tolerance() if max_failures is None else Tolerance.parse(_number_or_text(max_failures))
    except ValueError as error:
        raise InvalidRequest(f"--max-failures: {error}.", code="invalid_sweep") from None
    sweep = Sweep(swept, tuple(pair for pair in texts if typed[pair[0]] > 1), concurrency, tolerance)
    return sweep, shared, tuple(pair for pair in texts if typed[pair[0]] == 1)


def _number_or_text(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def read_rows(file: str) -> list[ParameterRow]:
    """Read one row for each run. The end of the file's name tells its format: .csv, .jsonl, .json or .yaml.

    A CSV file has the names in its first line, and text that is read by the declared types; an empty cell leaves the
    default. The other formats hold mappings of names to values: one a line, or a list of them. InvalidRequest says
    what is wrong with the file.
    """
    path = Path(file)
    try:
        if path.suffix == ".csv":
            rows = _read_csv_rows(path)
        else:
            items = _parse_list(path, path.read_text(encoding="utf-8-sig"))
            rows = [_row(row, number) for number, row in enumerate(items, 1)]
    except OSError as error:
        raise InvalidRequest(f"The file of rows {file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"The file of rows {file} cannot be used: {error}", code="invalid_rows_file") from None
    if not rows:
        raise InvalidRequest(f"The file of rows {file} has no rows.", code="invalid_rows_file")
    return rows


def _read_csv_rows(path: Path) -> list[ParameterRow]:
    import csv

    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            names = next(reader, [])
            if not names or "" in names or len(set(names)) < len(names):
                raise ValueError("its first line must hold the names of parameters, each once.")
            rows: list[ParameterRow] = []
            for cells in filter(None, reader):
                if len(cells) > len(names):
                    raise ValueError(
                        f"line {reader.line_num} has {len(cells)} cells, and there are {len(names)} names."
                    )
                texts = tuple((name, cell) for name, cell in zip(names, cells, strict=False) if cell != "")
                rows.append(ParameterRow(texts=texts))
        except csv.Error as error:
            raise ValueError(f"line {reader.line_num} is not CSV: {error}.") from None
    return rows


def _parse_list(path: Path, text: str) -> list[Any]:
    if path.suffix == ".jsonl":
        items = [json.loads(line) for line in text.split("\n") if line.strip()]
    elif path.suffix == ".json":
        items = json.loads(text)
    elif path.suffix in (".yaml", ".yml"):
        items = _parse_yaml_value(text)
    else:
        raise ValueError("its name must end with .csv, .jsonl, .json or .yaml.")
    if not isinstance(items, list):
        raise ValueError(f"it must hold a list of mappings; it holds {_kind_of(items)}.")
    return items


def _row(item: Any, number: int) -> ParameterRow:
    if not isinstance(item, dict) or not all(isinstance(name, str) for name in item):
        raise ValueError(f"row {number} must be a mapping of names to values; it is {_kind_of(item)}.")
    return ParameterRow(parameters={name: _to_json_value(value) for name, value in item.items()})


def _parse_json(text: str) -> Any:
    return _to_json_value(json.loads(text))


def _parse_yaml_value(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _parse_yaml(text: str) -> Any:
    values = _parse_yaml_value(text)
    # Convert each value alone: json.dumps would turn the name 1 into "1".
    return {name: _to_json_value(value) for name, value in values.items()} if isinstance(values, dict) else values


def _to_json_value(value: Any) -> Any:
    """Convert dates to text, and find values that JSON does not have, such as NaN."""
    return json.loads(json.dumps(value, default=_date_to_text, allow_nan=False))


def _date_to_text(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise ValueError(f"{type(value).__name__} values have no place in JSON")


def _kind_of(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case list():
            return "a list"
        case dict():
            return "names that are not text"
    return f"a single value ({type(value).__name__})"
