from __future__ import annotations

import json

from ..pipelines.elyra.flows import as_bytes, flow, node

STEPS = """\
version: 1
title: The month
steps:
  sales: {notebook: sales.ipynb, with: {region: South}}
  ok: {approve: {ask: Publish?}, needs: [sales]}
  each: {command: [echo, one], needs: [ok], for_each: {inputs: [1, 2]}}
  end: {script: tell.py, title: 'Say "it" <b>', needs: [each, ok], run_if: all_done, if: "steps.sales.values.n > 0"}
  off: {command: [rm, -r, scratch], needs: [sales], disabled: true}
"""


def a_pipeline(shell, text: str = STEPS) -> str:
    shell.notebook("sales.ipynb", "1", parameters="region = 'North'")
    shell.text("tell.py", "print(1)\n")
    return shell.text("month.pipeline.yaml", text)


def test_a_pipeline_that_can_run_says_so(own_shell):
    checked = own_shell.invoke("pipeline", "validate", a_pipeline(own_shell))

    assert checked.code == 0
    assert checked.out == "month.pipeline.yaml: 5 steps, no problems; 1 disabled for a run\n"


def test_each_problem_stands_behind_its_file_line_and_column(own_shell):
    text = STEPS.replace("region: South", "regin: South").replace("sales.values", "sale.values")
    file = a_pipeline(own_shell, text)

    checked = own_shell.invoke("pipeline", "validate", file)
    as_json = own_shell.invoke("pipeline", "validate", file, "--json")

    assert (checked.code, as_json.code) == (2, 2)
    [problem] = checked.out.splitlines()
    assert problem.startswith("month.pipeline.yaml:7:91: [end] ") and "Do you mean `sales`?" in problem
    assert as_json.json["problems"][0]["line"] == 7


def test_a_pipeline_that_is_not_there_is_refused(own_shell):
    checked = own_shell.invoke("pipeline", "validate", "gone.pipeline.yaml", "--json")

    assert (checked.code, checked.json["error"]["code"]) == (2, "pipeline_not_found")


def test_the_graph_is_shown_as_a_table(own_shell):
    shown = own_shell.invoke("pipeline", "show", a_pipeline(own_shell))

    assert shown.code == 0
    assert [line.split() for line in shown.out.splitlines()] == [
        ["The", "month"],
        ["STEP", "RUNS", "AFTER", "WHEN"],
        ["sales", "sales.ipynb"],
        ["ok", "approval:", "Publish?", "sales"],
        ["each", "echo", "one", "ok", "for", "each", "item"],
        ["end", "tell.py", "each,", "ok", "all_done,", "if", "steps.sales.values.n", ">", "0"],
        ["off", "rm", "-r", "scratch", "sales", "disabled"],
    ]


def test_the_graph_is_written_as_mermaid_in_which_no_text_of_the_file_is_markup(own_shell):
    shown = own_shell.invoke("pipeline", "show", "--mermaid", a_pipeline(own_shell))

    assert shown.out.splitlines() == [
        "flowchart LR",
        '  sales["sales"]',
        '  ok{{"ok"}}',
        '  each[["each (for each item)"]]',
        '  end_[/"Say #34;it#34; #60;b#62;"/]',
        '  off[["off"]]:::disabled',
        "  sales --> ok",
        "  ok --> each",
        '  each -->|"all_done, if steps.sales.values.n #62; 0"| end_',
        '  ok -->|"all_done, if steps.sales.values.n #62; 0"| end_',
        "  sales --> off",
        "  classDef disabled stroke-dasharray: 4",
    ]


def test_a_graph_with_problems_is_shown_and_a_file_without_one_is_refused(own_shell):
    with_problem = own_shell.invoke("pipeline", "show", a_pipeline(own_shell, STEPS.replace("[sales]", "[sale]", 1)))
    without_graph = own_shell.invoke("pipeline", "show", own_shell.text("a.pipeline.yaml", "version: 2\n"))

    assert (with_problem.code, without_graph.code) == (0, 2)
    assert "Do you mean `sales`?" in with_problem.err and "sales.ipynb" in with_problem.out
    assert "a.pipeline.yaml:1:1:" in without_graph.err


def test_notebooks_become_a_pipeline_with_guessed_edges_that_can_run(own_shell):
    own_shell.notebook("1_load.ipynb", "open('all.csv', 'w').write('1')")
    own_shell.notebook("2_report.ipynb", "open('all.csv').read()")

    made = own_shell.invoke("pipeline", "new", "1_load.ipynb", "2_report.ipynb")

    assert (made.code, made.out) == (0, "work.pipeline.yaml\n")
    assert "guessed: report reads all.csv, which load writes" in made.err
    assert own_shell.invoke("pipeline", "validate", "work.pipeline.yaml").code == 0


def test_a_new_pipeline_goes_where_it_was_named_and_counts_its_paths_from_there(own_shell):
    (own_shell.folder / "flows").mkdir()
    own_shell.notebook("a.ipynb", "1")

    made = own_shell.invoke("pipeline", "new", "a.ipynb", "-o", "flows/a.pipeline.yaml", "--json")

    assert made.json["path"] == str(own_shell.folder / "flows/a.pipeline.yaml")
    assert "../a.ipynb" in (own_shell.folder / "flows/a.pipeline.yaml").read_text()


