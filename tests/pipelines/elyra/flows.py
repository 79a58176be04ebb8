"""Pipelines as Elyra writes them, made for tests that name only what they are about."""

from __future__ import annotations

import json
from typing import Any

OPS = {".ipynb": "execute-notebook-node", ".py": "execute-python-node", ".r": "execute-r-node"}


def node(path: str, *, after: tuple[str, ...] = (), label: str | None = None, **properties: Any) -> dict[str, Any]:
    """Return the node that runs `path`; its id is the path, unless another node has the same."""
    return {
        "id": path if label is None else label,
        "type": "execution_node",
        "op": OPS[path[path.rindex(".") :].lower()],
        "app_data": {
            "component_parameters": {
                "filename": path,
                "runtime_image": "team/data:1",
                "dependencies": [],
                "include_subdirectories": False,
                "outputs": [],
                "env_vars": [],
                **properties,
            },
            "label": "",
            "ui_data": {"label": label or path.rpartition("/")[2], "x_pos": 10, "y_pos": 20},
        },
        "inputs": [{"id": "inPort", "links": [link(each) for each in after]}],
        "outputs": [{"id": "outPort"}],
    }


def link(giver: str, port: str = "outPort") -> dict[str, str]:
    return {"id": f"from-{giver}", "node_id_ref": giver, "port_id_ref": port}


def flow(*nodes: dict[str, Any], version: Any = 8, runtime: str | None = None, **properties: Any) -> dict[str, Any]:
    about = {"version": version, "ui_data": {"comments": []}, "properties": {"name": "month", **properties}}
    if runtime is not None:
        about["runtime_type"] = runtime
    return {
        "doc_type": "pipeline",
        "version": "3.0",
        "id": "elyra-auto-generated-pipeline",
        "primary_pipeline": "primary",
        "pipelines": [{"id": "primary", "nodes": list(nodes), "app_data": about, "runtime_ref": ""}],
        "schemas": [],
    }


def as_bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
