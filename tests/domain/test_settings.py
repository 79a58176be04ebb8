from __future__ import annotations

import math

import pytest

from dataops_lab.domain.environments import RunLimits
from dataops_lab.domain.settings import GivenSettings, RunSettings, clamp, resolve_settings
from dataops_lab.errors import InvalidRequest, Refused

OPEN = RunLimits()


def test_a_submission_comes_before_its_job_and_the_job_before_the_default():
    job = GivenSettings(priority=5, max_retries=2)
    got = resolve_settings(GivenSettings(priority=0, queue_timeout_s=9.0), job, OPEN)
    assert got == RunSettings(priority=0, max_retries=2, queue_timeout_s=9.0)


def test_beyond_the_environment_a_submission_is_refused_and_a_job_is_cut():
    limits = RunLimits(timeout_s=100.0)
    with pytest.raises(Refused, match="100 seconds"):
        resolve_settings(GivenSettings(timeout_s=101.0), GivenSettings(), limits)
    assert resolve_settings(GivenSettings(), GivenSettings(timeout_s=101.0), limits).timeout_s == 100.0
    assert resolve_settings(GivenSettings(), GivenSettings(), limits).timeout_s == 100.0
    assert clamp(RunSettings(timeout_s=7.0), limits).timeout_s == 7.0


def test_a_timeout_that_could_never_be_reached_is_refused():
    with pytest.raises(Refused, match="total_timeout_s"):
        resolve_settings(GivenSettings(timeout_s=100.0), GivenSettings(total_timeout_s=50.0), OPEN)
    assert resolve_settings(GivenSettings(total_timeout_s=50.0), GivenSettings(), OPEN).total_timeout_s == 50.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": 101},
        {"priority": -101},
        {"max_retries": -1},
        {"max_retries": 11},
        {"timeout_s": 0},
        {"queue_timeout_s": math.nan},
        {"start_timeout_s": -1},
        {"total_timeout_s": math.inf},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InvalidRequest):
        GivenSettings(**wrong).check()
