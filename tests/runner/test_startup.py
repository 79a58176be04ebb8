import pytest


@pytest.mark.parametrize(
    "ending",
    [
        "import sys; sys.exit()",
        "import sys; sys.exit(0)",
        "exit()",
        "quit()",
        "exit",
        "quit",
        "raise SystemExit",
        "await __import__('asyncio').sleep(0)\nexit()",
        "%time exit()",
    ],
)
def test_a_clean_exit_is_a_success_with_nothing_to_do(runs, ending):
    run = runs.run("print('checked')", ending, "print('never')")

    assert run.result["state"] == "succeeded"
    assert run.result["nothing_to_do"] is True
    assert run.result["done"] == 2
    assert run.notebook["cells"][1]["outputs"] == []
    statuses = [cell["metadata"]["papermill"]["status"] for cell in run.notebook["cells"]]
    assert statuses == ["completed", "completed", "pending"]
    assert [e["ok"] for e in run.events("cell_finished")] == [True, True]
    assert "exit" not in run.log


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("import sys; sys.exit(3)", "exit status 3"),
        ("exit(2)", "exit status 2"),
        ("import sys; sys.exit('0')", "0"),
        ("import sys; sys.exit('no rows today')", "no rows today"),
        ("raise SystemExit('')", "The notebook ended itself"),
    ],
)
def test_any_other_exit_is_a_failure_that_names_its_value(runs, ending, message):
    run = runs.run(ending, "print('never')")

    failure = run.result["failure"]
    assert (run.result["state"], failure["code"], failure["cell"]) == ("failed", "exit_status", 0)
    assert message in failure["message"]
    assert run.result["nothing_to_do"] is False
    assert run.notebook["cells"][0]["outputs"][-1]["ename"] == "SystemExit"
    assert run.events("output")[-1]["output"]["ename"] == "SystemExit"
    assert failure["traceback"]


def test_exit_still_ends_the_notebook_after_a_reset(runs):
    run = runs.run("%reset -f", "exit()", "print('never')")

    assert run.result["nothing_to_do"] is True
    assert run.result["done"] == 2


def test_an_exit_that_the_notebook_catches_does_not_end_it(runs):
    run = runs.run("try:\n    exit(1)\nexcept SystemExit:\n    print('caught')", "print('on')")

    assert run.result["state"] == "succeeded"
    assert run.result["nothing_to_do"] is False
    assert run.text(1) == "on\n"


def test_an_exit_in_a_cell_that_is_meant_to_raise_is_shown_and_ignored(runs):
    run = runs.run(runs.code("exit(1)", "raises-exception"), "print('on')")

    assert run.result["state"] == "succeeded"
    assert run.notebook["cells"][0]["outputs"][0]["ename"] == "SystemExit"
    assert run.text(1) == "on\n"


def test_asking_for_input_fails_at_once(runs):
    run = runs.run("name = input('Who? ')")

    failure = run.result["failure"]
    assert (run.result["state"], failure["code"], failure["cell"]) == ("failed", "input_requested", 0)
    assert "input" in failure["message"]


def test_nothing_is_added_to_the_notebooks_names_or_counted(runs):
    run = runs.run("print([n for n in dir() if not n.startswith('_')], len(In))", "1")

    assert run.text(0) == "['In', 'Out', 'exit', 'get_ipython', 'open', 'quit'] 2\n"
    assert run.events("cell_finished")[0]["execution_count"] == 1


def test_an_installed_dataops_lab_wins_over_the_stand_in(runs):
    run = runs.run("import dataops_lab\nprint(dataops_lab.WHO)", files={"dataops_lab.py": "WHO = 'theirs'"})

    assert run.text(0) == "theirs\n"


def test_the_stand_in_is_last_on_the_path_and_records(runs):
    run = runs.run(
        "import importlib.machinery, importlib.util, sys\n"
        "spec = importlib.machinery.PathFinder.find_spec('dataops_lab', sys.path[-1:])\n"
        "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\nmodule.record('a', 1)\n"
        "module.mail(subject='S')"
    )

    assert run.values == {"a": 1, "dataops_lab.mail": {"subject": "S"}}
    assert run.notebook["cells"][0]["outputs"][0]["data"]["text/plain"] == "a = 1"


def test_record_takes_what_pandas_and_numpy_give_and_refuses_the_rest(runs):
    run = runs.run(
        "from dataops_lab import record\nimport numpy as np",
        "record('n', np.int64(3)); record('share', np.float64(0.5)); record('list', [1, None, 'ü'])",
        runs.code("record('nan', float('nan'))", "raises-exception"),
        runs.code("record('set', {1})", "raises-exception"),
    )

    assert run.values == {"n": 3, "share": 0.5, "list": [1, None, "ü"]}


LATE = """
from ipykernel.kernelbase import Kernel

publish = Kernel._publish_status

def publish_late(kernel, *args, **options):
    if kernel._shutdown_message is not None:
        thread = kernel.iopub_thread.thread
        thread.join()
        thread.is_alive = lambda: True  # as it was a moment ago
    publish(kernel, *args, **options)

Kernel._publish_status = publish_late
"""


def test_a_kernel_ends_whatever_it_wants_to_tell_after_its_publisher_has_stopped(runs):
    run = runs.run(LATE)
    assert (run.result["state"], run.result["cut_off"]) == ("succeeded", None)
