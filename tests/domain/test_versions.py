from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.versions import IncludedFile, Manifest, canonical_json

FILES = (IncludedFile("data/a.csv", "sha256:1", 3), IncludedFile("lib/b.py", "sha256:2", 5, executable=True))
SCHEMA = ParameterSchema(
    (Parameter("xs", ParameterType.LIST, default=[1], items=ParameterType.INTEGER, choices=([1], [2])),)
)


def a_manifest(**changes) -> Manifest:
    return Manifest(
        **{
            "notebook_path": "reports/sales.ipynb",
            "notebook_digest": "sha256:0",
            "files": FILES,
            "parameters": SCHEMA,
            "kernel_name": "python3",
            "language": "python",
        }
        | changes
    )


def test_a_manifest_survives_its_json():
    assert Manifest.from_json(a_manifest().to_json()) == a_manifest()


def test_what_a_newer_version_says_more_in_a_manifest_is_not_read():
    stored = a_manifest().to_json()
    for members in (stored, stored["kernel"], stored["files"][0], stored["parameters"]["schema"][0]):
        members["of_tomorrow"] = {"deep": [1]}
    assert Manifest.from_json(stored) == a_manifest()


def test_the_order_in_which_files_were_found_does_not_change_the_digest():
    assert a_manifest(files=FILES[::-1]).digest == a_manifest().digest


@pytest.mark.parametrize(
    "change",
    [
        {"notebook_digest": "sha256:9"},
        {"notebook_path": "sales.ipynb"},
        {"files": FILES[:1]},
        {"parameters": ParameterSchema()},
        {"kernel_name": "ir"},
    ],
)
def test_whatever_would_run_differently_has_another_digest(change):
    assert a_manifest(**change).digest != a_manifest().digest


@given(st.dictionaries(st.text(), st.integers()))
def test_equal_values_have_one_canonical_form(value):
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


def test_what_json_does_not_have_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"x": float("nan")})
