from __future__ import annotations

import pytest

from dataops_lab.domain.environments import Resources
from dataops_lab.domain.jobs import JobKind
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.runs import Submission
from dataops_lab.domain.used_paths import UsedPaths
from dataops_lab.errors import InvalidPipeline, InvalidRequest
from dataops_lab.services import jobs, pipeline_files
from dataops_lab.testing import person

FILE = "/project/month.pipeline.yaml"
SALES = "/project/sales.ipynb"
STEPS = """\
version: 1
parameters:
  month: {type: date, default: 2026-01-01}
  limit: {type: integer, default: 3}
steps:
  sales:
    notebook: sales.ipynb
    with: {region: South, month: {cel: params.month}}
  report:
    notebook: report.ipynb
    needs: [sales]
"""


@pytest.fixture
def notebooks(ctx):
    """The fake notebooks: `sales` takes a region and a month, everything else takes nothing."""
    found = ctx.notebooks
    region = Parameter("region", ParameterType.STRING, default="North", choices=("North", "South"))
    found.schemas[SALES] = ParameterSchema((region, Parameter("month", ParameterType.DATE, required=True)))
    found.pipeline_files[FILE] = STEPS.encode()
    return found


def problems(ctx, content=None):
    found = pipeline_files.validate(ctx, FILE, root="/project", by=person("somebody"), content=content)
    return [(each.line, each.column, each.step, each.message) for each in found.problems]


def changed(old: str, new: str) -> str:
    assert old in STEPS
    return STEPS.replace(old, new)


def test_a_pipeline_whose_notebooks_take_what_they_are_given_has_no_problem(ctx, notebooks):
    assert problems(ctx) == []


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("region: South", "regin: South", (8, 12), "`regin` is not a parameter of sales.ipynb. Do you mean `region`?"),
        ("region: South", "region: West", (8, 12), '`region` must be one of "North", "South", not "West".'),
        ("month: {cel: params.month}", "month: 3", (8, 27), "`month` needs"),
        ("{cel: params.month}", "{cel: params.limit}", (8, 27), "`month` needs"),
        ("{cel: params.month}", "{cel: params.mont}", (8, 40), "There is no parameter `mont`. Do you mean `month`?"),
        (", month: {cel: params.month}", "", (8, 5), "sales.ipynb needs the parameter `month`"),
        ("report.ipynb", "gone.ipynb", (10, 5), "There is no file gone.ipynb."),
        (
            "notebook: report.ipynb",
            "notebook: tools.py",
            (10, 5),
            "tools.py is not a notebook. Write `script: tools.py`.",
        ),
        ("notebook: report.ipynb", "script: report.ipynb", (10, 5), "report.ipynb is not a script."),
    ],
)
def test_what_does_not_fit_a_notebook_is_said_with_its_place(ctx, notebooks, old, new, place, said):
    notebooks.missing_paths = {"/project/gone.ipynb"}

    [(line, column, step, message)] = problems(ctx, changed(old, new))

    assert (line, column) == place
    assert step in ("sales", "report")
    assert message.startswith(said)


def test_problems_come_in_the_order_of_the_file_and_all_at_once(ctx, notebooks):
    notebooks.missing_paths = {"/project/gone.ipynb"}
    text = changed("region: South", "regin: South").replace("report.ipynb", "gone.ipynb")

    assert [problem[:2] for problem in problems(ctx, text)] == [(8, 12), (10, 5)]


def test_a_file_that_is_not_a_pipeline_has_a_problem_and_no_steps(ctx, notebooks):
    found = pipeline_files.validate(ctx, FILE, root="/project", by=person("somebody"), content="steps: ]")

    assert [(each.line, each.column) for each in found.problems] == [(1, 8)]
    assert found.reading.pipeline is None


def test_it_is_shown_before_the_start_which_steps_are_disabled(ctx, notebooks):
    text = changed("notebook: sales.ipynb", "notebook: sales.ipynb\n    disabled: true")
    found = pipeline_files.validate(ctx, FILE, root="/project", by=person("somebody"), content=text)

    assert [status.state for status in found.statuses.values()] == ["disabled", "disabled"]


