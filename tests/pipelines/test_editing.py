"""Texts that the editor in the browser wrote, as the server reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataops_lab import yaml12

# The editor makes these texts in src/pipelines/editor/__tests__/edits.spec.ts.
RESULTS = json.loads((Path(__file__).parent / "corpus/edits.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", RESULTS, ids=lambda case: f"{case['text']}, {case['edit']}")
def test_a_text_that_was_edited_means_what_was_meant(case):
    document = yaml12.read(case["after"])
    assert document.value == case["value"]
    assert not list(document.repeated_keys())
