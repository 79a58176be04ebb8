import json
import os
import signal

from ..waiting import eventually

SMALL = {"cell_bytes": 1_000, "run_bytes": 2_500}


def replayed(run):
    """Return the outputs of each cell as a reader of the journal alone sees them."""
    cells = {}
    for event in run.events():
        if event["kind"] == "output":
            outputs, new = cells.setdefault(event["cell"], []), event["output"]
            if outputs and new["output_type"] == "stream" and outputs[-1].get("name") == new["name"]:
                outputs[-1]["text"] += new["text"]
            else:
                outputs.append(new)
        elif event["kind"] == "clear":
            cells[event["cell"]] = []
        elif event["kind"] == "update":
            for output in (o for outputs in cells.values() for o in outputs):
                if output.get("transient", {}).get("display_id") == event["display_id"]:
                    output.update(data=event["data"], metadata=event["metadata"])
    for output in (o for outputs in cells.values() for o in outputs):
        output.pop("transient", None)
    return cells


def test_a_reader_of_the_journal_sees_what_the_notebook_holds(runs):
    run = runs.run(
        "import sys, time\nfrom IPython.display import clear_output, display\nprint('a'); print('b', file=sys.stderr)",
        "handle = display('one', display_id=True)\nprint('kept')",
        "print('gone', flush=True); clear_output(); print('stays')",
        "print('gone too', flush=True); clear_output(wait=True); print('stays too')",
        "handle.update('two')\ndisplay('again', display_id=handle.display_id)",
        "for i in range(500): print(i)",
        "display({'text/plain': 'x', 'application/json': {'ü': [1, None]}}, raw=True)\n'result'",
        runs.code("raise ValueError('ü')", "raises-exception"),
    )

    notebook = {i: cell["outputs"] for i, cell in enumerate(run.notebook["cells"]) if cell["outputs"]}
    assert {i: outputs for i, outputs in replayed(run).items() if outputs} == notebook
    assert notebook[1][0]["data"]["text/plain"] == "'again'"
    assert run.text(2) == "stays\n"
    assert run.text(3) == "stays too\n"
    assert run.text(5) == "".join(f"{i}\n" for i in range(500))
    assert len(run.notebook["cells"][5]["outputs"]) == 1


def test_a_flood_of_small_outputs_becomes_few_journal_lines(runs):
    run = runs.run("for i in range(2000):\n    print('x' * 50, flush=True)")

    assert run.text(0) == ("x" * 50 + "\n") * 2000
    # The number depends on the speed of the machine. If the outputs were not joined, each would have its own line.
    assert len(run.events("output")) < 1000
    assert run.log == run.text(0)


def test_no_display_is_lost_however_many_come_at_once(runs):
    run = runs.run("from IPython.display import display\nfor i in range(3000): display(i)")

    shown = [output["data"]["text/plain"] for output in run.notebook["cells"][0]["outputs"]]
    assert shown == [str(i) for i in range(3000)]


def test_no_output_is_lost_while_the_runner_gets_no_processor_time(runs):
    run = runs.make(
        "from pathlib import Path\n"
        "Path('ready').touch()\n"
        "while not Path('go').exists(): pass\n"
        "for i in range(5000): print(i, flush=True)\n"
        "Path('printed').touch()"
    ).start()
    eventually((run.path / "files" / "ready").exists)
    os.kill(run.lock["pid"], signal.SIGSTOP)
    try:
        (run.path / "files" / "go").touch()
        eventually((run.path / "files" / "printed").exists)
    finally:
        os.kill(run.lock["pid"], signal.SIGCONT)
    run.wait()

    assert run.text(0).split() == [str(i) for i in range(5000)]


def test_a_cell_over_its_limit_is_cut_and_says_so(runs):
    run = runs.run("print('x' * 700)\nprint('y' * 700)\nprint('z')\n'result'", "print('next')", output_limits=SMALL)

    assert run.result["state"] == "succeeded"
    assert run.text(0).startswith("x" * 700)
    assert "z" not in run.text(0)
    assert len(run.text(0)) == 1_000
    assert "more than 1 kB" in run.text(0, "stderr")
    assert run.text(1) == "next\n"
    assert [(e["code"], e["cell"]) for e in run.events("note")] == [("output_cut", 0)]
    assert replayed(run)[0] == run.notebook["cells"][0]["outputs"]
    assert "more than 1 kB" in run.log


