import json
import resource
import stat
import subprocess
from pathlib import Path

from ..waiting import eventually


def test_a_run_leaves_notebook_journal_log_values_artifacts_and_result(runs):
    run = runs.run(
        runs.markdown("# Report"),
        "print('hello', flush=True); import sys; print('careful', file=sys.stderr)",
        "from dataops_lab import record\nrecord('auc', 0.91)",
        "open('report.txt', 'w').write('done')\n'end'",
    )

    assert run.result["state"] == "succeeded"
    assert run.result["failure"] is None
    assert (run.result["done"], run.result["total"]) == (3, 3)
    assert run.result["artifacts"] == [{"path": "report.txt", "size": 4}]
    assert run.result["cpu_seconds"] > 0
    assert run.result["peak_memory_bytes"] > 1_000_000
    assert run.result["started_at"] < run.result["finished_at"]
    assert (run.path / "artifacts" / "report.txt").read_text() == "done"
    assert run.values == {"auc": 0.91}
    assert run.log == "hello\ncareful\n"
    assert run.text(1) == "hello\n"
    assert run.text(1, "stderr") == "careful\n"
    assert run.notebook["cells"][3]["outputs"][0]["data"] == {"text/plain": "'end'"}
    assert run.notebook["metadata"]["language_info"]["name"] == "python"
    assert run.processes() == []


def test_the_journal_tells_everything_in_order(runs):
    run = runs.run("print('a')", runs.markdown("between"), "1", "")

    events = [event for event in run.events() if event["kind"] != "usage"]  # They come at any time.
    told = [(e["kind"], e.get("cell"), e.get("done"), e.get("execution_count")) for e in events]
    assert told == [
        ("start", None, None, None),
        ("cell_started", 0, 0, None),
        ("output", 0, None, None),
        ("cell_finished", 0, 1, 1),
        ("cell_started", 2, 1, None),
        ("output", 2, None, None),
        ("cell_finished", 2, 2, 2),
        ("cell_started", 3, 2, None),
        ("cell_finished", 3, 3, None),
        ("end", None, None, None),
    ]
    assert [event["seq"] for event in run.events()] == list(range(1, len(run.events()) + 1))
    assert all(list(e)[:3] == ["seq", "t", "kind"] for e in run.events())
    assert run.events("start")[0] | {"seq": 0, "t": 0} == {
        "seq": 0,
        "t": 0,
        "kind": "start",
        "cells": 4,
        "code_cells": 3,
    }


def test_a_finished_cell_can_be_read_while_the_next_one_runs(runs):
    run = runs.make(
        "print('first')", "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)"
    ).start()

    run.wait_for("cell_started", cell=1)

    assert run.events("output")[0]["output"]["text"] == "first\n"
    (run.path / "files" / "go").touch()
    run.wait()


def test_output_of_a_running_cell_can_be_read(runs):
    run = runs.make(
        "import pathlib, time\nprint('so far', flush=True)\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)"
    ).start()

    run.wait_for("output", cell=0)
    eventually(lambda: run.log == "so far\n")

    (run.path / "files" / "go").touch()
    run.wait()


def test_an_error_in_a_cell_fails_the_run_and_stops_it(runs):
    run = runs.run("x = 1", "1 / 0", "print('never')")

    failure = run.result["failure"]
    assert run.result["state"] == "failed"
    assert (failure["code"], failure["cell"], failure["ename"]) == ("cell_error", 1, "ZeroDivisionError")
    assert failure["message"] == "ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in failure["traceback"][1]
    assert run.result["done"] == 2
    assert [e["ok"] for e in run.events("cell_finished")] == [True, False]
    statuses = [cell["metadata"]["papermill"]["status"] for cell in run.notebook["cells"]]
    assert statuses == ["completed", "failed", "pending"]
    assert run.notebook["cells"][1]["outputs"][0]["output_type"] == "error"
    assert "ZeroDivisionError: division by zero" in run.log


def test_an_error_that_is_shown_fails_the_run_whatever_the_reply_says(runs):
    (runs.root / "s.py").write_text("1/0\n")
    script = f"%run {runs.root / 's.py'}\nprint('after')"
    captured = runs.run(runs.code(f"%%capture\n{script}", "raises-exception"), "print('on')", script, "print('never')")

    failure = captured.result["failure"]
    assert (failure["cell"], failure["message"]) == (2, "ZeroDivisionError: division by zero")
    assert captured.text(1) == "on\n"
    assert captured.text(2) == "after\n"
    assert captured.text(3) == ""


def test_what_a_cell_runs_may_end_itself_cleanly_and_the_cell_goes_on(runs):
    run = runs.run("get_ipython().run_cell('import sys; sys.exit(0)')\nprint('on')", "print('next')")

    assert run.result["state"] == "succeeded"
    assert run.text(1) == "next\n"


