"""Programs in run directories, by the real runner."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from dataops_lab.rundir.parameters import parameter_variables
from dataops_lab.runner.memory import describe_signal
from dataops_lab.runner.program import python_error

from ..required import missing
from ..waiting import eventually
from .conftest import Runs


def test_what_a_script_prints_is_in_log_and_journal_and_it_has_no_cells(runs: Runs) -> None:
    run = runs.script("import sys\nprint('grün')\nsys.stdout.flush()\nprint('red', file=sys.stderr)\n")
    assert run.result["state"] == "succeeded"
    assert (run.result["done"], run.result["total"]) == (0, 0)
    assert sorted(run.log.splitlines()) == ["grün", "red"]
    assert run.streamed("stdout") == "grün\n"
    assert run.streamed("stderr") == "red\n"
    assert [event["kind"] for event in run.events() if event["kind"] in ("start", "end")] == ["start", "end"]
    assert not (run.path / "output.ipynb").exists()


def test_a_script_runs_in_its_folder_and_leaves_artifacts_and_values(runs: Runs) -> None:
    run = runs.script(
        "from pathlib import Path\nfrom dataops_lab import record\n"
        "record('rows', int(Path('../data/n.txt').read_text()))\nPath('out.csv').write_text('a')\n",
        name="jobs/load.py",
        files={"data/n.txt": "7"},
    )
    assert run.values == {"rows": 7}
    assert [artifact["path"] for artifact in run.result["artifacts"]] == ["jobs/out.csv"]
    assert run.events("value")[0]["value"] == 7


def test_a_shell_script_leaves_values_line_by_line(runs: Runs) -> None:
    run = runs.script('echo \'{"name": "rows", "value": 3}\' >> "$DATAOPS_LAB_VALUES"\n', name="load.sh")
    assert run.values == {"rows": 3}


def test_half_a_line_of_values_is_refused_and_the_rest_is_kept(runs: Runs) -> None:
    source = 'printf \'{"name": "a", "value": 1}\\n{"name": "b", "val\' >> "$DATAOPS_LAB_VALUES"\n'
    run = runs.script(source, name="load.sh")
    assert run.values == {"a": 1}
    assert "Line 2 of the values file is not JSON" in run.log


def test_a_pipe_in_the_place_of_the_values_holds_nobody_up(runs: Runs) -> None:
    run = runs.script('mkfifo "$DATAOPS_LAB_VALUES"\n', name="load.sh")
    assert run.result["state"] == "succeeded"
    assert run.values == {}


def test_parameters_reach_every_language_as_variables_and_as_one_file(runs: Runs) -> None:
    given = {"month": "2026-01-01", "Rate": 0.5, "dry": True, "regions": ["Nord", "Süd"], "nothing": None}
    python = (
        "import json, os\nprint({k: v for k, v in os.environ.items() if k.startswith('DATAOPS_PARAM_')})\n"
        "print(json.load(open(os.environ['DATAOPS_PARAMS_FILE'])))\n"
    )
    run = runs.script(python, parameters=given)
    variables, file = run.log.splitlines()
    assert eval(variables) == {
        "DATAOPS_PARAM_MONTH": "2026-01-01",
        "DATAOPS_PARAM_RATE": "0.5",
        "DATAOPS_PARAM_DRY": "true",
        "DATAOPS_PARAM_REGIONS": '["Nord", "Süd"]',
    }
    assert eval(file) == given
    shell = runs.script('echo "$DATAOPS_PARAM_MONTH ${DATAOPS_PARAM_NOTHING-unset}"\n', name="a.sh", parameters=given)
    assert shell.log == "2026-01-01 unset\n"


def test_a_script_of_r_gets_parameters_and_leaves_values(runs: Runs) -> None:
    if not shutil.which("Rscript"):
        missing("R is not installed. On Debian and Ubuntu: sudo apt-get install r-base-core")
    source = (
        'n <- as.integer(Sys.getenv("DATAOPS_PARAM_N"))\n'
        'cat(sprintf(\'{"name": "double", "value": %d}\\n\', 2L * n), file = Sys.getenv("DATAOPS_LAB_VALUES"))\n'
    )
    run = runs.script(source, name="äh and ö.R", parameters={"n": 21})
    assert run.result["state"] == "succeeded", run.log
    assert run.values == {"double": 42}


def test_variables_of_parameters_that_the_runner_inherited_do_not_reach_the_program(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAOPS_PARAM_OLD", "1")
    assert runs.script('echo "${DATAOPS_PARAM_OLD-unset}"\n', name="a.sh").log == "unset\n"


def test_no_name_of_a_parameter_reaches_loader_shell_or_interpreter(runs: Runs) -> None:
    names = ["PATH", "LD_PRELOAD", "IFS", "PYTHONSTARTUP", "BASH_ENV", "HOME"]
    run = runs.script("env\n", name="a.sh", parameters=dict.fromkeys(names, "/evil"))
    lines = run.log.splitlines()
    assert {line.partition("=")[0] for line in lines if line.endswith("/evil")} == {
        f"DATAOPS_PARAM_{name}" for name in names
    }


@pytest.mark.parametrize("name", ["größe der läufe.py", "-x.py", "a'b\".py"])
def test_a_script_may_have_any_name(runs: Runs, name: str) -> None:
    assert runs.script("print('here')\n", name=name).log == "here\n"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.py", "#!/no where/python  -x\r\nprint('ran')\r\n"),
        ("a.py", "\ufeffprint('ran')"),
        ("a.sh", "#!  /bin/sh   -e\necho ran"),
    ],
)
def test_an_odd_beginning_or_end_does_no_harm(runs: Runs, name: str, source: str) -> None:
    assert runs.script(source, name=name).log.split() == ["ran"]


def test_a_script_needs_not_be_executable(runs: Runs) -> None:
    run = runs.script('[ -x "$0" ] || echo plain\n', name="a.sh")
    assert run.log == "plain\n"


def test_an_error_of_python_fails_with_its_name_and_message(runs: Runs) -> None:
    run = runs.script("def load():\n    raise ValueError('no rows')\n\nload()\n")
    failure = run.result["failure"]
    assert run.result["state"] == "failed"
    assert (failure["code"], failure["cell"]) == ("exit_status", None)
    assert (failure["ename"], failure["evalue"]) == ("ValueError", "no rows")
    assert failure["message"] == "The script ended with exit status 1: ValueError: no rows"
    assert "in load" in failure["traceback"][0]
    assert "ValueError: no rows" in run.log


def test_another_failure_tells_the_last_line_of_stderr(runs: Runs) -> None:
    run = runs.script("echo before >&2; echo 'no such table' >&2; exit 3\n", name="a.sh")
    failure = run.result["failure"]
    assert failure["message"] == "The script ended with exit status 3: no such table"
    assert failure["traceback"] == ["before\nno such table"]


def test_a_script_without_a_word_fails_with_its_status(runs: Runs) -> None:
    assert runs.script("exit 3", name="a.sh").result["failure"]["message"] == "The script ended with exit status 3."


def test_a_script_that_asks_for_input_is_told_what_to_do(runs: Runs) -> None:
    failure = runs.script("name = input('Who? ')\n").result["failure"]
    assert failure["code"] == "input_requested"
    assert "Make it a parameter" in failure["message"]
    assert runs.script('read x; echo "<$x>"\n', name="a.sh").log == "<>\n"


def test_a_script_that_a_signal_kills_says_which(runs: Runs) -> None:
    failure = runs.script("kill -SEGV $$\n", name="a.sh").result["failure"]
    assert failure["code"] == "program_died"
    assert failure["message"] == "The script crashed with a segmentation fault (SIGSEGV)."


def test_a_command_that_is_not_there_did_not_start(runs: Runs) -> None:
    run = runs.program(["no-such-program", "x"], kind="command")
    failure = run.result["failure"]
    assert failure["code"] == "program_start_failed"
    assert "The command did not start. no-such-program: No such file or directory" in failure["message"]


def test_a_command_takes_its_arguments_as_they_are(runs: Runs) -> None:
    run = runs.program(["printf", "%s|", "a b", "$HOME", "*", "ü"], kind="command")
    assert run.log == "a b|$HOME|*|ü|"


def test_secrets_are_variables_and_are_masked_also_in_pieces(runs: Runs) -> None:
    source = (
        "import os, sys, time\nsecret = os.environ['TOKEN']\nsys.stdout.write(secret[:5]); sys.stdout.flush()\n"
        "time.sleep(0.2)\nprint(secret[5:])\nprint(secret, file=sys.stderr)\nraise ValueError(secret)\n"
    )
    run = runs.script(source, secrets={"TOKEN": "hunter2-secret"})
    assert "hunter2-secret" not in run.log + json.dumps(run.events()) + json.dumps(run.result)
    assert run.streamed("stdout") == "***\n"
    assert run.result["failure"]["evalue"] == "***"


def test_a_flood_is_cut_and_the_run_goes_on(runs: Runs) -> None:
    limits = {"cell_bytes": 200_000, "run_bytes": 200_000}
    run = runs.script("for _ in range(5000):\n    print('x' * 999)\nprint('end')\n", output_limits=limits)
    assert run.result["state"] == "succeeded"
    assert len(run.streamed("stdout")) <= 200_000
    assert [note["code"] for note in run.events("note")] == ["output_cut"]
    assert "The outputs of this run are more than 200 kB" in run.log


def test_text_in_pieces_of_a_character_stays_whole(runs: Runs) -> None:
    source = (
        "import os, time\nfor byte in 'ü€'.encode():\n    os.write(1, bytes([byte]))\n    time.sleep(0.05)\n"
        "os.write(1, b'\\xff')\n"
    )
    assert runs.script(source).streamed("stdout") == "ü€\ufffd"


def test_the_log_grows_while_the_script_runs(runs: Runs) -> None:
    source = "import time\nprint('first')\nwhile True:\n    time.sleep(0.1)\n"
    run = runs.start_script(source)
    assert run.wait_for("output")["output"]["text"] == "first\n"
    assert run.log == "first\n"


def test_a_daemon_does_not_outlive_the_run(runs: Runs) -> None:
    source = "setsid sh -c 'trap \"\" TERM INT; echo $$ > daemon.pid; while :; do sleep 1; done' &\n"
    source += "while ! [ -s daemon.pid ]; do :; done; echo done\n"
    run = runs.script(source, name="a.sh")
    assert run.log == "done\n"
    pid = int((run.path / "files" / "daemon.pid").read_text())
    assert not Path(f"/proc/{pid}").exists()


def test_a_daemon_that_floods_does_not_hold_the_end_up(runs: Runs) -> None:
    run = runs.script("(while :; do echo flood; done) &\nsleep 0.3\n", name="a.sh")
    assert run.result["state"] == "succeeded"


def test_a_stopped_script_may_clean_up(runs: Runs) -> None:
    source = (
        "import time\ntry:\n    print('runs')\n    while True:\n        time.sleep(0.1)\n"
        "except KeyboardInterrupt:\n    open('cleaned', 'w').write('yes')\n    print('bye')\n"
    )
    run = runs.start_script(source)
    run.wait_for("output")
    run.terminate()
    run.wait()
    assert run.result["state"] == "terminated"
    assert run.log.splitlines()[:2] == ["runs", "bye"]
    assert [artifact["path"] for artifact in run.result["artifacts"]] == ["cleaned"]


def test_a_script_that_hears_nothing_is_killed_after_the_grace(runs: Runs) -> None:
    run = runs.start_script("trap '' INT TERM\necho runs\nwhile :; do sleep 0.1; done\n", name="a.sh", grace_s=0.4)
    run.wait_for("output")
    run.terminate()
    run.wait()
    assert run.result["state"] == "terminated"
    assert run.processes() == []


def test_when_the_runner_is_killed_the_script_dies_too(runs: Runs) -> None:
    run = runs.start_script("import os, time\nprint(os.getpid())\nwhile True:\n    time.sleep(0.1)\n")
    pid = int(run.wait_for("output")["output"]["text"])
    run.kill_runner()
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_the_cost_of_the_script_is_measured(runs: Runs) -> None:
    run = runs.script("data = bytearray(80_000_000)\nsum(range(3_000_000))\n")
    assert run.result["peak_memory_bytes"] > 80_000_000
    assert run.result["cpu_seconds"] > 0


def test_an_installed_dataops_lab_is_not_hidden(runs: Runs) -> None:
    run = runs.script("import dataops_lab, dataops_lab.errors\nprint(dataops_lab.errors.DataOpsError.code)\n")
    assert run.log == "error\n"


def test_record_works_without_an_installed_dataops_lab(runs: Runs) -> None:
    run = runs.make_script("from dataops_lab import record\nrecord('a', 1)\n")
    run.spec["program"]["argv"][1:1] = ["-S"]
    run.write_spec()
    run.run()
    assert run.values == {"a": 1}, run.log


@pytest.mark.parametrize(
    ("stderr", "error"),
    [
        ("Traceback (most recent call last):\n  File\n    x\nKeyError: 'a'\n", ("KeyError", "'a'")),
        ("Traceback (most recent call last):\n  File\njson.decoder.JSONDecodeError: a\nb", ("JSONDecodeError", "a\nb")),
        ("Traceback (most recent call last):\n  File\nAssertionError", ("AssertionError", "")),
        (
            "  File \"a.py\", line 1\n    f(\n     ^\nSyntaxError: '(' was never closed\n",
            ("SyntaxError", "'(' was never closed"),
        ),
    ],
)
def test_the_error_of_python_is_found_in_its_words(stderr: str, error: tuple[str, str]) -> None:
    found = python_error("noise\n" + stderr)
    assert found is not None
    assert found[:2] == error


@pytest.mark.parametrize("stderr", ["", "error: no", "Traceback (most recent call last):\n  File", "Error: x"])
def test_no_error_of_python_is_found_in_other_words(stderr: str) -> None:
    assert python_error(stderr) is None


def test_the_last_of_several_tracebacks_counts() -> None:
    first, second = (f"Traceback (most recent call last):\n  File\n{end}\n" for end in ("KeyError: 1", "E: 2"))
    found = python_error(f"{first}\nDuring handling of it:\n\n{second}")
    assert found is not None
    assert found[:2] == ("E", "2")


def test_values_that_are_not_text_are_json() -> None:
    assert parameter_variables({"a": 1, "b": [1, "ü"], "c": None, "d": False, "e": "x"}) == {
        "DATAOPS_PARAM_A": "1",
        "DATAOPS_PARAM_B": '[1, "ü"]',
        "DATAOPS_PARAM_D": "false",
        "DATAOPS_PARAM_E": "x",
    }


def test_signals_are_told_by_name() -> None:
    assert describe_signal(signal.SIGKILL) == "was killed (SIGKILL)"
    assert describe_signal(signal.SIGTERM) == "was ended by the signal SIGTERM"
    assert describe_signal(77) == "was ended by the signal 77"
