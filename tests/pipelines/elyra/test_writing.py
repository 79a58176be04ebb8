"""Writing pipelines of Elyra as pipelines of ours, and the report."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.pipelines import FilesFrom, Reference
from dataops_lab.domain.used_paths import UsedPaths
from dataops_lab.pipelines.elyra.flow import read as read_flow
from dataops_lab.pipelines.elyra.writing import normal_reference, write
from dataops_lab.pipelines.reading import read
from dataops_lab.ports.pipelines import ImportSetting, NoteKind

from .flows import as_bytes, flow, node


def imported(document, name="month", **setting):
    return write(read_flow(as_bytes(document)), ImportSetting(name, "sandbox", **setting))


def steps(document, **setting):
    """Return the steps of the pipeline that is read back, by id."""
    reading = read(imported(document, **setting).text.encode())
    assert reading.problems == ()
    return reading.pipeline.by_id


def notes(document, kind, **setting):
    found = imported(document, **setting).notes
    return [(note.step, note.message) for note in found if note.kind is kind]


def variables(*pairs):
    return [{"env_var": name, "value": value} for name, value in pairs]


def test_a_pipeline_is_written_as_a_person_would():
    document = flow(
        node("load.ipynb", label="Load data", outputs=["data.csv"], env_vars=variables(("YEAR", "2026")), cpu=2),
        node("clean.py", after=("Load data",), outputs=["parts/*.csv"], env_vars=variables(("YEAR", "2026"))),
        node("report.r", after=("clean.py",), env_vars=variables(("YEAR", "2026"), ("ASK", "12:30")), memory_limit=4),
        description="Figures of a month\nfor the board",
        pipeline_parameters=[{"name": "region", "default_value": {"type": "String", "value": "no"}}],
    )
    document["pipelines"][0]["nodes"][0]["app_data"]["component_parameters"]["pipeline_parameters"] = ["region"]
    document["pipelines"][0]["app_data"]["ui_data"]["comments"] = [
        {"content": "Ask Ann first", "associated_id_refs": [{"node_ref": "clean.py"}]}
    ]

    assert (
        imported(document, images={"docker.io/team/data:1": "data"}).text
        == """\
version: 1
# Figures of a month
# for the board
parameters:
  region: {type: string, default: 'no'}
defaults:
  image: data
  env:
    ELYRA_RUNTIME_ENV: local
    ELYRA_RUN_NAME: {cel: '"month-" + run.id'}
    YEAR: '2026'