def test_a_debugger_is_told_apart_from_an_input(runs):
    run = runs.run("import pdb; pdb.set_trace()\nx = 1")

    assert run.result["failure"]["code"] == "input_requested"
    assert "debugger" in run.result["failure"]["message"]


def test_a_cell_that_is_meant_to_raise_does_not_stop_the_run(runs):
    run = runs.run(runs.code("1 / 0", "raises-exception"), "print('on')")

    assert run.result["state"] == "succeeded"
    assert run.text(1) == "on\n"


def test_the_notebook_runs_in_its_folder_and_finds_modules_beside_it(runs):
    run = runs.run(
        "import helper, pathlib\nprint(helper.NAME, pathlib.Path('../data.txt').read_text())",
        files={"reports/helper.py": "NAME = 'helper'", "data.txt": "data"},
        folder="reports",
    )

    assert run.text(0) == "helper data\n"
    assert run.result["artifacts"] == []


def test_a_folder_outside_the_files_is_refused(runs):
    run = runs.run("print('never')", folder="../..")

    assert run.result["failure"]["code"] == "runner_error"
    assert "outside" in run.result["failure"]["message"]


def test_a_broken_spec_still_leaves_a_result(runs):
    run = runs.make("1")
    (run.path / "spec.json").write_text("{")

    run.run()

    assert run.result["state"] == "failed"
    assert run.result["failure"]["code"] == "runner_error"
    assert "Traceback" in run.log


def test_a_notebook_that_is_none_still_leaves_a_result(runs):
    run = runs.make()
    (run.path / "input.ipynb").write_text("[]")

    run.run()

    assert run.result["failure"]["code"] == "runner_error"
    assert run.processes() == []


def test_a_kernel_that_kills_itself_fails_the_run_and_keeps_what_it_said(runs):
    run = runs.run(
        "print('before', flush=True)\nimport os, signal, time\ntime.sleep(0.3)\nos.kill(os.getpid(), signal.SIGKILL)"
    )

    failure = run.result["failure"]
    assert (run.result["state"], failure["code"], failure["cell"]) == ("failed", "kernel_died", 0)
    assert "killed" in failure["message"]
    assert "memory" in failure["message"]
    assert run.text(0) == "before\n"
    assert run.notebook["cells"][0]["metadata"]["papermill"]["status"] == "failed"


def test_a_kernel_that_leaves_tells_its_exit_code(runs):
    run = runs.run("import os\nos._exit(7)")

    assert run.result["failure"]["code"] == "kernel_died"
    assert "exit code 7" in run.result["failure"]["message"]


def test_a_kernel_that_cannot_be_executed_is_named(runs):
    run = runs.run("1", kernel={**runs.python, "argv": ["/does/not/exist", "{connection_file}"]})

    assert run.result["failure"]["code"] == "kernel_start_failed"
    message = run.result["failure"]["message"]
    assert "/does/not/exist" in message
    assert "Traceback" not in message
    assert json.loads((run.path / "output.ipynb").read_text())["cells"][0]["source"] == "1"


def test_a_kernel_that_ends_at_once_shows_what_it_said(runs):
    argv = ["/bin/sh", "-c", "echo no kernel here >&2; exit 3"]
    run = runs.run("1", kernel={**runs.python, "argv": argv})

    message = run.result["failure"]["message"]
    assert run.result["failure"]["code"] == "kernel_start_failed"
    assert "exit code 3" in message
    assert "no kernel here" in message


def test_a_kernel_that_never_answers_is_given_up(runs):
    run = runs.run("1", kernel={**runs.python, "argv": ["/bin/sh", "-c", "sleep 1000"]}, startup_timeout_s=0.5)

    assert run.result["failure"]["code"] == "kernel_start_failed"
    assert "0.5 seconds" in run.result["failure"]["message"]
    assert run.processes() == []


def test_what_the_notebook_left_running_is_gone_afterwards(runs):
    daemon = (
        "import os, time\nos.setsid()\nif os.fork(): os._exit(0)\n"
        "open('daemon', 'w').write(str(os.getpid()))\ntime.sleep(1000)"
    )
    run = runs.run(
        "import subprocess, sys, pathlib, time",
        f"subprocess.Popen([sys.executable, '-c', {daemon!r}], env={{}})\n"
        "while not (p := pathlib.Path('daemon')).exists() or not p.read_text(): time.sleep(0.01)",
    )

    pid = int((run.path / "artifacts" / "daemon").read_text())
    assert not Path(f"/proc/{pid}").exists()


def test_files_that_were_not_closed_are_artifacts_as_a_whole(runs):
    run = runs.run(
        "f = open('rows.csv', 'w')\nf.write('a,b')",
        "import atexit\natexit.register(lambda: open('last', 'w').write('x'))",
    )

    assert (run.path / "artifacts" / "rows.csv").read_text() == "a,b"
    assert (run.path / "artifacts" / "last").read_text() == "x"


