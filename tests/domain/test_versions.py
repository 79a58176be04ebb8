from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.jobs import JobKind
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.versions import IncludedFile, Manifest, canonical_json

FILES = (IncludedFile("data/a.csv", "sha256:1", 3), IncludedFile("lib/b.py", "sha256:2", 5, executable=True))
SCHEMA = ParameterSchema(
    (Parameter("xs", ParameterType.LIST, default=[1], items=ParameterType.INTEGER, choices=([1], [2])),)
)


def a_manifest(**changes) -> Manifest:
    return Manifest(
        **{
            "path": "reports/sales.ipynb",
            "source_digest": "sha256:0",
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


def test_the_digest_of_a_notebook_is_the_one_that_earlier_programs_gave():
    assert a_manifest().digest == "sha256:07eb2c599623b47b944bf2dd3f2c59f2762d678c91e515b44c75d3c522476f8a"
    assert (
        a_manifest(folders=("out",)).digest == "sha256:2439d6fefbd720d7c993b5e2922a6555c38f82fd18f48aa51b9dcbca8cda37bf"
    )


def test_what_earlier_programs_stored_of_a_notebook_is_read():
    stored = {
        "format": 1,
        "kind": "notebook",
        "notebook": {"path": "a.ipynb", "digest": "sha256:0"},
        "files": [],
        "parameters": {"declared": True, "schema": []},
        "kernel": {"name": "python3", "language": "python"},
    }
    manifest = Manifest.from_json(stored)
    assert manifest == a_manifest(path="a.ipynb", files=(), parameters=ParameterSchema())
    assert manifest.to_json() == stored


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": JobKind.SCRIPT, "path": "jobs/load.py"},
        {
            "kind": JobKind.COMMAND,
            "path": "jobs/a#b.pipeline.yaml#load",
            "source_digest": None,
            "command": ("rm", "-rf", "x y"),
            "kernel_name": "",
            "language": "",
        },
        {
            "kind": JobKind.PIPELINE,
            "path": "jobs/month.pipeline.yaml",
            "steps": (("load", "sha256:1"), ("report", "sha256:2")),
            "kernel_name": "",
            "language": "",
        },
    ],
)
def test_a_manifest_of_another_kind_survives_its_json(changes):
    manifest = a_manifest(**changes)
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.folder == "jobs"


@pytest.mark.parametrize("change", [{"command": ("b",)}, {"path": "x.pipeline.yaml#b"}])
def test_another_command_or_step_has_another_digest(change):
    command = {"kind": JobKind.COMMAND, "command": ("a",), "path": "x.pipeline.yaml#a", "source_digest": None}
    assert a_manifest(**command | change).digest != a_manifest(**command).digest


def test_the_order_in_which_files_were_found_does_not_change_the_digest():
    assert a_manifest(files=FILES[::-1]).digest == a_manifest().digest


@pytest.mark.parametrize(
    "change",
    [
        {"source_digest": "sha256:9"},
        {"path": "sales.ipynb"},
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
