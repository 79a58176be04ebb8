import pytest

from dataops_lab.domain.jobs import JobKind, kind_of_path, without_pipeline_suffix


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/sales.pipeline.yaml", JobKind.PIPELINE),
        ("a/sales.pipeline.yml", JobKind.PIPELINE),
        ("pipeline.yml", JobKind.NOTEBOOK),
        ("report.py", JobKind.SCRIPT),
        ("report.ipynb", JobKind.NOTEBOOK),
    ],
)
def test_the_name_of_a_file_says_the_kind_of_its_job(path, kind):
    assert kind_of_path(path) is kind


def test_the_name_of_a_pipeline_has_no_suffix():
    names = ["sales.pipeline.yaml", "sales.pipeline.yml", "sales.yml"]
    assert [without_pipeline_suffix(name) for name in names] == ["sales", "sales", "sales.yml"]
