"""The values that `record` takes, as seen in the file that it writes where there is no kernel."""

from __future__ import annotations

import datetime as dt
import json
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from dataops_lab.runner.record import record


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DATAOPS_LAB_VALUES", str(tmp_path / "values"))

    def kept(value):
        record("name", value)
        return json.loads((tmp_path / "values").read_text().splitlines()[-1])["value"]

    return kept


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        ((1, [2.5, {"a": True}]), [1, [2.5, {"a": True}]]),
        ({None: 3, True: 4}, {"true": 4, "null": 3}),
        ({2: 1, np.int64(3): 1, dt.date(2026, 1, 1): 1}, {"2": 1, "3": 1, "2026-01-01": 1}),
        (Fraction(1, 2), 0.5),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.time(1, 2), "01:02:00"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00+00:00"),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
        (np.datetime64("2026-01-02T03:04:05", "s"), "2026-01-02T03:04:05"),
        (np.array(["2026-01-02", "NaT"], dtype="datetime64[ns]"), ["2026-01-02T00:00:00.000000000", None]),
        ({"train": np.int64(3), "test": [np.float32(0.5), np.bool_(True)]}, {"train": 3, "test": [0.5, True]}),
        (np.longdouble(2), 2.0),
        (np.str_("x"), "x"),
        (np.array(7), 7),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([1, "x", None], dtype=object), [1, "x", None]),
        ([pd.NA, pd.NaT], [None, None]),
        (pd.array([1, None], dtype="Int64"), [1, None]),
    ],
    ids=repr,
)
def test_what_is_a_value_is_kept_as_json_has_it(kept, value, written):
    told = kept(value)
    assert (told, type(told)) == (written, type(written))


@pytest.mark.parametrize(
    ("value", "where", "kind"),
    [
        (object(), "name", "object"),
        ({"rows": [1, {2}]}, "name['rows'][1]", "set"),
        ({(1, 2): 3}, "name", "tuple"),
        (pd.Series([1]), "name", "Series"),
        (pd.DataFrame({"a": [1]}), "name", "DataFrame"),
        (dt.timedelta(1), "name", "timedelta"),
        (np.timedelta64(1, "s"), "name", "timedelta64"),
        (1j, "name", "complex"),
        (np.array([1j]), "name[0]", "complex"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_value_is_named_with_its_type(kept, value, where, kind):
    with pytest.raises(TypeError) as error:
        kept(value)
    assert f"{where} is of type {kind}," in str(error.value)
    assert "file" in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), np.float64("inf")])
def test_a_number_that_json_has_not_is_named(kept, value):
    with pytest.raises(ValueError, match=r"name\['loss'\] is (nan|inf)"):
        kept({"loss": value})


def test_what_is_too_large_or_endless_is_named(kept):
    endless: list = []
    endless.append(endless)
    for value in (np.zeros(10_001), endless):
        with pytest.raises(ValueError, match="name"):
            kept(value)


def test_a_shell_without_a_kernel_leaves_its_values_in_the_file(kept, monkeypatch):
    monkeypatch.setattr("IPython.core.getipython.get_ipython", object)
    assert kept(1) == 1
