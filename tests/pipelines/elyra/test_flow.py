"""Reading `.pipeline` files of Elyra."""

from __future__ import annotations

import json

import pytest

from dataops_lab.domain.pipelines import MAX_STEPS, StepKind
from dataops_lab.errors import InvalidPipeline
from dataops_lab.pipelines.elyra.flow import ElyraParameter, list_files, read

from .flows import as_bytes, flow, link, node


def refusal(document) -> InvalidPipeline:
    with pytest.raises(InvalidPipeline) as refused:
        read(document if isinstance(document, bytes) else as_bytes(document))
    return refused.value


def test_nodes_come_in_an_order_in_which_they_can_run():
    found = read(
        as_bytes(flow(node("c.py", after=("b.r", "a.ipynb")), node("b.r", after=("a.ipynb",)), node("a.ipynb")))
    )

    assert [(each.path, each.kind, each.needs) for each in found.nodes] == [
        ("a.ipynb", StepKind.NOTEBOOK, ()),
        ("b.r", StepKind.SCRIPT, ("a.ipynb",)),
        ("c.py", StepKind.SCRIPT, ("b.r", "a.ipynb")),
    ]


def test_what_a_node_does_not_say_comes_from_the_defaults_of_the_pipeline():
    defaults = {
        "runtime_image": "team/all:1",
        "env_vars": [{"env_var": "A", "value": "all"}, {"env_var": "B", "value": "all"}],
        "mounted_volumes": [{"path": "/data", "pvc_name": "claim"}],
        "cpu": 4,
    }
    own = node("a.ipynb", runtime_image="", env_vars=[{"env_var": "A", "value": "own"}, {"env_var": "B", "value": " "}])

    [found] = read(as_bytes(flow(own, pipeline_defaults=defaults))).nodes

    assert found.properties.image == "team/all:1"
    assert found.properties.variables == {"A": "own", "B": "all"}
    assert found.properties.ignored == ("the volume claim at /data",)
    assert found.properties.cpus is None  # Elyra hands on no resources


def test_a_secret_wins_over_a_variable_of_its_name():
    own = node(
        "a.ipynb",
        env_vars=[{"env_var": "TOKEN", "value": "open"}],
        kubernetes_secrets=[{"env_var": "TOKEN", "name": "vault", "key": "token"}],
    )

    [found] = read(as_bytes(flow(own))).nodes

    assert (found.properties.variables, found.properties.secrets) == ({}, {"TOKEN": "vault, key token"})


@pytest.mark.parametrize("runtime", [None, "LOCAL", "KUBEFLOW_PIPELINES", "APACHE_AIRFLOW"])
def test_generic_nodes_are_read_whatever_the_runtime(runtime):
    assert len(read(as_bytes(flow(node("a.ipynb"), runtime=runtime))).nodes) == 1


def test_lists_that_older_versions_wrote_as_texts_are_read():
    own = node(
        "a.ipynb",
        env_vars=["REGION=north=south", "EMPTY="],
        kubernetes_secrets=["TOKEN=vault:token"],
        mounted_volumes=["/data=claim"],
        kubernetes_tolerations=["t=key:Equal:3:NoExecute"],
    )

    [found] = read(as_bytes(flow(own, version=7))).nodes

    assert found.properties.variables == {"REGION": "north=south"}
    assert found.properties.secrets == {"TOKEN": "vault, key token"}
    assert found.properties.ignored == ("the volume claim at /data", "the toleration key:Equal:3:NoExecute")


def test_properties_that_older_versions_kept_in_the_node_itself_are_read():
    own = node("a.ipynb")
    about = own["app_data"]
    own["app_data"] = {**about["component_parameters"], "ui_data": about["ui_data"], "outputs": ["x.csv"]}

    [found] = read(as_bytes(flow(own, version=3))).nodes

    assert (found.path, found.label, found.properties.outputs) == ("a.ipynb", "a.ipynb", ("x.csv",))
    assert found.properties.unknown == ()


def test_nodes_in_groups_are_taken_out_of_them_with_their_links():
    inner = node("b.ipynb")
    group = {
        "id": "group",
        "type": "super_node",
        "subflow_ref": {"pipeline_id_ref": "inner"},
        "inputs": [{"id": "b.ipynb_inPort", "links": [link("a.ipynb")]}],
    }
    last = node("c.ipynb")
    last["inputs"][0]["links"] = [link("group", "b.ipynb_outPort")]
    document = flow(node("a.ipynb"), group, last)
    binding = {"id": "exit", "type": "binding"}
    document["pipelines"].append({"id": "inner", "nodes": [inner, binding], "app_data": {}})

    found = read(as_bytes(document))

    assert [(each.path, each.needs) for each in found.nodes] == [
        ("a.ipynb", ()),
        ("b.ipynb", ("a.ipynb",)),
        ("c.ipynb", ("b.ipynb",)),
    ]