steps:
  load_data:
    title: Load data
    notebook: load.ipynb
    outputs: [data.csv]
    resources: {cpus: 2}
    env:
      region: {cel: params.region}
  # Ask Ann first
  clean:
    script: clean.py
    needs: [load_data]
    files:
      - {from: load_data, paths: [data.csv], into: .}
    outputs: [parts/*.csv]
  report:
    script: report.r
    needs: [clean]
    files:
      - {from: load_data, paths: [data.csv], into: .}
      - {from: clean, paths: [parts/*.csv], into: .}
    resources: {memory: 4G}
    env:
      ASK: '12:30'
"""
    )


def test_ids_are_made_of_labels_and_numbered_where_two_are_equal():
    document = flow(node("a/1_load.ipynb"), node("b/load.ipynb"), node("c/x.py", label="Über Größen!"))

    assert list(steps(document)) == ["load", "load_2", "uber_groen"]


def test_each_step_gets_the_files_of_all_steps_before_it():
    document = flow(
        node("a.py", outputs=["x.csv"]),
        node("b.py", after=("a.py",), outputs=["y.csv"]),
        node("c.py", after=("b.py",)),
        node("d.py", outputs=["z.csv"]),
    )

    assert steps(document)["c"].files == (FilesFrom("a", ("x.csv",), "."), FilesFrom("b", ("y.csv",), "."))


def test_a_file_that_is_written_again_comes_from_the_last_step():
    document = flow(
        node("a.py", outputs=["x.csv"]),
        node("b.py", after=("a.py",), outputs=["x.csv"]),
        node("c.py", after=("b.py",)),
    )

    assert steps(document)["c"].files == (FilesFrom("b", ("x.csv",), "."),)
    assert notes(document, NoteKind.CHANGED)[1:] == []


def test_two_steps_side_by_side_that_leave_one_path_are_told():
    document = flow(
        node("a.py", outputs=["x.csv"]), node("b.py", outputs=["x.csv"]), node("c.py", after=("a.py", "b.py"))
    )

    assert steps(document)["c"].files == (FilesFrom("b", ("x.csv",), "."),)
    assert "    # `a` and `b` both leave x.csv for it; it gets that of `b`." in imported(document).text
    assert [step for step, message in notes(document, NoteKind.CHANGED) if "both leave" in message] == ["c"]


def test_a_file_that_nobody_declared_is_guessed_from_the_code():
    document = flow(node("a.py"), node("b.py", after=("a.py",)), node("c.py"))
    used = {
        "a.py": UsedPaths(writes=frozenset({"x.csv", "/tmp/y.csv"})),
        "b.py": UsedPaths(reads=frozenset({"x.csv", "/tmp/y.csv"})),
        "c.py": UsedPaths(reads=frozenset({"x.csv"})),
    }

    assert "      - {from: a, paths: [x.csv], into: .}  # guessed\n" in imported(document, used=used).text
    assert steps(document, used=used)["c"].files == ()
    assert any("check that guess" in message for _, message in notes(document, NoteKind.CHANGED, used=used))


def test_a_declared_output_is_not_guessed_too():
    document = flow(node("a.py", outputs=["*.csv", "plots"]), node("b.py", after=("a.py",)))
    paths = frozenset({"x.csv", "plots/a.png"})
    used = {"a.py": UsedPaths(writes=paths), "b.py": UsedPaths(reads=paths)}

    assert steps(document, used=used)["b"].files == (FilesFrom("a", ("*.csv", "plots"), "."),)


def test_paths_count_from_the_folder_of_the_new_file():
    document = flow(node("load/a.ipynb", outputs=["x.csv"]), node("report/b.py", after=("load/a.ipynb",)))

    found = steps(document, folder="flows")

    assert (found["a"].path, found["a"].outputs) == ("flows/load/a.ipynb", ("flows/load/x.csv",))
    assert found["b"].files == (FilesFrom("a", ("flows/load/x.csv",), "."),)
    [_, (step, message)] = notes(document, NoteKind.CHANGED)
    assert step == "b" and "load/x.csv at the same path" in message


def test_an_output_outside_of_the_folder_is_not_carried_over():
    document = flow(node("a.py", outputs=["../x.csv", "/tmp/y.csv", "z.csv"]))

    assert steps(document)["a"].outputs == ("z.csv",)
    assert len([1 for _, message in notes(document, NoteKind.NOT_CARRIED_OVER) if "lies outside" in message]) == 2


def test_brackets_are_letters_unless_elyra_takes_the_path_for_a_pattern():
    document = flow(node("a.py", outputs=["x[1].csv", "y[12]*.csv"]))

    assert steps(document)["a"].outputs == ("x[[]1].csv", "y[12]*.csv")


def test_names_that_decide_how_programs_start_are_not_carried_over():
    document = flow(
        node("a.py", env_vars=variables(("PYTHONPATH", "x"), ("LD_PRELOAD", "x.so"), ("B-C", "1"), ("FINE", "1"))),
        pipeline_parameters=[{"name": "BASH_ENV"}, {"name": "in"}, {"name": "good"}],
    )
    document["pipelines"][0]["nodes"][0]["app_data"]["component_parameters"]["pipeline_parameters"] = [
        "BASH_ENV", "in", "good", "gone",
    ]  # fmt: skip

    own = {name: value for name, value in steps(document)["a"].variables.items() if not name.startswith("ELYRA_")}
    assert own == {"good": Reference("params.good"), "FINE": "1"}
    lost = " ".join(message for _, message in notes(document, NoteKind.NOT_CARRIED_OVER))
    for name in ("PYTHONPATH", "LD_PRELOAD", "B-C", "BASH_ENV", "parameter in:", "gone"):
        assert name in lost


def test_a_node_cannot_set_the_variables_of_elyra_itself():
    own = steps(flow(node("a.py", env_vars=variables(("ELYRA_RUNTIME_ENV", "kfp")))))["a"].variables

    assert own["ELYRA_RUNTIME_ENV"] == "local"


def test_a_variable_of_a_node_wins_over_a_parameter():
    own = node("a.py", env_vars=variables(("month", "own")), pipeline_parameters=["month"])
    document = flow(own, pipeline_parameters=[{"name": "month", "default_value": "2026-10"}])

    assert steps(document)["a"].variables["month"] == "own"


def test_a_parameter_without_default_is_null_unless_it_is_required():
    given_ones = [{"name": "free"}, {"name": "must", "required": True}]
    text = imported(flow(node("a.py"), pipeline_parameters=given_ones)).text

    assert "  free: {type: string, default: null, nullable: true}\n  must: {type: string}\n" in text


def test_a_parameter_of_another_type_is_told_to_be_a_text():
    typed = [{"name": "top", "default_value": {"type": "Integer", "value": 3}}]
    document = flow(node("a.py"), pipeline_parameters=typed)

    assert "  top: {type: string, default: '3'}" in imported(document).text
    assert "was of the type Integer and is a text" in notes(document, NoteKind.CHANGED)[0][1]


def test_an_image_that_the_environment_does_not_allow_is_for_people_to_decide():
    document = flow(node("a.py"), node("b.py", runtime_image="other:2"))

    found = imported(document, images={"team/data:1": "data"})

    assert "    # The image other:2 is not one that sandbox allows. Name one here with `image`.\n" in found.text
    assert [note.step for note in found.notes if note.kind is NoteKind.NOT_CARRIED_OVER] == ["b"]
    assert (steps(document)["b"].image, steps(document, images={"team/data:1": "data"})["a"].image) == (None, "data")


def test_an_image_means_nothing_where_runs_are_processes():
    document = flow(node("a.py"))

    assert "#" not in imported(document, images=None).text
    assert "runs on this machine" in notes(document, NoteKind.NOT_CARRIED_OVER, images=None)[0][1]


@pytest.mark.parametrize(
    ("reference", "normal"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.12", "docker.io/library/python:3.12"),
        ("team/data", "docker.io/team/data:latest"),
        ("registry.example/team/data:1", "registry.example/team/data:1"),
        ("localhost:5000/data", "localhost:5000/data:latest"),
        ("team/data@sha256:abc", "docker.io/team/data@sha256:abc"),
    ],
)
def test_references_that_mean_one_image_are_equal(reference, normal):
    assert normal_reference(reference) == normal


def test_a_secret_is_told_with_the_command_that_sets_it_unless_it_is_set():
    secret = [{"env_var": "TOKEN", "name": "vault", "key": "token"}]
    document = flow(node("a.py", kubernetes_secrets=secret))

    assert "# It needs the secret TOKEN: jupyter dataops secrets set sandbox TOKEN" in imported(document).text
    assert any("secrets set sandbox TOKEN" in each for _, each in notes(document, NoteKind.NOT_CARRIED_OVER))
    assert "#" not in imported(document, variables=frozenset({"TOKEN"})).text


def test_what_only_a_cluster_can_do_is_told_in_one_line_of_the_step():
    own = node(
        "a.py",
        gpu=1,
        gpu_vendor="amd.com/gpu",
        mounted_volumes=[{"path": "/data", "pvc_name": "claim", "read_only": False}],
        kubernetes_tolerations=[{"key": "k", "operator": "Exists", "effect": "NoSchedule"}],
        kubernetes_pod_annotations=[{"key": "note", "value": "x"}],
        kubernetes_pod_labels=[{"key": "team"}],
        kubernetes_shared_mem_size={"size": 0.5},
        some_extension="x",
    )

    assert [message for _, message in notes(flow(own), NoteKind.NOT_CARRIED_OVER)] == [
        "The image team/data:1: sandbox runs on this machine, without images.",
        "The volume claim at /data, the toleration k:Exists:NoSchedule, the annotation note, the label team, the "
        "shared memory of 0.5 GB, the kind of GPU, amd.com/gpu: these belong to a cluster of Kubernetes.",
        "The property some_extension: nothing is known about it.",
    ]


def test_amounts_that_were_requested_are_told_to_be_limits():
    document = flow(node("a.py", cpu=2, memory="1.5", gpu=1), node("b.py", cpu=1, cpu_limit=4))

    found = steps(document)

    assert (found["a"].resources.cpus, found["a"].resources.memory_bytes, found["a"].resources.gpus) == (
        2, 1_500_000_000, 1,
    )  # fmt: skip
    assert found["b"].resources.cpus == 4
    assert [step for step, message in notes(document, NoteKind.CHANGED) if "is a limit here" in message] == ["a", "a"]


def test_files_that_are_not_there_are_told():
    document = flow(node("a.py", dependencies=["tools.py", "*.sql", "../up.py", "here.py"]))

    found = notes(document, NoteKind.NOT_CARRIED_OVER, missing=frozenset({"a.py", "tools.py"}))

    said = [message for _, message in found]
    assert any(message.startswith("There is no file a.py.") for message in said)
    assert any(message.startswith("The dependency tools.py: there is no such file.") for message in said)
    assert any(message.startswith("The dependency ../up.py lies outside") for message in said)
    assert not any("here.py" in message or "*.sql" in message for message in said)


def test_a_link_from_nowhere_is_told():
    document = flow(node("a.py", after=("gone",)))

    assert steps(document)["a"].needs == ()
    assert any("gone" in message for _, message in notes(document, NoteKind.NOT_CARRIED_OVER))


def test_every_node_has_a_line_that_says_what_was_carried_over():
    document = flow(node("a.py"), node("b.py", after=("a.py",), outputs=["x"], dependencies=["*"]))

    assert notes(document, NoteKind.CARRIED_OVER) == [
        ("a", "The script a.py."),
        ("b", "The script b.py: 1 output, it waits for `a`, its dependencies travel with its folder."),
    ]


texts = st.text(max_size=30)
names = st.sampled_from(["A", "REGION", "PATH", "x y", "true", "in", "ELYRA_RUN_NAME", "é", ""]) | texts


@given(
    labels=st.lists(texts, min_size=1, max_size=5, unique=True),
    outputs=st.lists(texts, max_size=4),
    env=st.lists(st.tuples(names, texts), max_size=4),
    parameters=st.lists(st.tuples(names, texts | st.integers() | st.booleans() | st.none()), max_size=4),
    comment=texts,
    image=texts,
)
def test_whatever_elyra_wrote_the_new_file_has_no_problems(labels, outputs, env, parameters, comment, image):
    chain = [
        node(
            f"{position}.py",
            label=label or "?",
            outputs=outputs,
            env_vars=variables(*env),
            pipeline_parameters=[each for each, _ in parameters],
            runtime_image=image,
            after=tuple(each or "?" for each in labels[:position]),
        )
        for position, label in enumerate(labels)
    ]
    document = flow(
        *chain,
        description=comment,
        pipeline_parameters=[{"name": each, "default_value": value} for each, value in parameters],
    )

    assert len(steps(document, name=comment, images={})) == len({label or "?" for label in labels})
