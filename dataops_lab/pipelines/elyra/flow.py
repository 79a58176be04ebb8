"""Reading a `.pipeline` file of Elyra: its nodes, with the defaults of the pipeline, whatever version wrote it.

The file is a "pipeline flow" of version 3, in which Elyra counts the versions of its own part (`app_data.version`).
Older ones are taken as Elyra's own migrations take them.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from ...domain.pipelines import MAX_STEPS, StepKind
from ...errors import InvalidPipeline
from ...ports.pipelines import ElyraFiles
from .properties import NodeProperties, read_properties

NEWEST_VERSION = 8
OLDEST_VERSION = 2
"""Before this one, paths began at the root of a server that nobody knows any more."""

_RUNTIMES = {
    None: "",
    "": "",
    "GENERIC": "",
    "LOCAL": "",
    "KUBEFLOW_PIPELINES": "Kubeflow Pipelines",
    "APACHE_AIRFLOW": "Apache Airflow",
}
_OLD_RUNTIMES = {"kfp": "KUBEFLOW_PIPELINES", "airflow": "APACHE_AIRFLOW"}
_KINDS = {
    "execute-notebook-node": StepKind.NOTEBOOK,
    "execute-python-node": StepKind.SCRIPT,
    "execute-r-node": StepKind.SCRIPT,
}
_MAX_NAMED = 5


@dataclass(frozen=True)
class Node:
    """A node that runs a file. `needs` are ids of nodes that come before, `comments` the texts that people wrote."""

    id: str
    label: str
    kind: StepKind
    path: str
    properties: NodeProperties
    needs: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class ElyraParameter:
    """A parameter of the pipeline. Its default is the text that steps would get; None for none."""

    name: str
    default: str | None
    type: str
    required: bool = False
    description: str = ""


@dataclass(frozen=True)
class ElyraPipeline:
    """A pipeline of Elyra. Each of its nodes comes after those that it needs.

    `runtime` is the name of the product for which it was made; empty when it may run anywhere.
    """

    nodes: tuple[Node, ...]
    runtime: str = ""
    description: str = ""
    comments: tuple[str, ...] = ()
    parameters: tuple[ElyraParameter, ...] = ()
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Settings of the pipeline that mean nothing elsewhere, with their values as people read them."""
    lost_links: tuple[tuple[str, str], ...] = ()
    """Ids of nodes with the id to which a link leads that is not there."""


def read(data: bytes) -> ElyraPipeline:
    """Read a file. Raise InvalidPipeline when it is none, or has what cannot be imported."""
    flow = _parsed(data)
    primary = next((each for each in flow.pipelines if each.id == flow.primary_pipeline), flow.pipelines[0])
    version = _version(flow.pipelines[0].app_data.get("version"))
    runtime = _runtime(flow.pipelines[0].app_data, version)
    found = list(_flattened(flow, primary, version))
    _refuse_components(found, runtime)
    if not found:
        raise InvalidPipeline("This pipeline of Elyra has no nodes. Add a notebook or script to it.")
    if len(found) > MAX_STEPS:
        raise InvalidPipeline(f"A pipeline has at most {MAX_STEPS} steps, and this one has {len(found)}. Make parts.")
    about = _mapping(primary.app_data.get("properties"))
    defaults = _mapping(about.get("pipeline_defaults"))
    comments = [comment for each in flow.pipelines for comment in _comments(each)]
    nodes, lost = _ordered([_node(raw, version, defaults, comments) for raw in found])
    return ElyraPipeline(
        nodes=nodes,
        runtime=runtime,
        description=_text(about.get("description")),
        comments=tuple(text for text, nodes_of in comments if not nodes_of),
        parameters=tuple(_parameters(about.get("pipeline_parameters"))),
        ignored={"cos_object_prefix": prefix} if (prefix := _prefix(about, defaults)) else {},
        lost_links=lost,
    )


def list_files(pipeline: ElyraPipeline) -> ElyraFiles:
    """Return the files that its nodes run, and their dependencies without wildcards."""
    dependencies = [
        posixpath.normpath(posixpath.join(posixpath.dirname(node.path), path))
        for node in pipeline.nodes
        for path in node.properties.dependencies
        if not has_wildcard(path)
    ]
    return ElyraFiles(tuple(dict.fromkeys(node.path for node in pipeline.nodes)), tuple(dict.fromkeys(dependencies)))


def has_wildcard(path: str) -> bool:
    """Tell whether Elyra takes a path for a pattern."""
    return "*" in path or "?" in path