def test_a_run_over_its_limit_is_cut_once_and_still_shows_its_error(runs):
    run = runs.run(*["print('x' * 900)"] * 4, "print('y')", "1 / 0", output_limits=SMALL)

    assert len(run.events("note")) == 1
    assert run.text(2).startswith("x")
    assert run.text(3) == ""
    assert run.text(4) == ""
    assert run.notebook["cells"][5]["outputs"][0]["ename"] == "ZeroDivisionError"


def test_output_that_is_cleared_makes_room_for_what_comes_after(runs):
    run = runs.run(
        "from IPython.display import clear_output\n"
        "for i in range(3):\n    clear_output(wait=True)\n    print(str(i) * 700, flush=True)",
        output_limits=SMALL,
    )

    assert run.text(0) == "2" * 700 + "\n"


def test_a_huge_error_is_shortened(runs):
    run = runs.run("raise ValueError('x' * 5_000_000)")

    assert run.result["failure"]["code"] == "cell_error"
    assert len(json.dumps(run.notebook)) < 1_000_000
    assert len(json.dumps(run.result)) < 1_000_000


def test_a_value_counts_even_where_its_display_is_cut(runs):
    run = runs.run("from dataops_lab import record\nprint('x' * 2000)\nrecord('auc', 0.91)", output_limits=SMALL)

    assert run.values == {"auc": 0.91}


def test_scraps_of_scrapbook_are_values(runs):
    glue = """
from IPython.display import display
mime = "application/scrapbook.scrap.json+json"
display({mime: {"name": "rows", "data": [1, 2], "encoder": "json", "version": 1}}, raw=True)
"""
    run = runs.run(glue)

    assert run.values == {"rows": [1, 2]}


def test_broken_text_from_the_kernel_is_written_as_valid_json(runs):
    run = runs.run(
        "import os\nfrom IPython.display import display\ndisplay({'text/plain': os.fsdecode(b'a\\xffb')}, raw=True)",
    )

    assert run.result["state"] == "succeeded"
    assert run.notebook["cells"][0]["outputs"][0]["data"]["text/plain"].startswith("a")


def test_a_notebook_that_is_cut_into_lines_is_run_whole(runs):
    run = runs.run(runs.code(["x = 1\n", "print(x)"]))

    assert run.text(0) == "1\n"


def test_cells_that_are_to_be_skipped_count_but_do_not_run(runs):
    run = runs.run(runs.code("print('never')", "skip-execution"), "print('on')")

    assert run.text(0) == ""
    assert (run.result["done"], run.result["total"]) == (2, 2)


def test_a_value_recorded_in_a_loop_floods_nothing(runs):
    run = runs.run("from dataops_lab import record\nfor i in range(2000): record('loss', i)", output_limits=SMALL)

    assert run.values == {"loss": 1999}
    assert run.events("value")[-1]["value"] == 1999
    assert len(run.events("value")) < 200


def test_notes_are_bounded(runs):
    run = runs.run(
        "from IPython.display import display\n"
        "for i in range(500): display({'application/vnd.dataops.value+json': None}, raw=True)"
    )

    assert len(run.events("note")) == 100
    assert run.events("note")[-1]["code"] == "notes_cut"


def test_output_that_comes_after_its_cell_is_dropped_without_harm(runs):
    run = runs.run(
        "import threading, time\n"
        "def speak():\n    for i in range(20):\n        print('late', flush=True); time.sleep(0.01)\n"
        "thread = threading.Thread(target=speak); thread.start()",
        "thread.join()",
    )

    assert run.result["state"] == "succeeded"


def test_what_is_shown_in_an_output_widget_ends_and_counts(runs):
    run = runs.run(
        "import ipywidgets\nfrom IPython.display import clear_output, display\nfrom dataops_lab import record\n"
        "widget = ipywidgets.Output()\nwith widget:\n    display(5); clear_output(); record('inside', 1); print(6)",
        "ipywidgets.interact(lambda x: print(x), x=3)\nprint('next')",
        "with widget:\n    1 / 0",
        "print('never')",
    )

    assert run.values == {"inside": 1}
    assert run.text(1) == "next\n"
    assert (run.result["failure"]["cell"], run.result["failure"]["ename"]) == (2, "ZeroDivisionError")
    assert "1 / 0" in run.log


def test_a_value_counts_in_its_turn_also_where_its_display_is_captured(runs):
    run = runs.run(
        "%%capture\nfrom dataops_lab import record\nrecord('a', 1); record('b', 1)",
        "record('a', 2)",
        "%%capture\nrecord('b', 2)",
    )

    assert run.values == {"a": 2, "b": 2}
    assert [len(cell["outputs"]) for cell in run.notebook["cells"]] == [0, 1, 0]
