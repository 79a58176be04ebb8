from __future__ import annotations

import pytest

from dataops_lab.domain.environments import Environment
from dataops_lab.domain.output_folders import find_root_problem
from dataops_lab.domain.publications import MAX_BACKOFF_S, publishes, retry_after_s
from dataops_lab.domain.runs import TriggerKind as T
from dataops_lab.errors import Refused

# The table of docs/guide/outputs.md: what a run of each kind does by itself, and when somebody asks.
TABLE = {
    T.MANUAL: (True, True),
    T.SCHEDULE: (True, True),
    T.WEBHOOK: (True, True),
    T.FILES: (True, True),
    T.JOB: (True, True),
    T.RERUN: (False, True),
    T.TRIAL: (False, True),
    T.REPLAY: (False, True),
    T.BACKFILL: (False, True),
    T.VERIFICATION: (False, True),
    T.STEP: (False, False),
    T.TAKEN_OVER: (False, False),
    T.REPAIR: (False, False),
}


@pytest.mark.parametrize("trigger", T)
def test_each_kind_of_run_publishes_as_the_table_says(trigger):
    by_itself, when_asked = TABLE[trigger]
    assert (publishes(trigger), publishes(trigger, True), publishes(trigger, False)) == (by_itself, when_asked, False)


def test_a_sweep_publishes_only_when_somebody_asks():
    assert (publishes(T.MANUAL, sweep=True), publishes(T.MANUAL, True, sweep=True)) == (False, True)


def test_tries_come_later_each_time_and_never_too_late():
    waits = [retry_after_s(tries) for tries in range(30)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (2.0, MAX_BACKOFF_S)


@pytest.mark.parametrize("folder", ["reports", "/srv/../etc", "/", "", "/srv/\n"])
def test_a_folder_that_is_no_absolute_path_is_refused(folder):
    with pytest.raises(Refused, match="folder for outputs"):
        Environment("staging", 1, output_folder=folder).check()


def test_a_guarded_environment_does_not_publish_to_a_home():
    Environment("staging", 1, output_folder="/home/ann/out").check()
    with pytest.raises(Refused, match="home of a person"):
        Environment("staging", 1, guarded=True, output_folder="/home/ann/out").check()


def test_a_folder_lies_below_a_root_that_an_administrator_named():
    assert find_root_problem("/srv/reports", ["/srv"]) is None
    assert "only below /srv" in find_root_problem("/srvx", ["/srv"])
    assert "no folder but the workspace" in find_root_problem("/srv", [])
