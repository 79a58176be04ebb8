"""Pipelines that the editor of Elyra wrote; see corpus/README.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataops_lab.pipelines.elyra.flow import read as read_flow
from dataops_lab.pipelines.elyra.writing import write
from dataops_lab.pipelines.reading import read
from dataops_lab.ports.pipelines import ImportSetting, NoteKind

CORPUS = Path(__file__).parent / "corpus"


def imported(name):
    data = (CORPUS / f"{name}.pipeline").read_bytes()
    return write(
        read_flow(data), ImportSetting(name, "sandbox", images={"continuumio/anaconda3:2024.02-1": "anaconda"})
    )


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.pipeline")), ids=lambda path: path.stem)
def test_what_elyra_wrote_is_read_without_a_property_that_nobody_knows(path):
    found = imported(path.stem)

    assert read(found.text.encode()).problems == ()
    assert not any("nothing is known" in note.message for note in found.notes)


def test_a_pipeline_for_kubeflow_is_written_with_its_defaults_and_parameters():
    found = imported("kubeflow")

    assert (
        found.text
        == """\
version: 1
# Totals of a year, made in the editor of Elyra
parameters:
  year: {type: string, default: '2026'}
defaults:
  # The image continuumio/anaconda3:2024.10-1 is not one that sandbox allows. Name one here with `image`.
  env:
    ELYRA_RUNTIME_ENV: local
    ELYRA_RUN_NAME: {cel: '"kubeflow-" + run.id'}
    LEVEL: high
steps:
  load:
    notebook: load.ipynb
    env:
      year: {cel: params.year}
  total:
    script: total.py
    needs: [load]
"""
    )
    lost = [note.message for note in found.notes if note.kind is NoteKind.NOT_CARRIED_OVER and note.step == "load"]
    assert lost[1].startswith("The volume claim at /data, the toleration gpu:Equal: these belong")