def test_parameters_are_texts_whatever_their_type():
    given = [
        {"name": "month", "default_value": {"type": "String", "value": "1"}, "description": "x", "required": True},
        {"name": "top", "default_value": {"type": "Integer", "value": 3}},
        {"name": "fast", "default_value": {"type": "Bool", "value": True}},
        {"name": "empty", "default_value": {"type": "String", "value": ""}},
    ]  # fmt: skip

    found = read(as_bytes(flow(node("a.ipynb"), pipeline_parameters=given)))

    assert found.parameters == (
        ElyraParameter("month", "1", "String", required=True, description="x"),
        ElyraParameter("top", "3", "Integer"),
        ElyraParameter("fast", "True", "Bool"),
        ElyraParameter("empty", None, "String"),
    )


def test_comments_belong_to_the_nodes_that_they_are_linked_to():
    document = flow(node("a.ipynb"))
    document["pipelines"][0]["app_data"]["ui_data"]["comments"] = [
        {"content": "Ask Ann", "associated_id_refs": [{"node_ref": "a.ipynb"}]},
        {"content": "Monthly", "associated_id_refs": []},
        {"content": " "},
    ]

    found = read(as_bytes(document))

    assert (found.nodes[0].comments, found.comments) == (("Ask Ann",), ("Monthly",))


def test_the_files_that_a_pipeline_names_are_listed_from_its_folder():
    found = read(as_bytes(flow(node("load/a.ipynb", dependencies=["tools.py", "*.sql", "sub/b.csv"]))))

    assert list_files(found).run == ("load/a.ipynb",)
    assert list_files(found).dependencies == ("load/tools.py", "load/sub/b.csv")


def test_a_component_of_a_runtime_is_refused_with_its_label():
    component = node("a.ipynb", label="Download data") | {"op": "elyra-kfp-examples-catalog:a08014f9252f"}

    refused = refusal(flow(node("b.ipynb"), component, runtime="KUBEFLOW_PIPELINES"))

    assert refused.precise_code == "elyra_component"
    assert "“Download data” (elyra-kfp-examples-catalog:a08014f9252f)" in refused.message
    assert refused.detail["nodes"] == ["Download data"]


@pytest.mark.parametrize("version", [9, "9", 1e9])
def test_a_newer_version_is_refused(version):
    refused = refusal(flow(node("a.ipynb"), version=version))

    assert refused.precise_code == "elyra_version" and "up to 8" in refused.message


@pytest.mark.parametrize("version", [None, 0, 1, "1"])
def test_a_version_whose_paths_begin_elsewhere_is_refused(version):
    refused = refusal(flow(node("a.ipynb"), version=version))

    assert refused.precise_code == "elyra_version" and "Open it in Elyra, save it" in refused.message


@pytest.mark.parametrize(
    ("version", "runtime"), [(8, "ARGO"), (8, ["KUBEFLOW_PIPELINES"]), (8, {"a": 1}), ("new", None), ([8], None)]
)
def test_another_runtime_and_no_version_are_refused(version, runtime):
    assert refusal(flow(node("a.ipynb"), version=version, runtime=runtime)).precise_code in (
        "elyra_runtime",
        "elyra_version",
    )


def test_nodes_that_wait_for_one_another_are_named():
    refused = refusal(flow(node("a.ipynb", after=("b.ipynb",)), node("b.ipynb", after=("a.ipynb",))))

    assert refused.precise_code == "elyra_circle"
    assert "“a.ipynb”" in refused.message and "“b.ipynb”" in refused.message


def test_a_node_without_a_file_is_refused():
    assert refusal(flow(node("a.ipynb") | {"app_data": {"component_parameters": {}}})).precise_code == "elyra_no_file"


def test_a_group_that_holds_itself_is_refused():
    group = {"id": "g", "type": "super_node", "subflow_ref": {"pipeline_id_ref": "primary"}}
    assert "holds itself" in refusal(flow(group)).message


def test_more_nodes_than_a_pipeline_may_have_are_refused():
    assert str(MAX_STEPS) in refusal(flow(*(node(f"{n}.py") for n in range(MAX_STEPS + 1)))).message


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"pipelines": []}', b'{"primary_pipeline": 3, "pipelines": [{}]}',
        b"[" * 100_000, b'{"primary_pipeline": "a", "pipelines": [{"id": "a"}]}',
        json.dumps({"primary_pipeline": "p", "pipelines": [{"id": "p", "nodes": [{"id": 3}]}]}).encode(),
    ],
)  # fmt: skip
def test_a_file_that_is_not_a_pipeline_of_elyra_is_refused(data):
    assert refusal(data).precise_code == "not_elyra"


def test_a_pipeline_without_nodes_is_refused():
    assert "no nodes" in refusal(flow()).message


@pytest.mark.parametrize("odd", [None, 3, "x", [], [None], {"a": 1}, [{"env_var": 3, "value": []}], [[]], True])
def test_properties_of_an_odd_shape_end_no_import(odd):
    names = ("runtime_image", "dependencies", "outputs", "env_vars", "kubernetes_secrets", "cpu", "memory", "gpu",
             "mounted_volumes", "kubernetes_shared_mem_size", "pipeline_parameters")  # fmt: skip
    about = {"pipeline_parameters": odd, "pipeline_defaults": odd, "description": odd}

    read(as_bytes(flow(node("a.ipynb", **dict.fromkeys(names, odd)), **about)))