def test_a_pipeline_that_is_not_there_is_refused(ctx, notebooks):
    with pytest.raises(InvalidPipeline) as refused:
        pipeline_files.validate(ctx, "/project/other.pipeline.yaml", root="/project", by=person("somebody"))
    assert refused.value.precise_code == "pipeline_not_found"


def test_a_refused_pipeline_names_its_problems_with_their_places(ctx, notebooks):
    reading = ctx.pipelines.read(b"version: 1\nsteps:\n" + b"".join(b"  s%d: {}\n" % n for n in range(9)))

    with pytest.raises(InvalidPipeline) as refused:
        pipeline_files.require_valid(reading, "month.pipeline.yaml")

    assert refused.value.message.startswith("month.pipeline.yaml cannot run. Line 3: ")
    assert "4 more problems" in refused.value.message
    assert refused.value.detail["problems"][8]["line"] == 11


def test_an_inspection_gives_the_parameters_and_the_problems_as_findings(ctx, notebooks):
    notebooks.pipeline_files[FILE] = changed("region: South", "regin: South").encode()

    found = jobs.inspect(ctx, FILE, root="/project", by=person("somebody"))

    assert [parameter.name for parameter in found.parameters.parameters] == ["month", "limit"]
    assert (found.name, found.kind, found.kernel, found.kernel_problem) == ("month", JobKind.PIPELINE, None, None)
    [finding] = found.findings
    assert finding.message.startswith("Line 8, column 12: `regin`")


@pytest.mark.parametrize("more", [{"kernel": "ir"}, {"resources": Resources(cpus=2)}, {"pinned": ("*.csv",)}])
def test_what_a_pipeline_decides_for_each_of_its_steps_cannot_be_asked_for(more):
    pipeline_files.check_request(Submission(FILE))
    with pytest.raises(InvalidRequest):
        pipeline_files.check_request(Submission(FILE, **more))


# --- a new pipeline -------------------------------------------------------------------------------


def test_a_new_pipeline_has_an_edge_where_one_writes_what_another_reads(ctx, notebooks):
    notebooks.used = {
        "/project/a/1_load.ipynb": UsedPaths(writes=frozenset({"../data/all.csv"})),
        "/project/b/2_report.py": UsedPaths(reads=frozenset({"../data/all.csv"})),
    }

    new = pipeline_files.suggest(ctx, list(notebooks.used), root=None)

    assert (new.folder, new.name) == ("/project", "project.pipeline.yaml")
    assert [(guess.giver, guess.taker, guess.path) for guess in new.guesses] == [("load", "report", "data/all.csv")]
    assert ctx.pipelines.read(new.content.encode()).problems == ()


def test_paths_of_a_new_pipeline_count_from_the_folder_that_was_named(ctx, notebooks):
    new = pipeline_files.suggest(ctx, ["/project/a/1.ipynb"], root=None, folder="/project")

    [step] = ctx.pipelines.read(new.content.encode()).pipeline.steps
    assert step.path == "a/1.ipynb"


def test_a_new_pipeline_of_nothing_is_one_to_start_from(ctx, notebooks):
    new = pipeline_files.suggest(ctx, [], root=None, folder="/project")

    assert ctx.pipelines.read(new.content.encode()).problems == ()


@pytest.mark.parametrize(
    "paths",
    [[], ["/a.ipynb", "/a.ipynb"], ["/a.pipeline.yaml"], ["/a.csv"], [f"/{n}.ipynb" for n in range(201)]],
    ids=["none", "twice", "a pipeline", "no notebook", "too many"],
)
def test_a_new_pipeline_of_what_cannot_be_steps_is_refused(ctx, notebooks, paths):
    with pytest.raises(InvalidRequest):
        pipeline_files.suggest(ctx, paths, root=None)


def test_a_notebook_without_a_kernel_is_a_problem_of_its_step(ctx, notebooks):
    notebooks.without_kernel.add(SALES)

    [(line, column, step, message)] = problems(ctx)

    assert (line, column, step) == (7, 5, "sales")
    assert message == f"No kernel can run {SALES} here."
    [(line, column, *_)] = problems(ctx, changed("notebook: sales.ipynb", "notebook: sales.ipynb\n    kernel: other"))
    assert (line, column) == (8, 5)