# --- the file as it is ----------------------------------------------------------------------------


class _Link(BaseModel):
    node_id_ref: str = ""
    port_id_ref: str = ""


class _Port(BaseModel):
    id: str = ""
    links: list[_Link] = Field(default_factory=list)


class _SubflowRef(BaseModel):
    pipeline_id_ref: str


class _RawNode(BaseModel):
    id: str
    type: str
    op: str | None = None
    app_data: dict[str, Any] = Field(default_factory=dict)
    inputs: list[_Port] = Field(default_factory=list)
    subflow_ref: _SubflowRef | None = None


class _RawPipeline(BaseModel):
    id: str
    nodes: list[_RawNode]
    app_data: dict[str, Any] = Field(default_factory=dict)


class _Flow(BaseModel):
    primary_pipeline: str
    pipelines: list[_RawPipeline] = Field(min_length=1)


@dataclass(frozen=True)
class _Found:
    """A node of the graph without groups. `needs` are the ids of nodes that come before."""

    raw: _RawNode
    needs: tuple[str, ...]


def _parsed(data: bytes) -> _Flow:
    try:
        read_once = json.loads(data.decode("utf-8-sig"))
        # An escape may stand for half a character, which no text in UTF-8 can hold.
        whole = json.dumps(read_once, ensure_ascii=False).encode(errors="replace")
        return _Flow.model_validate(json.loads(whole))
    except json.JSONDecodeError as error:
        problem = f"line {error.lineno}, column {error.colno}: {error.msg[0].lower()}{error.msg[1:]}"
    except UnicodeDecodeError:
        problem = "it is not a text in UTF-8"
    except RecursionError:
        problem = "it is nested too deeply"
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        problem = f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}"
    raise InvalidPipeline(f"This is not a pipeline of Elyra: {problem}. Save it again in Elyra.", code="not_elyra")


def _version(value: Any) -> int:
    try:
        version = int(float(value or 0))
    except (TypeError, ValueError, OverflowError):
        raise InvalidPipeline(
            f"{value!r:.40} is not a version of Elyra's files. Save the pipeline again in Elyra.", code="elyra_version"
        ) from None
    if version > NEWEST_VERSION:
        raise InvalidPipeline(
            f"The pipeline has version {version} of Elyra's files, and versions up to {NEWEST_VERSION} are known. Save "
            "it with an older Elyra, or update dataops_lab.",
            code="elyra_version",
        )
    if version < OLDEST_VERSION:
        raise InvalidPipeline(
            f"The pipeline has version {version} of Elyra's files, in which paths do not begin at its folder. Open it "
            "in Elyra, save it, and import it again.",
            code="elyra_version",
        )
    return version


def _runtime(about: Mapping[str, Any], version: int) -> str:
    runtime = about.get("runtime_type")
    if version < 6:  # it was named in another way
        runtime = _OLD_RUNTIMES.get(str(about.get("runtime")))
    if not isinstance(runtime, str | None) or runtime not in _RUNTIMES:
        raise InvalidPipeline(
            f"The pipeline is for the runtime {runtime!r:.60}. Generic pipelines can be imported, and those for "
            "Kubeflow Pipelines and Apache Airflow.",
            code="elyra_runtime",
        )
    return _RUNTIMES[runtime]


# --- nodes ----------------------------------------------------------------------------------------


def _flattened(
    flow: _Flow, pipeline: _RawPipeline, version: int, group: _RawNode | None = None, depth: int = 0
) -> Iterator[_Found]:
    """Yield the nodes, also those in groups ("supernodes"), which stand for a pipeline of the file."""
    if depth > len(flow.pipelines):
        raise InvalidPipeline("A group of this pipeline of Elyra holds itself. Save it again in Elyra.")
    for node in pipeline.nodes:
        if node.type == "super_node":
            inner = node.subflow_ref.pipeline_id_ref if node.subflow_ref else None
            for each in flow.pipelines:
                if each.id == inner:
                    yield from _flattened(flow, each, version, node, depth + 1)
        elif node.type == "execution_node":
            links = [link for port in node.inputs for link in port.links]
            # A group has a port for each of its nodes, into which links from outside lead.
            ports = [port for port in (group.inputs if group else ()) if port.id == f"{node.id}_inPort"]
            links += [link for port in ports for link in port.links]
            yield _Found(node, tuple(dict.fromkeys(filter(None, map(_giver, links)))))
        elif node.type != "binding":
            raise InvalidPipeline(f"A node of the type {node.type!r:.60} cannot be imported. Take it out in Elyra.")


