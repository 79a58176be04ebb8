"""The fingerprint of a run, the reasons why a step runs again, and expected durations."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dataops_lab.domain.durations import expected_duration
from dataops_lab.domain.images import RunImage
from dataops_lab.domain.inputs import Inputs
from dataops_lab.domain.pipelines import Approval, RunIf, Step, StepKind
from dataops_lab.domain.reuse import EnvironmentState, fingerprint, why_changed, why_never
from dataops_lab.domain.runs import Run, RunState
from dataops_lab.domain.secrets import Secret
from dataops_lab.domain.settings import RunSettings
from dataops_lab.domain.snapshots import KernelChoice
from dataops_lab.domain.versions import IncludedFile
from dataops_lab.testing import person

AT = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)
KERNEL = KernelChoice("python3", "python", "Python", ("python",))
RUN = Run(
    id="01A",
    project="default",
    job_id="j",
    version_digest="sha256:1",
    environment="sandbox",
    state=RunState.QUEUED,
    parameters={"n": 1},
    kernel=KERNEL,
    created_at=AT,
    created_by=person("ann"),
)
NOTHING = EnvironmentState()
DECIDES = {
    "Its code changed.": {"version_digest": "sha256:2"},
    "It ran in another environment.": {"environment": "production"},
    "Its image changed.": {"image": RunImage("lean", "lean:1", "lean@sha256:5")},
    "The parameter `n` changed.": {"parameters": {"n": 1.0}},
    "Its variable REGION changed.": {"variables": {"REGION": "eu"}},
    "Its kernel or interpreter changed.": {"kernel": replace(KERNEL, argv=("python3.13",))},
}


@pytest.mark.parametrize("why", DECIDES)
def test_what_decides_a_result_is_in_the_fingerprint_and_has_its_sentence(why):
    other = replace(RUN, **DECIDES[why])
    assert fingerprint(other, NOTHING) != fingerprint(RUN, NOTHING)
    assert why_changed(other, RUN, Inputs(), Inputs()) == why


@pytest.mark.parametrize(
    "change",
    [
        {"id": "01B", "created_at": AT + dt.timedelta(days=1), "created_by": person("ben")},
        {"settings": RunSettings(max_retries=3)},
        {"kernel": replace(KERNEL, inherited={"JPY_SESSION": "2"})},
    ],
)
def test_what_decides_no_result_is_not_in_the_fingerprint(change):
    assert fingerprint(replace(RUN, **change), NOTHING) == fingerprint(RUN, NOTHING)


def test_files_and_the_environment_decide_too():
    assert fingerprint(replace(RUN, inputs_digest="sha256:3"), NOTHING) != fingerprint(RUN, NOTHING)
    first, second = (Inputs((IncludedFile("data.csv", digest, 1),)) for digest in ("sha256:1", "sha256:2"))
    assert why_changed(RUN, RUN, first, second) == "The file data.csv changed."
    assert fingerprint(RUN, EnvironmentState({"REGION": "eu"})) != fingerprint(RUN, NOTHING)
    assert why_changed(RUN, RUN, first, first) == "A variable or a secret of the environment changed."


def test_a_secret_that_was_removed_and_set_again_is_another_one():
    def state(at: dt.datetime) -> EnvironmentState:
        return EnvironmentState.of([], [Secret("environment/sandbox", "TOKEN", 1, at, person("ann"))])

    assert fingerprint(RUN, state(AT)) != fingerprint(RUN, state(AT + dt.timedelta(seconds=1)))


def test_a_value_that_json_does_not_have_gives_no_fingerprint():
    assert fingerprint(replace(RUN, parameters={"n": float("nan")}), NOTHING) is None


def test_some_steps_always_run():
    step = Step("a", StepKind.NOTEBOOK, "a.ipynb")
    assert why_never(step) == ""
    assert why_never(replace(step, reuse=False))
    assert why_never(replace(step, run_if=RunIf.ALWAYS))
    assert why_never(Step("ok", StepKind.APPROVAL, approval=Approval("Publish?")))


def test_the_expected_duration_is_the_median_of_the_last_ten():
    assert expected_duration([]) is None
    assert expected_duration([4.0]) == 4.0
    assert expected_duration([1.0, 2.0, 3600.0]) == 2.0
    assert expected_duration([1.0] * 10 + [100.0] * 90) == 1.0