def test_a_new_pipeline_names_the_schema_that_lies_in_its_folder(own_shell):
    own_shell.notebook("a.ipynb", "1")

    written = own_shell.invoke("pipeline", "schema", "-o", "pipeline.schema.json")
    made = own_shell.invoke("pipeline", "new", "a.ipynb", "-o", "a.pipeline.yaml")

    assert (written.code, made.code) == (0, 0)
    named = (own_shell.folder / "a.pipeline.yaml").read_text().splitlines()[0]
    assert named == "# yaml-language-server: $schema=pipeline.schema.json"
    assert json.loads((own_shell.folder / "pipeline.schema.json").read_text())["title"] == "dataops_lab pipeline"
    assert json.loads(own_shell.invoke("pipeline", "schema").out)["properties"]["steps"]
    assert own_shell.invoke("pipeline", "validate", "a.pipeline.yaml").code == 0


def test_a_new_pipeline_is_printed_for_a_pipe(own_shell):
    made = own_shell.invoke("pipeline", "new", own_shell.notebook("a.ipynb", "1"), "-o", "-")

    assert made.out.startswith("version: 1\n")
    assert [path.name for path in own_shell.folder.iterdir()] == ["a.ipynb"]


def test_an_existing_file_is_never_replaced_by_a_new_pipeline(own_shell):
    own_shell.notebook("a.ipynb", "1")
    own_shell.text("work.pipeline.yaml", "mine")

    for more in ((), ("-o", "work.pipeline.yaml")):
        assert own_shell.invoke("pipeline", "new", "a.ipynb", *more).code == 2
    assert own_shell.invoke("pipeline", "new", "a.ipynb", "-o", "a.yaml").code == 2
    assert own_shell.invoke("pipeline", "new", "gone.ipynb", "-o", "b.pipeline.yaml").code == 2

    assert (own_shell.folder / "work.pipeline.yaml").read_text() == "mine"
    assert sorted(path.name for path in own_shell.folder.iterdir()) == ["a.ipynb", "work.pipeline.yaml"]


def test_what_a_pipeline_says_cannot_drive_the_terminal(own_shell):
    text = STEPS.replace("The month", json.dumps("\x1b]0;owned\x07The \u202emonth")[1:-1])
    file = a_pipeline(own_shell, text.replace("title: ", 'title: "', 1).replace("month\n", 'month"\n', 1))

    shown = own_shell.invoke("pipeline", "show", file)

    assert "\x1b" not in shown.out and "\u202e" not in shown.out
    assert "The month" in shown.out


def an_elyra_pipeline(shell, folder: str = "") -> str:
    shell.notebook(f"{folder}load.ipynb", "1")
    shell.text(f"{folder}report.py", "print(1)\n")
    chain = flow(node("load.ipynb", outputs=["x.csv"]), node("report.py", after=("load.ipynb",)))
    return shell.text(f"{folder}month.pipeline", as_bytes(chain).decode())


def test_a_pipeline_of_elyra_becomes_one_beside_it_that_can_run(own_shell):
    made = own_shell.invoke("pipeline", "import", an_elyra_pipeline(own_shell))

    assert (made.code, made.out) == (0, "month.pipeline.yaml\n")
    assert "Carried over\n  [load] The notebook load.ipynb: 1 output.\n" in made.err
    assert "Not carried over\n  [load, report] The image team/data:1" in made.err
    assert own_shell.invoke("pipeline", "validate", "month.pipeline.yaml").code == 0


def test_an_imported_pipeline_goes_where_it_was_named(own_shell):
    (own_shell.folder / "old").mkdir()
    file = an_elyra_pipeline(own_shell, "old/")

    made = own_shell.invoke("pipeline", "import", file, "-o", "new.pipeline.yaml", "--json")
    printed = own_shell.invoke("pipeline", "import", file, "-o", "-")

    assert made.json["path"] == str(own_shell.folder / "new.pipeline.yaml")
    assert made.json["notes"][0] == {
        "kind": "changed", "node": None, "step": None, "message": made.json["notes"][0]["message"]
    }  # fmt: skip
    assert "notebook: old/load.ipynb" in (own_shell.folder / "new.pipeline.yaml").read_text()
    assert "notebook: load.ipynb" in printed.out


def test_an_import_replaces_a_file_only_when_told_to(own_shell):
    file = an_elyra_pipeline(own_shell)
    before = (own_shell.folder / file).read_bytes()
    own_shell.text("month.pipeline.yaml", "mine")

    assert own_shell.invoke("pipeline", "import", file).code == 2
    assert (own_shell.folder / "month.pipeline.yaml").read_text() == "mine"
    assert own_shell.invoke("pipeline", "import", file, "--force").code == 0
    assert "load.ipynb" in (own_shell.folder / "month.pipeline.yaml").read_text()
    assert (own_shell.folder / file).read_bytes() == before


def test_what_cannot_be_imported_is_refused_and_leaves_no_file(own_shell):
    own_shell.text("old.pipeline", as_bytes(flow(node("a.py"), version=9)).decode())

    refused = own_shell.invoke("pipeline", "import", "old.pipeline", "--json")

    assert (refused.code, refused.json["error"]["code"]) == (2, "elyra_version")
    assert own_shell.invoke("pipeline", "import", "gone.pipeline").code == 2
    assert own_shell.invoke("pipeline", "import", "old.pipeline", "--env", "moon").code == 2
    assert [path.name for path in own_shell.folder.iterdir()] == ["old.pipeline"]


def test_a_new_pipeline_of_files_that_only_the_root_holds_wants_a_place(own_shell, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "b.py"
    elsewhere.write_text("print(1)\n")

    refused = own_shell.invoke("pipeline", "new", own_shell.notebook("a.ipynb", "1"), str(elsewhere))

    assert refused.code == 2 and "-o" in refused.err