def test_the_environment_names_the_attempt_and_takes_values_from_any_program(runs):
    run = runs.run(
        "import os, subprocess\nprint(os.environ['DATAOPS_LAB_ATTEMPT'])",
        """subprocess.run('echo \\'{"name": "rows", "value": 12}\\' >> $DATAOPS_LAB_VALUES', shell=True, check=True)""",
    )

    assert run.text(0).strip() == run.attempt
    assert run.values == {"rows": 12}
    assert run.events("value")[0] | {"seq": 0, "t": 0} == {
        "seq": 0,
        "t": 0,
        "kind": "value",
        "name": "rows",
        "value": 12,
    }


def test_a_bash_notebook_runs(runs):
    run = runs.run("echo hello", "echo text > made.txt", kernel=runs.bash)

    assert run.result["state"] == "succeeded"
    assert run.text(0) == "hello\n"
    assert [a["path"] for a in run.result["artifacts"]] == ["made.txt"]


def test_a_failing_command_fails_a_bash_notebook(runs):
    run = runs.run("false", "echo never", kernel=runs.bash)

    failure = run.result["failure"]
    assert (run.result["state"], failure["code"], failure["cell"]) == ("failed", "cell_error", 0)
    assert "1" in failure["message"]


def test_nothing_but_the_result_is_left_in_the_run_directory(runs):
    run = runs.run("open('secret', 'w').write('x')")

    left = {entry.name for entry in run.path.iterdir()}
    assert left == {
        "artifacts",
        "files",
        "input.ipynb",
        "journal.jsonl",
        "log.txt",
        "output.ipynb",
        "result.json",
        "runner.json",
        "spec.json",
        "values.json",
    }
    assert stat.S_ISREG((run.path / "result.json").lstat().st_mode)


def test_a_kernel_that_dies_after_the_last_cell_fails_the_run(runs):
    run = runs.run("import os, threading\nthreading.Timer(0.05, os._exit, [9]).start()", "import time\ntime.sleep(0.2)")

    assert run.result["failure"]["code"] == "kernel_died"
    assert "exit code 9" in run.result["failure"]["message"]


def test_a_kernel_that_does_not_end_by_itself_is_killed(runs):
    run = runs.run("import threading, time\nthreading.Thread(target=time.sleep, args=[1000]).start()")

    assert run.result["state"] == "succeeded"
    assert [e["code"] for e in run.events("note")] == ["kernel_killed"]
    assert "was killed" in run.result["cut_off"]
    assert run.result["cut_off"] in run.log
    assert run.processes() == []


def test_a_python_kernel_may_clean_up_however_its_language_is_spelt(runs):
    run = runs.run(
        "import atexit, time\n@atexit.register\ndef clean_up():\n    time.sleep(1.5)\n"
        "    open('late.txt', 'w').close()",
        kernel={**runs.python, "language": "Python"},
    )

    assert [artifact["path"] for artifact in run.result["artifacts"]] == ["late.txt"]
    assert run.result["cut_off"] is None


def test_a_notebook_that_deletes_the_folder_it_runs_in_is_told_so(runs):
    run = runs.run("import os, shutil\nshutil.rmtree(os.getcwd())", folder="reports")

    assert "folder_deleted" in [e["code"] for e in run.events("note")]
    assert "deleted the folder in which it ran" in run.log


def test_a_full_disk_fails_the_run_and_says_so(runs):
    run = runs.make("x = 1", "print('x' * 1_000_000)", "print('never')")
    size = 500_000  # this simulates the full disk: no file may grow beyond it

    run.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))).wait()

    assert run.result["state"] == "failed"
    assert run.result["failure"]["code"] == "runner_error"
    assert "File too large" in run.result["failure"]["message"]
    assert run.events()[-1]["kind"] == "end"
    assert run.notebook["cells"][0]["source"] == "x = 1"
    assert run.processes() == []


def test_kernels_share_no_history_file(runs):
    run = runs.run("print(get_ipython().history_manager.hist_file)")

    assert run.text(0) == ":memory:\n"


def test_a_run_directory_deep_below_the_root_is_no_problem(runs):
    runs.root = runs.root / ("deep" * 20) / ("deeper" * 10)
    runs.root.mkdir(parents=True)

    assert runs.run("1").result["state"] == "succeeded"


def test_git_answers_for_no_repository_above_the_run(runs):
    made = runs.make("import subprocess\nprint(subprocess.run(['git', 'rev-parse']).returncode)")
    subprocess.run(["git", "init", "-q", str(made.path.parent)], check=True)
    assert made.start().wait().text(0) == "128\n"


def test_folders_of_the_run_are_there_although_no_file_is_in_them(runs):
    run = runs.run("import os\nprint(sorted(os.listdir('.')), os.listdir('other'))", folders=["out", "other/deep"])
    assert run.text(0) == "['other', 'out'] ['deep']\n"
    assert run.result["artifacts"] == []
