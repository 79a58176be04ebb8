"""Engines that die. The promise is: one run, one execution wherever that can be proven, and the right end."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace

import psutil
import pytest

from dataops_lab.domain.leases import ENGINE
from dataops_lab.domain.records import RecordFileKind
from dataops_lab.domain.runs import AttemptState, RunState

from ..waiting import TIMEOUT_S, eventually


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("commit", ["claimed", "running", "progress", "finalizing", "ended"])
def test_an_engine_killed_at_any_of_its_commits_leaves_one_run_that_ends_right(
    start_engine, submitted, until, witness, tmp_path, commit, moment
):
    go_on = tmp_path / "go_on"
    run_id = submitted(
        f"import os, time\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.02)\n"
        f"open({str(witness)!r}, 'a').write('ran\\n')"
    ).run.id
    if commit in ("finalizing", "ended"):
        go_on.touch()
    dead = start_engine(kill_at=f"{moment} {commit}")
    assert dead.wait(TIMEOUT_S) == -signal.SIGKILL
    go_on.touch()
    start_engine()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert [attempt.state for attempt in ended.attempts] == [AttemptState.SUCCEEDED]
    assert witness.read_text() == "ran\n"
    assert ended.record is not None
    assert ended.record.find_file(RecordFileKind.NOTEBOOK)


def test_an_engine_killed_while_it_lays_out_a_run_is_followed_by_one_that_begins_that_anew(
    start_engine, submitted, until, witness
):
    source = f"import one, two, three\nopen({str(witness)!r}, 'a').write(one.SAYS + two.SAYS + three.SAYS)"
    helpers = {name: f"SAYS = {name!r}\n" for name in ("one", "two", "three")}
    run_id = submitted(source, **helpers).run.id
    assert start_engine(kill_at="copying").wait(TIMEOUT_S) == -signal.SIGKILL
    start_engine()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert (ended.run.state, ended.run.reason) == (RunState.SUCCEEDED, None)
    assert [attempt.state for attempt in ended.attempts] == [AttemptState.SUCCEEDED]
    assert witness.read_text() == "onetwothree"


def test_a_notebook_goes_on_while_no_engine_lives_and_is_adopted(start_engine, submitted, until, witness, tmp_path):
    go_on = tmp_path / "go_on"
    run_id = submitted(
        f"import os, time\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.05)\n"
        f"open({str(witness)!r}, 'a').write('ran\\n')"
    ).run.id
    first = start_engine()
    until(run_id, lambda view: view.attempts and view.attempts[-1].progress.current is not None)
    first.kill()
    first.wait()
    go_on.touch()
    start_engine()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert witness.read_text() == "ran\n"


def test_a_killed_runner_is_noticed_and_the_run_is_tried_again(start_engine, submitted, until, witness):
    start_engine()
    run_id = submitted(
        f"import os, time\nopen({str(witness)!r}, 'a').write('ran\\n')\n"
        f"while len(open({str(witness)!r}).readlines()) == 1: time.sleep(0.05)"
    ).run.id
    until(run_id, lambda view: witness.exists())
    for process in psutil.process_iter(["cmdline"]):
        if "dataops_lab.runner" in (process.info["cmdline"] or []) and run_id in str(process.info["cmdline"]):
            process.kill()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert [attempt.state for attempt in ended.attempts] == [AttemptState.LOST, AttemptState.SUCCEEDED]


def test_a_killed_kernel_fails_the_run_with_the_reason_in_words(start_engine, submitted, until):
    start_engine()
    run_id = submitted("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)").run.id
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert (ended.run.state, ended.run.reason.code) == (RunState.FAILED, "kernel_died")
    assert "memory" in ended.run.reason.message


def test_of_five_engines_one_leads_and_a_run_runs_once(start_engine, submitted, until, witness):
    for _ in range(5):
        start_engine()
    run_id = submitted(f"open({str(witness)!r}, 'a').write('ran\\n')").run.id
    until(run_id, lambda view: view.run.state.is_terminal)
    assert witness.read_text() == "ran\n"


def leading(real):
    with real.store.read() as tx:
        return tx.leases.get(ENGINE)


def test_another_engine_takes_over_from_one_that_is_asleep_past_its_lease(
    start_engine, submitted, until, witness, real
):
    """Let the lease of an engine expire that is not proven dead. The test shortens the lease."""
    sleeper = start_engine()
    run_id = submitted(f"open({str(witness)!r}, 'a').write('ran\\n')").run.id
    until(run_id, lambda view: view.run.state.is_terminal)
    sleeper.send_signal(signal.SIGSTOP)
    lease = leading(real)
    with real.store.begin() as tx:
        tx.leases.renew(replace(lease, expires=0.0))
    start_engine()
    eventually(lambda: leading(real).token == lease.token + 1)
    second = submitted(f"open({str(witness)!r}, 'a').write('ran\\n')").run.id
    sleeper.send_signal(signal.SIGCONT)
    ended = until(second, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert [attempt.token for attempt in ended.attempts] == [lease.token + 1]
    assert witness.read_text() == "ran\nran\n"


@pytest.mark.parametrize("commit", [1, 2, 3], ids=["claim", "running", "progress"])
def test_the_late_write_of_an_engine_that_was_asleep_while_another_took_over_touches_nothing(
    start_engine, submitted, until, witness, real, home, tmp_path, commit
):
    """Let an engine fall asleep before a transaction. The other engine is this test, which leaves the run as it is."""
    go_on = tmp_path / "go_on"
    run_id = submitted(
        f"import os, time\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.02)\n"
        f"open({str(witness)!r}, 'a').write('ran\\n')"
    ).run.id
    sleeper = start_engine(sleep_at=commit)
    eventually(lambda: psutil.Process(sleeper.pid).status() == psutil.STATUS_STOPPED)
    lease = leading(real)
    ours = replace(
        lease, token=lease.token + 1, process=real.host.identity(), expires=real.clock.monotonic() + 10 * TIMEOUT_S
    )
    with real.store.begin() as tx:
        assert tx.leases.acquire(ours, instead_of=lease)
        seen = tx.runs.get(run_id), tx.attempts.list_for_run(run_id), tx.events.last_seq()
    sleeper.send_signal(signal.SIGCONT)
    log = home.folder / "engine.log"
    eventually(lambda: "woke up" in log.read_text())
    assert "woke up: nothing written" in log.read_text()
    with real.store.read() as tx:
        assert (tx.runs.get(run_id), tx.attempts.list_for_run(run_id), tx.events.last_seq()) == seen
    with real.store.begin() as tx:
        tx.leases.release(ours)
    go_on.touch()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert len(ended.attempts) == 1
    assert witness.read_text() == "ran\n"


def test_an_engine_ends_when_its_state_folder_is_removed(start_engine, submitted, until, home):
    engine = start_engine()
    until(submitted("1").run.id, lambda view: view.run.state.is_terminal)
    shutil.rmtree(home.folder)
    assert engine.wait(60) == 0


@pytest.mark.parametrize(
    "hostile",
    [
        "open('../journal.jsonl', 'a').write('{\"kind\":\"start\",\"code_cells\":Infinity}\\n')",
        "import os\nfor name in ('journal.jsonl', 'log.txt', 'values.json', 'runner.log'):\n"
        "    if os.path.exists(f'../{name}'): os.unlink(f'../{name}')\n    os.mkfifo(f'../{name}')",
        "import os\nos.makedirs('../artifacts')\nos.chdir('../artifacts')\n"
        "for _ in range(1500): os.mkdir('d'); os.chdir('d')",
        "import os\nos.makedirs('../artifacts', exist_ok=True)\n"
        "for name in ('../log.txt', '../artifacts/made', 'made'): open(name, 'a').truncate(10**13)",
    ],
    ids=["a line", "pipes", "deep folders", "terabytes"],
)
def test_whatever_a_notebook_does_to_its_run_directory_all_runs_have_their_end(
    start_engine, submitted, until, witness, home, hostile
):
    start_engine()
    wait = f"import time, pathlib\nit = pathlib.Path({str(witness)!r})\nit.touch()\nwhile it.exists(): time.sleep(0.05)"
    bad = submitted(f"{hostile}\n{wait}").run.id
    until(bad, lambda view: witness.exists())
    good = submitted("1").run.id
    assert until(good, lambda view: view.run.state.is_terminal).run.state is RunState.SUCCEEDED
    witness.unlink()
    until(bad, lambda view: view.run.state.is_terminal)
    until(bad, lambda view: not [path for path in (home.runs / "process").iterdir() if path.name.startswith(bad)])
    assert "Traceback" not in (home.folder / "engine.log").read_text()