def _giver(link: _Link) -> str:
    """Return the id of the node from which a link comes; empty for a link that is not an edge."""
    if link.port_id_ref.endswith("_outPort"):
        return link.port_id_ref.removesuffix("_outPort")
    return link.node_id_ref if link.port_id_ref == "outPort" else ""


def _refuse_components(found: Sequence[_Found], runtime: str) -> None:
    components = [each.raw for each in found if each.raw.op not in _KINDS]
    if not components:
        return
    named = ", ".join(f"“{_label(raw)}” ({raw.op!s:.80})" for raw in components[:_MAX_NAMED])
    rest = f" and {len(components) - _MAX_NAMED} more" if len(components) > _MAX_NAMED else ""
    raise InvalidPipeline(
        f"These nodes run components{f' of {runtime}' if runtime else ''}, and nothing here can run them: "
        f"{named}{rest}. Replace them by notebooks or scripts in Elyra.",
        code="elyra_component",
        nodes=[_label(raw) for raw in components],
    )


def _node(
    found: _Found, version: int, defaults: Mapping[str, Any], comments: Sequence[tuple[str, Sequence[str]]]
) -> Node:
    raw = found.raw
    # Before version 4 the node itself had the properties.
    given = _mapping(raw.app_data.get("component_parameters") if version >= 4 else raw.app_data)
    properties = read_properties(given, defaults)
    label = _label(raw)
    if not properties.path:
        raise InvalidPipeline(f"The node “{label}” names no file. Choose one in Elyra.", code="elyra_no_file")
    return Node(
        id=raw.id,
        label=label,
        kind=_KINDS[str(raw.op)],
        path=properties.path,
        properties=properties,
        needs=found.needs,
        comments=tuple(text for text, nodes in comments if raw.id in nodes),
    )


def _label(raw: _RawNode) -> str:
    own = _mapping(raw.app_data.get("ui_data")).get("label") or raw.app_data.get("label")
    return _text(own) or _text(_mapping(raw.app_data.get("component_parameters")).get("filename")) or raw.id


def _ordered(nodes: Sequence[Node]) -> tuple[tuple[Node, ...], tuple[tuple[str, str], ...]]:
    """Return the nodes so that each comes after those that it needs, else as the file has them, and the lost links."""
    by_id = {node.id: node for node in nodes}
    lost = tuple((node.id, need) for node in nodes for need in node.needs if need not in by_id)
    needs = {node.id: [need for need in node.needs if need in by_id] for node in nodes}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = " → ".join(f"“{by_id[node_id].label}”" for node_id in error.args[1])
        raise InvalidPipeline(
            f"These nodes wait for one another: {circle}. Take one of the links out in Elyra.", code="elyra_circle"
        ) from None
    ordered: dict[str, Node] = {}
    while len(ordered) < len(by_id):
        ready = next(each for each in needs if each not in ordered and all(need in ordered for need in needs[each]))
        ordered[ready] = replace(by_id[ready], needs=tuple(needs[ready]))
    return tuple(ordered.values()), lost


# --- the pipeline itself --------------------------------------------------------------------------


def _parameters(given: Any) -> Iterator[ElyraParameter]:
    for each in given if isinstance(given, list) else ():
        if not isinstance(each, dict) or not _text(each.get("name")):
            continue
        default, kind = each.get("value"), "String"
        for key in ("default_value", "value"):
            stated = each.get(key)
            if isinstance(stated, dict):
                kind = _text(stated.get("type")) or kind
                stated = stated.get("value")
            if stated not in (None, ""):
                default = stated
        yield ElyraParameter(
            name=_text(each["name"]),
            default=None if default in (None, "") or isinstance(default, dict) else str(default),
            type=kind,
            required=each.get("required") is True,
            description=_text(each.get("description")),
        )


def _comments(pipeline: _RawPipeline) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the texts that people wrote on the canvas, with the ids of the nodes to which they belong."""
    for comment in _mapping(pipeline.app_data.get("ui_data")).get("comments") or ():
        if isinstance(comment, dict) and (text := _text(comment.get("content"))):
            references = comment.get("associated_id_refs")
            yield (
                text,
                [str(each.get("node_ref")) for each in references or () if isinstance(each, dict)],
            )


def _prefix(*settings: Mapping[str, Any]) -> str:
    return next((found for each in settings if (found := _text(each.get("cos_object_prefix")))), "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
